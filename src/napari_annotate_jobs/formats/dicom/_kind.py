"""Which kind of DICOM a file is, told before it is read."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pydicom

from napari_annotate_jobs.imaging import quiet
from napari_annotate_jobs.imaging.dicom._doubt import looks_like_dicom

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["RTSTRUCT", "SEGMENTATIONS", "may_be_rtstruct", "may_be_seg"]

SEGMENTATIONS = {
    "1.2.840.10008.5.1.4.1.1.66.4": "DICOM SEG",
    "1.2.840.10008.5.1.4.1.1.66.7": "DICOM SEG (label map)",
}
"""Titles by SOP Class UID."""
RTSTRUCT = "1.2.840.10008.5.1.4.1.1.481.3"


def may_be_seg(path: Path) -> bool:
    """Whether a file is a DICOM segmentation, or DICOM that does not say what it is."""
    return _is_of(path, *SEGMENTATIONS)


def may_be_rtstruct(path: Path) -> bool:
    """Whether a file is a structure set, or DICOM that does not say what it is."""
    return _is_of(path, RTSTRUCT)


def _is_of(path: Path, *uids: str) -> bool:
    try:
        with path.open("rb") as file:
            if not looks_like_dicom(file.read(132)):
                return False
        with quiet():
            dataset = pydicom.dcmread(
                path, stop_before_pixels=True, specific_tags=["SOPClassUID"], force=True
            )
        return str(dataset.get("SOPClassUID") or uids[0]) in uids
    except Exception:  # damaged: whoever reads it says how
        return True
