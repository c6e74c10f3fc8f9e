"""Voxels packed as gzip, several times faster than Python does it by itself."""

from __future__ import annotations

import gzip
from typing import BinaryIO

__all__ = ["gzip_writer"]

ISAL_LEVEL, ZLIB_LEVEL = 2, 1
"""The first packs tighter than the second, in a third of the time."""


def gzip_writer(raw: BinaryIO) -> gzip.GzipFile:
    """Return what packs into a file; the same input gives the same bytes.

    Parameters
    ----------
    raw : binary file
        Stays open.
    """
    kind, level = gzip.GzipFile, ZLIB_LEVEL
    try:
        from isal.igzip import IGzipFile
    except ImportError:
        pass  # it is not made for every processor
    else:
        kind, level = IGzipFile, ISAL_LEVEL
    return kind(filename="", fileobj=raw, mode="wb", compresslevel=level, mtime=0)
