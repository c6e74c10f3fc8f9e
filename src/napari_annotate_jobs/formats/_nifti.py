"""NIfTI label volumes."""

from __future__ import annotations

import csv
import gzip
import io
from typing import TYPE_CHECKING, ClassVar

import numpy as np
from pydantic import Field

from napari_annotate_jobs.errors import CorruptError, InvalidValueError
from napari_annotate_jobs.model import Method

from ._contract import CaseFiles, Exporter, FormatOptions
from ._place import (
    TOLERANCE_MM,
    check_place,
    ijk_to_lps,
    lps_to_ras,
    uneven_by,
)

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from napari_annotate_jobs.imaging import SeriesHeader
    from napari_annotate_jobs.model import LabelSet

    from ._case import AnnotatedCase, CaseSummary
    from ._contract import ExportJob

__all__ = ["NiftiExporter", "NiftiOptions", "read_nifti", "write_nifti"]


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

    def write_case(self, case: AnnotatedCase, folder: Path) -> CaseFiles:
        """Write ``<case>.nii.gz``, label ids as voxels."""
        if not self.options.uneven:
            check_even(case)
        name = f"{case.stem}.nii.gz"
        volume = case.label_volume(self.priority)
        write_nifti(folder / name, volume, case.header)
        return CaseFiles(files=(name,))

    def verify_case(
        self, case: AnnotatedCase, folder: Path, written: CaseFiles
    ) -> None:
        """Compare voxels and place with what another reader finds."""
        path = folder / written.files[0]
        voxels, affine = read_nifti(path)
        if not np.array_equal(voxels, case.label_volume(self.priority)):
            raise CorruptError(
                "the voxels read again are not those written", where=path
            )
        if not self.options.uneven:
            check_place(case.header, affine, where=path)

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


def write_nifti(path: Path, volume: NDArray[np.generic], header: SeriesHeader) -> None:
    """Write a volume as compressed NIfTI-1; the same input gives the same bytes.

    Parameters
    ----------
    path : Path
        Ends in ``.nii.gz``.
    volume : ndarray, shape (slices, rows, columns)
        Voxels in the plane of `header`.
    header : SeriesHeader
        Where they lie.
    """
    import nibabel as nib

    array = volume.transpose(2, 1, 0)
    if array.dtype == np.uint16 and (not array.size or int(array.max()) < 256):
        array = array.astype(np.uint8)
    image = nib.Nifti1Image(array, lps_to_ras(ijk_to_lps(header)))
    image.header.set_xyzt_units("mm")
    code = "scanner" if header.affine is not None else "unknown"
    # A tilted gantry shears the grid, which only the sform can say.
    image.set_sform(image.affine, code=code)
    image.set_qform(image.affine, code=code)
    with (
        path.open("wb") as raw,
        gzip.GzipFile(
            filename="", fileobj=raw, mode="wb", compresslevel=4, mtime=0
        ) as packed,
    ):
        image.to_stream(packed)


def read_nifti(path: Path) -> tuple[NDArray[np.generic], NDArray[np.float64]]:
    """Read a volume after nifti1.h itself, without the library that wrote it.

    Returns
    -------
    voxels : ndarray, shape (slices, rows, columns)
    affine : ndarray of float64, shape (4, 4)
        (column, row, slice, 1) to patient LPS, mm.
    """
    data = gzip.decompress(path.read_bytes())
    head = np.frombuffer(data, _HEADER, count=1)[0]
    if int(head["sizeof_hdr"]) != 348:
        raise CorruptError("this is no NIfTI-1 file", where=path)
    shape = tuple(int(n) for n in head["dim"][1:4])
    kind = {2: "<u1", 4: "<i2", 8: "<i4", 16: "<f4", 64: "<f8", 512: "<u2"}[
        int(head["datatype"])
    ]
    flat = np.frombuffer(
        data, kind, count=int(np.prod(shape)), offset=int(head["vox_offset"])
    )
    affine = np.eye(4)
    affine[:3] = head["srow"]
    return flat.reshape(shape[::-1]), np.diag([-1.0, -1.0, 1.0, 1.0]) @ affine


_HEADER = np.dtype(
    {
        "names": ["sizeof_hdr", "dim", "datatype", "vox_offset", "srow"],
        "formats": ["<i4", ("<i2", 8), "<i2", "<f4", ("<f4", (3, 4))],
        "offsets": [0, 40, 70, 108, 280],
        "itemsize": 348,
    }
)
