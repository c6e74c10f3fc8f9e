"""What the package writes and reads beside its own documents."""

from __future__ import annotations

from ._case import AnnotatedCase, CaseSummary, Truth
from ._combine import (
    ClassCount,
    Combination,
    CombinedClass,
    count_classes,
    few,
    read_combination,
    write_combination,
)
from ._contract import (
    CaseFiles,
    CaseSource,
    CaseTransform,
    Exporter,
    ExportJob,
    FormatOptions,
)
from ._convert import Conversion, Convert
from ._incoming import Incoming, IncomingLabel, IncomingSlice
from ._mask_png import MEDIA_TYPE, decode_mask, encode_mask, mask_ref
from ._ready_labels import READY_LABELS, ready_labels
from ._run import MANIFEST, ExportReport, export, plan_export
from ._table import EXPORT_FORMATS, ExportFormat, exporter

__all__ = [
    "EXPORT_FORMATS",
    "MANIFEST",
    "MEDIA_TYPE",
    "READY_LABELS",
    "AnnotatedCase",
    "CaseFiles",
    "CaseSource",
    "CaseSummary",
    "CaseTransform",
    "ClassCount",
    "Combination",
    "CombinedClass",
    "Conversion",
    "Convert",
    "ExportFormat",
    "ExportJob",
    "ExportReport",
    "Exporter",
    "FormatOptions",
    "Incoming",
    "IncomingLabel",
    "IncomingSlice",
    "Truth",
    "count_classes",
    "decode_mask",
    "encode_mask",
    "export",
    "exporter",
    "few",
    "mask_ref",
    "plan_export",
    "read_combination",
    "ready_labels",
    "write_combination",
]
