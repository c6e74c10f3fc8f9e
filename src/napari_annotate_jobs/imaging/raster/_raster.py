"""PNG, JPEG, TIFF and other everyday images."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_annotate_jobs.errors import (
    ImagingError,
    MissingExtraError,
    UnreadableImageError,
    UnsupportedImageError,
)
from napari_annotate_jobs.imaging._header import SeriesHeader
from napari_annotate_jobs.imaging._quiet import quiet
from napari_annotate_jobs.imaging._types import FrameSource, ImageWarning, Split
from napari_annotate_jobs.imaging.grids._grid import file_ref
from napari_annotate_jobs.model import SliceId

from ._tiff_axes import tiff_stack
from ._tiff_chain import check_chain

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

__all__ = ["RasterReader", "raster_headers"]

TIFF_ENDINGS = frozenset({".tif", ".tiff"})
_AGAIN = "Copy or export the file again"
_MOST_PIXELS = 1 << 29
_ROTATED = frozenset({5, 6, 7, 8})
_EXIF_ORIENTATION = 0x0112


def raster_headers(path: Path, root: Path) -> list[SeriesHeader]:
    """Describe an image file: one series, its pages the slices.

    Parameters
    ----------
    path : Path
        The file.
    root : Path
        What was opened; the file itself, or a folder above it.

    Raises
    ------
    UnreadableImageError
        If it is damaged.
    UnsupportedImageError
        If its pages or pixels are of a kind that cannot be shown.
    """
    tiff = path.suffix.lower() in TIFF_ENDINGS
    found = (_tiff if tiff else _pillow)(path)
    shape, planes, spacing = found.shape, found.planes, found.spacing
    pages = planes.size if tiff else 1
    if planes.size * shape[0] * shape[1] > _MOST_PIXELS * pages:
        raise UnsupportedImageError(
            f"is an image of {shape[1]} x {shape[0]} pixels",
            where=path,
            remedy="Cut it into smaller ones",
        )
    key = path.name if path == root else path.relative_to(root).as_posix()
    notes = list(found.notes)
    if spacing is None:
        notes.append(
            ImageWarning(
                "spacing-unknown",
                "The image does not say how large its pixels are: measures are in "
                "pixels",
            )
        )
    count = planes.shape[1]
    return [
        SeriesHeader(
            path=root,
            format="raster",
            key=key if not found.by else f"{key}#{found.by}={value}",
            files=(file_ref(path),),
            frames=tuple(FrameSource(0, int(k)) for k in volume),
            slices=tuple(SliceId(index=k) for k in range(count)),
            shape=(count, *shape),
            dtype=found.dtype,
            spacing=spacing or (1.0, 1.0, 1.0),
            has_spacing=spacing is not None,
            inverted=found.inverted,
            description=path.stem,
            split=Split(found.by, value, i, len(planes)) if found.by else None,
            warnings=tuple(notes),
            reasons=(f"the size of a pixel is from {found.source}",)
            if found.source
            else (),
        )
        for i, (volume, value) in enumerate(zip(planes, found.values, strict=True))
    ]


@dataclass(frozen=True)
class _Described:
    """What a file holds: planes of one shape, (rows, columns[, channels])."""

    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    planes: NDArray[np.intp]
    spacing: tuple[float, float, float] | None = None
    inverted: bool = False
    by: str = ""
    values: tuple[str, ...] = ("",)
    source: str = ""
    notes: tuple[ImageWarning, ...] = ()


def _damaged(path: Path, error: BaseException) -> UnreadableImageError:
    return UnreadableImageError(
        f"is not a readable image ({' '.join(str(error).split())[:160]})",
        where=path,
        remedy=_AGAIN,
    )


def _open_pillow(path: Path) -> Any:
    try:
        from PIL import Image
    except ImportError as error:
        raise MissingExtraError(
            "Pillow", extra="raster", purpose="Opening PNG and JPEG", where=path
        ) from error
    try:
        with quiet():
            return Image.open(path)
    except Exception as error:
        raise _damaged(path, error) from error


def _mode(image: Any, path: Path) -> tuple[str, int, np.dtype[Any]]:
    """Return the mode to convert to, its channels and its type."""
    mode = image.mode
    if mode in ("1", "L", "LA"):
        return "L", 1, np.dtype(np.uint8)
    if mode.startswith("I;16"):
        return mode, 1, np.dtype(np.uint16)
    if mode == "I":
        return mode, 1, np.dtype(np.int32)
    if mode == "F":
        return mode, 1, np.dtype(np.float32)
    if mode in ("P", "PA", "RGB", "RGBA", "RGBX", "CMYK", "YCbCr", "LAB", "HSV"):
        return "RGB", 3, np.dtype(np.uint8)
    raise UnsupportedImageError(
        f"has pixels of kind {mode}", where=path, remedy="Convert it to grey or RGB"
    )


def _pillow(path: Path) -> _Described:
    notes: tuple[ImageWarning, ...] = ()
    with _open_pillow(path) as image:
        _, channels, dtype = _mode(image, path)
        columns, rows = image.size
        try:
            with quiet():
                frames = _frame_count(image)
                if image.getexif().get(_EXIF_ORIENTATION) in _ROTATED:
                    rows, columns = columns, rows
        except Exception as error:
            raise _damaged(path, error) from error
    if _is_deep_colour(path):
        if _png_decoder() is not None:
            channels, dtype = 3, np.dtype(np.uint16)
        else:
            notes = (_SHALLOW,)
    if frames > 1:
        channels, dtype = 3, np.dtype(np.uint8)
    shape = (rows, columns) if channels == 1 else (rows, columns, 3)
    return _Described(shape, dtype, np.arange(frames)[None], notes=notes)


_SHALLOW = ImageWarning(
    "bits-reduced",
    "The colours have 16 bits, of which 8 are read: install the extra 'codecs' to "
    "have all of them",
)


def _frame_count(image: Any) -> int:
    """Return the pictures of an animation, 1 for all else."""
    if image.format not in ("GIF", "WEBP"):
        return 1
    return int(getattr(image, "n_frames", 1))


def _is_deep_colour(path: Path) -> bool:
    """Whether it is a PNG with colours of 16 bits, which Pillow reads as 8."""
    with open(path, "rb") as handle:
        head = handle.read(26)
    # the IHDR chunk comes first: width, height, bits, colour type
    return head.startswith(b"\x89PNG") and head[24:25] == b"\x10" and head[25] in (2, 6)


@cache
def _png_decoder() -> Any:
    """Return imagecodecs' decoder, which keeps 16 bits, or None without it."""
    try:
        from imagecodecs import png_decode
    except ImportError:
        return None
    return png_decode


def _open_tiff(path: Path) -> Any:
    try:
        import tifffile
    except ImportError as error:
        raise MissingExtraError(
            "tifffile", extra="raster", purpose="Opening TIFF", where=path
        ) from error
    try:
        check_chain(path)
        with quiet():
            return tifffile.TiffFile(path)
    except ImagingError:
        raise
    except Exception as error:
        raise _damaged(path, error) from error


def _tiff(path: Path) -> _Described:
    with _open_tiff(path) as file:
        try:
            with quiet():
                return _tiff_described(file, path)
        except ImagingError:
            raise
        except Exception as error:
            raise _damaged(path, error) from error


def _tiff_described(file: Any, path: Path) -> _Described:
    stack = tiff_stack(file)
    first = stack.pages[0]
    shape, dtype = _page_shape(first, path)
    for number, page in enumerate(stack.pages, 1):
        if _page_shape(page, path) != (shape, dtype):
            raise UnsupportedImageError(
                f"its page {number} differs from the first in size or kind",
                where=path,
                remedy="Save pages of one size and kind together",
            )
    _check_strips(stack.pages, path)
    if stack.offset is not None:
        end = stack.offset + stack.planes.size * int(first.nbytes)
        if end > path.stat().st_size:
            raise UnreadableImageError(
                "its pixel data is cut off", where=path, remedy=_AGAIN
            )
    spacing = stack.spacing
    if _tiff_turn(first) in _ROTATED:
        shape = (shape[1], shape[0], *shape[2:])
        if spacing is not None:
            spacing = (spacing[0], spacing[2], spacing[1])
    return _Described(
        shape,
        dtype,
        stack.planes,
        spacing,
        int(first.photometric) == 0,
        stack.by,
        stack.values,
        stack.source,
        stack.notes,
    )


def _page_shape(page: Any, path: Path) -> tuple[tuple[int, ...], np.dtype[Any]]:
    dtype, rows, columns = page.dtype, page.imagelength, page.imagewidth
    samples = int(page.samplesperpixel)
    if dtype is None or dtype.kind not in "biuf" or rows < 1 or columns < 1:
        raise UnsupportedImageError(
            f"has pixels of kind {dtype}",
            where=path,
            remedy="Convert it to grey or RGB",
        )
    if int(page.imagedepth) != 1 or samples not in (1, 2, 3, 4):
        raise UnsupportedImageError(
            f"has {samples} samples a pixel and {page.imagedepth} planes a page",
            where=path,
            remedy="Save it with one page a slice, grey or RGB",
        )
    dtype = np.dtype(np.uint8) if dtype.kind == "b" else dtype.newbyteorder("=")
    if dtype.itemsize == 2 and dtype.kind == "f":
        dtype = np.dtype(np.float32)
    if int(page.photometric) == 3:
        return (rows, columns, 3), np.dtype(np.uint8)
    if samples >= 3:
        return (rows, columns, 3), dtype
    return (rows, columns), dtype


def _check_strips(pages: list[Any], path: Path) -> None:
    """Compare what the pages claim with the file, before making room for them."""
    there = path.stat().st_size
    for page in pages:
        ends = [
            o + c
            for o, c in zip(page.dataoffsets, page.databytecounts, strict=False)
            if c
        ]
        plain = int(page.compression) == 1
        short = plain and sum(page.databytecounts) < _packed_bytes(page)
        huge = page.nbytes > max(1 << 26, 4000 * sum(page.databytecounts))
        if short or huge or (ends and max(ends) > there):
            raise UnreadableImageError(
                "its pixel data is cut off", where=path, remedy=_AGAIN
            )


def _packed_bytes(page: Any) -> int:
    """Return the bytes of a page's pixels without compression, rows whole bytes."""
    bits = page.bitspersample
    bits = max(bits) if isinstance(bits, tuple) else int(bits)
    row = -(-int(page.imagewidth) * int(page.samplesperpixel) * bits // 8)
    return min(int(page.imagelength) * row, int(page.nbytes))


def _tiff_turn(page: Any) -> int:
    tag = page.tags.get(274)
    return int(tag.value) if tag is not None else 1


class RasterReader:
    """Reads the pages of an image file.

    Parameters
    ----------
    header : SeriesHeader
        From :func:`raster_headers`.
    """

    def __init__(self, header: SeriesHeader) -> None:
        self._header = header

    def read_into(self, index: int, out: NDArray[Any], *, saturate: bool) -> None:
        """Read one page into `out`, shape (rows, columns[, channels])."""
        path = self._header.files[0].path
        try:
            with quiet():
                if path.suffix.lower() in TIFF_ENDINGS:
                    array = _tiff_page(path, self._header.frames[index].frame)
                else:
                    array = _pillow_pixels(path, self._header, index)
        except ImagingError:
            raise
        except Exception as error:
            raise _damaged(path, error) from error
        if array.shape != out.shape:
            raise UnreadableImageError(
                f"its pixels are of shape {array.shape}, its header says {out.shape}",
                where=path,
                remedy=_AGAIN,
            )
        np.copyto(out, array, casting="unsafe")


def _pillow_pixels(path: Path, header: SeriesHeader, index: int) -> NDArray[Any]:
    from PIL import ImageOps

    if header.dtype == np.uint16 and header.is_color:
        decode = _png_decoder()
        if decode is None:
            raise MissingExtraError(
                "imagecodecs", extra="codecs", purpose="16-bit colour PNG", where=path
            )
        return np.asarray(decode(path.read_bytes()))[..., :3]
    with _open_pillow(path) as image:
        mode, _, _ = _mode(image, path)
        if header.shape[0] > 1:
            image.seek(header.frames[index].frame)
            mode = "RGB"
        image.load()
        upright = ImageOps.exif_transpose(image)
        if upright.mode != mode:
            upright = upright.convert(mode)
        return np.asarray(upright)


def _tiff_page(path: Path, number: int) -> NDArray[Any]:
    with _open_tiff(path) as file:
        stack = tiff_stack(file)
        if stack.offset is not None:
            page = stack.pages[0]
            size = int(page.nbytes)
            file.filehandle.seek(stack.offset + number * size)
            dtype = page.dtype.newbyteorder(file.byteorder)
            array = np.frombuffer(file.filehandle.read(size), dtype)
            array = array.reshape(page.shape)
        else:
            page = stack.pages[number]
            array = np.asarray(page.asarray())
        if int(page.photometric) == 3 and page.colormap is not None:
            colors = np.moveaxis(page.colormap[:, array], 0, -1) >> 8
            return _upright(colors.astype(np.uint8), _tiff_turn(page))
        samples = int(page.samplesperpixel)
        if samples > 1 and array.ndim == 3 and array.shape[0] == samples:
            if int(page.planarconfig or 1) == 2:
                array = np.moveaxis(array, 0, -1)
        if array.ndim == 3:
            array = array[..., :3] if samples >= 3 else array[..., 0]
        if array.dtype.kind == "b":
            array = array.astype(np.uint8) * 255
        return _upright(array, _tiff_turn(page))


def _upright(array: NDArray[Any], turn: int) -> NDArray[Any]:
    """Apply a TIFF/EXIF orientation, TIFF 6.0 p. 36."""
    if turn in _ROTATED:
        array = array.swapaxes(0, 1)
    if turn in (3, 4, 7, 8):
        array = array[::-1]
    if turn in (2, 3, 6, 7):
        array = array[:, ::-1]
    return array
