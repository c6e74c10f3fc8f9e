"""Data sets laid out as those of the Medical Segmentation Decathlon."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Any, ClassVar

from pydantic import Field

from ._training import TrainingExporter, TrainingOptions, listed

if TYPE_CHECKING:
    from collections.abc import Sequence

    from napari_annotate_jobs.formats._case import CaseSummary
    from napari_annotate_jobs.formats._contract import (
        CaseFiles,
        ExportJob,
        FormatOptions,
    )

__all__ = ["DecathlonExporter", "DecathlonOptions", "Unknown"]


class Unknown(StrEnum):
    """What becomes of cases with undecided or excluded slices."""

    LEAVE_OUT = "leave-out"
    IGNORE = "ignore"


class DecathlonOptions(TrainingOptions):
    """Choices of the Decathlon export."""

    unknown: Unknown = Field(
        default=Unknown.LEAVE_OUT,
        description="Cases with undecided or excluded slices: leave-out, or ignore, "
        "which gives these slices the highest value, named ignore",
    )


class DecathlonExporter(TrainingExporter):
    """``imagesTr``, ``labelsTr`` and the ``dataset.json`` that MONAI reads."""

    title = "Decathlon / MONAI data set"
    Options: ClassVar[type[FormatOptions]] = DecathlonOptions

    @property
    def ignores(self) -> bool:
        """Only where it is asked for: the format itself knows no such value."""
        return bool(self.options.unknown is Unknown.IGNORE)

    def image_names(self, stem: str, count: int) -> list[str]:
        """Return one file, with a fourth axis for several channels."""
        return [f"imagesTr/{stem}.nii.gz"]

    def describe(
        self, export: ExportJob, written: Sequence[tuple[CaseSummary, CaseFiles]]
    ) -> dict[str, Any]:
        """Return what ``dataset.json`` says."""
        training = []
        for files in listed(written):
            label, *images = files.files
            entry = {"image": f"./{images[0]}"} if images else {}
            training.append({**entry, "label": f"./{label}"})
        names = self.channel_names(written)
        values = self.named_values(export, written)
        return {
            "name": self.title_of(export),
            "description": f"Job {export.job.name}",
            "tensorImageSize": "4D" if len(names) > 1 else "3D",
            "modality": {str(number): name for number, name in enumerate(names)},
            "labels": {str(value): name for name, value in values.items()},
            "numTraining": len(training),
            "numTest": 0,
            "training": training,
            "test": [],
        }
