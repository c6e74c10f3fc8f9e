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
from ._mask_png import (
    MEDIA_TYPE,
    count_pixels,
    decode_mask,
    encode_mask,
    mask_ref,
    mask_size,
)
from ._png import PNG_SIGNATURE, encode_png
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
    "MEDIA_TYPE",
    "PNG_SIGNATURE",
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
    "count_pixels",
    "decode_mask",
    "document_json",
    "encode_mask",
    "encode_png",
    "make_submission",
    "mask_ref",
    "mask_size",
    "new_id",
    "now",
    "status_of",
    "validated",
]
