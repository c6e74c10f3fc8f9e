"""DICOM segmentations, read by pydicom alone."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_annotate_jobs.errors import (
    AnnotateJobsError,
    InvalidValueError,
    UnreadableImageError,
)
from napari_annotate_jobs.formats._incoming import (
    Incoming,
    IncomingLabel,
    IncomingSlice,
    unique_names,
)
from napari_annotate_jobs.imaging import quiet, read_dataset
from napari_annotate_jobs.model import Code, Concept, Method, Provenance

from ._kind import SEGMENTATIONS
from ._object import whole_name
from ._seg_pixels import frame_reader

if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Iterator, Sequence

    from numpy.typing import NDArray
    from pydicom.dataset import Dataset

    ReadFrame = Callable[[int], NDArray[np.integer]]

__all__ = ["code_of", "made_by", "read_seg"]

_NEAR_MM = 1e-3


def read_seg(path: str | os.PathLike[str]) -> Incoming:
    """Read a DICOM SEG: BINARY, FRACTIONAL or LABELMAP, with overlap.

    Frames belong to segments by their Referenced Segment Number, and to slices by
    their own position and the image they name; their order does not count.

    Parameters
    ----------
    path : path-like
        The file.

    Returns
    -------
    Incoming
        Masks are decoded when they are asked for.

    Raises
    ------
    InvalidValueError
        If it is no DICOM SEG.
    UnreadableImageError
        If it is damaged.
    """
    path = Path(path)
    dataset = read_dataset(path)
    kind = SEGMENTATIONS.get(str(dataset.get("SOPClassUID")))
    if kind is None:
        raise InvalidValueError(
            "this is no DICOM segmentation",
            where=path,
            remedy="Choose a file of modality SEG",
        )
    try:
        with quiet():
            return _incoming(path, dataset, kind)
    except AnnotateJobsError:
        raise
    except Exception as error:
        raise UnreadableImageError(
            f"its description of segments and frames is damaged ({error})",
            where=path,
            remedy="Copy or export the file again",
        ) from error


def _incoming(path: Path, dataset: Dataset, kind: str) -> Incoming:
    labelmap = str(dataset.SegmentationType) == "LABELMAP"
    plane = int(dataset.Rows), int(dataset.Columns)
    segments = {int(item.SegmentNumber): item for item in dataset.SegmentSequence}
    if labelmap:
        segments.pop(int(dataset.get("PixelPaddingValue", 0)), None)
    names = dict(
        zip(
            segments,
            unique_names([_name(item) for item in segments.values()]),
            strict=True,
        )
    )
    labels = tuple(
        IncomingLabel(
            name=names[number],
            method=Method.SEGMENTATION,
            color=_color(item),
            concept=_concept(item),
            number=number,
        )
        for number, item in segments.items()
    )
    shared = dataset.SharedFunctionalGroupsSequence[0]
    groups = dataset.PerFrameFunctionalGroupsSequence
    count = int(dataset.NumberOfFrames)
    if len(groups) != count:
        raise UnreadableImageError(
            f"it has {count} frames and describes {len(groups)}",
            where=path,
            remedy="Copy or export the file again",
        )
    notes = []
    threshold = 1
    if str(dataset.SegmentationType) == "FRACTIONAL":
        threshold = max(1, -(-int(dataset.get("MaximumFractionalValue", 255)) // 2))
        notes.append("fractions of one half and more were taken for the segment")
    known: dict[Any, Any] = {}
    frames = [_Frame(each, shared, labelmap, known) for each in groups]
    unknown = {f.segment for f in frames} - set(segments) - {0}
    if unknown:
        raise UnreadableImageError(
            f"frames belong to segment {min(unknown)}, which is not described",
            where=path,
            remedy="Export the file again",
        )
    read = frame_reader(path, dataset)
    slices = tuple(_slices(frames, names, read, labelmap, threshold))
    ways = {str(s.get("SegmentAlgorithmType")) for s in segments.values()}
    return Incoming(
        path=path,
        title=made_by(
            kind, dataset, [s.get("SegmentAlgorithmName") for s in segments.values()]
        ),
        labels=labels,
        slices=slices,
        plane=plane,
        provenance=Provenance.PREDICTED
        if ways == {"AUTOMATIC"}
        else Provenance.IMPORTED,
        series_uid=_series_uid(dataset),
        study_uid=str(dataset.get("StudyInstanceUID") or "") or None,
        frame_of_reference=str(dataset.get("FrameOfReferenceUID") or "") or None,
        affine=_affine(path, groups, shared, frames),
        notes=tuple(notes),
    )


class _Frame:
    """Where one frame belongs."""

    def __init__(
        self, own: Dataset, shared: Dataset, labelmap: bool, known: dict[Any, Any]
    ) -> None:
        self.origin: tuple[float, ...] | None = _once(
            own, shared, "PlanePositionSequence", _origin, known
        )
        self.segment = 0
        if not labelmap:
            item = _item(own, shared, "SegmentIdentificationSequence")
            assert item is not None, "a frame names no segment"
            self.segment = int(item.ReferencedSegmentNumber)
        self.image: tuple[str, int | None] | None = _once(
            own, shared, "DerivationImageSequence", _image, known
        )


def _once(
    own: Dataset,
    shared: Dataset,
    keyword: str,
    read: Callable[[Dataset | None], Any],
    known: dict[Any, Any],
) -> Any:
    """Read a group, once where several frames have the same: of all segments."""
    raw = own.get_item(keyword) if keyword in own else None
    value = getattr(raw, "value", None)
    if not isinstance(value, bytes):
        return read(_item(own, shared, keyword))
    if (keyword, value) not in known:
        known[keyword, value] = read(_item(own, shared, keyword))
    return known[keyword, value]


def _origin(place: Dataset | None) -> tuple[float, ...] | None:
    position = None if place is None else place.get("ImagePositionPatient")
    return None if position is None else tuple(float(v) for v in position)


def _image(derivation: Dataset | None) -> tuple[str, int | None] | None:
    """Return UID and frame of the one image a frame was made of."""
    sources = () if derivation is None else derivation.get("SourceImageSequence")
    if not sources or len(sources) != 1:
        return None
    number = sources[0].get("ReferencedFrameNumber")
    if number is not None and not isinstance(number, int | str):
        number = number[0] if len(number) == 1 else None
    uid = str(sources[0].ReferencedSOPInstanceUID)
    return uid, None if number in (None, "") else int(number)


def _slices(
    frames: Sequence[_Frame],
    names: Mapping[int, str],
    read: ReadFrame,
    labelmap: bool,
    threshold: int,
) -> Iterator[IncomingSlice]:
    """Bring the frames of one place together."""
    places: dict[Any, list[int]] = defaultdict(list)
    for number, frame in enumerate(frames):
        places[_place(frame, number)].append(number)
    for numbers in places.values():
        first = frames[numbers[0]]
        images = {frames[number].image for number in numbers}
        uid, part = (images.pop() or (None, None)) if len(images) == 1 else (None, None)
        masks: Mapping[str, NDArray[np.bool_]]
        if labelmap:
            masks = _MapMasks(numbers, names, read)
        else:
            own: dict[str, list[int]] = defaultdict(list)
            for number in numbers:
                own[names[frames[number].segment]].append(number)
            masks = _BitMasks(own, read, threshold)
        yield IncomingSlice(
            sop_instance_uid=uid,
            frame=part,
            origin=first.origin,  # type: ignore[arg-type]
            index=None if uid or first.origin else numbers[0],
            masks=masks,
        )


def _place(frame: _Frame, number: int) -> Any:
    if frame.origin is not None:
        return tuple(round(v / _NEAR_MM) for v in frame.origin)
    return frame.image or number


class _BitMasks(Mapping[str, Any]):
    """The masks of one slice, each from frames of its own."""

    def __init__(
        self, frames: Mapping[str, Sequence[int]], read: ReadFrame, threshold: int
    ) -> None:
        self._frames, self._read, self._threshold = dict(frames), read, threshold

    def __iter__(self) -> Iterator[str]:
        return iter(self._frames)

    def __len__(self) -> int:
        return len(self._frames)

    def __getitem__(self, name: str) -> NDArray[np.bool_]:
        first, *more = self._frames[name]
        found = self._one(first)
        for number in more:
            found = found | self._one(number)
        return found

    def _one(self, number: int) -> NDArray[np.bool_]:
        pixels = self._read(number)
        if self._threshold == 1 and pixels.dtype == np.uint8:
            return pixels.view(np.bool_) if pixels.max() <= 1 else pixels > 0
        return np.asarray(pixels >= self._threshold)


class _MapMasks(Mapping[str, Any]):
    """The masks of one slice, all from label maps."""

    def __init__(
        self, frames: Sequence[int], names: Mapping[int, str], read: ReadFrame
    ) -> None:
        self._frames, self._names, self._read = tuple(frames), names, read
        self._values: dict[str, int] | None = None

    def _known(self) -> dict[str, int]:
        if self._values is None:
            there = {
                int(value)
                for number in self._frames
                for value in np.flatnonzero(np.bincount(self._read(number).ravel()))
            }
            self._values = {n: v for v, n in self._names.items() if v in there}
        return self._values

    def __iter__(self) -> Iterator[str]:
        return iter(self._known())

    def __len__(self) -> int:
        return len(self._known())

    def __getitem__(self, name: str) -> NDArray[np.bool_]:
        value = self._known()[name]
        found = [self._read(number) == value for number in self._frames]
        return np.asarray(np.any(found, axis=0))


# ------------------------------------------------------------------- what it says
def made_by(kind: str, dataset: Dataset, algorithms: Sequence[Any] = ()) -> str:
    """Return what made a file: format, program, version, algorithms."""
    version = dataset.get("SoftwareVersions") or ""
    if not isinstance(version, str):
        version = " ".join(map(str, version))
    maker = str(dataset.get("Manufacturer") or "").strip()
    model = str(dataset.get("ManufacturerModelName") or "").strip()
    program = model if model.startswith(maker) else f"{maker} {model}"
    names = dict.fromkeys(str(name) for name in algorithms if name)
    parts = [kind, f"{program} {version}".strip(), *names]
    return ", ".join(part for part in parts if part)


def _item(own: Dataset, shared: Dataset, keyword: str) -> Dataset | None:
    for group in (own, shared):
        found = group.get(keyword)
        if found:
            item: Dataset = found[0]
            return item
    return None


def _affine(
    path: Path, groups: Any, shared: Dataset, frames: Sequence[_Frame]
) -> NDArray[np.float64] | None:
    """Return the affine of the frames; None where they have no place."""
    first = groups[0]
    plane = _item(first, shared, "PlaneOrientationSequence")
    measures = _item(first, shared, "PixelMeasuresSequence")
    if plane is None or measures is None or frames[0].origin is None:
        return None
    cosines = np.array(plane.ImageOrientationPatient, dtype=float)
    for each in groups:
        other = each.get("PlaneOrientationSequence")
        if other and not np.allclose(
            np.array(other[0].ImageOrientationPatient, dtype=float), cosines, atol=1e-4
        ):
            raise InvalidValueError(
                "its frames lie in planes of different orientation",
                where=path,
                remedy="Import one orientation at a time",
            )
    rows, columns = (float(v) for v in measures.PixelSpacing)
    step = measures.get("SpacingBetweenSlices") or measures.get("SliceThickness") or 1
    affine = np.eye(4)
    affine[:3, 0] = np.cross(cosines[:3], cosines[3:]) * float(step)
    affine[:3, 1] = cosines[3:] * rows
    affine[:3, 2] = cosines[:3] * columns
    affine[:3, 3] = frames[0].origin
    return affine


def _series_uid(dataset: Dataset) -> str | None:
    series = list(dataset.get("ReferencedSeriesSequence") or ())
    return str(series[0].SeriesInstanceUID) if len(series) == 1 else None


def _color(item: Dataset) -> str | None:
    value = item.get("RecommendedDisplayCIELabValue")
    if value is None or len(value) != 3:
        return None
    from skimage.color import lab2rgb

    lightness, a, b = (float(v) for v in value)
    lab = [lightness * 100 / 65535, a * 255 / 65535 - 128, b * 255 / 65535 - 128]
    rgb = np.rint(255 * lab2rgb(np.array([[lab]]))[0, 0]).astype(int)
    return "#{:02X}{:02X}{:02X}".format(*rgb.tolist())


def _concept(item: Dataset) -> Concept | None:
    kind = code_of(item, "SegmentedPropertyTypeCodeSequence")
    if kind is None:
        return None
    own = item.SegmentedPropertyTypeCodeSequence[0]
    region = item.get("AnatomicRegionSequence")
    return Concept(
        **dict(kind),
        category=code_of(item, "SegmentedPropertyCategoryCodeSequence"),
        modifier=code_of(own, "SegmentedPropertyTypeModifierCodeSequence"),
        region=code_of(item, "AnatomicRegionSequence"),
        region_modifier=code_of(region[0], "AnatomicRegionModifierSequence")
        if region
        else None,
    )


def code_of(item: Dataset, keyword: str) -> Code | None:
    """Return the first code of a sequence; None where it has none that is whole."""
    sequence = item.get(keyword)
    if not sequence:
        return None
    code = sequence[0]
    value = code.get("CodeValue") or code.get("LongCodeValue")
    scheme, meaning = code.get("CodingSchemeDesignator"), code.get("CodeMeaning")
    if not (value and scheme and meaning):
        return None
    return Code(
        scheme=str(scheme)[:16], value=str(value)[:64], meaning=str(meaning)[:64]
    )


def _name(item: Dataset) -> str:
    short, whole = item.get("SegmentLabel"), item.get("SegmentDescription")
    return whole_name(str(short or ""), str(whole or ""))
