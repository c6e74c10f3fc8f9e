"""NRRD and MetaImage, through SimpleITK (an extra)."""

from __future__ import annotations

import importlib.util
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_annotate_jobs.errors import (
    MissingExtraError,
    UnreadableImageError,
    UnsupportedImageError,
)
from napari_annotate_jobs.imaging._types import Split
from napari_annotate_jobs.imaging._workers import Workers

from ._grid import check_count, file_ref, grid_header, to_plane
from ._itk_place import itk_place
from ._planes import PlaneReader, Planes, WholePlanes, shared_planes

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from napari_annotate_jobs.imaging._header import SeriesHeader

    from ._voxel_place import Place

__all__ = ["ItkReader", "itk_headers"]

PATIENCE = 30.0
"""Seconds that SimpleITK may take, and one more for each megabyte of voxels."""
WORKERS = Workers(Path(__file__).with_name("_itk_worker.py"), "SimpleITK", kept=1)
_AGAIN = "Copy or export the file again"
_LONGEST = 1 << 18
_MOST = 1032  # deflate cannot pack more than this


def _asked(path: Path, *, voxels: bool) -> tuple[dict[str, Any], bytes]:
    """Have SimpleITK look at a file, in a process of its own: it may crash."""
    if importlib.util.find_spec("SimpleITK") is None:
        raise MissingExtraError(
            "SimpleITK", extra="itk", purpose="Opening NRRD and MHA files", where=path
        )
    nrrd = path.suffix.lower() in (".nrrd", ".nhdr")
    request = {
        "io": "NrrdImageIO" if nrrd else "MetaImageIO",
        "path": os.fsencode(path).hex(),
        "voxels": voxels,
    }
    try:
        patience = PATIENCE + (path.stat().st_size >> 20 if voxels else 0)
        return WORKERS.ask(request, patience=patience)
    except (OSError, ValueError) as error:
        raise _damaged(path, error) from error


def _damaged(path: Path, error: BaseException) -> UnreadableImageError:
    return UnreadableImageError(
        f"is not a readable image ({' '.join(str(error).split())[:160]})",
        where=path,
        remedy=_AGAIN,
    )


def itk_headers(path: Path, root: Path) -> list[SeriesHeader]:
    """Describe a NRRD or MetaImage file: one header a volume.

    Parameters
    ----------
    path : Path
        The file.
    root : Path
        What was opened; the file itself, or a folder above it.

    Raises
    ------
    MissingExtraError
        If SimpleITK is not installed.
    UnreadableImageError
        If it is damaged, or cut off.
    UnsupportedImageError
        If its values are complex, or vectors other than RGB.
    """
    files = tuple(file_ref(p) for p in _files(path))
    found, _ = _asked(path, voxels=False)
    full = tuple(int(n) for n in found["size"])
    components = int(found["components"])
    spacing, origin = np.asarray(found["spacing"]), np.asarray(found["origin"])
    dtype = _dtype(found["pixel"], components, path)
    if not 1 <= len(full) <= 4 or min(full) < 1:
        raise UnsupportedImageError(
            f"has {len(full)} axes", where=path, remedy="Write it with three axes"
        )
    parts = full[3] if len(full) == 4 else 1
    size = (*full, 1, 1)[:3]
    direction = np.asarray(found["direction"]).reshape(len(full), len(full))
    check_count(path, size[2], parts)
    needed = int(np.prod(full, dtype=object)) * components * dtype.itemsize
    there = sum(file.size for file in files)
    if needed > there * _MOST:
        raise UnreadableImageError(
            f"its voxels are cut off: {there} bytes, its header asks for {needed}",
            where=path,
            remedy=_AGAIN,
        )
    affine = np.eye(4)
    axes = min(len(full), 3)
    affine[:axes, :axes] = (direction * spacing)[:axes, :axes]
    affine[:axes, 3] = origin[:axes]
    key = path.name if path == root else path.relative_to(root).as_posix()
    return [
        grid_header(
            path=root,
            format="itk",
            key=key if parts == 1 else f"{key}#time={part + 1}",
            files=files,
            size=(size[0], size[1], size[2]),
            channels=components,
            affine=affine,
            spacing=None,
            part=part,
            dtype=dtype,
            description=path.stem,
            split=None if parts == 1 else Split("time", str(part + 1), part, parts),
        )
        for part in range(parts)
    ]


def _files(path: Path) -> list[Path]:
    """Return the file and, for a detached header, its data file.

    Raises
    ------
    UnreadableImageError
        If the data is somewhere else than in one regular file: a device, or a
        list of files, would be read for ever or from anywhere.
    """
    try:
        with open(path, "rb") as handle:
            head = handle.read(_LONGEST)
    except OSError as error:
        raise _damaged(path, error) from error
    files = [path]
    for line in head.decode("utf-8", "surrogateescape").splitlines():
        name, _, value = line.replace("=", ":", 1).partition(":")
        name, value = name.strip().lower(), value.strip()
        if name in ("ndims", "dimension") and not _is_axes(value):
            raise UnsupportedImageError(
                f"has {value[:20]} axes", where=path, remedy="Write it with three axes"
            )
        if name in ("data file", "datafile", "elementdatafile"):
            if value.upper() != "LOCAL":
                files = [path, path.parent / value]
                if not files[1].is_file():
                    raise UnreadableImageError(
                        "its data file is not there, or is no single file",
                        where=files[1],
                        remedy="Copy the data file beside its header",
                    )
            break
    return files


def _is_axes(text: str) -> bool:
    """Whether SimpleITK can bear so many axes; of others it crashes, or hangs."""
    return text.isascii() and text.isdigit() and 1 <= int(text[:9]) <= 5


def _dtype(pixel: str, components: int, path: Path) -> np.dtype[Any]:
    names = {
        "8-bit unsigned integer": "u1",
        "8-bit signed integer": "i1",
        "16-bit unsigned integer": "u2",
        "16-bit signed integer": "i2",
        "32-bit unsigned integer": "u4",
        "32-bit signed integer": "i4",
        "64-bit unsigned integer": "u8",
        "64-bit signed integer": "i8",
        "32-bit float": "f4",
        "64-bit float": "f8",
    }
    text = pixel.removeprefix("vector of ")
    if text not in names or components not in (1, 3):
        raise UnsupportedImageError(
            f"holds {components} values of {text} a voxel, which cannot be shown",
            where=path,
            remedy="Convert it to whole or real numbers, or RGB",
        )
    return np.dtype(names[text])


class ItkReader(PlaneReader):
    """Reads slices of a NRRD or MetaImage file.

    Parameters
    ----------
    header : SeriesHeader
        From :func:`itk_headers`.

    Notes
    -----
    SimpleITK reads such files as a whole; slices come from their place in the
    file where its header proves that place, as it nearly always does.
    """

    def _find(self) -> Place | None:
        return itk_place(self._header)

    def _convert(self, plane: NDArray[Any], out: NDArray[Any], saturate: bool) -> None:
        layout = self._header.layout or (1, 1, 1)
        np.copyto(out, to_plane(plane.swapaxes(0, 1), layout), casting="unsafe")

    def _whole(self) -> Planes:
        files = self._header.files
        channels = self._header.shape[3:]
        try:
            return shared_planes(
                files[-1].path,
                ("whole", channels),
                lambda: _read_by_simpleitk(files[0].path, channels),
            )
        except OSError as error:
            raise _damaged(files[0].path, error) from error


def _read_by_simpleitk(path: Path, channels: tuple[int, ...]) -> WholePlanes:
    found, data = _asked(path, voxels=True)
    array: NDArray[Any] = np.frombuffer(data, found["dtype"]).reshape(found["shape"])
    spatial = array.shape[: array.ndim - len(channels)]
    return WholePlanes(array.reshape(-1, *spatial[-2:], *channels))
