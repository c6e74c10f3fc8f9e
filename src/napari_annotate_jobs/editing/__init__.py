"""One case, as it is edited: pure plans, one editor, and its history."""

from __future__ import annotations

from ._answering import answer, answered_text, questions
from ._asked import Question, answers_text
from ._cells import Cell, SubmitCheck, Unanswered
from ._copied import Copied, copied_box, copied_mask, copied_slice, paste
from ._editor import CaseEditor
from ._enter_incoming import EnterAs, Entered, Source, enter_incoming
from ._enter_proposals import enter_proposals
from ._fill import (
    BOX_TOOLS,
    IMAGE_TOOLS,
    Fill,
    FillResult,
    FillTool,
    PreparedFill,
    apply_fill,
    prepare_fill,
)
from ._fill_find import find_fill
from ._following import plan_following
from ._history import Edit, History
from ._interpolation import label_keys, plan_interpolation
from ._objects import (
    Track,
    answer_track,
    by_hand,
    confirm_boxes,
    cut_track,
    delete_boxes,
    delete_track,
    drop_twins,
    extend_track,
    leave_track,
    merge_candidates,
    merge_tracks,
    move_boxes,
    relabel_tracks,
    separate_box,
    take_boxes,
    track_of,
    track_questions,
    tracks,
)
from ._open_range import OpenRange
from ._pointed import (
    Pointed,
    box_edge_at,
    copy_pointed,
    delete_pointed,
    object_at,
    relabel_pointed,
)
from ._ranges import (
    Propagation,
    after,
    delete_range,
    lift,
    plan_propagation,
    propagate,
    relabel_range,
    resize_range,
)
from ._targets import Direction, Mode, RangePlan, plan, target_slices
from ._view import CaseView

__all__ = [
    "BOX_TOOLS",
    "IMAGE_TOOLS",
    "CaseEditor",
    "CaseView",
    "Cell",
    "Copied",
    "Direction",
    "Edit",
    "EnterAs",
    "Entered",
    "Fill",
    "FillResult",
    "FillTool",
    "History",
    "Mode",
    "OpenRange",
    "Pointed",
    "PreparedFill",
    "Propagation",
    "Question",
    "RangePlan",
    "Source",
    "SubmitCheck",
    "Track",
    "Unanswered",
    "after",
    "answer",
    "answer_track",
    "answered_text",
    "answers_text",
    "apply_fill",
    "box_edge_at",
    "by_hand",
    "confirm_boxes",
    "copied_box",
    "copied_mask",
    "copied_slice",
    "copy_pointed",
    "cut_track",
    "delete_boxes",
    "delete_pointed",
    "delete_range",
    "delete_track",
    "drop_twins",
    "enter_incoming",
    "enter_proposals",
    "extend_track",
    "find_fill",
    "label_keys",
    "leave_track",
    "lift",
    "merge_candidates",
    "merge_tracks",
    "move_boxes",
    "object_at",
    "paste",
    "plan",
    "plan_following",
    "plan_interpolation",
    "plan_propagation",
    "prepare_fill",
    "propagate",
    "questions",
    "relabel_pointed",
    "relabel_range",
    "relabel_tracks",
    "resize_range",
    "separate_box",
    "take_boxes",
    "target_slices",
    "track_of",
    "track_questions",
    "tracks",
]
