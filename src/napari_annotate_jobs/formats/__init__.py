"""What the package writes and reads beside its own documents."""

from __future__ import annotations

from ._case import AnnotatedCase, CaseSummary, Truth
from ._contract import CaseFiles, CaseSource, Exporter, ExportJob, FormatOptions
from ._mask_png import MEDIA_TYPE, decode_mask, encode_mask, mask_ref
from ._run import MANIFEST, CaseTransform, ExportReport, export, plan_export
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
    "ExportFormat",
    "ExportJob",
    "ExportReport",
    "Exporter",
    "FormatOptions",
    "Truth",
    "decode_mask",
    "encode_mask",
    "export",
    "exporter",
    "mask_ref",
    "plan_export",
]
