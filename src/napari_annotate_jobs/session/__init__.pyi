from ._background_work import Work, Worker
from ._clipboard import Clipboard
from ._combining import CombinationEditor
from ._comparison import Comparison, compare_views
from ._connections import Connected, Connections
from ._correcting import CorrectionStore, begin_correction
from ._difference import Conflict, Difference, LateWork
from ._discussion import Discussion
from ._executor import Executor, SynchronousExecutor
from ._frozen import FrozenStore
from ._habits import Habits
from ._importing import CaseOutcome, Importing, ImportReport, import_annotations
from ._job_watch import JobWatch, retired_text
from ._listed import Listed
from ._opening import OpenCase
from ._other_images import open_others, peek_next
from ._predicting import Command, propose_by_command
from ._proposer import Proposer
from ._protection import Protection
from ._recovery import Kept, Recovery
from ._review import OpenReview, PassedAll, ReviewFilter, ReviewSession
from ._saver import Saver
from ._seen import SeenMemory, SeenSlices, unseen_text
from ._session import AnnotationSession
from ._state import TROUBLE, WAITING, SaveKind, SaveState, Unsaved, changes, name_slices
from ._statistics import job_statistics
from ._visits import Visits
from ._window_memory import WindowMemory
from ._wish import ALL_FINISHED

__all__ = [
    "ALL_FINISHED",
    "TROUBLE",
    "WAITING",
    "AnnotationSession",
    "CaseOutcome",
    "Clipboard",
    "CombinationEditor",
    "Command",
    "Comparison",
    "Conflict",
    "Connected",
    "Connections",
    "CorrectionStore",
    "Difference",
    "Discussion",
    "Executor",
    "FrozenStore",
    "Habits",
    "ImportReport",
    "Importing",
    "JobWatch",
    "Kept",
    "LateWork",
    "Listed",
    "OpenCase",
    "OpenReview",
    "PassedAll",
    "Proposer",
    "Protection",
    "Recovery",
    "ReviewFilter",
    "ReviewSession",
    "SaveKind",
    "SaveState",
    "Saver",
    "SeenMemory",
    "SeenSlices",
    "SynchronousExecutor",
    "Unsaved",
    "Visits",
    "WindowMemory",
    "Work",
    "Worker",
    "begin_correction",
    "changes",
    "compare_views",
    "import_annotations",
    "job_statistics",
    "name_slices",
    "open_others",
    "peek_next",
    "propose_by_command",
    "retired_text",
    "unseen_text",
]
