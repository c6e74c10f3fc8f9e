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
from ._mask_png import (
    MEDIA_TYPE,
    count_pixels,
    decode_mask,
    encode_mask,
    mask_ref,
    mask_size,
)
from ._run import MANIFEST, ExportReport, export, plan_export
from ._table import EXPORT_FORMATS, ExportFormat, exporter

__all__ = [
    "EXPORT_FORMATS",
    "MANIFEST",
    "MEDIA_TYPE",
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
    "Truth",
    "count_classes",
    "count_pixels",
    "decode_mask",
    "encode_mask",
    "export",
    "exporter",
    "few",
    "mask_ref",
    "mask_size",
    "plan_export",
    "read_combination",
    "write_combination",
]
