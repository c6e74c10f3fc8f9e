"""RTSTRUCT as masks on the slices they were drawn on."""

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
from napari_annotate_jobs.formats._place import ijk_to_lps, slice_origins
from napari_annotate_jobs.imaging import quiet, read_dataset
from napari_annotate_jobs.model import Concept, Method, Provenance

from ._contours import fill_outlines
from ._kind import RTSTRUCT
from ._object import whole_name
from ._read_seg import code_of, made_by

if TYPE_CHECKING:
    import os
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray
    from pydicom.dataset import Dataset

    from napari_annotate_jobs.imaging import SeriesHeader

__all__ = ["read_rtstruct", "rtstruct_series"]

CLOSED = frozenset({"CLOSED_PLANAR", "CLOSEDPLANAR_XOR", "CLOSED_PLANAR_XOR"})
_TILT_MM = 0.1
"""How far the points of an outline may lie from one plane."""


def read_rtstruct(path: str | os.PathLike[str], header: SeriesHeader) -> Incoming:
    """Read the structures of an RTSTRUCT as masks on the slices of a series.

    An outline belongs to the slice in whose plane it lies. Those of one structure
    on one slice are combined by the rule of even and odd: what lies inside another is
    a hole. A pixel is inside when its centre is, or lies on the outline.

    Parameters
    ----------
    path : path-like
        The file.
    header : SeriesHeader
        The images it was made on.

    Returns
    -------
    Incoming
        Its slices have the indices of `header`; masks are filled when they are asked
        for. ``notes`` says what was left out, and why.

    Raises
    ------
    InvalidValueError
        If it is no RTSTRUCT, or the images have no place in the patient or another.
    UnreadableImageError
        If it is damaged.
    """
    path = Path(path)
    dataset = read_dataset(path)
    if str(dataset.get("SOPClassUID")) != RTSTRUCT:
        raise InvalidValueError(
            "this is no RTSTRUCT",
            where=path,
            remedy="Choose a file of modality RTSTRUCT",
        )
    if header.affine is None:
        raise InvalidValueError(
            "the images have no place in the patient, and outlines have no other",
            where=header.path,
            remedy="Import onto images with position, orientation and spacing",
        )
    try:
        with quiet():
            return _incoming(path, dataset, header)
    except AnnotateJobsError:
        raise
    except Exception as error:
        raise UnreadableImageError(
            f"its structures are damaged ({error})",
            where=path,
            remedy="Copy or export the file again",
        ) from error


def rtstruct_series(path: str | os.PathLike[str]) -> list[str]:
    """Return the UIDs of the series that an RTSTRUCT was made on.

    Parameters
    ----------
    path : path-like
        The file.

    Raises
    ------
    UnreadableImageError
        If it is no DICOM.
    """
    dataset = read_dataset(Path(path))
    return [
        str(series.SeriesInstanceUID)
        for frame in dataset.get("ReferencedFrameOfReferenceSequence") or ()
        for study in frame.get("RTReferencedStudySequence") or ()
        for series in study.get("RTReferencedSeriesSequence") or ()
        if series.get("SeriesInstanceUID")
    ]


def _incoming(path: Path, dataset: Dataset, header: SeriesHeader) -> Incoming:
    structures = {int(item.ROINumber): item for item in dataset.StructureSetROISequence}
    frames = {
        str(item.get("ReferencedFrameOfReferenceUID") or "")
        for item in structures.values()
    } - {""}
    if frames and header.frame_of_reference and header.frame_of_reference not in frames:
        raise InvalidValueError(
            "it was made in another frame of reference than the images have",
            where=path,
            remedy="Import it onto the series it was made on",
        )
    names = dict(
        zip(
            structures,
            unique_names([_name(item) for item in structures.values()]),
            strict=True,
        )
    )
    notes: list[str] = []
    grid = _Grid(header)
    slices: dict[int, dict[str, list[NDArray[np.float64]]]] = defaultdict(dict)
    off: dict[int, list[float]] = defaultdict(list)
    colors: dict[int, str] = {}
    for item in dataset.get("ROIContourSequence") or ():
        number = int(item.ReferencedROINumber)
        if number not in structures:
            continue
        color = item.get("ROIDisplayColor")
        if color is not None and len(color) == 3:
            colors[number] = "#{:02X}{:02X}{:02X}".format(
                *(int(c) & 255 for c in color)
            )
        left_out: dict[str, int] = defaultdict(int)
        for contour in item.get("ContourSequence") or ():
            kind = str(contour.get("ContourGeometricType"))
            if kind not in CLOSED:
                left_out[f"are of the kind {kind}"] += 1
                continue
            points = np.array(contour.ContourData, dtype=float).reshape(-1, 3)
            index, away, why = grid.place(points)
            if index is None:
                left_out[why] += 1
                continue
            slices[index].setdefault(names[number], []).append(
                grid.pixels(points, index)
            )
            off[index].append(away)
        notes += [
            f"{count} outlines of {names[number]} {why}, and were left out"
            for why, count in left_out.items()
        ]
    return Incoming(
        path=path,
        title=made_by("RTSTRUCT", dataset),
        labels=tuple(
            IncomingLabel(
                name=names[number],
                method=Method.SEGMENTATION,
                color=colors.get(number),
                concept=_concepts(dataset).get(number),
                number=number,
            )
            for number in structures
        ),
        slices=tuple(
            IncomingSlice(
                sop_instance_uid=header.slices[index].sop_instance_uid,
                frame=header.slices[index].frame,
                index=index,
                origin=grid.shifted(index, max(off[index], key=abs)),
                masks=_OutlineMasks(slices[index], (header.shape[1], header.shape[2])),
            )
            for index in sorted(slices)
        ),
        plane=(header.shape[1], header.shape[2]),
        provenance=_provenance(structures),
        series_uid=header.series_uid,
        study_uid=str(dataset.get("StudyInstanceUID") or "") or None,
        frame_of_reference=header.frame_of_reference,
        affine=header.affine,
        notes=tuple(notes),
    )


class _Grid:
    """Where the slices lie, and which of them a point belongs to."""

    def __init__(self, header: SeriesHeader) -> None:
        affine = ijk_to_lps(header)
        self._origins = slice_origins(header)
        self._steps = affine[:3, :2]
        normal = np.cross(affine[:3, 0], affine[:3, 1])
        self._normal = normal / np.linalg.norm(normal)
        self._heights = self._origins @ self._normal
        gaps = np.diff(np.sort(self._heights))
        self._room = float(np.min(gaps)) / 2 if len(gaps) else header.spacing[0] / 2

    def place(self, points: NDArray[np.float64]) -> tuple[int | None, float, str]:
        """Return the slice of an outline and how far it is off, or why it has none."""
        heights = points @ self._normal
        if np.ptp(heights) > max(_TILT_MM, self._room / 5):
            return None, 0.0, "lie across the slices"
        height = float(heights.mean())
        index = int(np.argmin(np.abs(self._heights - height)))
        away = height - float(self._heights[index])
        if abs(away) > self._room:
            return None, 0.0, "lie on no slice of the images"
        worst = heights - self._heights[index]
        return index, float(worst[np.argmax(np.abs(worst))]), ""

    def pixels(self, points: NDArray[np.float64], index: int) -> NDArray[np.float64]:
        """Return (row, column) of points in a slice."""
        found, *_ = np.linalg.lstsq(
            self._steps, (points - self._origins[index]).T, rcond=None
        )
        return np.asarray(found[::-1].T)

    def shifted(self, index: int, away: float) -> tuple[float, float, float]:
        """Return the origin of a slice, moved along the normal."""
        x, y, z = (self._origins[index] + away * self._normal).tolist()
        return x, y, z


class _OutlineMasks(Mapping[str, Any]):
    """The masks of one slice, filled when they are asked for."""

    def __init__(
        self,
        outlines: Mapping[str, Sequence[NDArray[np.float64]]],
        plane: tuple[int, int],
    ) -> None:
        self._outlines, self._plane = outlines, plane

    def __iter__(self) -> Iterator[str]:
        return iter(self._outlines)

    def __len__(self) -> int:
        return len(self._outlines)

    def __getitem__(self, name: str) -> NDArray[np.bool_]:
        return fill_outlines(self._outlines[name], self._plane)


def _concepts(dataset: Dataset) -> dict[int, Concept]:
    found: dict[int, Concept] = {}
    for item in dataset.get("RTROIObservationsSequence") or ():
        kind = code_of(item, "RTROIIdentificationCodeSequence")
        if kind is None:
            continue
        own = item.RTROIIdentificationCodeSequence[0]
        region = item.get("AnatomicRegionSequence")
        found[int(item.ReferencedROINumber)] = Concept(
            **dict(kind),
            modifier=code_of(own, "SegmentedPropertyTypeModifierCodeSequence"),
            region=code_of(item, "AnatomicRegionSequence"),
            region_modifier=code_of(region[0], "AnatomicRegionModifierSequence")
            if region
            else None,
        )
    return found


def _provenance(structures: Mapping[int, Dataset]) -> Provenance:
    ways = {str(item.get("ROIGenerationAlgorithm")) for item in structures.values()}
    return Provenance.PREDICTED if ways == {"AUTOMATIC"} else Provenance.IMPORTED


def _name(item: Dataset) -> str:
    short, whole = item.get("ROIName"), item.get("ROIDescription")
    return whole_name(str(short or ""), str(whole or ""))
