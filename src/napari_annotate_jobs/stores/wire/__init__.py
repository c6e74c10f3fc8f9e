"""The words that a job server and its clients share."""

from __future__ import annotations

from ._faults import FAULTS, error_from, problem_of
from ._forms import (
    BlobList,
    CommentForm,
    FlagForm,
    ImageFile,
    JudgeForm,
    NoteForm,
    ReadForm,
    SeriesIndex,
    SubmitForm,
    TextForm,
    Trouble,
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
    "BlobList",
    "CommentForm",
    "FlagForm",
    "ImageFile",
    "JudgeForm",
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
    "problem_of",
]
