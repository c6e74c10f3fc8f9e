"""The demo's three jobs, made of the sample images."""

from __future__ import annotations

import shutil
from datetime import timedelta
from typing import TYPE_CHECKING

from platformdirs import user_data_path

from napari_annotate_jobs.model import (
    COLORS,
    Case,
    Concept,
    Group,
    Job,
    Label,
    LabelSet,
    Method,
    Project,
    Scope,
    SeriesRef,
    now,
)
from napari_annotate_jobs.samples import SAMPLES, sample_paths
from napari_annotate_jobs.stores import create_job

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

__all__ = ["DEMO_JOBS", "demo_location", "make_demo_jobs"]

DEMO_JOBS = ("brain-slices", "bone-and-chest-x-rays", "lung-tumours")
"""Folders of the demo's jobs, in the order they are walked through."""


def demo_location() -> Path:
    """Return where the demo's jobs are kept on this computer."""
    return user_data_path("napari-annotate-jobs") / "demo"


def make_demo_jobs(folder: Path) -> Path:
    """Make the demo's jobs in a folder, where they are not there already.

    Parameters
    ----------
    folder : Path
        Becomes a folder of three job folders, each with its images.

    Returns
    -------
    Path
        The same folder.
    """
    for name, (project, samples) in zip(DEMO_JOBS, _projects(), strict=True):
        if not (folder / name / "job.json").exists():
            _make(folder / name, name, project, samples)
    return folder


def _make(folder: Path, name: str, project: Project, samples: Sequence[str]) -> None:
    paths = sample_paths()
    known = {sample.name: sample for sample in SAMPLES}
    folder.mkdir(parents=True, exist_ok=True)
    cases = []
    for sample in samples:
        target = folder / "images" / sample
        if not target.exists():
            shutil.copytree(paths[sample], target)
        cases.append(
            Case(
                id=sample,
                name=known[sample].title,
                series=(SeriesRef(path=f"images/{sample}"),),
                n_slices=known[sample].n_slices,
            )
        )
    due = (now() + timedelta(days=14)).date()
    create_job(folder, Job(id=name, project=project, due=due), cases).close()


def _label(
    label_id: int, name: str, method: Method, color: int, **more: object
) -> Label:
    return Label(id=label_id, name=name, color=COLORS[color], method=method, **more)


def _projects() -> tuple[tuple[Project, tuple[str, ...]], ...]:
    classify, detect, segment = (
        Method.CLASSIFICATION,
        Method.DETECTION,
        Method.SEGMENTATION,
    )
    slices = Project(
        name="Brain slices",
        methods=(classify,),
        label_set=LabelSet(
            labels=(
                _label(1, "Face and skull base", classify, 0, group="Level"),
                _label(2, "Brain with ventricles", classify, 1, group="Level"),
                _label(3, "Above the ventricles", classify, 2, group="Level"),
                _label(4, "Tumour", classify, 5, group="Finding"),
                _label(5, "Artefact", classify, 6, group="Finding"),
                _label(6, "Usable for training", classify, 3, scope=Scope.CASE),
            ),
            groups=(Group(name="Level", exclusive=True), Group(name="Finding")),
        ),
        instructions=(
            "Say of every slice at which **level** of the head it lies, and mark "
            "**findings**.\n\n"
            "1. Press a label's key on the first slice of a level.\n"
            "2. *Propagate* it over the slices of that level.\n"
            "3. *Exclude* slices that show no brain at all, then *Submit*."
        ),
    )
    boxes = Project(
        name="Bone and chest X-rays",
        methods=(detect,),
        label_set=LabelSet(
            labels=(
                _label(1, "Mass", detect, 0),
                _label(2, "Bone lesion", detect, 5),
                _label(3, "Foreign body", detect, 2),
            )
        ),
        instructions=(
            "Draw a **box** around every finding. If there is none, press "
            "*Nothing to Label*."
        ),
    )
    concept = Concept(scheme="SCT", value="108369006", meaning="Neoplasm")
    masks = Project(
        name="Lung tumours",
        methods=(segment, classify),
        label_set=LabelSet(
            labels=(
                _label(1, "Tumour", segment, 5, concept=concept),
                _label(2, "Lung", segment, 1),
                _label(3, "Motion artefact", classify, 6),
            )
        ),
        instructions=(
            "**Paint** the tumour on every slice that shows it; mark slices with "
            "*Motion artefact*. Slices without a tumour are *Nothing to Label*."
        ),
    )
    return (
        (slices, ("mr-brain", "mr-brain-tumour")),
        (boxes, ("xray-chest", "xray-leg")),
        (masks, ("ct-lung", "ct-lung-nodule")),
    )
