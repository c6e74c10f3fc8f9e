"""NIfTI-1 and -2, also compressed, through nibabel."""

from __future__ import annotations

import gzip
import math
import struct
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_annotate_jobs.errors import (
    ImagingError,
    MissingExtraError,
    UnreadableImageError,
    UnsupportedImageError,
)
from napari_annotate_jobs.imaging._quiet import quiet
from napari_annotate_jobs.imaging._rescale import rescale_into, voxel_dtype
from napari_annotate_jobs.imaging._types import ImageWarning, Split

from ._grid import check_count, file_ref, grid_header, to_plane
from ._nifti_place import nifti_place
from ._planes import PlaneReader
from ._voxel_place import Place

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from napari_annotate_jobs.imaging._header import SeriesHeader

__all__ = ["NiftiReader", "nifti_headers"]

_ZLIB_MOST = 1032  # deflate cannot pack more than this, zlib.net/zlib_tech.html
_AGAIN = "Copy or export the file again"
_MOST_BEFORE = 1 << 26
"""Bytes before the voxels; more are taken for a damaged header."""
_PAIRS = (".hdr", ".hdr.gz", ".img", ".img.gz")


def _load(path: Path) -> Any:
    """Read the header; the voxels stay in the file."""
    try:
        import nibabel
    except ImportError as error:
        raise MissingExtraError(
            "nibabel", extra="nifti", purpose="Opening NIfTI files", where=path
        ) from error
    _check_name(path)
    try:
        _check_head(path)
        with quiet():
            image = nibabel.load(path)
            if not isinstance(image, nibabel.Nifti1Pair):
                raise UnsupportedImageError(
                    "is not a NIfTI file",
                    where=path,
                    remedy="Convert it to NIfTI or DICOM",
                )
            return image
    except ImagingError:
        raise
    except OSError as error:
        if error.errno:
            raise UnreadableImageError(
                f"cannot be read ({error.strerror})",
                where=path,
                remedy="Check that the file is there and that you may read it",
            ) from error
        raise _damaged(path, error) from error
    except Exception as error:
        raise _damaged(path, error) from error


def _check_head(path: Path) -> None:
    """Look at what a header says before nibabel makes room for it.

    What stands between the header and the voxels is read as a whole, and a packed
    file of a megabyte may hold a thousand of them.

    Raises
    ------
    UnreadableImageError
        If there cannot be so much.
    """
    for part in _beside(path):
        if not part.is_file():
            raise UnreadableImageError(
                "is no regular file", where=part, remedy="Take it away"
            )
    opener = gzip.open if _is_packed(path) else open
    with opener(path, "rb") as handle:
        head = handle.read(544)
    order = next(
        (o for o in "<>" if head[:4] in (struct.pack(o + "i", n) for n in (348, 540))),
        None,
    )
    if order is None or len(head) < 348:
        return  # nibabel says what it is
    if head[:4] == struct.pack(order + "i", 348):
        (offset,) = struct.unpack(order + "f", head[108:112])
    else:
        (offset,) = struct.unpack(order + "q", head[168:176])
    if not 0 <= offset <= _MOST_BEFORE:
        raise UnreadableImageError(
            f"says that its voxels begin at byte {offset:.0f}",
            where=path,
            remedy=_AGAIN,
        )
    place = 348 if head[:4] == struct.pack(order + "i", 348) else 540
    if head[place : place + 1].strip(b"\0") and offset > place + 4:
        _check_extensions(path, order, place + 4, int(offset))


def _check_extensions(path: Path, order: str, place: int, end: int) -> None:
    """Follow the sizes of header extensions: each says how much is read for it."""
    opener = gzip.open if _is_packed(path) else open
    with opener(path, "rb") as handle:
        while place + 8 <= end:
            handle.seek(place)
            size = handle.read(4)
            if len(size) < 4:
                return
            (length,) = struct.unpack(order + "i", size)
            if not 8 <= length <= end - place:
                raise UnreadableImageError(
                    f"has a header extension of {length} bytes, where "
                    f"{end - place} are left",
                    where=path,
                    remedy=_AGAIN,
                )
            place += length


def _beside(path: Path) -> list[Path]:
    """Return the files that nibabel opens for a path, of those that are there."""
    name = path.name
    lower = name.lower()
    pair = next((e for e in _PAIRS if lower.endswith(e)), None)
    if pair is None:
        return [path]
    stem = name[: -len(pair)]
    others = [path.with_name(stem + e) for e in _PAIRS]
    return [p for p in {path, *others} if p.exists()]


def _check_name(path: Path) -> None:
    """Refuse a pair without its voxels, and a packed file that is named otherwise."""
    name = path.name.lower()
    if name.endswith((".hdr", ".hdr.gz")):
        stem = path.name[: name.rindex(".hdr")]
        wanted = (stem + ".img").lower(), (stem + ".img.gz").lower()
        if not any(other.name.lower() in wanted for other in path.parent.iterdir()):
            raise UnreadableImageError(
                f"is the header of a pair, whose voxels should be in {stem}.img, "
                "which is not there",
                where=path,
                remedy=f"Copy {stem}.img beside it",
            )
    if name.endswith(".gz"):
        return
    try:
        with open(path, "rb") as handle:
            packed = handle.read(2) == b"\x1f\x8b"
    except OSError:
        return  # it is nibabel's error that tells why
    if packed:
        raise UnreadableImageError(
            "is packed with gzip, which its name does not say",
            where=path,
            remedy=f"Rename it to {path.name}.gz",
        )


def _damaged(path: Path, error: BaseException) -> UnreadableImageError:
    if isinstance(error, EOFError):
        return UnreadableImageError(
            "is cut off: its packed data ends too early", where=path, remedy=_AGAIN
        )
    return UnreadableImageError(
        f"is not a readable NIfTI file ({' '.join(str(error).split())[:160]})",
        where=path,
        remedy=_AGAIN,
    )


def nifti_headers(path: Path, root: Path) -> list[SeriesHeader]:
    """Describe a NIfTI file: one header a volume.

    Parameters
    ----------
    path : Path
        The file.
    root : Path
        What was opened; the file itself, or a folder above it.

    Returns
    -------
    list of SeriesHeader
        One, or one a time point of a file with four axes.

    Raises
    ------
    UnreadableImageError
        If it is damaged, or cut off.
    UnsupportedImageError
        If its values are complex, or vectors.
    """
    image = _load(path)
    try:
        return _described(image, path, root)
    except ImagingError:
        raise
    except Exception as error:
        raise _damaged(path, error) from error


def _described(image: Any, path: Path, root: Path) -> list[SeriesHeader]:
    raw = image.header
    proxy = image.dataobj
    stored, channels = _stored(np.dtype(proxy.dtype), path)
    full = tuple(int(n) for n in proxy.shape)
    size = (*full, 1, 1, 1)[:3]
    parts = math.prod(full[3:])
    if min(full) < 1 or (len(full) > 4 and parts != max(full[3:])):
        raise UnsupportedImageError(
            f"has {len(full)} axes of {full}",
            where=path,
            remedy="Write it with three axes, or four of which one is time",
        )
    check_count(path, size[2], parts)
    data = Path(image.file_map["image"].filename)
    # Of a pair the other one too, whichever was named.
    head = Path(image.file_map.get("header", image.file_map["image"]).filename)
    files = tuple(file_ref(p) for p in dict.fromkeys((path, data, head)))
    _check_size(proxy, data, path)
    slope, intercept = float(proxy.slope), float(proxy.inter)
    if not math.isfinite(slope) or not math.isfinite(intercept) or slope == 0:
        slope, intercept = 1.0, 0.0
    native = stored.newbyteorder("=")
    rescale = (slope, intercept)
    dtype, optimistic = native, False
    if channels == 1:
        dtype, optimistic = voxel_dtype(native, 8 * native.itemsize, [rescale])
    affine, spacing, notes, reasons = nifti_place(image)
    if size[2] > 1 and not _is_length(raw.get_zooms()[2:3]) and affine is None:
        notes = (*notes, _DISTANCE_UNKNOWN)
    headers = []
    for part in range(parts):
        key = path.name if path == root else path.relative_to(root).as_posix()
        headers.append(
            grid_header(
                path=root,
                format="nifti",
                key=key if parts == 1 else f"{key}#time={part + 1}",
                files=files,
                size=(size[0], size[1], size[2]),
                channels=channels,
                affine=affine,
                spacing=spacing,
                part=part,
                dtype=dtype,
                rescale=rescale,
                optimistic=optimistic,
                description=_plain_name(path),
                split=None if parts == 1 else Split("time", str(part + 1), part, parts),
                warnings=notes,
                reasons=reasons,
                inverted=False,
                unit="",
                windows=_windows(raw),
            )
        )
    return headers


def _plain_name(path: Path) -> str:
    name = path.name
    for ending in (".gz", ".nii", ".img", ".hdr"):
        name = name.removesuffix(ending)
    return name


def _windows(raw: Any) -> tuple[Any, ...]:
    """Return the calibrated range cal_min .. cal_max, where there is one."""
    from napari_annotate_jobs.model import Window

    low, high = float(raw["cal_min"]), float(raw["cal_max"])
    if math.isfinite(low) and math.isfinite(high) and high > low:
        return (Window.from_limits(low, high, explanation="Calibrated"),)
    return ()


def _stored(dtype: np.dtype[Any], path: Path) -> tuple[np.dtype[Any], int]:
    if dtype.names is not None and set(dtype.names) >= {"R", "G", "B"}:
        return np.dtype(np.uint8), 3
    if dtype.kind in "iu" or (dtype.kind == "f" and dtype.itemsize in (4, 8)):
        return dtype, 1
    raise UnsupportedImageError(
        f"holds {dtype} values, which cannot be shown",
        where=path,
        remedy="Convert it to whole or real numbers of at most 64 bits",
    )


def _check_size(proxy: Any, data: Path, path: Path) -> None:
    needed = (
        int(proxy.offset)
        + math.prod(int(n) for n in proxy.shape) * np.dtype(proxy.dtype).itemsize
    )
    there = data.stat().st_size
    if there * (_ZLIB_MOST if _is_packed(data) else 1) < needed:
        raise UnreadableImageError(
            f"its voxels are cut off: {there} bytes, its header asks for {needed}",
            where=path,
            remedy=_AGAIN,
        )


def _is_packed(data: Path) -> bool:
    return data.suffix.lower() == ".gz"


_DISTANCE_UNKNOWN = ImageWarning(
    "slice-distance-unknown",
    "The file does not say how far apart its slices lie: distances across slices are "
    "not millimetres",
)


def _is_length(zooms: Any) -> bool:
    return bool(len(zooms)) and math.isfinite(float(zooms[0])) and zooms[0] > 0


class NiftiReader(PlaneReader):
    """Reads single slices of a NIfTI file.

    Parameters
    ----------
    header : SeriesHeader
        From :func:`nifti_headers`.
    """

    def _find(self) -> Place:
        path = self._header.files[0].path
        image = _load(path)
        proxy = image.dataobj
        data = Path(image.file_map["image"].filename)
        full = (*(int(n) for n in proxy.shape), 1, 1)
        packed, offset = _is_packed(data), int(proxy.offset)
        return Place(
            named=path,
            path=data,
            dtype=np.dtype(proxy.dtype),
            plane=(full[1], full[0]),
            count=math.prod(full[2:]),
            offset=0 if packed else offset,
            skip=offset if packed else 0,
            packed=packed,
        )

    def _convert(self, plane: NDArray[Any], out: NDArray[Any], saturate: bool) -> None:
        header = self._header
        plane = to_plane(plane.swapaxes(0, 1), header.layout or (1, 1, 1))
        if plane.dtype.names is not None:
            plane = np.stack([plane[name] for name in "RGB"], axis=-1)
        slope, intercept = header.rescale or (1.0, 0.0)
        if plane.dtype.byteorder not in "=|":
            plane = plane.astype(plane.dtype.newbyteorder("="))
        rescale_into(
            out,
            plane,
            slope,
            intercept,
            check=header.optimistic or not np.can_cast(header.dtype, out.dtype),
            saturate=saturate,
        )
