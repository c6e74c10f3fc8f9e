"""Annotations as DICOM objects: SEG, RTSTRUCT and SR."""

from __future__ import annotations

__all__: list[str] = []
