"""The directory of a DICOM disc, PS3.10 section 8."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from napari_annotate_jobs.errors import (
    AnnotateJobsError,
    NoImageError,
    UnreadableImageError,
)
from napari_annotate_jobs.imaging._found import FoundFault

from ._doubt import reason
from ._scan import read_dataset

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["is_dicomdir", "listed_files"]


def is_dicomdir(path: Path) -> bool:
    """Whether a file is the directory of a disc."""
    if path.name.upper() == "DICOMDIR":
        return True
    with open(path, "rb") as handle:
        # Media Storage Directory Storage, in the meta header
        return b"1.2.840.10008.1.3.10\0" in handle.read(512)


def listed_files(dicomdir: Path) -> tuple[list[Path], list[FoundFault]]:
    """Return the files a DICOMDIR names.

    Parameters
    ----------
    dicomdir : Path
        The file.

    Returns
    -------
    files : list of Path
        Those that are there, in the order of the directory.
    faults : list of FoundFault
        Those that are not, or the directory itself if it is damaged.
    """
    try:
        named = _named(dicomdir)
    except AnnotateJobsError as error:
        return [], [FoundFault(dicomdir, error)]
    files, faults = [], []
    for pieces in named:
        file = _regardless_of_case(dicomdir.parent, pieces)
        if file is not None:
            files.append(file)
            continue
        missing = dicomdir.parent.joinpath(*pieces)
        fault = NoImageError(
            "is named in the DICOMDIR, but is not there",
            where=missing,
            remedy="Copy the whole disc",
        )
        faults.append(FoundFault(missing, fault))
    return files, faults


def _named(dicomdir: Path) -> list[list[str]]:
    try:
        records = read_dataset(dicomdir).get("DirectoryRecordSequence") or ()
        names = [record.get("ReferencedFileID") for record in records]
    except AnnotateJobsError:
        raise
    except Exception as error:
        raise UnreadableImageError(
            f"its directory is damaged ({reason(error)})",
            where=dicomdir,
            remedy="Open the folder instead of the DICOMDIR",
        ) from error
    return [
        [name] if isinstance(name, str) else [str(piece) for piece in name]
        for name in names
        if name
    ]


def _regardless_of_case(folder: Path, pieces: list[str]) -> Path | None:
    """Find a file named in capitals, as discs do, however it was copied."""
    place = folder
    for piece in pieces:
        if piece in ("", ".", "..") or os.sep in piece:
            return None
        exact = place / piece
        if not exact.exists():
            try:
                found = [p for p in place.iterdir() if p.name.lower() == piece.lower()]
            except OSError:
                return None
            if not found:
                return None
            exact = found[0]
        place = exact
    return place if place.is_file() else None
