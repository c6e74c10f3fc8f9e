"""Annotate medical images in napari, job by job.

Importing this package costs next to nothing: what it offers lives in its
sub-packages, and each is loaded when it is asked for.

====================  ======================================================
``model``             projects, labels, cases, annotations: frozen, validated
``imaging``           DICOM, NIfTI and raster images as volumes
``propagation``       labels, boxes and masks carried over slices
``formats``           annotations written for, and read from, other tools
``stores``            where jobs live: in memory, in a folder
``session``           one person at work on one case, with undo
``viewer``            the session shown as napari layers
``widgets``           the docks
``samples``           small, real, de-identified images to try things on
====================  ======================================================
"""

from __future__ import annotations

__all__ = ["__version__"]


def __getattr__(name: str) -> str:
    """Look the version up in the installed metadata, when it is asked for."""
    if name == "__version__":
        from importlib.metadata import PackageNotFoundError, version

        try:
            return version("napari-annotate-jobs")
        except PackageNotFoundError:  # imported from a source tree
            return "0+unknown"
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
