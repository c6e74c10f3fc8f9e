"""The modality rescale, in the narrowest type that holds its values."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

__all__ = ["DoesNotFit", "rescale_into", "voxel_dtype"]


class DoesNotFit(Exception):
    """A value exceeds the type that was chosen for the voxels."""


def voxel_dtype(
    stored: np.dtype[Any],
    bits: int,
    rescales: Iterable[tuple[float, float]],
) -> tuple[np.dtype[Any], bool]:
    """Choose the type of the voxels.

    Parameters
    ----------
    stored : numpy.dtype
        Of the stored values.
    bits : int
        How many of its bits may be used.
    rescales : iterable of tuple of float
        The (slope, intercept) pairs of the slices.

    Returns
    -------
    dtype : numpy.dtype
        The stored type where nothing is to be done; the narrowest integer type
        where slopes and intercepts are whole numbers; else float32, or float64
        for values of more than 16 bits.
    optimistic : bool
        Whether only values that such images hardly have would not fit: a CT of
        16 bits with intercept -1024 is expected to stay within int16.
    """
    pairs = set(rescales)
    if pairs <= {(1.0, 0.0)}:
        return stored, False
    if stored.kind == "f":
        return stored, False
    if not all(s == int(s) and i == int(i) for s, i in pairs):
        return np.dtype(np.float32 if bits <= 16 else np.float64), False
    signed = stored.kind == "i"
    low = -(1 << (bits - 1)) if signed else 0
    high = (1 << (bits - (1 if signed else 0))) - 1
    ends = [v * int(s) + int(i) for s, i in pairs for v in (low, high)]
    narrowest = _holding(min(ends), max(ends))
    if narrowest.itemsize > stored.itemsize == 2 and all(
        abs(s) == 1 and -32768 <= i <= 32767 for s, i in pairs
    ):
        return np.dtype(np.int16), True
    return narrowest, False


def _holding(low: int, high: int) -> np.dtype[Any]:
    for name in ("uint8", "int16", "uint16", "int32", "uint32", "int64"):
        info = np.iinfo(name)
        if info.min <= low and high <= info.max:
            return np.dtype(name)
    return np.dtype(np.float64)


def wider(dtype: np.dtype[Any]) -> np.dtype[Any]:
    """Return the type to use where an optimistic one did not fit."""
    return np.dtype(np.int64 if dtype.itemsize >= 4 else np.int32)


def rescale_into(
    out: NDArray[Any],
    stored: NDArray[Any],
    slope: float,
    intercept: float,
    *,
    check: bool,
    saturate: bool = False,
) -> None:
    """Write ``stored * slope + intercept`` into `out`.

    Parameters
    ----------
    out : numpy.ndarray
        Receives the values. May share its memory with `stored` if both have
        the same item size.
    stored : numpy.ndarray
        Same shape.
    slope, intercept : float
        Of the rescale.
    check : bool
        Whether the values may exceed the type of `out`.
    saturate : bool
        Clip what does not fit instead of raising.

    Raises
    ------
    DoesNotFit
        If `check` and a value does not fit, unless `saturate`.
    """
    if slope == 1.0 and intercept == 0.0:
        if stored is not out:
            np.copyto(out, stored, casting="unsafe")
        return
    if out.dtype.kind == "f":
        np.copyto(out, stored * np.float64(slope) + intercept, casting="unsafe")
        return
    a, b = int(slope), int(intercept)
    if check and not _fits(out.dtype, stored, a, b):
        if not saturate:
            raise DoesNotFit
        info = np.iinfo(out.dtype)
        values = stored.astype(np.int64) * a + b
        np.copyto(out, np.clip(values, info.min, info.max), casting="unsafe")
        return
    if stored.dtype.itemsize == out.dtype.itemsize:
        # within range, so two's complement gives the exact value in place
        same = stored.view(out.dtype)
        if a == 1:
            np.add(same, out.dtype.type(b), out=out)
            return
    np.copyto(out, stored.astype(np.int64) * a + b, casting="unsafe")


def _fits(dtype: np.dtype[Any], stored: NDArray[Any], a: int, b: int) -> bool:
    if not stored.size:
        return True
    info = np.iinfo(dtype)
    ends = (int(stored.min()) * a + b, int(stored.max()) * a + b)
    return info.min <= min(ends) and max(ends) <= info.max
