"""Slices of one volume, each of which was given a series of its own."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_annotate_jobs.imaging._geometry import (
    POSITION_TOLERANCE,
    order_along_normal,
)
from napari_annotate_jobs.imaging._types import ImageWarning

if TYPE_CHECKING:
    from ._frame import Frame

__all__ = ["joined"]

_FEWEST = 3


def joined(series: list[list[Frame]]) -> list[list[Frame]]:
    """Join series of one slice each that make one volume.

    Anonymisers and converters sometimes give each file a Series Instance UID of its
    own. Files of one study, frame of reference, modality and kind, with the same
    size and orientation, are one volume if their slices have even distances.

    Parameters
    ----------
    series : list of list of Frame
        The frames of each series.

    Returns
    -------
    list of list of Frame
        In the same order, those that were joined in the place of the first; a
        warning says so.
    """
    alone: dict[Any, list[int]] = defaultdict(list)
    for number, frames in enumerate(series):
        if len(frames) == 1 and (kind := _kind(frames[0])) is not None:
            alone[kind].append(number)
    instead: dict[int, list[Frame]] = {}
    gone: set[int] = set()
    for numbers in alone.values():
        frames = [series[number][0] for number in numbers]
        if len(frames) < _FEWEST or not _is_volume(frames):
            continue
        note = ImageWarning(
            "series-joined",
            f"{len(frames)} files have a Series Instance UID of their own each, but "
            "are the slices of one volume by their study, place and kind: they were "
            "joined",
        )
        frames[0].record.notes.append(note)
        frames[0].record.reasons.append(
            "joined by study, frame of reference, orientation and even distances: "
            "each file has a Series Instance UID of its own"
        )
        instead[numbers[0]] = frames
        gone.update(numbers[1:])
    return [
        instead.get(number, frames)
        for number, frames in enumerate(series)
        if number not in gone
    ]


def _kind(frame: Frame) -> tuple[Any, ...] | None:
    """Return what slices of one volume have in common; None of what has no place."""
    values = frame.record.values
    study, place = values.get("StudyInstanceUID"), values.get("FrameOfReferenceUID")
    if frame.position is None or frame.orientation is None or not study or not place:
        return None
    if "LOCALIZER" in values.get("ImageType", ()) or not values.get("Modality"):
        return None
    return (
        study,
        place,
        values["Modality"],
        values.get("ImageType"),
        values.get("EchoTime"),
        frame.rows,
        frame.columns,
        frame.spacing,
        tuple(round(c, 3) for c in frame.orientation),
        frame.record.transfer_syntax,
    )


def _is_volume(frames: list[Frame]) -> bool:
    """Whether the slices follow one another evenly, in a straight line."""
    positions = np.array([frame.position for frame in frames], dtype=float)
    orientation = frames[0].orientation
    assert orientation is not None
    order, _ = order_along_normal(positions, orientation)
    steps = np.diff(positions[order], axis=0)
    lengths = np.linalg.norm(steps, axis=1)
    usual = float(np.median(lengths))
    spread = float(np.abs(steps - np.median(steps, axis=0)).max())
    return usual > POSITION_TOLERANCE and spread <= max(
        0.01 * usual, POSITION_TOLERANCE
    )
