"""DICOM objects that were made of images: beside a study they are no images of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from napari_annotate_jobs.imaging._quiet import quiet

from ._doubt import uid_name

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["RESULT_MODALITIES", "kind_of_result"]

RESULT_MODALITIES = {"SEG": "segmentation", "RTDOSE": "radiotherapy dose"}
"""Of results that hold pixels."""

# by the beginning of the SOP Class UID, PS3.4 B.5
_KINDS = (
    ("1.2.840.10008.5.1.4.1.1.66.4", "segmentation"),
    ("1.2.840.10008.5.1.4.1.1.66.5", "surface segmentation"),
    ("1.2.840.10008.5.1.4.1.1.481.2", "radiotherapy dose"),
    ("1.2.840.10008.5.1.4.1.1.481.3", "radiotherapy structure set"),
    ("1.2.840.10008.5.1.4.1.1.481", "radiotherapy plan or record"),
    ("1.2.840.10008.5.1.4.1.1.88.59", "key object selection"),
    ("1.2.840.10008.5.1.4.1.1.88", "structured report"),
    ("1.2.840.10008.5.1.4.1.1.11", "presentation state"),
    ("1.2.840.10008.5.1.4.1.1.104", "encapsulated document"),
    ("1.2.840.10008.5.1.4.1.1.66", "registration or raw data"),
)


def kind_of_result(path: Path) -> str:
    """Return in words what a DICOM file without an image is.

    Parameters
    ----------
    path : Path
        The file.
    """
    import pydicom

    try:
        with quiet():
            dataset = pydicom.dcmread(
                path, specific_tags=["SOPClassUID"], stop_before_pixels=True, force=True
            )
            uid = str(dataset.get("SOPClassUID") or "")
    except Exception:
        uid = ""
    for start, kind in _KINDS:
        if uid == start or uid.startswith(start + "."):
            return kind
    name = uid_name(uid) if uid else ""
    return name.removesuffix(" Storage") if name and name != uid else "no image"
