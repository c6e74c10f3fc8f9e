"""The words of annotation as frozen, validated values; no input or output."""

from __future__ import annotations

from ._annotation import (
    Annotation,
    AnnotationChange,
    Comment,
    RangeAction,
    SliceRange,
)
from ._base import Document, Value, document_json, new_id, now, validated
from ._check import check_change
from ._content import Box, Decision, MaskRef, Provenance, SliceAnnotation
from ._labels import (
    COLORS,
    Attribute,
    Code,
    Concept,
    Group,
    Label,
    LabelSet,
    Method,
    Scope,
)
from ._project import (
    Case,
    CaseRow,
    Counts,
    Job,
    JobKind,
    JobSummary,
    Options,
    Project,
    SeriesRef,
    Status,
)
from ._slice import SliceId
from ._submission import (
    Return,
    Submission,
    check_editable,
    content_digest,
    make_submission,
    status_of,
)
from ._window import PRESETS, VoiFunction, Window

__all__ = [
    "COLORS",
    "PRESETS",
    "Annotation",
    "AnnotationChange",
    "Attribute",
    "Box",
    "Case",
    "CaseRow",
    "Code",
    "Comment",
    "Concept",
    "Counts",
    "Decision",
    "Document",
    "Group",
    "Job",
    "JobKind",
    "JobSummary",
    "Label",
    "LabelSet",
    "MaskRef",
    "Method",
    "Options",
    "Project",
    "Provenance",
    "RangeAction",
    "Return",
    "Scope",
    "SeriesRef",
    "SliceAnnotation",
    "SliceId",
    "SliceRange",
    "Status",
    "Submission",
    "Value",
    "VoiFunction",
    "Window",
    "check_change",
    "check_editable",
    "content_digest",
    "document_json",
    "make_submission",
    "new_id",
    "now",
    "status_of",
    "validated",
]
