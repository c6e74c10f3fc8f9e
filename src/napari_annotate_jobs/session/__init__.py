"""What an annotator does, as evented state: no Qt, no napari."""

from __future__ import annotations

from napari_annotate_jobs.propagation import Mode, target_slices

from ._ahead import open_others, peek_next
from ._combining import CombinationEditor
from ._difference import Conflict, Difference, LateWork
from ._editor import CaseEditor
from ._entering import enter_proposals
from ._executor import Executor, SynchronousExecutor
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
from ._importing import CaseOutcome, Importing, ImportReport, import_annotations
from ._incoming import EnterAs, Entered, Source, enter_incoming
from ._opening import OpenCase
from ._predicting import Command, propose_by_command
from ._proposals import label_keys, plan_interpolation
from ._proposer import Proposer
from ._ranges import (
    Propagation,
    delete_range,
    lift,
    plan_propagation,
    propagate,
    relabel_range,
    resize_range,
)
from ._recovery import Kept, Recovery
from ._saver import Saver
from ._session import AnnotationSession
from ._state import (
    TROUBLE,
    WAITING,
    Cell,
    SaveKind,
    SaveState,
    SubmitCheck,
    Unsaved,
    changes,
    name_slices,
)
from ._statistics import job_statistics
from ._tracks import (
    Track,
    confirm_boxes,
    cut_track,
    delete_boxes,
    delete_track,
    extend_track,
    leave_track,
    merge_candidates,
    merge_tracks,
    relabel_tracks,
    separate_box,
    take_boxes,
    track_of,
    tracks,
)
from ._view import CaseView
from ._windows import WindowMemory
from ._work import Work, Worker

__all__ = [
    "BOX_TOOLS",
    "IMAGE_TOOLS",
    "TROUBLE",
    "WAITING",
    "AnnotationSession",
    "CaseEditor",
    "CaseOutcome",
    "CaseView",
    "Cell",
    "CombinationEditor",
    "Command",
    "Conflict",
    "Difference",
    "Edit",
    "EnterAs",
    "Entered",
    "Executor",
    "Fill",
    "FillResult",
    "FillTool",
    "History",
    "ImportReport",
    "Importing",
    "Kept",
    "LateWork",
    "Mode",
    "OpenCase",
    "PreparedFill",
    "Propagation",
    "Proposer",
    "Recovery",
    "SaveKind",
    "SaveState",
    "Saver",
    "Source",
    "SubmitCheck",
    "SynchronousExecutor",
    "Track",
    "Unsaved",
    "WindowMemory",
    "Work",
    "Worker",
    "apply_fill",
    "changes",
    "confirm_boxes",
    "cut_track",
    "delete_boxes",
    "delete_range",
    "delete_track",
    "enter_incoming",
    "enter_proposals",
    "extend_track",
    "find_fill",
    "import_annotations",
    "job_statistics",
    "label_keys",
    "leave_track",
    "lift",
    "merge_candidates",
    "merge_tracks",
    "name_slices",
    "open_others",
    "peek_next",
    "plan_following",
    "plan_interpolation",
    "plan_propagation",
    "prepare_fill",
    "propagate",
    "propose_by_command",
    "relabel_range",
    "relabel_tracks",
    "resize_range",
    "separate_box",
    "take_boxes",
    "target_slices",
    "track_of",
    "tracks",
]
