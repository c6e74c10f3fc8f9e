"""The words that a job server and its clients share."""

from __future__ import annotations

from ._faults import FAULTS, error_from, problem_of
from ._forms import (
    MOST_MASKS,
    MOST_PIXELS,
    BlobList,
    CommentForm,
    FlagForm,
    ImageFile,
    JudgeForm,
    MaskBatch,
    NoteForm,
    ReadForm,
    SeriesIndex,
    SubmitForm,
    TextForm,
    Trouble,
    packed,
    unpacked,
)
from ._operations import (
    Operation,
    OperationBatch,
    OperationResult,
    SliceAnswer,
    SliceResult,
    operation_of,
)

__all__ = [
    "FAULTS",
    "MOST_MASKS",
    "MOST_PIXELS",
    "BlobList",
    "CommentForm",
    "FlagForm",
    "ImageFile",
    "JudgeForm",
    "MaskBatch",
    "NoteForm",
    "Operation",
    "OperationBatch",
    "OperationResult",
    "ReadForm",
    "SeriesIndex",
    "SliceAnswer",
    "SliceResult",
    "SubmitForm",
    "TextForm",
    "Trouble",
    "error_from",
    "operation_of",
    "packed",
    "problem_of",
    "unpacked",
]
