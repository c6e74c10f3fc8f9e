"""What came from elsewhere, laid onto the slices of a case."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import partial
from itertools import product
from typing import TYPE_CHECKING

import numpy as np

from napari_annotate_jobs.errors import InvalidValueError

from ._place import slice_origins
from ._resample import Resampled

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from numpy.typing import NDArray

    from napari_annotate_jobs.imaging import SeriesHeader
    from napari_annotate_jobs.model import Method

    from ._incoming import Corners, Incoming, IncomingSlice

__all__ = ["Fitted", "FittedSlice", "fit_incoming", "with_negatives"]

CLOSE = 0.1
"""How far, in voxels, two grids may lie apart at their corners and be one."""


@dataclass(frozen=True, kw_only=True, eq=False)
class FittedSlice:
    """What is said of one slice of a case.

    Parameters
    ----------
    masks : mapping of str to ndarray of bool
        By name of the label, in the plane of the case.
    boxes : mapping of str to sequence of tuple of float
        By name of the label: (top, left, bottom, right), pixels of the case.
    classes : tuple of str
        Names of class labels.
    nothing_to_label : bool
        Whether it is a negative.
    excluded : bool
        Whether it is not to be used.
    answers, box_answers
        As in :class:`IncomingSlice`.
    """

    masks: Mapping[str, NDArray[np.bool_]] = field(default_factory=dict)
    boxes: Mapping[str, Sequence[Corners]] = field(default_factory=dict)
    classes: tuple[str, ...] = ()
    nothing_to_label: bool = False
    excluded: bool = False
    answers: Mapping[tuple[Method, str], Mapping[str, str]] = field(
        default_factory=dict
    )
    box_answers: Mapping[str, Sequence[Mapping[str, str]]] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True, eq=False)
class Fitted:
    """All that one file says of a case, by index of the slice.

    Parameters
    ----------
    incoming : Incoming
        What it was made of.
    slices : mapping of int to callable
        Gives what is said of a slice; worked out when it is asked for.
    resampled : bool
        Whether masks were resampled.
    covered : bool
        Whether `slices` are those that the file covers; else all of the case are
        there.
    notes : tuple of str
        What could not be taken over.
    """

    incoming: Incoming
    slices: Mapping[int, Callable[[], list[FittedSlice]]]
    resampled: bool = False
    covered: bool = True
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class _Plane:
    """Where pixels of a case lie in a file: axes swapped, turned and moved.

    ``file = sign * case + shift`` along rows and columns, after a swap.
    """

    swap: bool = False
    signs: tuple[int, int] = (1, 1)
    shifts: tuple[int, int] = (0, 0)

    @property
    def is_same(self) -> bool:
        return self == _Plane()

    def mask(
        self, found: NDArray[np.bool_], shape: tuple[int, int]
    ) -> NDArray[np.bool_]:
        """Return a mask of the file in the plane of the case."""
        if self.is_same and found.shape == shape:
            return found
        turned = found.T if self.swap else found
        out = np.zeros(shape, bool)
        here, there = [], []
        for axis in (0, 1):
            sign, shift = self.signs[axis], self.shifts[axis]
            if sign < 0:
                turned = np.flip(turned, axis)
                shift = turned.shape[axis] - 1 - shift
            start = max(0, -shift)
            stop = min(shape[axis], turned.shape[axis] - shift)
            if stop <= start:
                return out
            here.append(slice(start, stop))
            there.append(slice(start + shift, stop + shift))
        out[tuple(here)] = turned[tuple(there)]
        return out

    def box(self, corners: Corners) -> Corners:
        """Return a box of the file in the pixels of the case."""
        top, left, bottom, right = corners
        spans = [(top, bottom), (left, right)]
        if self.swap:
            spans.reverse()
        found = []
        for axis, span in enumerate(spans):
            sign, shift = self.signs[axis], self.shifts[axis]
            found.append(sorted(sign * (end - shift) for end in span))
        return found[0][0], found[1][0], found[0][1], found[1][1]


def fit_incoming(
    incoming: Incoming, header: SeriesHeader, *, resample: bool = False
) -> Fitted:
    """Find the slice of a case that each slice of a file speaks of.

    Parameters
    ----------
    incoming : Incoming
        What a file says.
    header : SeriesHeader
        The reference series of the case.
    resample : bool
        Whether masks on another grid may be resampled, to the nearest voxel.

    Raises
    ------
    InvalidValueError
        If it was made on other images, or its masks are on another grid and are
        not to be resampled: says how they differ.
    """
    known = incoming.frame_of_reference, header.frame_of_reference
    uids = {s.sop_instance_uid for s in header.slices} - {None}
    named = any(s.sop_instance_uid in uids for s in incoming.slices)
    if None not in known and known[0] != known[1] and not named:
        raise InvalidValueError(
            "it was made on images in another frame of reference, so its places "
            "mean nothing here",
            where=incoming.path,
            remedy="Match the file with the case it belongs to",
        )
    found: dict[int, list[tuple[IncomingSlice, _Plane]]] = {}
    outside = 0
    places = _Places(incoming, header)
    for each in incoming.slices:
        try:
            place = places.of(each)
        except _OtherGrid as other:
            if other.can_sample and (resample or other.exact):
                sampled = Resampled(incoming, header)
                notes = sampled.notes
                if not other.exact:
                    notes = (f"Resampled to the nearest voxel: {other}.", *notes)
                return Fitted(
                    incoming=incoming,
                    slices={i: _sampled(sampled, i) for i in range(header.shape[0])},
                    resampled=not other.exact,
                    covered=False,
                    notes=(*incoming.notes, *notes),
                )
            raise InvalidValueError(
                f"its masks are on another grid: {other}",
                where=incoming.path,
                remedy="Ask for them to be resampled (--resample), or write them on "
                "the grid of the images"
                if other.can_sample
                else "Write them on the grid of the images",
            ) from None
        if place is None:
            outside += 1
        else:
            found.setdefault(place[0], []).append((each, place[1]))
    if outside and not found:
        raise InvalidValueError(
            f"none of its {outside} slices is among the images of the case",
            where=incoming.path,
            remedy="Match the file with the case it belongs to",
        )
    notes = incoming.notes
    if outside:
        notes += (f"{outside} slices of the file are not among the images.",)
    shape = header.shape[1], header.shape[2]
    return Fitted(
        incoming=incoming,
        slices={i: _direct(parts, shape) for i, parts in sorted(found.items())},
        notes=notes,
    )


def with_negatives(fitted: Fitted) -> Fitted:
    """Return the same, where slices of which a file says nothing are negatives.

    Only slices that the file covers: of a mask on another grid that is not known, and
    a note says so.
    """
    if not fitted.covered:
        note = "Empty slices stay undecided: the file is on another grid."
        return replace(fitted, notes=(*fitted.notes, note))

    def negative(make: Callable[[], list[FittedSlice]]) -> list[FittedSlice]:
        found = make()
        if any(each.boxes or each.classes or len(each.masks) for each in found):
            return found
        return [*found, FittedSlice(nothing_to_label=True)]

    return replace(
        fitted,
        slices={i: partial(negative, make) for i, make in fitted.slices.items()},
    )


def _direct(
    parts: list[tuple[IncomingSlice, _Plane]], shape: tuple[int, int]
) -> Callable[[], list[FittedSlice]]:
    def make() -> list[FittedSlice]:
        return [
            FittedSlice(
                masks={
                    name: plane.mask(mask, shape) for name, mask in each.masks.items()
                },
                boxes={
                    name: [plane.box(corners) for corners in boxes]
                    for name, boxes in each.boxes.items()
                },
                classes=each.classes,
                nothing_to_label=each.nothing_to_label,
                excluded=each.excluded,
                answers=each.answers,
                box_answers=each.box_answers,
            )
            for each, plane in parts
        ]

    return make


def _sampled(sampled: Resampled, index: int) -> Callable[[], list[FittedSlice]]:
    return lambda: [FittedSlice(masks=sampled.masks(index))]


class _OtherGrid(Exception):
    """Masks that do not lie on the voxels of the case.

    Attributes
    ----------
    exact : bool
        Whether each voxel of the case is a voxel of theirs all the same: they are
        cut along another axis.
    can_sample : bool
        Whether both have a place in the patient.
    """

    def __init__(self, text: str, *, exact: bool = False, can_sample: bool) -> None:
        super().__init__(text)
        self.exact, self.can_sample = exact, can_sample


class _Places:
    """Tells of each slice of a file where it lies in a case."""

    def __init__(self, incoming: Incoming, header: SeriesHeader) -> None:
        self._incoming, self._header = incoming, header
        self._uids = {
            (s.sop_instance_uid, s.frame): i
            for i, s in enumerate(header.slices)
            if s.sop_instance_uid is not None
        }
        self._single: dict[str | None, int | None] = {}
        for i, s in enumerate(header.slices):
            several = s.sop_instance_uid in self._single
            self._single[s.sop_instance_uid] = None if several else i
        self._single.pop(None, None)
        self._both = incoming.affine is not None and header.affine is not None
        self._grid: tuple[int, int, _Plane] | None = None

    def of(self, each: IncomingSlice) -> tuple[int, _Plane] | None:
        """Return index and plane; None if it lies outside of the case.

        Raises
        ------
        _OtherGrid
            If its pixels are not those of the case.
        """
        uid = each.sop_instance_uid
        if uid is not None and self._uids:
            index = self._uids.get((uid, each.frame))
            if index is None:
                index = self._single.get(uid)
            if index is None:
                return None
            if self._both and each.origin is not None:
                return index, self._in_plane(each.origin, index)
            self._check_plane()
            return index, _Plane()
        if self._both and each.origin is not None:
            found = self._nearest(each.origin)
            if found is None:
                return None
            return found, self._in_plane(each.origin, found)
        count = self._header.shape[0]
        if each.index is None:
            if count > 1:
                raise InvalidValueError(
                    f"it does not say which of the {count} slices it speaks of",
                    where=self._incoming.path,
                )
            self._check_plane()
            return 0, _Plane()
        if self._both:
            sign, shift, plane = self._whole_grid()
            index = sign * (each.index - shift)
        else:
            self._check_plane()
            index, plane = each.index, _Plane()
        return (index, plane) if 0 <= index < count else None

    def _check_plane(self) -> None:
        wanted = self._header.shape[1], self._header.shape[2]
        if self._incoming.plane not in (wanted, (0, 0)):
            rows, columns = self._incoming.plane
            raise _OtherGrid(
                f"{rows} x {columns} pixels, the images have {wanted[0]} x {wanted[1]}",
                can_sample=self._both,
            )

    def _whole_grid(self) -> tuple[int, int, _Plane]:
        """Return sign and shift of the slices, and the plane, of two grids."""
        if self._grid is None:
            assert self._incoming.affine is not None
            assert self._header.affine is not None
            step = np.linalg.inv(self._incoming.affine) @ self._header.affine
            turn, shift = np.rint(step[:3, :3]), np.rint(step[:3, 3])
            ends = product(*((0, n - 1) for n in self._header.shape[:3]))
            apart = max(
                float(abs((step[:3, :3] - turn) @ end + step[:3, 3] - shift).max())
                for end in ends
            )
            if apart > CLOSE or not _is_turn(turn):
                raise _OtherGrid(self._differs(step), can_sample=True)
            if not turn[0, 0]:
                raise _OtherGrid("cut along another axis", exact=True, can_sample=True)
            plane = _plane(turn[1:, 1:], shift[1:])
            self._grid = int(turn[0, 0]), int(shift[0]), plane
        return self._grid

    def _differs(self, step: NDArray[np.float64]) -> str:
        """Say how another grid differs from that of the images."""
        theirs, ours = self._incoming.affine, self._header.affine
        assert theirs is not None
        assert ours is not None
        sizes = [np.linalg.norm(affine[:3, :3], axis=0) for affine in (theirs, ours)]
        texts = [" x ".join(f"{size:.3g}" for size in each) for each in sizes]
        if not np.allclose(sizes[0], sizes[1], rtol=0.01):
            return f"voxels of {texts[0]} mm, the images have {texts[1]} mm"
        turned = abs(step[:3, :3] - np.rint(step[:3, :3])).max() > 0.01
        if turned or not _is_turn(np.rint(step[:3, :3])):
            return "it is turned against the images"
        off = step[:3, 3] - np.rint(step[:3, 3])
        worst = float(abs(off * sizes[0]).max())
        return f"its voxels lie {worst:.2f} mm beside those of the images"

    def _nearest(self, origin: Sequence[float]) -> int | None:
        """Return the slice in whose plane a point lies."""
        affine = self._header.affine
        assert affine is not None
        normal = np.cross(affine[:3, 2], affine[:3, 1])
        normal /= np.linalg.norm(normal)
        away = abs((slice_origins(self._header) - np.asarray(origin)) @ normal)
        index = int(away.argmin())
        return index if away[index] <= CLOSE * self._header.spacing[0] else None

    def _in_plane(self, origin: Sequence[float], index: int) -> _Plane:
        """Return how pixels of a slice of known origin lie in a slice of the case."""
        theirs, ours = self._incoming.affine, self._header.affine
        assert theirs is not None
        assert ours is not None
        back = np.linalg.pinv(theirs[:3, 1:3])
        away = slice_origins(self._header)[index] - np.asarray(origin)
        step, shift = back @ ours[:3, 1:3], back @ away
        turn, moved = np.rint(step), np.rint(shift)
        rows, columns = self._header.shape[1:3]
        ends = product((0, rows - 1), (0, columns - 1))
        apart = max(
            float(abs((step - turn) @ end + shift - moved).max()) for end in ends
        )
        # What leaves the plane is not seen through the pseudo-inverse.
        leaves = abs(theirs[:3, 1:3] @ step - ours[:3, 1:3]).max()
        size = float(np.linalg.norm(ours[:3, 1]))
        if apart > CLOSE or not _is_turn(turn) or leaves > 0.01 * size:
            raise _OtherGrid("its pixels are not those of the images", can_sample=True)
        return _plane(turn, moved)


def _is_turn(turn: NDArray[np.float64]) -> bool:
    """Return True for axes that are swapped or turned round, no more."""
    ones = abs(turn)
    return bool((ones.sum(axis=0) == 1).all() and (ones.sum(axis=1) == 1).all())


def _plane(turn: NDArray[np.float64], shift: NDArray[np.float64]) -> _Plane:
    swap = not turn[0, 0]
    if swap:  # the file's second axis follows the rows of the case
        turn, shift = turn[::-1], shift[::-1]
    return _Plane(
        swap,
        (int(turn[0, 0]), int(turn[1, 1])),
        (int(shift[0]), int(shift[1])),
    )
