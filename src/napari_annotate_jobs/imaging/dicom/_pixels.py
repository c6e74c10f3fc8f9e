"""Read the pixels of DICOM slices straight into the place they are wanted."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_annotate_jobs.errors import UnreadableImageError
from napari_annotate_jobs.imaging._quiet import quiet
from napari_annotate_jobs.imaging._rescale import rescale_into
from napari_annotate_jobs.imaging.codecs._decode import (
    decode_frame,
    frame_data,
    is_decoders,
    undecodable,
)

from ._details import apply_lut
from ._record import BIG_ENDIAN, DEFLATED, NATIVE
from ._scan import read_dataset
from ._series import stored_dtype

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray
    from pydicom.dataset import Dataset

    from napari_annotate_jobs.imaging._header import SeriesHeader
    from napari_annotate_jobs.imaging._types import FrameSource, PixelFormat

__all__ = ["DicomReader"]


class DicomReader:
    """Reads single slices; may be used from several threads.

    Parameters
    ----------
    header : SeriesHeader
        Of a DICOM series.
    """

    def __init__(self, header: SeriesHeader) -> None:
        assert header.pixel is not None
        self._header = header
        self._pixel = header.pixel
        self._size = (header.shape[1], header.shape[2])
        self._stored = stored_dtype(header.pixel)
        self._straight = _is_straight(header.pixel)
        self._lock = threading.Lock()
        self._sheet_lock = threading.Lock()
        self._sheet: tuple[int, NDArray[Any]] | None = None
        self._opened: tuple[int, bool, Dataset] | None = None

    def read_into(self, index: int, out: NDArray[Any], *, saturate: bool) -> None:
        """Read one slice.

        Parameters
        ----------
        index : int
            Of the slice.
        out : numpy.ndarray
            Shape (rows, columns[, channels]); receives the values.
        saturate : bool
            Clip values that the type of `out` cannot hold.

        Raises
        ------
        DoesNotFit
            If a value exceeds the type of `out`, unless `saturate`.
        UnreadableImageError
            If the file is gone, cut off or damaged.
        """
        header = self._header
        source = header.frames[index]
        path = header.files[source.file].path
        slope, intercept = self._rescale(index)
        exact = out.dtype.itemsize == self._stored.itemsize
        if source.tile is not None:
            stored = self._tile(source, path, out.shape)
        elif self._straight and source.length:
            if exact and out.dtype.kind in "iu" and out.flags.c_contiguous:
                stored = out.view(self._stored)
            elif out.dtype == self._stored and out.flags.c_contiguous:
                stored = out
            else:
                stored = np.empty(out.shape, self._stored)
            _read_exactly(path, source.offset, stored)
            _drop_unused_bits(stored, self._pixel)
        else:
            stored = self._decoded(source, path)
        check = header.optimistic or not np.can_cast(header.dtype, out.dtype)
        rescale_into(out, stored, slope, intercept, check=check, saturate=saturate)

    def _tile(
        self, source: FrameSource, path: Path, shape: tuple[int, ...]
    ) -> NDArray[Any]:
        """Cut a slice out of a sheet, of which only its rows are read if possible."""
        assert source.tile is not None
        top, left, rows, columns = source.tile
        height, width = shape[:2]
        if self._straight and source.length:
            band = np.empty((height, columns, *shape[2:]), self._stored)
            start = top * columns * int(np.prod(shape[2:])) * band.itemsize
            _read_exactly(path, source.offset + start, band)
            _drop_unused_bits(band, self._pixel)
            return band[:, left : left + width]
        with self._sheet_lock:
            kept = self._sheet
            if kept is None or kept[0] != source.file:
                sheet = self._decoded(source, path, (rows, columns))
                kept = self._sheet = (source.file, sheet)
        return kept[1][top : top + height, left : left + width]

    def _rescale(self, index: int) -> tuple[float, float]:
        header = self._header
        if header.slice_rescale is not None:
            return header.slice_rescale[index]
        return header.rescale or (1.0, 0.0)

    def _decoded(
        self, source: FrameSource, path: Path, size: tuple[int, int] | None = None
    ) -> NDArray[Any]:
        pixel = self._pixel
        size = self._size if size is None else size
        packed = pixel.transfer_syntax not in NATIVE
        if source.length and _in_place(pixel) and (packed or pixel.allocated != 1):
            raw = _read_bytes(path, source.offset, source.length)
            if packed:
                last = (
                    source.offset + source.length
                    >= self._header.files[source.file].size
                )
                raw = frame_data(raw, path, last=last)
            if pixel.allocated == 12:
                array = _unpacked(raw, pixel, size, source.frame)
            else:
                array = decode_frame(raw, pixel, size, path)
        else:
            array = self._whole(source, path)
        if pixel.has_lut:
            array = apply_lut(array, self._dataset(source.file, pixels=False), path)
        wanted = (*size, *self._header.shape[3:])
        if array.shape != wanted:
            raise UnreadableImageError(
                f"its pixels are of shape {array.shape}, its header says {wanted}",
                where=path,
                remedy="Copy or export the file again",
            )
        return array.astype(array.dtype.newbyteorder("="), copy=False)

    def _dataset(self, file: int, *, pixels: bool) -> Dataset:
        """Return a file parsed by pydicom; the last one is kept."""
        with self._lock:
            kept = self._opened
            if kept is not None and kept[0] == file and kept[1] >= pixels:
                return kept[2]
            path = self._header.files[file].path
            dataset = read_dataset(path, pixels=pixels)
            meta = getattr(dataset, "file_meta", None)
            if meta is not None and not meta.get("TransferSyntaxUID"):
                meta.TransferSyntaxUID = self._pixel.transfer_syntax
            self._opened = (file, pixels, dataset)
            return dataset

    def _whole(self, source: FrameSource, path: Path) -> NDArray[Any]:
        """Decode a frame of a file that pydicom must read as a whole."""
        from pydicom.pixels.utils import pixel_array

        dataset = self._dataset(source.file, pixels=True)
        try:
            with quiet():
                return np.asarray(pixel_array(dataset, index=source.frame))
        except BaseException as error:
            if not is_decoders(error):
                raise
            raise undecodable(error, path) from error


def _is_straight(pixel: PixelFormat) -> bool:
    """Whether the file holds the values as they go into memory."""
    return (
        pixel.transfer_syntax in NATIVE
        and _in_place(pixel)
        and not pixel.has_lut
        and pixel.allocated not in (1, 12)
        and (pixel.samples == 1 or (pixel.photometric == "RGB" and not pixel.planar))
    )


def _in_place(pixel: PixelFormat) -> bool:
    """Whether a frame's bytes stand in the file one after another."""
    return pixel.transfer_syntax not in (BIG_ENDIAN, DEFLATED)


def _unpacked(
    raw: bytes, pixel: PixelFormat, size: tuple[int, int], frame: int
) -> NDArray[Any]:
    """Take pixels of 12 bits apart, of which two share three bytes, PS3.5 8.1.1."""
    count = size[0] * size[1] * pixel.samples
    half = frame * count % 2  # the frame before may end in the middle of a byte
    data = np.frombuffer(raw, np.uint8).astype(np.uint16)
    data = np.pad(data, (0, -len(data) % 3 + 3)).reshape(-1, 3)
    cells = np.empty((len(data), 2), np.uint16)
    cells[:, 0] = data[:, 0] | (data[:, 1] & 0x0F) << 8
    cells[:, 1] = data[:, 1] >> 4 | data[:, 2] << 4
    values = cells.ravel()
    if half:
        shifted = np.frombuffer(raw, np.uint8).astype(np.uint16)
        first = shifted[0] >> 4 | shifted[1] << 4
        rest = _unpacked(raw[2:], pixel, (count - 1, 1), 0).ravel()
        values = np.concatenate([[first], rest]).astype(np.uint16)
    values = values[:count]
    shift = 16 - pixel.stored
    if pixel.signed:
        signed = np.left_shift(values, shift).view(np.int16)
        return np.right_shift(signed, shift).reshape(size)
    return (values & ((1 << pixel.stored) - 1)).astype(np.uint16).reshape(size)


def _read_exactly(path: Path, offset: int, out: NDArray[Any]) -> None:
    view = memoryview(out.reshape(-1).view(np.uint8).data)
    try:
        with open(path, "rb", buffering=0) as handle:
            handle.seek(offset)
            done = 0
            while done < len(view):
                count = handle.readinto(view[done:])
                if not count:
                    break
                done += count
    except OSError as error:
        raise _unreadable(path, error) from error
    if done < len(view):
        raise UnreadableImageError(
            f"its pixel data is cut off: {done} bytes of {len(view)}",
            where=path,
            remedy="Copy or export the file again",
        )


def _read_bytes(path: Path, offset: int, length: int) -> bytes:
    try:
        with open(path, "rb", buffering=0) as handle:
            handle.seek(offset)
            return handle.read(length)
    except OSError as error:
        raise _unreadable(path, error) from error


def _unreadable(path: Path, error: OSError) -> UnreadableImageError:
    return UnreadableImageError(
        f"cannot be read ({error.strerror or error})",
        where=path,
        remedy="Check that the file is there and that you may read it",
    )


def _drop_unused_bits(array: NDArray[Any], pixel: PixelFormat) -> None:
    """Clear what is above Bits Stored: overlays of old may lie there."""
    shift = pixel.allocated - pixel.stored
    if not shift or pixel.element != "PixelData" or not array.size:
        return
    # looking takes half as long as clearing, and there hardly is anything to clear
    if pixel.signed:
        half = 1 << (pixel.stored - 1)
        if array.min() < -half or array.max() >= half:
            np.left_shift(array, shift, out=array)
            np.right_shift(array, shift, out=array)
    elif array.max() >> pixel.stored:
        np.bitwise_and(array, array.dtype.type((1 << pixel.stored) - 1), out=array)
