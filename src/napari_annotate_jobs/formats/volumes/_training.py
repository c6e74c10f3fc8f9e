"""Training sets of volumes: images beside labels, as nnU-Net and MONAI take them."""

from __future__ import annotations

import json
from abc import abstractmethod
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from pydantic import Field

from napari_annotate_jobs.errors import InvalidValueError
from napari_annotate_jobs.formats._case import Truth
from napari_annotate_jobs.formats._contract import CaseFiles, Exporter, FormatOptions
from napari_annotate_jobs.formats._place import ijk_to_lps
from napari_annotate_jobs.model import Decision, Method

from ._image_file import (
    annotated_channels,
    channels_of,
    check_image,
    same_grid,
    write_channels,
)
from ._nifti import uneven_note
from ._nifti_file import label_dtype, write_nifti

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from napari_annotate_jobs.formats._case import AnnotatedCase, CaseSummary
    from napari_annotate_jobs.formats._contract import CaseSource, ExportJob
    from napari_annotate_jobs.model import LabelSet

__all__ = [
    "DATASET",
    "TrainingExporter",
    "TrainingOptions",
    "consecutive",
    "is_sheared",
    "listed",
]

DATASET = "dataset.json"
IGNORE = "ignore"


class TrainingOptions(FormatOptions):
    """Choices that the exports of training sets share."""

    name: str = Field(
        default="", description="Name of the data set; the job's by default"
    )
    images: bool = Field(
        default=True, description="Write the images beside the labels, on one grid"
    )
    channels: int = Field(
        default=0,
        ge=0,
        description="Images a case; 0 for all series of a case where they are on one "
        "grid in every case, else the reference alone",
    )


def consecutive(labels: LabelSet) -> dict[int, int]:
    """Return the value of each label of masks: 1, 2, 3 ... in their order."""
    return {
        label.id: number
        for number, label in enumerate(labels.of(Method.SEGMENTATION), 1)
    }


def listed(written: Sequence[tuple[CaseSummary, CaseFiles]]) -> Iterator[CaseFiles]:
    """Give what was written of the cases that were not left out."""
    return (files for _, files in written if files.files)


def is_sheared(affine: NDArray[np.float64]) -> bool:
    """Return True if axes of a grid are not at right angles, as in a tilted gantry."""
    axes = affine[:3, :3] / np.linalg.norm(affine[:3, :3], axis=0)
    return bool(abs(axes.T @ axes - np.eye(3)).max() > 1e-4)


class TrainingExporter(Exporter):
    """What the exports of training sets have in common.

    Values are consecutive. Undecided and excluded slices teach nothing: where the
    format can say so they get the value :attr:`ignore`, else their cases are left
    out.
    """

    methods = frozenset({Method.SEGMENTATION})
    Options: ClassVar[type[FormatOptions]] = TrainingOptions
    reserved: ClassVar[frozenset[str]] = frozenset({"background", IGNORE})

    @property
    @abstractmethod
    def ignores(self) -> bool:
        """Whether slices that teach nothing have a value of their own."""

    @abstractmethod
    def image_names(self, stem: str, count: int) -> list[str]:
        """Return the paths of a case's images below the folder."""

    @abstractmethod
    def describe(
        self, export: ExportJob, written: Sequence[tuple[CaseSummary, CaseFiles]]
    ) -> dict[str, Any]:
        """Return what ``dataset.json`` says."""

    # ------------------------------------------------------------ before any work
    def is_incompatible(self, export: ExportJob) -> list[str]:
        """Say why the format cannot hold what is to be exported."""
        reasons = super().is_incompatible(export)
        for label in export.labels.of(Method.SEGMENTATION):
            if label.name.casefold() in self.reserved:
                reasons.append(
                    f"{self.title} has a meaning of its own for {label.name!r}; give "
                    "the label another name (combine)"
                )
        if not any(self._teaches(summary) for summary in export.cases):
            reasons.append(
                "no case has a slice that is decided and not excluded"
                if self.ignores
                else "every case has undecided or excluded slices, which this format "
                "cannot tell from background; decide them, or set unknown=ignore"
            )
        return reasons

    def losses(self, export: ExportJob) -> list[str]:
        """Say what the format leaves out of the export."""
        losses = super().losses(export)
        out = [str(s) for s in export.cases if not self._teaches(s)]
        if out:
            shown = ", ".join(out[:3]) + (", ..." if len(out) > 3 else "")
            losses.append(f"cases that teach nothing: {len(out)} ({shown})")
        return losses

    def _teaches(self, summary: CaseSummary) -> bool:
        """Tell as far as can be told without opening images."""
        decisions = [said.decision for said in summary.annotation.slices.values()]
        good = {Decision.LABELLED, Decision.NOTHING_TO_LABEL}
        if self.ignores:
            return bool(good.intersection(decisions))
        known = summary.case.n_slices
        return set(decisions) <= good and known in (None, len(decisions))

    def prepared(self, export: ExportJob, source: CaseSource) -> Exporter:
        """Return the exporter that knows how many images every case has."""
        if self.options.channels or not self.options.images:
            return self
        count = 1
        most = {len(summary.case.series) for summary in export.cases}
        color = None if most == {1} else self._common(export, source)
        if most == {1} and export.cases:
            first = source.open(export.cases[0])
            count = len(channels_of(first.series))
        elif color is not None:
            count = color
        options = self.options.model_copy(update={"channels": count})
        return type(self)(options, priority=self.priority)

    def _common(self, export: ExportJob, source: CaseSource) -> int | None:
        """Return how many images all cases have on one grid; None if they differ."""
        counts = set()
        for summary in export.cases:
            case = source.open(summary)
            series = list(case.all_series())
            one = all(same_grid(case.header, s.header) for s in series)
            counts.add(sum(len(channels_of(s)) for s in series) if one else 0)
            if len(counts) > 1 or 0 in counts:
                return None
        return counts.pop()

    # ------------------------------------------------------------------ the cases
    def planes(self, case: AnnotatedCase) -> Iterator[NDArray[np.generic]]:
        """Give the values of every slice, shape (rows, columns)."""
        values = consecutive(case.labels)
        kind = label_dtype(len(values) + 1)
        table = np.zeros(max(values, default=0) + 1, kind)
        for label, value in values.items():
            table[label] = value
        same = all(label == value for label, value in values.items())
        ignore = np.full(case.plane, len(values) + 1, kind)
        for index in range(case.n_slices):
            if not self._is_known(case, index):
                yield ignore
                continue
            found = case.label_map(index, self.priority)
            # Looking values up takes as long as decoding the mask.
            yield found.astype(kind) if same else table[found]

    def _is_known(self, case: AnnotatedCase, index: int) -> bool:
        truth = case.truth(index, Method.SEGMENTATION)
        return truth in (Truth.POSITIVE, Truth.NEGATIVE)

    def label_name(self, stem: str) -> str:
        """Return the path of a case's labels below the folder."""
        return f"labelsTr/{stem}.nii.gz"

    def write_case(self, case: AnnotatedCase, folder: Path) -> CaseFiles:
        """Write the labels of a case, and its images on the same grid."""
        unknown = [i for i in range(case.n_slices) if not self._is_known(case, i)]
        if len(unknown) == case.n_slices or (unknown and not self.ignores):
            return CaseFiles(
                files=(),
                part={"ignored": len(unknown)},
                notes=(
                    f"Left out: {len(unknown)} of {case.n_slices} slices are undecided "
                    "or excluded.",
                ),
            )
        label = self.label_name(case.stem)
        kind = label_dtype(len(consecutive(case.labels)) + 1)
        (folder / "labelsTr").mkdir(exist_ok=True)
        part: dict[str, Any] = {
            "labels": write_nifti(folder / label, self.planes(case), case.header, kind),
            "ignored": len(unknown),
            "sheared": is_sheared(ijk_to_lps(case.header)),
        }
        files = [label]
        if self.options.images:
            (folder / "imagesTr").mkdir(exist_ok=True)
            channels = annotated_channels(case, self.options.channels)
            self._check_channels(case, len(channels))
            names = self.image_names(case.stem, len(channels))
            several = len(names) == len(channels)
            part["channels"] = [channel.name for channel in channels]
            part["voxels"] = [
                write_channels(
                    folder / name,
                    [channels[number]] if several else channels,
                    fourth=not several,
                )
                for number, name in enumerate(names)
            ]
            files += names
        return CaseFiles(files=tuple(files), part=part, notes=uneven_note(case))

    def _check_channels(self, case: AnnotatedCase, found: int) -> None:
        if found < self.options.channels:
            raise InvalidValueError(
                f"it has {found} images, {self.options.channels} are asked for",
                where=case.summary,
                remedy="Leave the case out, or set channels=1 for the reference alone",
            )
        left = self.options.channels
        for number, series in enumerate(case.all_series()):
            if left <= 0:
                return
            if number and not same_grid(case.header, series.header):
                raise InvalidValueError(
                    f"series {number + 1} is on another grid than the reference",
                    where=case.summary,
                    remedy="Set channels=1 for the reference alone",
                )
            left -= len(channels_of(series))

    def verify_case(
        self, case: AnnotatedCase, folder: Path, written: CaseFiles
    ) -> None:
        """Compare voxels and place with what another reader finds."""
        if not written.files:
            return
        label, *images = written.files
        check_image(folder / label, written.part["labels"], case.header)
        count = len(written.part.get("channels", ()))
        for name, digest in zip(images, written.part.get("voxels", ()), strict=True):
            fourth = count if len(images) < count else 0
            check_image(folder / name, digest, case.header, fourth)

    # -------------------------------------------------------------- all of them
    def finish(
        self,
        export: ExportJob,
        folder: Path,
        written: Sequence[tuple[CaseSummary, CaseFiles]],
    ) -> Sequence[str]:
        """Write ``dataset.json``.

        Raises
        ------
        InvalidValueError
            If every case was left out.
        """
        if not any(True for _ in listed(written)):
            raise InvalidValueError(
                "every case was left out: none has slices that teach anything",
                where=export.job.name,
                remedy="Decide more slices, or set unknown=ignore where the format "
                "has it",
            )
        text = json.dumps(self.describe(export, written), indent=1, ensure_ascii=False)
        (folder / DATASET).write_text(text + "\n", encoding="utf-8")
        return [DATASET]

    def title_of(self, export: ExportJob) -> str:
        """Return the name of the data set."""
        return str(self.options.name or export.job.name)

    def channel_names(
        self, written: Sequence[tuple[CaseSummary, CaseFiles]]
    ) -> list[str]:
        """Return what each image of a case shows; "image" where cases differ."""
        names: list[str] | None = None
        for files in listed(written):
            own: list[str] = list(files.part.get("channels", ["image"]))
            if names is None:
                names = own
            names = [
                one if one == other else "image"
                for one, other in zip(names, own, strict=True)
            ]
        return names or []

    def named_values(
        self, export: ExportJob, written: Sequence[tuple[CaseSummary, CaseFiles]]
    ) -> Mapping[str, int]:
        """Return the value of each name, background and ignore among them."""
        values = consecutive(export.labels)
        found = {"background": 0}
        found |= {export.labels[label].name: value for label, value in values.items()}
        if any(files.part["ignored"] for files in listed(written)):
            found[IGNORE] = len(values) + 1
        return found
