"""DICOM Segmentation: masks with codes, on the images they were drawn on."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import numpy as np
from pydantic import Field

from napari_annotate_jobs.errors import CorruptError
from napari_annotate_jobs.formats._contract import CaseFiles, FormatOptions
from napari_annotate_jobs.formats._place import TOLERANCE_MM, slice_origins
from napari_annotate_jobs.imaging import quiet
from napari_annotate_jobs.model import Code, Method, Provenance

from ._exporter import DicomExporter, DicomOptions
from ._object import (
    PROGRAM,
    category_of,
    concept_of,
    creator,
    decimals,
    derived_uid,
    described,
    even_gap,
    frame_number,
    highdicom_code,
    images,
    is_placed,
    long_names,
    moment,
    plane_sequences,
    quietly_saved,
    read_names,
    settle,
    source_of,
    version,
)
from ._seg_proof import check_frame, check_masks
from ._seg_stream import FrameSpool, SliceGroups, append_frames

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from numpy.typing import NDArray
    from pydicom.dataset import Dataset

    from napari_annotate_jobs.formats._case import AnnotatedCase
    from napari_annotate_jobs.imaging import DicomSource
    from napari_annotate_jobs.model import Label

__all__ = ["DicomSegExporter", "DicomSegOptions"]

_FAMILY = {
    Provenance.INTERPOLATED: Code(
        scheme="DCM", value="123104", meaning="Morphological Operations"
    ),
    Provenance.PREDICTED: Code(
        scheme="DCM", value="123110", meaning="Artificial Intelligence"
    ),
}
_BY_HAND = Code(scheme="DCM", value="123109", meaning="Manual Processing")


class DicomSegOptions(DicomOptions):
    """Choices of the DICOM SEG export."""

    type: Literal["binary", "labelmap"] = Field(
        default="binary",
        description="binary: a bit a pixel and segment, read everywhere, overlap kept; "
        "labelmap: label values, compressed (RLE), for readers of DICOM 2024 and later",
    )
    empty_frames: bool = Field(
        default=False,
        description="Write a frame for every slice and segment, empty ones too, for "
        "old viewers; only for binary",
    )


@dataclass
class _Content:
    """What came to light while the frames were made."""

    used: dict[int, set[Provenance]] = field(default_factory=dict)
    overlap: bool = False


class DicomSegExporter(DicomExporter):
    """One DICOM SEG a case, by highdicom."""

    title = "DICOM SEG"
    methods = frozenset({Method.SEGMENTATION})
    Options: ClassVar[type[FormatOptions]] = DicomSegOptions

    def __init__(
        self, options: FormatOptions | None = None, *, priority: Sequence[int] = ()
    ) -> None:
        super().__init__(options, priority=priority)
        self.keeps_overlap = self.options.type == "binary"

    # ----------------------------------------------------------------- writing
    def write_case(self, case: AnnotatedCase, folder: Path) -> CaseFiles:
        """Write ``<case>.seg.dcm``."""
        placed = is_placed(case, self.title)
        source = source_of(case)
        with FrameSpool(folder) as spool, quiet():
            labels = described(case)
            content = self._collect(case, spool, labels)
            self._fill_up(case, spool, labels)
            name = f"{case.stem}.seg.dcm"
            self._write(folder / name, case, source, spool, content, labels, placed)
        return CaseFiles(files=(name,))

    @property
    def _labelmap(self) -> bool:
        return not self.keeps_overlap

    def _collect(
        self, case: AnnotatedCase, spool: FrameSpool, labels: Sequence[Label]
    ) -> _Content:
        """Encode the frames, slice by slice; by label id for now."""
        content = _Content()
        # As wide as the segments that are described, which highdicom goes by.
        kind = _kind(labels)
        for index in range(case.n_slices):
            refs = case.said(index).masks
            for ref in refs.values():
                for label in ref.pixels:
                    content.used.setdefault(label, set()).add(ref.provenance)
            if self._labelmap:
                if refs:
                    pixels = case.label_map(index, self.priority).astype(kind)
                    spool.add(0, index, _rle(pixels))
                continue
            there: NDArray[np.bool_] | None = None
            for group, ref in refs.items():
                mask = case.mask(index, group)
                if mask is None:
                    continue
                if len(refs) > 1:
                    any_ = mask > 0
                    content.overlap |= there is not None and bool((there & any_).any())
                    there = any_ if there is None else there | any_
                for label in ref.pixels:
                    spool.add(label, index, _packed(mask == label))
        return content

    def _fill_up(
        self, case: AnnotatedCase, spool: FrameSpool, labels: Sequence[Label]
    ) -> None:
        """Add empty frames where they are wanted, or there is no other."""
        empty = _packed(np.zeros(case.plane, bool))
        if self._labelmap:
            if not len(spool):
                kind = _kind(labels)
                spool.add(0, 0, _rle(np.zeros(case.plane, kind)))
            return
        if self.options.empty_frames:
            indices = list(range(case.n_slices))
        else:
            indices = [] if len(spool) else [next(case.decided(), 0)]
        for label in labels:
            for index in indices:
                if (label.id, index) not in spool:
                    spool.add(label.id, index, empty)

    def _write(
        self,
        path: Path,
        case: AnnotatedCase,
        source: DicomSource,
        spool: FrameSpool,
        content: _Content,
        labels: Sequence[Label],
        placed: bool,
    ) -> None:
        import highdicom as hd
        from pydicom.uid import ExplicitVRLittleEndian, RLELossless

        numbers = self._numbers(labels)
        summary, header = case.summary, case.header
        about = (header.key, summary.case.id, summary.person, self.options.type)
        origins, planes = slice_origins(header), {}
        if placed:
            position, orientation, measures = plane_sequences(case, source)
            planes = {
                "plane_positions": [position],
                "plane_orientation": orientation,
                "pixel_measures": measures,
            }
        descriptions = self._descriptions(labels, numbers, content)
        digest = derived_uid(spool.digest(), *map(str, descriptions))
        when = moment(case)
        dataset = hd.seg.Segmentation(
            source_images=[self.template(case, source, placed=placed)],
            pixel_array=np.zeros((1, *case.plane), np.uint8),
            segmentation_type=self.options.type.upper(),
            segment_descriptions=descriptions,
            series_instance_uid=derived_uid("seg-series", *about),
            series_number=300,
            sop_instance_uid=derived_uid("seg", *about, summary.digest, digest),
            instance_number=1,
            manufacturer=PROGRAM,
            manufacturer_model_name=PROGRAM,
            software_versions=version(),
            device_serial_number="1",
            transfer_syntax_uid=ExplicitVRLittleEndian,
            omit_empty_frames=False,
            content_label="SEGMENTATION",
            content_description="Annotation",
            content_creator_name=creator(case),
            series_description="Segmentation",
            content_date=when.date(),
            content_time=when.time(),
            specific_character_set="ISO_IR 192",
            **planes,
        )
        groups = [
            SliceGroups.of(
                source.sop_classes[index],
                str(slice_id.sop_instance_uid),
                frame_number(header, index),
                decimals(origins[index]) if placed else None,
            )
            for index, slice_id in enumerate(header.slices)
        ]
        if self._labelmap:
            dataset.file_meta.TransferSyntaxUID = RLELossless
        settle(dataset, case, *about, summary.digest, digest)
        self._complete(dataset, case, source, spool, content)
        quietly_saved(dataset, path)
        append_frames(
            path,
            spool,
            groups,
            numbers,
            pixels=case.plane[0] * case.plane[1],
            labelmap=self._labelmap,
            where=summary,
        )

    def _numbers(self, labels: Sequence[Label]) -> dict[int, int]:
        """Return the segment number of each label id; label maps keep the ids."""
        if self._labelmap:
            return {label.id: label.id for label in labels}
        return {label.id: number for number, label in enumerate(labels, 1)}

    def _descriptions(
        self, labels: Sequence[Label], numbers: Mapping[int, int], content: _Content
    ) -> list[Any]:
        import highdicom as hd

        names = long_names(labels)
        found = []
        for label in sorted(labels, key=lambda each: numbers[each.id]):
            concept = concept_of(label)
            made = content.used.get(label.id, set())
            by_hand = made <= {Provenance.MANUAL}
            description = hd.seg.SegmentDescription(
                segment_number=numbers[label.id],
                segment_label=names[label.id],
                segmented_property_category=highdicom_code(category_of(concept)),
                segmented_property_type=highdicom_code(concept),
                algorithm_type="MANUAL" if by_hand else "SEMIAUTOMATIC",
                algorithm_identification=None if by_hand else _algorithm(made),
                tracking_id=label.name.replace("\\", "/"),
                tracking_uid=derived_uid("label", label.id, label.name),
                anatomic_regions=[highdicom_code(concept.region)]
                if concept.region
                else None,
                display_color=hd.color.CIELabColor.from_rgb(
                    *(round(255 * part) for part in label.rgb)
                ),
            )
            if concept.modifier is not None:
                kind = description.SegmentedPropertyTypeCodeSequence[0]
                kind.SegmentedPropertyTypeModifierCodeSequence = [
                    highdicom_code(concept.modifier)
                ]
            if concept.region and concept.region_modifier:
                description.AnatomicRegionSequence[0].AnatomicRegionModifierSequence = [
                    highdicom_code(concept.region_modifier)
                ]
            description.SegmentDescription = label.name
            found.append(description)
        return found

    def _complete(
        self,
        dataset: Dataset,
        case: AnnotatedCase,
        source: DicomSource,
        spool: FrameSpool,
        content: _Content,
    ) -> None:
        """Say of all slices what highdicom said of the first; changes `dataset`."""
        from pydicom.valuerep import format_number_as_ds

        items = images(case.header, source)
        dataset.SourceImageSequence = items
        series = dataset.ReferencedSeriesSequence[0]
        series.SeriesInstanceUID = case.header.series_uid
        series.ReferencedInstanceSequence = items
        dataset.NumberOfFrames = len(spool)
        dataset.SegmentsOverlap = "YES" if content.overlap else "NO"
        shared = dataset.SharedFunctionalGroupsSequence[0]
        shared.pop("SegmentIdentificationSequence", None)
        if "PixelMeasuresSequence" in shared:
            # highdicom takes a single plane to be 1 mm from its neighbours.
            measures, gap = shared.PixelMeasuresSequence[0], even_gap(case.header)
            measures.pop("SpacingBetweenSlices", None)
            if gap is not None:
                measures.SpacingBetweenSlices = format_number_as_ds(gap)
        for keyword in (
            "DimensionOrganizationType",
            "PerFrameFunctionalGroupsSequence",
            "PixelData",
        ):
            dataset.pop(keyword, None)

    # ------------------------------------------------------------------- proof
    def verify_case(
        self, case: AnnotatedCase, folder: Path, written: CaseFiles
    ) -> None:
        """Read the file without highdicom, and compare masks, places and names."""
        from ._read_seg import read_seg

        path = folder / written.files[0]
        found = read_seg(path)
        names = read_names(described(case))
        here = {slice_id.key: i for i, slice_id in enumerate(case.header.slices)}
        seen: dict[int, Mapping[str, NDArray[np.bool_]]] = {}
        for each in found.slices:
            key = str(each.sop_instance_uid)
            index = here.get(key, here.get(f"{key}#{each.frame}"))
            if index is None:
                raise CorruptError("a frame refers to no slice of the case", where=path)
            seen[index] = each.masks
            if each.origin is not None:
                check_frame(case, index, found, each.origin, path)
        gap = even_gap(case.header)
        if gap is not None and found.affine is not None:
            off = abs(float(np.linalg.norm(found.affine[:3, 0])) - gap)
            if not off <= TOLERANCE_MM:
                raise CorruptError(
                    f"the gap between slices is {off:.4f} mm off", where=path
                )
        for index in range(case.n_slices):
            check_masks(self._masks(case, index), seen.get(index, {}), names, path)

    def _masks(self, case: AnnotatedCase, index: int) -> list[NDArray[np.integer]]:
        """Return label maps that hold what the slice should."""
        refs = case.said(index).masks
        if self._labelmap:
            return [case.label_map(index, self.priority)] if refs else []
        masks = (case.mask(index, group) for group in refs)
        return [mask for mask in masks if mask is not None]


# ------------------------------------------------------------------------- parts
def _kind(labels: Sequence[Label]) -> type[np.uint8 | np.uint16]:
    """Return the type of the pixels of a label map that holds some labels."""
    return np.uint16 if max(label.id for label in labels) > 255 else np.uint8


def _packed(mask: NDArray[np.bool_]) -> bytes:
    return np.packbits(mask.ravel(), bitorder="little").tobytes()


def _rle(pixels: NDArray[np.generic]) -> bytes:
    from pydicom.pixels.encoders.base import get_encoder
    from pydicom.uid import RLELossless

    bits = pixels.dtype.itemsize * 8
    # The encoder is named: another gives other bytes, and GDCM's aborts on frames that
    # do not get smaller.
    data: bytes = get_encoder(RLELossless).encode(
        pixels,
        rows=pixels.shape[0],
        columns=pixels.shape[1],
        samples_per_pixel=1,
        number_of_frames=1,
        bits_allocated=bits,
        bits_stored=bits,
        pixel_representation=0,
        photometric_interpretation="MONOCHROME2",
        encoding_plugin="pydicom",
    )
    return data


def _algorithm(made: set[Provenance]) -> Any:
    import highdicom as hd

    ways = sorted(str(way) for way in made - {Provenance.MANUAL})
    families = {_FAMILY.get(way, _BY_HAND) for way in made - {Provenance.MANUAL}}
    family = families.pop() if len(families) == 1 else _BY_HAND
    return hd.AlgorithmIdentificationSequence(
        name=", ".join(ways)[:64],
        family=highdicom_code(family),
        version=version(),
        source=PROGRAM,
    )
