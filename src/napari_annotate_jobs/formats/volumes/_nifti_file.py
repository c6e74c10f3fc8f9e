"""NIfTI-1 files, written and read again plane by plane."""

from __future__ import annotations

import gzip
import hashlib
import math
import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from napari_annotate_jobs.errors import CorruptError
from napari_annotate_jobs.formats._place import ijk_to_lps, lps_to_ras

from ._packing import gzip_writer

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from numpy.typing import DTypeLike, NDArray

    from napari_annotate_jobs.imaging import SeriesHeader

__all__ = ["NiftiFile", "label_dtype", "write_nifti"]


def label_dtype(highest: int) -> np.dtype[np.generic]:
    """Return the type of voxels that hold values up to the highest."""
    return np.dtype(np.uint8 if highest < 256 else np.uint16)


def write_nifti(
    path: Path,
    planes: Iterable[NDArray[np.generic]],
    header: SeriesHeader,
    dtype: DTypeLike,
    *,
    channels: int = 0,
) -> str:
    """Write a volume as compressed NIfTI-1; the same input gives the same bytes.

    Parameters
    ----------
    path : Path
        Ends in ``.nii.gz``.
    planes : iterable of ndarray, shape (rows, columns)
        Every slice in its order; with channels, all slices of the first one first.
    header : SeriesHeader
        Where they lie.
    dtype : data-type
        Of the voxels.
    channels : int
        Length of a fourth axis; 0 for none.

    Returns
    -------
    str
        SHA-256 of the voxels' bytes.

    Raises
    ------
    OverflowError
        If a plane is of a type that `dtype` cannot hold.
    """
    import nibabel as nib

    slices, rows, columns = header.shape[:3]
    kind = np.dtype(dtype).newbyteorder("<")
    shape = (columns, rows, slices, *([channels] if channels else []))
    head = nib.Nifti1Header(endianness="<")
    head.set_data_dtype(kind)
    head.set_data_shape(shape)
    affine = lps_to_ras(ijk_to_lps(header))
    code = "scanner" if header.affine is not None else "unknown"
    # A tilted gantry shears the grid, which only the sform can say.
    head.set_sform(affine, code=code)
    head.set_qform(affine, code=code)
    head.set_xyzt_units("mm")
    head.set_slope_inter(1.0, 0.0)
    head["magic"], head["vox_offset"] = b"n+1", 352
    digest = hashlib.sha256()
    written = 0
    with path.open("wb") as raw, gzip_writer(raw) as packed:
        packed.write(head.binaryblock + bytes(4))
        for plane in planes:
            if not np.can_cast(plane.dtype, kind):
                raise OverflowError(str(plane.dtype))
            data = np.ascontiguousarray(plane, kind).data.cast("B")
            digest.update(data)
            packed.write(data)
            written += 1
    assert written == slices * max(channels, 1), (written, slices, channels)
    return digest.hexdigest()


@dataclass(frozen=True)
class NiftiFile:
    """A NIfTI-1 file read after nifti1.h itself, not by the library that wrote it.

    Parameters
    ----------
    path : Path
        A ``.nii.gz`` file.
    shape : tuple of int
        As the file has it: columns, rows, slices[, channels].
    dtype : numpy.dtype
        Of the voxels.
    affine : ndarray of float64, shape (4, 4)
        (column, row, slice, 1) to patient LPS, mm.
    offset : int
        Where the voxels begin.
    """

    path: Path
    shape: tuple[int, ...]
    dtype: np.dtype[np.generic]
    affine: NDArray[np.float64]
    offset: int

    @classmethod
    def open(cls, path: Path) -> NiftiFile:
        """Read the header.

        Raises
        ------
        CorruptError
            If it is no such file.
        """
        with gzip.open(path) as packed:
            data = packed.read(_HEADER.itemsize)
        if len(data) < _HEADER.itemsize:
            raise CorruptError("this is no NIfTI-1 file", where=path)
        head = np.frombuffer(data, _HEADER, count=1)[0]
        kind = _KINDS.get(int(head["datatype"]))
        if int(head["sizeof_hdr"]) != 348 or kind is None:
            raise CorruptError("this is no NIfTI-1 file", where=path)
        axes = int(head["dim"][0])
        affine = np.eye(4)
        affine[:3] = head["srow"]
        return cls(
            path,
            tuple(int(n) for n in head["dim"][1 : axes + 1]),
            np.dtype(kind),
            np.diag([-1.0, -1.0, 1.0, 1.0]) @ affine,
            int(head["vox_offset"]),
        )

    def planes(self) -> Iterator[NDArray[np.generic]]:
        """Give every slice, shape (rows, columns); channel after channel."""
        columns, rows = self.shape[:2]
        size = columns * rows * self.dtype.itemsize
        with gzip.open(self.path) as packed:
            packed.read(self.offset)
            for _ in range(math.prod(self.shape[2:])):
                data = packed.read(size)
                if len(data) != size:
                    raise CorruptError("its voxels are cut off", where=self.path)
                yield np.frombuffer(data, self.dtype).reshape(rows, columns)

    def digest(self) -> str:
        """Return SHA-256 of the voxels' bytes, as :func:`write_nifti` does."""
        found, head = hashlib.sha256(), self.offset
        for data in _unpacked(self.path):
            found.update(memoryview(data)[head:])
            head = max(0, head - len(data))
        return found.hexdigest()


def _unpacked(path: Path) -> Iterator[bytes]:
    """Give what a gzip file holds, in parts; zlib compares its checksum at the end."""
    inflate = zlib.decompressobj(wbits=31)
    with path.open("rb") as file:
        try:
            while not inflate.eof:
                data = inflate.unconsumed_tail or file.read(_PART)
                yield (part := inflate.decompress(data, _PART))
                if not (data or part):
                    raise CorruptError("its voxels are cut off", where=path)
        except zlib.error as error:
            raise CorruptError(
                f"it cannot be unpacked ({error})", where=path
            ) from error


_PART = 1 << 20
"""Bytes read, and bytes unpacked, at a time."""

_KINDS = {
    2: "<u1",
    4: "<i2",
    8: "<i4",
    16: "<f4",
    64: "<f8",
    256: "<i1",
    512: "<u2",
    768: "<u4",
    1024: "<i8",
    1280: "<u8",
}

_HEADER = np.dtype(
    {
        "names": ["sizeof_hdr", "dim", "datatype", "vox_offset", "srow"],
        "formats": ["<i4", ("<i2", 8), "<i2", "<f4", ("<f4", (3, 4))],
        "offsets": [0, 40, 70, 108, 280],
        "itemsize": 348,
    }
)
