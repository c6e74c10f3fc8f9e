"""NRRD files: their header as pynrrd reads it, in UTF-8 as 3D Slicer writes it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from napari_annotate_jobs.errors import CorruptError, MissingExtraError

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

__all__ = [
    "escaped",
    "nrrd_affine",
    "nrrd_data",
    "nrrd_header",
    "nrrd_package",
    "unescaped",
]

_LONGEST = 1 << 22


def nrrd_package(purpose: str) -> Any:
    """Return pynrrd.

    Raises
    ------
    MissingExtraError
        If it is not installed.
    """
    try:
        import nrrd
    except ImportError as error:
        raise MissingExtraError("pynrrd", extra="nrrd", purpose=purpose) from error
    return nrrd


def nrrd_header(path: Path) -> tuple[dict[str, Any], int]:
    """Read the fields of a header, and where the data begins.

    Raises
    ------
    CorruptError
        If it is no NRRD file.
    """
    nrrd = nrrd_package("Reading NRRD files")
    with path.open("rb") as file:
        head = file.read(_LONGEST)
    if not head.startswith(b"NRRD000"):
        raise CorruptError("this is no NRRD file", where=path)
    ends = [
        at + len(mark)
        for mark in (b"\n\n", b"\r\n\r\n")
        if (at := head.find(mark)) >= 0
    ]
    end = min(ends, default=len(head))
    lines = head[:end].decode("utf-8", "replace").splitlines()
    try:
        return dict(nrrd.read_header(iter(lines))), end
    except (nrrd.NRRDError, ValueError, KeyError) as error:
        raise CorruptError(
            f"its header is damaged ({error})",
            where=path,
            remedy="Copy or export the file again",
        ) from error


def nrrd_data(path: Path, fields: dict[str, Any], offset: int) -> NDArray[np.generic]:
    """Read the voxels, axes in the order of the file, the first one fastest.

    Raises
    ------
    CorruptError
        If they are damaged, or lie in a file elsewhere.
    """
    nrrd = nrrd_package("Reading NRRD files")
    _check_beside(path, fields)
    try:
        with path.open("rb") as file:
            file.seek(offset)
            found: NDArray[np.generic] = nrrd.read_data(fields, file, str(path))
    except Exception as error:
        raise CorruptError(
            f"its voxels cannot be read ({error})",
            where=path,
            remedy="Copy or export the file again",
        ) from error
    return found


def _check_beside(path: Path, fields: dict[str, Any]) -> None:
    """Refuse voxels in a file that does not lie with the header's own."""
    name = str(fields.get("data file") or fields.get("datafile") or "")
    if not name:
        return
    folder = path.parent.resolve()
    data = (folder / name).resolve()
    if not (data.is_relative_to(folder) and (data.is_file() or not data.exists())):
        raise CorruptError(
            f"its voxels are said to lie elsewhere ({name!r})",
            where=path,
            remedy="Put that file beside it, or make one file of both",
        )


def nrrd_affine(fields: dict[str, Any], where: Path) -> NDArray[np.float64] | None:
    """Return (i, j, k, 1) to patient LPS in mm; None if the file has no place.

    Raises
    ------
    CorruptError
        If its space is none of a patient.
    """
    space = fields.get("space")
    directions = fields.get("space directions")
    if space is None or directions is None:
        return None
    rows = np.asarray(
        [np.full(3, np.nan) if row is None else row for row in directions], float
    )
    axes = rows[~np.isnan(rows).any(axis=1)]
    name = _SHORT.get(str(space).lower(), str(space).lower()).split("-time")[0]
    signs = [_SIGNS.get(word) for word in name.split("-")]
    if len(signs) != 3 or None in signs or axes.shape != (3, 3):
        raise CorruptError(
            f"its space {space!r} says nothing of a patient in three axes", where=where
        )
    affine = np.eye(4)
    affine[:3, :3] = axes.T
    affine[:3, 3] = fields.get("space origin", np.zeros(3))
    return np.diag([*signs, 1.0]).astype(float) @ affine


_SIGNS = {
    "left": 1.0,
    "right": -1.0,
    "posterior": 1.0,
    "anterior": -1.0,
    "superior": 1.0,
    "inferior": -1.0,
}
_SHORT = {
    "lps": "left-posterior-superior",
    "ras": "right-anterior-superior",
    "las": "left-anterior-superior",
}


def escaped(text: str) -> str:
    """Return text as the value of a key, after the format's definition."""
    return text.replace("\\", "\\\\").replace("\n", "\\n")


def unescaped(text: str) -> str:
    """Return what :func:`escaped` was given."""
    parts = text.split("\\\\")
    return "\\".join(part.replace("\\n", "\n") for part in parts)
