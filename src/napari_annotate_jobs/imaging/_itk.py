"""NRRD and MetaImage, through SimpleITK (an extra)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from napari_annotate_jobs.errors import (
    MissingExtraError,
    UnreadableImageError,
    UnsupportedImageError,
)
from napari_annotate_jobs.imaging._gridded import file_ref, grid_header, to_plane
from napari_annotate_jobs.imaging._itk_place import itk_place
from napari_annotate_jobs.imaging._planes import (
    Place,
    PlaneReader,
    Planes,
    WholePlanes,
    shared_planes,
)
from napari_annotate_jobs.imaging._types import Split

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from napari_annotate_jobs.imaging._header import SeriesHeader

__all__ = ["ITK_ENDINGS", "ItkReader", "itk_headers"]

ITK_ENDINGS = frozenset({".nrrd", ".nhdr", ".mha", ".mhd"})
_AGAIN = "Copy or export the file again"
_MOST = 1032  # deflate cannot pack more than this


def _simpleitk(path: Path) -> Any:
    try:
        import SimpleITK
    except ImportError as error:
        raise MissingExtraError(
            "SimpleITK", extra="itk", purpose="Opening NRRD and MHA files", where=path
        ) from error
    return SimpleITK


def _damaged(path: Path, error: BaseException) -> UnreadableImageError:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    reason = lines[-1] if lines else "unknown reason"
    return UnreadableImageError(
        f"is not a readable image ({reason[:160]})", where=path, remedy=_AGAIN
    )


def _reader(path: Path) -> tuple[Any, Any]:
    sitk = _simpleitk(path)
    sitk.ProcessObject.SetGlobalWarningDisplay(False)
    reader = sitk.ImageFileReader()
    reader.SetFileName(str(path))
    return sitk, reader


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
    sitk, reader = _reader(path)
    try:
        reader.ReadImageInformation()
        full = tuple(int(n) for n in reader.GetSize())
        components = int(reader.GetNumberOfComponents())
        spacing = np.asarray(reader.GetSpacing())
        origin = np.asarray(reader.GetOrigin())
        direction = np.asarray(reader.GetDirection()).reshape(len(full), len(full))
        pixel = reader.GetPixelID()
    except RuntimeError as error:
        raise _damaged(path, error) from error
    dtype = _dtype(sitk, pixel, components, path)
    parts = full[3] if len(full) == 4 else 1
    size = (*full, 1, 1)[:3]
    if len(full) > 4 or min(full) < 1:
        raise UnsupportedImageError(
            f"has {len(full)} axes", where=path, remedy="Write it with three axes"
        )
    files = tuple(file_ref(p) for p in _files(path))
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
    """Return the file and, for a detached header, its data file."""
    if path.suffix.lower() not in (".nhdr", ".mhd"):
        return [path]
    text = path.read_text(encoding="utf-8", errors="replace")
    for line in text.splitlines():
        name, _, value = line.replace("=", ":", 1).partition(":")
        if name.strip().lower() in ("data file", "datafile", "elementdatafile"):
            data = path.parent / value.strip()
            if data.is_file():
                return [path, data]
            raise UnreadableImageError(
                f"its data file {value.strip()!r} is not there",
                where=path,
                remedy="Copy the data file beside it",
            )
    return [path]


def _dtype(sitk: Any, pixel: int, components: int, path: Path) -> np.dtype[Any]:
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
    text = sitk.GetPixelIDValueAsString(pixel).removeprefix("vector of ")
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
    sitk, reader = _reader(path)
    try:
        image = reader.Execute()
        array: NDArray[Any] = sitk.GetArrayViewFromImage(image)
    except RuntimeError as error:
        raise _damaged(path, error) from error
    spatial = array.shape[: array.ndim - len(channels)]
    return WholePlanes(array.reshape(-1, *spatial[-2:], *channels), image)
