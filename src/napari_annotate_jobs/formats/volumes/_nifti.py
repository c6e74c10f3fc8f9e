"""NIfTI label volumes."""

from __future__ import annotations

import csv
import io
from typing import TYPE_CHECKING, ClassVar

import numpy as np
from pydantic import Field

from napari_annotate_jobs.errors import CorruptError, InvalidValueError
from napari_annotate_jobs.formats._contract import CaseFiles, Exporter, FormatOptions
from napari_annotate_jobs.formats._place import TOLERANCE_MM, check_place, uneven_by
from napari_annotate_jobs.model import Method

from ._nifti_file import NiftiFile, label_dtype, write_nifti

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from napari_annotate_jobs.formats._case import AnnotatedCase, CaseSummary
    from napari_annotate_jobs.formats._contract import ExportJob
    from napari_annotate_jobs.model import LabelSet

__all__ = [
    "NiftiExporter",
    "NiftiOptions",
    "check_even",
    "check_labels",
    "label_table",
    "uneven_note",
    "write_labels",
]


class NiftiOptions(FormatOptions):
    """Choices of the NIfTI export."""

    uneven: bool = Field(
        default=False,
        description="Write series with uneven gaps too, with their mean step",
    )


class NiftiExporter(Exporter):
    """One volume of label values a case, and a table of the labels."""

    title = "NIfTI label volumes"
    methods = frozenset({Method.SEGMENTATION})
    Options: ClassVar[type[FormatOptions]] = NiftiOptions

    def losses(self, export: ExportJob) -> list[str]:
        """Say what the format leaves out of the export."""
        return [
            *super().losses(export),
            f"{self.title}: undecided and excluded slices look like background here; "
            "decisions.csv tells them apart",
        ]

    def write_case(self, case: AnnotatedCase, folder: Path) -> CaseFiles:
        """Write ``<case>.nii.gz``, label ids as voxels."""
        if not self.options.uneven:
            check_even(case)
        name = f"{case.stem}.nii.gz"
        write_labels(folder / name, case, self.priority)
        return CaseFiles(files=(name,), notes=uneven_note(case))

    def verify_case(
        self, case: AnnotatedCase, folder: Path, written: CaseFiles
    ) -> None:
        """Compare voxels and place with what another reader finds."""
        planes = (case.label_map(i, self.priority) for i in range(case.n_slices))
        check_labels(case, folder / written.files[0], planes)

    def finish(
        self,
        export: ExportJob,
        folder: Path,
        written: Sequence[tuple[CaseSummary, CaseFiles]],
    ) -> Sequence[str]:
        """Write the table of labels, and one that ITK-SNAP opens."""
        labels = export.labels
        (folder / "labels.csv").write_text(label_table(labels), encoding="utf-8")
        (folder / "labels.itksnap.txt").write_text(itksnap(labels), encoding="utf-8")
        return ["labels.csv", "labels.itksnap.txt"]


def check_even(case: AnnotatedCase) -> None:
    """Raise InvalidValueError where one step cannot tell where the slices lie."""
    off = uneven_by(case.header)
    if off > TOLERANCE_MM:
        raise InvalidValueError(
            f"the gaps between slices are uneven: with one step for all, slices would "
            f"lie up to {off:.2f} mm off, and NIfTI can hold no other",
            where=case.summary,
            remedy="Choose dicom-seg, leave the case out, or accept the mean step "
            "(option uneven)",
        )


def write_labels(path: Path, case: AnnotatedCase, priority: Sequence[int]) -> None:
    """Write the label ids of a case as one volume, ``.nii.gz``."""
    kind = label_dtype(max(x.id for x in case.labels.of(Method.SEGMENTATION)))
    planes = (case.label_map(i, priority).astype(kind) for i in range(case.n_slices))
    write_nifti(path, planes, case.header, kind)


def uneven_note(case: AnnotatedCase) -> tuple[str, ...]:
    """Say how far slices lie off their place where one step stands for all gaps."""
    off = uneven_by(case.header)
    if off <= TOLERANCE_MM:
        return ()
    return (
        f"The gaps between slices are uneven: written with their mean step, slices lie "
        f"up to {off:.3f} mm off their place.",
    )


def check_labels(
    case: AnnotatedCase, path: Path, wanted: Iterable[NDArray[np.generic]]
) -> None:
    """Compare a file of labels with the case, voxel for voxel, and its place.

    Places are those of the mean step, which differ from the slices' own only where
    gaps are uneven (see :func:`uneven_note`).

    Raises
    ------
    CorruptError
        If it is not what was annotated.
    """
    found = NiftiFile.open(path)
    if found.shape != case.header.shape[2:0:-1] + case.header.shape[:1]:
        raise CorruptError(f"the shape read again is {found.shape}", where=path)
    for read, plane in zip(found.planes(), wanted, strict=True):
        if not np.array_equal(read, plane):
            raise CorruptError(
                "the voxels read again are not those written", where=path
            )
    check_place(case.header, found.affine, where=path, even=True)


def label_table(labels: LabelSet) -> str:
    """Return the labels of masks as CSV: value, name, colour, code."""
    out = io.StringIO()
    table = csv.writer(out, lineterminator="\n")
    table.writerow(["value", "name", "color", "scheme", "code", "meaning"])
    for label in labels.of(Method.SEGMENTATION):
        concept = label.concept
        code = (
            (concept.scheme, concept.value, concept.meaning) if concept else ("",) * 3
        )
        table.writerow([label.id, label.name, label.color, *code])
    return out.getvalue()


def itksnap(labels: LabelSet) -> str:
    """Return the labels of masks as ITK-SNAP reads them."""
    lines = ['    0     0    0    0        0  0  0    "Clear Label"']
    for label in labels.of(Method.SEGMENTATION):
        red, green, blue = (round(255 * part) for part in label.rgb)
        name = label.name.replace('"', "'")
        lines.append(f'{label.id:5d} {red:5d} {green:4d} {blue:4d} 1 1 1 "{name}"')
    return "\n".join(lines) + "\n"
