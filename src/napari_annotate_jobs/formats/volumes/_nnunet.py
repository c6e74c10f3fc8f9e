"""nnU-Net v2 data sets, after its documentation/dataset_format.md."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ._training import TrainingExporter, listed

if TYPE_CHECKING:
    from collections.abc import Sequence

    from napari_annotate_jobs.formats._case import CaseSummary
    from napari_annotate_jobs.formats._contract import CaseFiles, ExportJob

__all__ = ["NnunetExporter"]


class NnunetExporter(TrainingExporter):
    """``imagesTr``, ``labelsTr`` and ``dataset.json``."""

    title = "nnU-Net v2 data set"

    @property
    def ignores(self) -> bool:
        """Undecided and excluded slices are its label ``ignore``, the highest."""
        return True

    def image_names(self, stem: str, count: int) -> list[str]:
        """Return a file a channel."""
        return [f"imagesTr/{stem}_{number:04d}.nii.gz" for number in range(count)]

    def describe(
        self, export: ExportJob, written: Sequence[tuple[CaseSummary, CaseFiles]]
    ) -> dict[str, Any]:
        """Return what ``dataset.json`` says."""
        names = self.channel_names(written)
        found: dict[str, Any] = {
            "name": self.title_of(export),
            "channel_names": {str(number): name for number, name in enumerate(names)},
            "labels": dict(self.named_values(export, written)),
            "numTraining": sum(1 for _ in listed(written)),
            "file_ending": ".nii.gz",
        }
        if any(files.part["sheared"] for files in listed(written)):
            # SimpleITK, its first choice, refuses axes that are not at right angles.
            found["overwrite_image_reader_writer"] = "NibabelIO"
        return found
