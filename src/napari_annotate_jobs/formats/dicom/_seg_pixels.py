"""The pixels of a DICOM segmentation, frame by frame."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from napari_annotate_jobs.errors import UnreadableImageError
from napari_annotate_jobs.imaging import quiet, read_dataset, scan_file

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from numpy.typing import NDArray
    from pydicom.dataset import Dataset

__all__ = ["frame_reader"]

_BIG = "1.2.840.10008.1.2.2"
_IN_PLACE = frozenset({"1.2.840.10008.1.2", "1.2.840.10008.1.2.1", _BIG})


def frame_reader(
    path: Path, dataset: Dataset
) -> Callable[[int], NDArray[np.unsignedinteger[Any]]]:
    """Return a function that reads a frame by its number, from 0.

    Uncompressed frames are taken from the file as they are asked for, with bits
    unpacked here; compressed ones are decoded by pydicom.

    Parameters
    ----------
    path : Path
        The file.
    dataset : Dataset
        Its header.

    Raises
    ------
    UnreadableImageError
        If the file is shorter than its frames, or a frame cannot be decoded.
    """
    syntax = str(dataset.file_meta.TransferSyntaxUID)
    rows, columns = int(dataset.Rows), int(dataset.Columns)
    bits, count = int(dataset.BitsAllocated), int(dataset.NumberOfFrames)
    pixels = rows * columns

    def compressed(number: int) -> NDArray[np.unsignedinteger[Any]]:
        from pydicom.pixels.utils import pixel_array

        try:
            with quiet():
                return np.asarray(pixel_array(path, index=number, raw=True))
        except Exception as error:
            raise UnreadableImageError(
                f"frame {number + 1} cannot be decoded ({error})",
                where=path,
                remedy="Install the decoders: pip install "
                '"napari-annotate-jobs[codecs]"',
            ) from error

    from pydicom.uid import UID

    if UID(syntax).is_compressed and not UID(syntax).is_deflated:
        return compressed
    size = (count * pixels * bits + 7) // 8
    data: NDArray[np.uint8]
    if syntax in _IN_PLACE:
        record = scan_file(path)
        if record.offset + size > path.stat().st_size or record.offset <= 0:
            raise _short(path)
        data = np.memmap(path, np.uint8, "r", record.offset, (size,))
    else:
        whole = read_dataset(path, pixels=True).PixelData
        if len(whole) < size:
            raise _short(path)
        data = np.frombuffer(whole, np.uint8, size)

    def packed(number: int) -> NDArray[np.unsignedinteger[Any]]:
        first = number * pixels
        part = data[first // 8 : (first + pixels + 7) // 8]
        flat = np.unpackbits(part, bitorder="little")
        return flat[first % 8 : first % 8 + pixels].reshape(rows, columns)

    def whole_bytes(number: int) -> NDArray[np.unsignedinteger[Any]]:
        step = pixels * bits // 8
        kind = np.dtype(f"{'>' if syntax == _BIG else '<'}u{bits // 8}")
        part = np.asarray(data[number * step : (number + 1) * step])
        return part.view(kind).reshape(rows, columns)

    return packed if bits == 1 else whole_bytes


def _short(path: Path) -> UnreadableImageError:
    return UnreadableImageError(
        "it ends before its last frame",
        where=path,
        remedy="Copy or export the file again",
    )
