"""What is told of an export: its manifest, and a row for every slice."""

from __future__ import annotations

import csv
import hashlib
import json
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_annotate_jobs.model import Decision

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from ._case import AnnotatedCase, CaseSummary
    from ._contract import CaseTransform, Exporter, ExportJob

__all__ = [
    "about_export",
    "counts",
    "digest_of",
    "manifest",
    "overlaps_on",
    "reviewed",
    "slice_rows",
    "write_slice_table",
]


def digest_of(path: Path) -> str:
    """Return SHA-256 of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def overlaps_on(case: AnnotatedCase, index: int) -> bool:
    """Return True if masks of a slice cover one another."""
    masks = [case.mask(index, group) for group in case.said(index).masks]
    there = [mask > 0 for mask in masks if mask is not None]
    return len(there) > 1 and bool((np.sum(there, axis=0) > 1).any())


def counts(case: AnnotatedCase) -> dict[str, Any]:
    """Count what a case holds."""
    decisions = {str(decision): 0 for decision in Decision}
    voxels: dict[str, int] = {}
    for index in range(case.n_slices):
        decisions[str(case.decision(index))] += 1
        for ref in case.said(index).masks.values():
            for label, pixels in ref.pixels.items():
                name = case.labels[label].name
                voxels[name] = voxels.get(name, 0) + pixels
    boxes = sum(len(case.boxes(index)) for index in range(case.n_slices))
    return {"slices": decisions, "boxes": boxes, "voxels": voxels}


def reviewed(summary: CaseSummary) -> dict[str, Any]:
    """Return what became of a case in review; nothing for a draft."""
    if not summary.review:
        return {}
    found: dict[str, Any] = {"status": summary.review}
    if summary.reviewer:
        found["reviewer"] = summary.reviewer
    if summary.corrected:
        found["corrected"] = True
    return found


def slice_rows(case: AnnotatedCase) -> list[list[str | int]]:
    """Return a row for every slice of a case."""
    rows: list[list[str | int]] = []
    for index, name in enumerate(case.header.slices):
        labels = [case.labels[i].name for i in case.said(index).label_ids]
        rows.append(
            [
                case.stem,
                index + 1,
                name.sop_instance_uid or "",
                name.frame or "",
                str(case.decision(index)),
                json.dumps(labels, ensure_ascii=False),
            ]
        )
    return rows


def write_slice_table(path: Path, results: Sequence[dict[str, Any]]) -> None:
    """Write the decision of every slice, for formats that cannot tell them apart."""
    with path.open("w", encoding="utf-8", newline="") as file:
        table = csv.writer(file, lineterminator="\n")
        table.writerow(
            ["case", "slice", "sop_instance_uid", "frame", "decision", "labels"]
        )
        for result in results:
            table.writerows(result["slices"])


def about_export(
    plan: ExportJob, exporter: Exporter, transforms: Sequence[CaseTransform]
) -> dict[str, Any]:
    """Return what makes two exports the same one."""
    from napari_annotate_jobs import __version__

    return {
        "format": exporter.title,
        "options": exporter.options.model_dump(mode="json"),
        "priority": list(exporter.priority),
        "transforms": [transform.describe() for transform in transforms],
        "job": {"id": plan.job.id, "name": plan.job.name},
        "written by": f"napari-annotate-jobs {__version__}",
        "labels": plan.labels.model_dump(mode="json", exclude_defaults=True),
        "cases": [
            {
                "case": summary.case.id,
                "name": summary.case.name,
                "file": summary.stem,
                "person": summary.person,
                "submission": summary.submission,
                "digest": summary.digest,
            }
            for summary in plan.cases
        ],
    }


def manifest(
    about: dict[str, Any],
    results: Sequence[dict[str, Any]],
    folder: Path,
    shared: Sequence[str],
) -> dict[str, Any]:
    """Return what stands in the manifest."""
    cases = []
    for case, result in zip(about["cases"], results, strict=True):
        notes = {"notes": result["notes"]} if result["notes"] else {}
        found = {"files": result["files"], "counts": result["counts"]}
        if review := result.get("review"):
            found["review"] = review
        cases.append({**case, **found, **notes})
    files = {name: digest_of(folder / name) for name in shared}
    return {**about, "cases": cases, "files": files}
