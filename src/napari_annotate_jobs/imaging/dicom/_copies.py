"""Files that are there twice, and files that lack what the others have."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from napari_annotate_jobs.errors import counted
from napari_annotate_jobs.imaging._types import ImageWarning

if TYPE_CHECKING:
    from collections.abc import Sequence

    from napari_annotate_jobs.imaging._types import PixelFormat

    from ._frame import Frame

__all__ = ["count_of", "without_copies", "without_rescale"]


def without_copies(
    frames: list[tuple[Frame, PixelFormat]],
) -> tuple[list[tuple[Frame, PixelFormat]], list[ImageWarning]]:
    """Leave out files that carry the same image as another.

    Other images under the same UID are kept, and named by their places.
    """
    seen: dict[tuple[str, int | None], list[Frame]] = defaultdict(list)
    kept, copies, others = [], [], []
    for frame, pixel in frames:
        uid = frame.record.values.get("SOPInstanceUID")
        name = frame.record.file.path.name
        if uid is not None:
            earlier = seen[uid, frame.number]
            earlier.append(frame)
            if any(_is_copy(frame, other) for other in earlier[:-1]):
                copies.append(name)
                continue
            if len(earlier) > 1:
                frame.nameless = True
                others.append(name)
        kept.append((frame, pixel))
    notes = []
    if copies:
        notes.append(
            ImageWarning(
                "duplicates",
                f"{count_of(copies, 'file')} left out: the same image is there twice",
            )
        )
    if others:
        notes.append(
            ImageWarning(
                "same-name",
                f"{count_of(others, 'file')} with the SOP Instance UID of another "
                "image: both are kept, the later named by its place. Other programs "
                "may take them for one",
            )
        )
    return kept, notes


def _is_copy(one: Frame, other: Frame) -> bool:
    """Whether two frames of one name are one image: their pixels say so."""
    if one.record is other.record:
        return True
    if one.position != other.position or one.orientation != other.orientation:
        return False
    if one.record.transfer_syntax != other.record.transfer_syntax or not one.length:
        return True  # what is coded in two ways cannot be compared
    return _pixels(one) == _pixels(other)


def _pixels(frame: Frame) -> bytes:
    try:
        with open(frame.record.file.path, "rb") as handle:
            handle.seek(frame.offset)
            return handle.read(frame.length)
    except OSError:
        return b""


def count_of(names: list[str], what: str) -> str:
    """Return how many files there are, in words."""
    # Not their names: what is said of a series goes into documents.
    return counted(len(set(names)), what)


def without_rescale(frames: Sequence[Frame], pixel: PixelFormat) -> list[ImageWarning]:
    """Say which files have no rescale among others that have one."""
    bare = [
        frame.record.file.path.name
        for frame in frames
        if "RescaleSlope" not in frame.record.values
        and "RescaleIntercept" not in frame.record.values
        and (frame.slope, frame.intercept) == (1.0, 0.0)
    ]
    rescaled = any(f.slope != 1.0 or f.intercept != 0.0 for f in frames)
    if not bare or not rescaled or pixel.has_lut:
        return []
    return [
        ImageWarning(
            "rescale-missing",
            f"{count_of(bare, 'file')} without the rescale that the others have: "
            "the values of these slices are as stored, and do not compare",
        )
    ]
