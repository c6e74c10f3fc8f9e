"""DICOM: from the headers of files to series with their place in the patient."""

from __future__ import annotations

__all__: list[str] = []
