"""Tell apart the volumes, stacks and localisers that share a series."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import combinations, pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_annotate_jobs.imaging._axis import TIMES
from napari_annotate_jobs.imaging._geometry import (
    POSITION_TOLERANCE,
    order_along_normal,
)
from napari_annotate_jobs.imaging._types import ImageWarning, PixelFormat, Split

from ._copies import count_of, without_copies, without_rescale

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable

    from ._frame import Frame

__all__ = ["SeriesPart", "parts_of"]

SAME_DIRECTION = 1e-3
# tried in this order: the first that leaves no two planes at one place wins
_KINDS = (
    "stack",
    "segment",
    "time",
    "echo",
    "echo time",
    "b-value",
    "inversion time",
    "energy window",
    "detector",
    "phase",
    "R-R interval",
    "time slot",
    "acquisition",
    "image type",
    "trigger time",
    "acquisition time",
    "content time",
)


@dataclass(frozen=True)
class SeriesPart:
    """Frames that make one volume or one stack.

    Parameters
    ----------
    frames : tuple of Frame
        Not yet in order.
    pixel : PixelFormat
        How they are encoded.
    has_geometry : bool
        Whether they are parallel planes at known places.
    localizer : bool
        Whether they are scouts.
    split : Split, optional
        What sets them apart from the rest of their series.
    warnings : tuple of ImageWarning
        What was found on the way.
    ordered : bool
        Whether the frames are in order already.
    reasons : tuple of str
        What was decided on the way, and why.
    """

    frames: tuple[Frame, ...]
    pixel: PixelFormat
    has_geometry: bool
    localizer: bool = False
    split: Split | None = None
    warnings: tuple[ImageWarning, ...] = ()
    ordered: bool = False
    reasons: tuple[str, ...] = ()


def parts_of(frames: list[tuple[Frame, PixelFormat]]) -> list[SeriesPart]:
    """Split the frames of one series into volumes.

    Parameters
    ----------
    frames : list of (Frame, PixelFormat)
        In any order.

    Returns
    -------
    list of SeriesPart
        Each of one size, encoding and orientation, with no two planes at one
        place; what had to be left out for that is named in its warnings.
    """
    kept, notes = without_copies(frames)
    groups: list[SeriesPart] = []
    for (localizer, *_), members in _grouped(kept, _kind_of_image).items():
        groups += _by_orientation(members, bool(localizer))
    parts: list[SeriesPart] = []
    if len(groups) > 1:
        groups = _named(groups)
    for group in groups:
        parts += _by_place(group)
    return [
        replace(
            part,
            warnings=(
                *notes,
                *without_rescale(part.frames, part.pixel),
                *part.warnings,
            ),
        )
        for part in parts
    ]


def _grouped(items: list[Any], key: Callable[[Any], Hashable]) -> dict[Any, list[Any]]:
    groups: dict[Any, list[Any]] = defaultdict(list)
    for item in items:
        groups[key(item)].append(item)
    return groups


def _kind_of_image(item: tuple[Frame, PixelFormat]) -> tuple[Any, ...]:
    frame, pixel = item
    values = frame.record.values
    return (
        "LOCALIZER" in values.get("ImageType", ()),
        frame.rows,
        frame.columns,
        _for_one_array(pixel),
    )


@lru_cache(64)
def _for_one_array(pixel: PixelFormat) -> PixelFormat:
    """Return an encoding without what makes no difference to values in one array."""
    return replace(pixel, high_bit=0, planar=0)


def _by_orientation(
    members: list[tuple[Frame, PixelFormat]], localizer: bool
) -> list[SeriesPart]:
    pixel = members[0][1]
    frames = [frame for frame, _ in members]
    placed = [f for f in frames if f.position is not None and f.orientation is not None]
    rest = [f for f in frames if f.position is None or f.orientation is None]
    parts: list[SeriesPart] = []
    groups = _parallel(placed)
    # Hardly a plane has one beside it: a projection turned about an axis, or a radial
    # scan. Split by direction it would be as many series as slices.
    spinning = len(groups) > 3 and len(placed) < 2 * len(groups)
    if spinning and not localizer:
        note = ImageWarning(
            "orientations-differ",
            "The slices are not parallel: they are shown as a stack, in the order of "
            "their numbers, without a common geometry",
        )
        parts.append(
            SeriesPart(tuple(placed), pixel, False, localizer, warnings=(note,))
        )
    else:
        parts += [SeriesPart(tuple(group), pixel, True, localizer) for group in groups]
    if rest:
        parts.append(SeriesPart(tuple(rest), pixel, False, localizer))
    return parts


def _parallel(frames: list[Frame]) -> list[list[Frame]]:
    """Group frames whose cosines and spacing agree."""
    groups: list[tuple[Any, Any, list[Frame]]] = []
    for frame in frames:
        cosines, spacing = frame.orientation, frame.spacing
        for other, size, members in groups:
            if cosines == other or np.allclose(
                np.asarray(cosines),
                np.asarray(other),
                rtol=0,
                atol=SAME_DIRECTION,
            ):
                if size == spacing or (
                    size and spacing and np.allclose(size, spacing, rtol=1e-4, atol=0)
                ):
                    members.append(frame)
                    break
        else:
            groups.append((cosines, spacing, [frame]))
    return [members for _, _, members in groups]


def _size(part: SeriesPart) -> tuple[int, int]:
    return part.frames[0].rows, part.frames[0].columns


def _named(groups: list[SeriesPart]) -> list[SeriesPart]:
    """Say what sets the parts of one series apart."""
    sizes = len({_size(part) for part in groups})
    named = []
    for index, part in enumerate(groups):
        first = part.frames[0]
        if part.localizer:
            by, value = "localizer", str(index + 1)
        elif sizes > 1:
            by, value = "size", f"{first.columns}x{first.rows}"
        elif len({p.pixel for p in groups}) > 1:
            by, value = "encoding", str(index + 1)
        elif len({p.has_geometry for p in groups}) > 1:
            by, value = "geometry", "known" if part.has_geometry else "unknown"
        else:
            by, value = "orientation", str(index + 1)
        reason = f"split by {by}: the images do not make one volume"
        named.append(
            replace(
                part,
                split=Split(by, value, index, len(groups)),
                reasons=(*part.reasons, reason),
            )
        )
    counts = Counter((p.split.by, p.split.value) for p in named if p.split)
    return [
        replace(p, split=replace(p.split, value=f"{p.split.value}-{p.split.index + 1}"))
        if p.split and counts[(p.split.by, p.split.value)] > 1
        else p
        for p in named
    ]


def _places(frames: list[Frame]) -> np.ndarray[Any, np.dtype[np.int64]]:
    """Give planes at one place along the normal one number."""
    positions = np.array([f.position for f in frames], dtype=float)
    orientation = frames[0].orientation
    assert orientation is not None
    order, distances = order_along_normal(positions, orientation)
    sorted_distances = distances[order]
    new = np.concatenate([[0], np.diff(sorted_distances) > POSITION_TOLERANCE])
    places = np.empty(len(frames), dtype=np.int64)
    places[order] = np.cumsum(new)
    return places


def _by_place(part: SeriesPart) -> list[SeriesPart]:
    """Split a stack in which several planes are at one place."""
    frames = list(part.frames)
    if not part.has_geometry or len(frames) == 1:
        return [part]
    places = _places(frames)
    found = len(np.unique(places))
    if found == len(frames):
        return _passes(part, frames)
    by, values = _telling(frames, places)
    # Split by time, a film of one plane would be a series for each of its pictures.
    if found == 1 and _is_one_plane(frames) and set(by.split(" and ")) <= TIMES:
        return [_cine(part, by, values)]
    if by:
        groups = _grouped(list(range(len(frames))), lambda i: values[i])
        ordered = sorted(groups.items(), key=lambda item: _sortable(item[0]))
        return [
            replace(
                part,
                frames=tuple(frames[i] for i in members),
                split=Split(by, _readable(value), index, len(ordered)),
                reasons=(*part.reasons, f"split by {by}: planes lie at one place"),
            )
            for index, (value, members) in enumerate(ordered)
        ]
    return [_first_at_each_place(part, frames, places)]


def _passes(part: SeriesPart, frames: list[Frame]) -> list[SeriesPart]:
    """Take apart passes that lie between one another's slices.

    That is done where Acquisition Number gives volumes with even gaps, which overlap,
    and all together have uneven ones.
    """
    groups = _grouped(frames, lambda frame: frame.traits.get("acquisition"))
    if len(groups) < 2 or None in groups or _is_even(frames):
        return [part]
    members = [groups[value] for value in sorted(groups, key=lambda v: _sortable((v,)))]
    if any(len(group) < 2 or not _is_even(group) for group in members):
        return [part]
    spans = sorted((float(d[0]), float(d[-1])) for d in map(_distances, members))
    if not any(a[1] > b[0] for a, b in pairwise(spans)):
        return [part]
    reason = (
        f"split by Acquisition Number: {len(members)} passes overlap, and each has "
        "even gaps by itself"
    )
    return [
        replace(
            part,
            frames=tuple(group),
            split=Split(
                "acquisition",
                _readable((group[0].traits["acquisition"],)),
                index,
                len(members),
            ),
            reasons=(*part.reasons, reason),
        )
        for index, group in enumerate(members)
    ]


def _distances(frames: list[Frame]) -> np.ndarray[Any, np.dtype[np.float64]]:
    """Return the places along the normal in ascending order, mm."""
    positions = np.array([f.position for f in frames], dtype=float)
    orientation = frames[0].orientation
    assert orientation is not None
    order, distances = order_along_normal(positions, orientation)
    return distances[order]


def _is_even(frames: list[Frame]) -> bool:
    gaps = np.diff(_distances(frames))
    spread = float(np.ptp(gaps)) if gaps.size else 0.0
    return spread <= max(0.01 * float(np.median(gaps)), POSITION_TOLERANCE)


def _is_one_plane(frames: list[Frame]) -> bool:
    """Whether all frames lie over one another, not side by side."""
    positions = np.array([frame.position for frame in frames], dtype=float)
    return bool(np.ptp(positions, axis=0).max() <= POSITION_TOLERANCE)


def _cine(part: SeriesPart, by: str, values: list[Any]) -> SeriesPart:
    """Make a stack of one plane seen again and again: its slices are the times."""
    frames = list(part.frames)
    order = sorted(range(len(frames)), key=lambda i: _sortable(values[i]))
    note = ImageWarning(
        "one-place",
        f"All {len(frames)} images are of one plane: they are shown as a stack, in the "
        f"order of their {'numbers' if by == 'repeat' else by}",
    )
    return replace(
        part,
        frames=tuple(frames[i] for i in order),
        has_geometry=False,
        warnings=(*part.warnings, note),
        ordered=True,
    )


def _telling(
    frames: list[Frame], places: np.ndarray[Any, np.dtype[np.int64]]
) -> tuple[str, list[Any]]:
    """Find what differs between planes at one place."""
    varying = [
        kind for kind in _KINDS if len({frame.traits.get(kind) for frame in frames}) > 1
    ]
    # What one trait explains is what a reader would say of it (the echo, the b-value);
    # more are tried only where it does not, for chance tells any two images apart.
    for number in (1, 2, len(varying)):
        for kinds in combinations(varying, number):
            values = [tuple(f.traits.get(kind) for kind in kinds) for f in frames]
            if len(set(zip(places.tolist(), values, strict=True))) < len(frames):
                continue
            # something that is different everywhere explains nothing, but where all
            # are at one place; a segment is what its number says
            if (
                kinds == ("segment",)
                or not places.any()
                or len(set(values)) <= max(len(frames) // 2, 2)
            ):
                return " and ".join(kinds), values
    counts = np.bincount(places)
    if (counts == counts[0]).all():
        return "repeat", _occurrences(frames, places)
    return "", []


def _occurrences(
    frames: list[Frame], places: np.ndarray[Any, np.dtype[np.int64]]
) -> list[Any]:
    values: list[Any] = [None] * len(frames)
    seen: Counter[int] = Counter()
    for i in sorted(range(len(frames)), key=lambda i: frames[i].order):
        seen[int(places[i])] += 1
        values[i] = (seen[int(places[i])],)
    return values


def _first_at_each_place(
    part: SeriesPart, frames: list[Frame], places: np.ndarray[Any, np.dtype[np.int64]]
) -> SeriesPart:
    # Two planes at one place have no depth between them: no volume could hold both.
    taken: set[int] = set()
    kept, dropped = [], []
    for i in sorted(range(len(frames)), key=lambda i: frames[i].order):
        if int(places[i]) in taken:
            dropped.append(frames[i].record.file.path.name)
        else:
            taken.add(int(places[i]))
            kept.append(frames[i])
    note = ImageWarning(
        "same-place",
        f"{count_of(dropped, 'image')} left out: another image is at the same "
        "place, and nothing tells them apart. Put them into a folder of their own to "
        "annotate them",
    )
    return replace(part, frames=tuple(kept), warnings=(*part.warnings, note))


def _sortable(value: tuple[Any, ...]) -> tuple[Any, ...]:
    return tuple(
        (v is not None, isinstance(v, str), v if v is not None else 0)
        if not isinstance(v, tuple)
        else (True, True, "\\".join(map(str, v)))
        if any(isinstance(item, str) for item in v)
        else (True, False, float(v[0]))
        for v in value
    )


def _readable(value: tuple[Any, ...]) -> str:
    texts = []
    for item in value:
        parts = item if isinstance(item, tuple) else (item,)
        texts.append(
            "/".join(f"{p:g}" if isinstance(p, float) else str(p) for p in parts)
        )
    return ", ".join(texts)
