"""What the exports of DICOM objects have in common, and whose names these carry."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from pydantic import Field

from napari_annotate_jobs.formats._contract import Exporter, FormatOptions

from ._object import check_installed, no_dicom, patient_template

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pydicom.dataset import Dataset

    from napari_annotate_jobs.formats._case import AnnotatedCase
    from napari_annotate_jobs.formats._contract import CaseSource, ExportJob
    from napari_annotate_jobs.imaging import DicomSource

__all__ = ["DicomExporter", "DicomOptions"]

_NUMBERED = re.compile(r"Case \d+")
"""Names that cases get which are to be anonymous."""


class DicomOptions(FormatOptions):
    """Choices that the exports of DICOM objects share."""

    patient: Literal["auto", "images", "case"] = Field(
        default="auto",
        description="Whose patient tags the files carry. images: the patient's and the "
        "study's, as an archive needs them; case: the name of the case alone; auto: "
        "the latter where the cases are named Case 1, Case 2 ...",
    )


class DicomExporter(Exporter):
    """Writes objects that refer to the images of a patient by their UIDs."""

    Options: ClassVar[type[FormatOptions]] = DicomOptions

    def __init__(
        self, options: FormatOptions | None = None, *, priority: Sequence[int] = ()
    ) -> None:
        check_installed(self.title)
        super().__init__(options, priority=priority)

    def is_incompatible(self, export: ExportJob) -> list[str]:
        """Say why it cannot: images that are not DICOM, for one."""
        return [*super().is_incompatible(export), *no_dicom(export, self.title)]

    def remarks(self, export: ExportJob) -> list[str]:
        """Say whether the files carry the patient."""
        known = super().remarks(export)
        if self._patient(export) == "case":
            return [
                *known,
                "patient and study tags are replaced by the name of the case; the UIDs "
                "of the images stay",
            ]
        return [
            *known,
            "the files carry the patient's name, ID and birth date and the study's "
            "tags, as the images do; patient=case writes the name of the case instead",
        ]

    def prepared(self, export: ExportJob, source: CaseSource) -> Exporter:
        """Return the exporter that knows whose tags the files carry."""
        options = self.options.model_copy(update={"patient": self._patient(export)})
        return type(self)(options, priority=self.priority)

    def _patient(self, export: ExportJob) -> str:
        chosen: str = self.options.patient
        if chosen != "auto":
            return chosen
        names = [summary.case.name for summary in export.cases]
        return "case" if all(map(_NUMBERED.fullmatch, names)) else "images"

    def template(
        self, case: AnnotatedCase, source: DicomSource, *, placed: bool
    ) -> Dataset:
        """Return an image header that highdicom takes patient and study from."""
        anonymous: Any = self.options.patient == "case"
        return patient_template(case, source, placed=placed, anonymous=anonymous)
