"""Volumes in one file for the reading benchmarks, written by them."""

from __future__ import annotations

import gzip
import multiprocessing
import zlib
from typing import TYPE_CHECKING, Any

import nibabel
import numpy as np
from _read_series import phantom

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

__all__ = ["in_a_process", "write_file"]

_DIFFERENT = 8  # slices, over and over: writing is not what is measured


def write_file(path: Path, count: int, size: int) -> int:
    """Write a CT of 12 bits in 16 as one file, by its ending.

    Parameters
    ----------
    path : Path
        ``.nii.gz``, ``.gz.nrrd`` and ``.z.mha`` are packed, ``.nrrd`` and ``.mha``
        are not.
    count, size : int
        Slices, and rows and columns of each.

    Returns
    -------
    int
        Bytes of its voxels.
    """
    rng = np.random.default_rng(20)
    noise = rng.normal(0, 12, (size, size))
    slices = [phantom(size, 20 * n, noise).astype("<i2") for n in range(_DIFFERENT)]
    if path.name.endswith(".nii.gz"):
        image = nibabel.Nifti1Image(
            np.broadcast_to(np.int16(0), (size, size, count)),
            np.diag([-0.7, -0.7, 1.25, 1.0]),
        )
        _write(path, image.header.binaryblock + bytes(4), slices, count, _Members())
    elif path.name.endswith(".nrrd"):
        packed = path.name.endswith(".gz.nrrd")
        text = (
            "NRRD0004\ntype: short\ndimension: 3\nspace: left-posterior-superior\n"
            f"sizes: {size} {size} {count}\nkinds: domain domain domain\n"
            "space directions: (0.7,0,0) (0,0.7,0) (0,0,1.25)\nendian: little\n"
            f"encoding: {'gzip' if packed else 'raw'}\n\n"
        )
        with open(path, "wb") as handle:
            handle.write(text.encode())
        _write(path, b"", slices, count, _Members() if packed else None)
    else:
        packed = path.name.endswith(".z.mha")
        text = (
            "ObjectType = Image\nNDims = 3\nBinaryData = True\n"
            f"BinaryDataByteOrderMSB = False\nCompressedData = {packed}\n"
            f"CompressedDataSize = {0:012}\n"
            f"ElementSpacing = 0.7 0.7 1.25\nDimSize = {size} {size} {count}\n"
            "ElementType = MET_SHORT\nElementDataFile = LOCAL\n"
        )
        with open(path, "wb") as handle:
            handle.write(text.encode())
        _write(path, b"", slices, count, zlib.compressobj(1) if packed else None)
        with open(path, "r+b") as handle:
            handle.seek(text.index("CompressedDataSize = ") + 21)
            handle.write(b"%012d" % (path.stat().st_size - len(text)))
    return count * size * size * 2


class _Members:
    """Packs each slice as a member of a gzip stream, and equal ones once."""

    def __init__(self) -> None:
        self._known: dict[int, bytes] = {}

    def compress(self, data: bytes) -> bytes:
        key = hash(data)
        if key not in self._known:
            self._known[key] = gzip.compress(data, 1)
        return self._known[key]

    def flush(self) -> bytes:
        return b""


def _write(
    path: Path, head: bytes, slices: list[np.ndarray], count: int, packer: Any
) -> None:
    with open(path, "ab") as handle:
        for data in (head, *(slices[n % len(slices)].tobytes() for n in range(count))):
            handle.write(packer.compress(data) if packer is not None else data)
        if packer is not None:
            handle.write(packer.flush())


def in_a_process(target: Callable[..., None], *args: Any) -> Any:
    """Return what `target` puts into the queue that it is given last."""
    context = multiprocessing.get_context("spawn")
    result = context.Queue()
    process = context.Process(target=target, args=(*args, result))
    process.start()
    figure = result.get()
    process.join()
    return figure
