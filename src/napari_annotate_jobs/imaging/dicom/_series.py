"""From the frames of many DICOM files to the headers of series."""

from __future__ import annotations

from collections import Counter, defaultdict
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_annotate_jobs.errors import AnnotateJobsError
from napari_annotate_jobs.imaging._found import FoundFault
from napari_annotate_jobs.imaging._geometry import order_along_normal, stack_geometry
from napari_annotate_jobs.imaging._header import SeriesHeader
from napari_annotate_jobs.imaging._rescale import voxel_dtype
from napari_annotate_jobs.imaging._types import (
    FileRef,
    FrameSource,
    ImageWarning,
    PixelFormat,
)
from napari_annotate_jobs.model import SliceId

from ._details import Details, details_of
from ._frames import format_said, pixel_format
from ._join import joined
from ._record import WANTED
from ._split import SeriesPart, parts_of

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from ._frame import Frame

__all__ = ["headers_of"]

# modalities whose images are slices through the patient
_SECTIONAL = frozenset({"CT", "MR", "PT", "NM", "OPT", "RTDOSE", "SEG"})


def headers_of(
    frames: Iterable[Frame], path: Path
) -> tuple[list[SeriesHeader], list[FoundFault]]:
    """Group frames into series and describe each.

    Parameters
    ----------
    frames : iterable of Frame
        Of any number of files and series.
    path : Path
        What was opened.

    Returns
    -------
    headers : list of SeriesHeader
        In the order the series were met, localisers last.
    faults : list of FoundFault
        Files whose pixels cannot be understood.
    """
    series: dict[str, list[Frame]] = defaultdict(list)
    for frame in frames:
        values = frame.record.values
        uid = values.get("SeriesInstanceUID")
        series[uid or f"folder:{frame.record.file.path.parent}"].append(frame)
    headers: list[SeriesHeader] = []
    faults: list[FoundFault] = []
    for members in joined(list(series.values())):
        usable = _with_formats(members, faults)
        for part in parts_of(usable):
            try:
                headers.append(_header(part, path))
            except AnnotateJobsError as error:
                faults.append(FoundFault(part.frames[0].record.file.path, error))
    headers.sort(key=lambda header: header.localizer)
    return _with_distinct_keys(headers), faults


def _with_formats(
    frames: list[Frame], faults: list[FoundFault]
) -> list[tuple[Frame, PixelFormat]]:
    """Pair frames with their encoding; leave out files whose is not understood."""
    known: dict[tuple[Any, ...], PixelFormat] = {}
    usable = []
    record = pixel = None
    for frame in frames:
        if frame.record is not record:
            record = frame.record
            said = format_said(record)
            pixel = known.get(said)
            if pixel is None:
                try:
                    pixel = known[said] = pixel_format(record)
                except AnnotateJobsError as error:
                    faults.append(FoundFault(record.file.path, error))
        if pixel is not None:
            usable.append((frame, pixel))
    return usable


def _with_distinct_keys(headers: list[SeriesHeader]) -> list[SeriesHeader]:
    from dataclasses import replace

    seen: Counter[str] = Counter()
    result = []
    for header in headers:
        seen[header.key] += 1
        if seen[header.key] > 1:
            header = replace(header, key=f"{header.key}#{seen[header.key]}")
        result.append(header)
    return result


def _header(part: SeriesPart, path: Path) -> SeriesHeader:
    frames, notes, reasons = list(part.frames), list(part.warnings), list(part.reasons)
    geometry: dict[str, Any] = {}
    located = part.has_geometry
    spacing = frames[0].spacing
    if spacing is None:
        notes.append(
            ImageWarning(
                "spacing-unknown",
                "The image does not say how large its pixels are: measures are in "
                "pixels",
            )
        )
    if located:
        positions = np.array([frame.position for frame in frames], dtype=float)
        orientation = frames[0].orientation
        assert orientation is not None
        order, _ = order_along_normal(positions, orientation)
        frames = [frames[i] for i in order]
        stack = stack_geometry(
            positions[order],
            orientation,
            spacing or (1.0, 1.0),
            _stated_distance(frames[0]) or 1.0,
        )
        notes += stack.warnings
        geometry["spacing"] = (stack.spacing, *(spacing or (1.0, 1.0)))
        geometry["affine"] = stack.affine if spacing is not None else None
        geometry["origins"] = stack.origins if spacing is not None else None
    else:
        if not part.ordered:
            frames.sort(key=lambda frame: frame.order)
        distance = _stated_distance(frames[0])
        if distance is not None:
            reasons.append("the distance of slices is from Spacing Between Slices")
        elif _has_distance(frames, notes):
            notes.append(_DISTANCE_UNKNOWN)
        geometry["spacing"] = (distance or 1.0, *(spacing or (1.0, 1.0)))
    geometry["has_spacing"] = spacing is not None
    middle = frames[len(frames) // 2]
    details = details_of(middle)
    return _assemble(part, frames, path, details, geometry, notes, reasons)


_DISTANCE_UNKNOWN = ImageWarning(
    "slice-distance-unknown",
    "The images do not say how far apart they lie: distances across slices are not "
    "millimetres",
)


def _stated_distance(frame: Frame) -> float | None:
    """Return Spacing Between Slices, mm, where it is sane."""
    (distance,) = frame.record.values.get("SpacingBetweenSlices", (0.0,))[:1]
    return abs(distance) if 0 < abs(distance) < 1000 else None


def _has_distance(frames: list[Frame], notes: list[ImageWarning]) -> bool:
    """Whether there should be a distance between them: they are no film."""
    if len(frames) < 2 or frames[0].spacing is None:
        return False
    codes = {note.code for note in notes}
    return frames[0].record.values.get("Modality") in _SECTIONAL and not codes & {
        "one-place",
        "orientations-differ",
    }


def _assemble(
    part: SeriesPart,
    frames: list[Frame],
    path: Path,
    details: Details,
    geometry: dict[str, Any],
    notes: list[ImageWarning],
    reasons: list[str],
) -> SeriesHeader:
    first = frames[0].record
    values = first.values
    files, sources = _sources(frames)
    slices = tuple(_name(i, frame) for i, frame in enumerate(frames))
    shape = (len(frames), frames[0].rows, frames[0].columns)
    channels = part.pixel.samples
    if part.pixel.photometric == "PALETTE COLOR":
        channels = 3
    rescales = [(f.slope, f.intercept) for f in frames]
    dtype, optimistic, rescale = _voxels(part.pixel, details, rescales)
    applied = rescales if rescale is None and not part.pixel.has_lut else None
    uid = values.get("SeriesInstanceUID")
    split = part.split
    key = uid or first.file.path.stem
    padding = details.padding
    if padding is not None and rescale is not None:
        padding = padding * rescale[0] + rescale[1]
    return SeriesHeader(
        path=path,
        format="dicom",
        key=key if split is None else f"{key}#{split.by}={split.value}",
        files=files,
        frames=sources,
        shape=shape if channels == 1 else (*shape, channels),
        dtype=dtype,
        slices=slices,
        windows=details.windows,
        inverted=details.inverted,
        rescale=rescale,
        slice_rescale=None if applied is None else tuple(applied),
        optimistic=optimistic,
        unit=details.unit,
        suv=None if details.suv is None else details.suv[0],
        derivation=_derivation(values.get("ImageType", ())),
        padding=padding,
        series_uid=uid,
        study_uid=values.get("StudyInstanceUID"),
        modality=values.get("Modality"),
        description=details.description,
        frame_of_reference=values.get("FrameOfReferenceUID"),
        localizer=part.localizer,
        split=split,
        pixel=part.pixel,
        warnings=_distinct(
            (*notes, *_notes(frames), *_overlays(frames), *details.warnings)
        ),
        reasons=tuple(
            dict.fromkeys(
                (
                    *_reasons(frames),
                    *reasons,
                    *(() if details.suv is None else details.suv[1:]),
                )
            )
        ),
        **geometry,
    )


def _derivation(kinds: tuple[str, ...]) -> int:
    """Rank by Image Type, PS3.3 C.7.6.1.1.2: see :attr:`SeriesHeader.derivation`."""
    made = {"REFORMATTED", "MPR", "PROJECTION IMAGE", "MIP", "MINIP", "SCREEN SAVE"}
    if not kinds or kinds[0] != "DERIVED":
        return 2 if "SECONDARY" in kinds[1:2] and made & set(kinds) else 0
    if "SECONDARY" in kinds[1:2] or any(made & set(kind.split()) for kind in kinds):
        return 2
    return 2 if made & set(kinds) else 1


_OVERLAY_ROWS = frozenset(name for name in WANTED if name.startswith("OverlayRows"))


def _overlays(frames: list[Frame]) -> list[ImageWarning]:
    """Tell of overlay planes, PS3.3 C.9.2, which are not shown.

    The retired ones in unused bits of the pixels have a group like the others.
    """
    groups: set[str] = set()
    places = []
    for i, frame in enumerate(frames):
        values = frame.record.values
        if not _OVERLAY_ROWS.isdisjoint(values):
            own = _OVERLAY_ROWS.intersection(values)
            places.append(i)
            groups.update(f"60{2 * int(n[11:]):02X}" for n in own)
    if not places:
        return []
    return [
        ImageWarning(
            "overlay-planes",
            f"{len(places)} of {len(frames)} images carry overlays, such as drawings "
            f"or text of another program (group {', '.join(sorted(groups))}), which "
            "are not shown",
            tuple(places),
        )
    ]


def _one_each(frames: list[Frame]) -> list[Frame]:
    """Return one frame of each file."""
    return list({id(frame.record): frame for frame in frames}.values())


def _notes(frames: list[Frame]) -> list[ImageWarning]:
    return [note for frame in _one_each(frames) for note in frame.record.notes]


def _reasons(frames: list[Frame]) -> list[str]:
    return [reason for frame in _one_each(frames) for reason in frame.record.reasons]


def _distinct(notes: tuple[ImageWarning, ...]) -> tuple[ImageWarning, ...]:
    return tuple(dict.fromkeys(notes))


def _name(index: int, frame: Frame) -> SliceId:
    uid = None if frame.nameless else _uid(frame.record.values.get("SOPInstanceUID"))
    number = frame.number if uid else None
    return SliceId(index=index, sop_instance_uid=uid, frame=number)


def _uid(text: str | None) -> str | None:
    """Return a UID that names a slice, or None for one that is malformed."""
    if text and len(text) <= 64 and not text.strip("0123456789."):
        return text
    return None


def _sources(
    frames: list[Frame],
) -> tuple[tuple[FileRef, ...], tuple[FrameSource, ...]]:
    places: dict[int, int] = {}
    files: list[FileRef] = []
    sources = []
    for frame in frames:
        record = frame.record
        index = places.get(id(record))
        if index is None:
            index = places[id(record)] = len(files)
            files.append(record.file)
        number = 0 if frame.number is None else frame.number - 1
        tile = None
        if frame.tile is not None:
            number = 0
            values = record.values
            tile = (*frame.tile[:2], values["Rows"], values["Columns"])
        sources.append(FrameSource(index, number, frame.offset, frame.length, tile))
    return tuple(files), tuple(sources)


def _voxels(
    pixel: PixelFormat, details: Details, rescales: list[tuple[float, float]]
) -> tuple[np.dtype[Any], bool, tuple[float, float] | None]:
    """Type of the voxels, whether it is optimistic, and the one rescale."""
    stored = stored_dtype(pixel)
    if pixel.has_lut:
        return details.lut_dtype or stored, False, None
    if pixel.samples > 1:
        return stored, False, (1.0, 0.0)
    dtype, optimistic = voxel_dtype(stored, pixel.stored, rescales)
    return dtype, optimistic, rescales[0] if len(set(rescales)) == 1 else None


def stored_dtype(pixel: PixelFormat) -> np.dtype[Any]:
    """Return the type of the stored values, in native byte order."""
    if pixel.element != "PixelData":
        return np.dtype(np.float32 if pixel.allocated == 32 else np.float64)
    if pixel.allocated == 1:
        return np.dtype(np.uint8)
    return np.dtype(f"{'i' if pixel.signed else 'u'}{-(-pixel.allocated // 8)}")
