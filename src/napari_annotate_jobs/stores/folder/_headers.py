"""What the headers of a case's images said, so that they are read only once."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from napari_annotate_jobs.errors import ImagingError, StoreError
from napari_annotate_jobs.files import make_folders, read_if_there, write_durably

if TYPE_CHECKING:
    from napari_annotate_jobs.imaging import Series, SeriesHeader

__all__ = ["open_remembered", "read_note", "remember"]


def open_remembered(images: Path, series_uid: str | None, note: Path) -> Series:
    """Open a series, from what was noted the last time if that is still true.

    The note is derived and never the truth: one that is missing, damaged, or older
    than the images is made anew, and where it cannot be written the images are
    opened all the same.

    Parameters
    ----------
    images : Path
        File or folder.
    series_uid : str, optional
        Which series of it.
    note : Path
        Where the header is noted.

    Raises
    ------
    ImagingError
        If the images cannot be opened.
    """
    from napari_annotate_jobs.imaging import open_series, with_texts

    known = read_note(note, images)
    try:
        series = open_series(images, series_uid=series_uid, cached=known)
    except ImagingError:
        if known is None:
            raise
        known = None
        series = open_series(images, series_uid=series_uid)
    if known is None or series.header is not known:
        remember(series.header, note)
    return series if known is None else with_texts(series)


def remember(header: SeriesHeader, note: Path) -> None:
    """Note a header that was read, where that is possible.

    Parameters
    ----------
    header : SeriesHeader
        As it was read from the path that the case names.
    note : Path
        Where it is noted.
    """
    from napari_annotate_jobs.imaging import note_from_header

    with suppress(StoreError, OSError):
        make_folders(note.parent, root=note.parent.parent)
        write_durably(note, note_from_header(header).encode())


def read_note(note: Path, images: Path) -> SeriesHeader | None:
    """Return the header that was noted of a series, None if there is none."""
    from napari_annotate_jobs.imaging import note_to_header

    try:
        data = read_if_there(note)
        if data is None:
            return None
        header = note_to_header(data.decode(), Path(os.path.abspath(images)))
        header.is_current()
    except Exception:
        # Whoever wrote it may have meant to do harm, and it is made again anyway.
        return None
    return header
