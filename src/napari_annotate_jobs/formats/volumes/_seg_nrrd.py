"""3D Slicer's segmentations: .seg.nrrd.

Written after Slicer's developer guide ("Segmentation file format") and the NRRD
definition; slice by slice, since all layers of a case need not fit in memory.
"""

from __future__ import annotations

import gzip
import re
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from napari_annotate_jobs.errors import CorruptError
from napari_annotate_jobs.formats._contract import CaseFiles, Exporter, FormatOptions
from napari_annotate_jobs.formats._place import check_place, ijk_to_lps
from napari_annotate_jobs.model import Method

from ._nifti import NiftiOptions, check_even, uneven_note
from ._nifti_file import label_dtype
from ._nrrd_file import escaped, nrrd_affine, nrrd_header, nrrd_package, unescaped
from ._packing import gzip_writer

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from numpy.typing import NDArray

    from napari_annotate_jobs.formats._case import AnnotatedCase
    from napari_annotate_jobs.formats._contract import ExportJob
    from napari_annotate_jobs.model import Code, Concept

__all__ = ["SegNrrdExporter"]

CONTEXT = "Segmentation category and type - 3D Slicer General Anatomy list"
REGIONS = "Anatomic codes - DICOM master list"
CATEGORY = "SCT^85756007^Tissue"
"""Slicer's own default, where a label does not say what kind of thing it is."""


class SegNrrdExporter(Exporter):
    """One ``.seg.nrrd`` a case, a layer for each overlap group."""

    title = "3D Slicer segmentation"
    methods = frozenset({Method.SEGMENTATION})
    keeps_overlap = True
    Options: ClassVar[type[FormatOptions]] = NiftiOptions

    def is_incompatible(self, export: ExportJob) -> list[str]:
        """Say why the format cannot hold what is to be exported."""
        nrrd_package("Exporting .seg.nrrd")  # proves what is written
        return super().is_incompatible(export)

    def losses(self, export: ExportJob) -> list[str]:
        """Say what the format leaves out of the export."""
        return [
            *super().losses(export),
            f"{self.title}: undecided and excluded slices look like background here; "
            "decisions.csv tells them apart",
        ]

    def write_case(self, case: AnnotatedCase, folder: Path) -> CaseFiles:
        """Write ``<case>.seg.nrrd``."""
        if not self.options.uneven:
            check_even(case)
        name = f"{case.stem}.seg.nrrd"
        groups = case.groups() or ("",)
        kind = label_dtype(max(x.id for x in case.labels.of(Method.SEGMENTATION)))
        head = "\n".join([*_fields(case, len(groups), kind), *_segments(case, groups)])
        with (folder / name).open("wb") as raw:
            raw.write(head.encode() + b"\n\n")
            with gzip_writer(raw) as packed:
                for layers in _planes(case, groups, kind):
                    packed.write(layers.tobytes())
        return CaseFiles(files=(name,), notes=uneven_note(case))

    def verify_case(
        self, case: AnnotatedCase, folder: Path, written: CaseFiles
    ) -> None:
        """Compare voxels, segments and place with what pynrrd finds."""
        path = folder / written.files[0]
        fields, offset = nrrd_header(path)
        groups = case.groups() or ("",)
        kind = label_dtype(max(x.id for x in case.labels.of(Method.SEGMENTATION)))
        sizes = case.header.shape[2:0:-1] + case.header.shape[:1]
        if tuple(fields["sizes"])[-3:] != sizes:
            raise CorruptError("the shape read again is another", where=path)
        affine = nrrd_affine(fields, path)
        assert affine is not None
        check_place(case.header, affine, where=path, even=True)
        for number, label in enumerate(case.labels.of(Method.SEGMENTATION)):
            name = unescaped(fields[f"Segment{number}_Name"])
            value = int(fields[f"Segment{number}_LabelValue"])
            if (name, value) != (label.name, label.id):
                raise CorruptError(
                    f"{label.name!r} is read again as {name!r}, {value}", where=path
                )
        with path.open("rb") as raw:
            raw.seek(offset)
            with gzip.GzipFile(fileobj=raw) as packed:
                for wanted in _planes(case, groups, kind):
                    if packed.read(wanted.nbytes) != wanted.tobytes():
                        raise CorruptError(
                            "the voxels read again are not those written", where=path
                        )
                if packed.read(1):
                    raise CorruptError("there are more voxels than slices", where=path)


def _fields(
    case: AnnotatedCase, layers: int, kind: np.dtype[np.generic]
) -> Iterator[str]:
    slices, rows, columns = case.header.shape[:3]
    affine = ijk_to_lps(case.header)
    several = layers > 1
    steps = [_vector(affine[:3, axis]) for axis in range(3)]
    yield "NRRD0004"
    yield "# Complete NRRD file format specification at:"
    yield "# http://teem.sourceforge.net/nrrd/format.html"
    yield f"type: {'uint8' if kind.itemsize == 1 else 'uint16'}"
    yield f"dimension: {3 + several}"
    yield "space: left-posterior-superior"
    yield f"sizes: {f'{layers} ' if several else ''}{columns} {rows} {slices}"
    yield f"space directions: {'none ' if several else ''}{' '.join(steps)}"
    yield f"kinds: {'list ' if several else ''}domain domain domain"
    yield "endian: little"
    yield "encoding: gzip"
    yield f"space origin: {_vector(affine[:3, 3])}"


def _vector(values: NDArray[np.float64]) -> str:
    return f"({','.join(repr(float(value)) for value in values)})"


def _segments(case: AnnotatedCase, groups: tuple[str, ...]) -> Iterator[str]:
    extents = _extents(case)
    for number, label in enumerate(case.labels.of(Method.SEGMENTATION)):
        group = label.overlap_group
        tags = "Segmentation.Status:completed|"
        if label.concept is not None:
            tags += f"TerminologyEntry:{_terminology(label.concept)}|"
        found = {
            "ID": f"Segment_{label.id}",
            "Name": escaped(label.name),
            "NameAutoGenerated": "0",
            "Color": " ".join(f"{part:.6g}" for part in label.rgb),
            "ColorAutoGenerated": "0",
            "Extent": " ".join(map(str, extents.get(label.id, (0, -1) * 3))),
            "LabelValue": str(label.id),
            "Layer": str(groups.index(group) if group in groups else 0),
            "Tags": escaped(tags),
        }
        for key, value in found.items():
            yield f"Segment{number}_{key}:={value}"
    yield "Segmentation_ContainedRepresentationNames:=Binary labelmap|"
    yield "Segmentation_MasterRepresentation:=Binary labelmap"
    yield "Segmentation_ReferenceImageExtentOffset:=0 0 0"


def _terminology(concept: Concept) -> str:
    """Return the code as Slicer writes one; a side and a place follow the type."""
    where = [REGIONS, _code(concept.region), _code(concept.region_modifier)]
    category = CATEGORY if concept.category is None else _code(concept.category)
    parts = [CONTEXT, category, _code(concept), _code(concept.modifier), *where]
    return "~".join(parts)


def _code(code: Code | None) -> str:
    parts = ("",) * 3 if code is None else (code.scheme, code.value, code.meaning)
    return "^".join(re.sub(r"[~^|]", "-", part) for part in parts)


def _extents(case: AnnotatedCase) -> dict[int, tuple[int, ...]]:
    """Return first and last column, row and slice of each label that is there."""
    found: dict[int, tuple[int, ...]] = {}
    for index in range(case.n_slices):
        for group in case.said(index).masks:
            mask = case.mask(index, group)
            if mask is None:
                continue
            for label in np.flatnonzero(np.bincount(mask.ravel())):
                if label:
                    own = _extent(mask == label, index)
                    found[int(label)] = _joined(found.get(int(label)), own)
    return found


def _extent(one: NDArray[np.bool_], index: int) -> tuple[int, ...]:
    rows, columns = np.flatnonzero(one.any(axis=1)), np.flatnonzero(one.any(axis=0))
    ends = (columns[0], columns[-1], rows[0], rows[-1], index, index)
    return tuple(int(end) for end in ends)


def _joined(one: tuple[int, ...] | None, other: tuple[int, ...]) -> tuple[int, ...]:
    if one is None:
        return other
    pairs: Any = zip(one, other, strict=True)
    return tuple(
        min(pair) if place % 2 == 0 else max(pair) for place, pair in enumerate(pairs)
    )


def _planes(
    case: AnnotatedCase, groups: tuple[str, ...], kind: np.dtype[np.generic]
) -> Iterator[NDArray[np.generic]]:
    """Give every slice as it lies in the file: rows, columns, layers."""
    out = np.zeros((*case.plane, len(groups)), kind)
    for index in range(case.n_slices):
        out[...] = 0
        for layer, group in enumerate(groups):
            mask = case.mask(index, group)
            if mask is not None:
                out[..., layer] = mask
        yield out
