"""BIDS derivatives: discrete segmentations, BIDS 1.10, "Imaging derivatives"."""

from __future__ import annotations

import csv
import io
import json
import re
from typing import TYPE_CHECKING, Any, ClassVar

from napari_annotate_jobs.formats._contract import CaseFiles, FormatOptions
from napari_annotate_jobs.model import Method, Provenance

from ._nifti import (
    NiftiExporter,
    NiftiOptions,
    check_even,
    uneven_note,
    write_labels,
)

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from napari_annotate_jobs.formats._case import AnnotatedCase, CaseSummary
    from napari_annotate_jobs.formats._contract import ExportJob
    from napari_annotate_jobs.model import LabelSet

__all__ = ["BidsExporter"]

VERSION = "1.10.0"
IGNORED = "export.json\ndecisions.csv\n"
"""Files beside it that BIDS does not know."""


def bids_label(stem: str) -> str:
    """Return a case's name with letters and digits alone."""
    return re.sub("[^A-Za-z0-9]", "", stem) or "case"


class BidsExporter(NiftiExporter):
    """``sub-<case>/anat/..._dseg.nii.gz`` with a ``.tsv`` and a ``.json`` each."""

    title = "BIDS derivative"
    Options: ClassVar[type[FormatOptions]] = NiftiOptions

    def is_incompatible(self, export: ExportJob) -> list[str]:
        """Say why the format cannot hold what is to be exported."""
        reasons = super().is_incompatible(export)
        found: dict[str, str] = {}
        for summary in export.cases:
            label = bids_label(summary.stem).casefold()
            other = found.setdefault(label, summary.stem)
            if other != summary.stem:
                reasons.append(
                    f"{other!r} and {summary.stem!r} are both sub-{label} in BIDS, "
                    "which allows only letters and digits; export them apart"
                )
                break
        return reasons

    def write_case(self, case: AnnotatedCase, folder: Path) -> CaseFiles:
        """Write the volume of a case, its table of labels, and what it is."""
        if not self.options.uneven:
            check_even(case)
        subject = f"sub-{bids_label(case.stem)}"
        begin = f"{subject}/anat/{subject}_space-orig_desc-annotated_dseg"
        (folder / subject / "anat").mkdir(parents=True, exist_ok=True)
        write_labels(folder / f"{begin}.nii.gz", case, self.priority)
        table = folder / f"{begin}.tsv"
        table.write_text(dseg_table(case.labels), encoding="utf-8")
        about = json.dumps(self._about(case), indent=1, ensure_ascii=False)
        (folder / f"{begin}.json").write_text(about + "\n", encoding="utf-8")
        files = tuple(f"{begin}{ending}" for ending in (".nii.gz", ".tsv", ".json"))
        return CaseFiles(files=files, notes=uneven_note(case))

    def _about(self, case: AnnotatedCase) -> dict[str, Any]:
        refs = [
            ref
            for index in range(case.n_slices)
            for ref in case.said(index).masks.values()
        ]
        uid = case.header.series_uid
        return {
            "Description": "What was annotated; the value of a label is its index.",
            "Manual": all(ref.provenance is Provenance.MANUAL for ref in refs),
            "SpatialReference": {"orig": "the images that were annotated"},
            "Author": case.summary.person,
            **({} if uid is None else {"SeriesInstanceUID": uid}),
        }

    def finish(
        self,
        export: ExportJob,
        folder: Path,
        written: Sequence[tuple[CaseSummary, CaseFiles]],
    ) -> Sequence[str]:
        """Write ``dataset_description.json`` and what a validator is to pass over."""
        from napari_annotate_jobs import __version__

        about = {
            "Name": export.job.name,
            "BIDSVersion": VERSION,
            "DatasetType": "derivative",
            "Authors": sorted({summary.person for summary in export.cases}),
            "GeneratedBy": [{"Name": "napari-annotate-jobs", "Version": __version__}],
        }
        text = json.dumps(about, indent=1, ensure_ascii=False) + "\n"
        (folder / "dataset_description.json").write_text(text, encoding="utf-8")
        (folder / ".bidsignore").write_text(IGNORED, encoding="utf-8")
        (folder / "README").write_text(
            "Discrete segmentations of sub-*/anat, one volume a case. decisions.csv "
            "tells undecided and excluded slices from background.\n",
            encoding="utf-8",
        )
        return ["dataset_description.json", ".bidsignore", "README"]


def dseg_table(labels: LabelSet) -> str:
    """Return the look-up table of a discrete segmentation, tab-separated."""
    out = io.StringIO()
    table = csv.writer(out, delimiter="\t", lineterminator="\n")
    table.writerows((("index", "name", "color"), (0, "background", "#000000")))
    for label in labels.of(Method.SEGMENTATION):
        table.writerow((label.id, label.name, label.color))
    return out.getvalue()
