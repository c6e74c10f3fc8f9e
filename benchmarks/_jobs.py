"""Jobs that the benchmarks of the interface work on."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from napari_annotate_jobs.model import (
    COLORS,
    AnnotationChange,
    Case,
    Group,
    Job,
    Label,
    LabelSet,
    Method,
    Project,
    SeriesRef,
    SliceAnnotation,
)
from napari_annotate_jobs.stores import create_job

if TYPE_CHECKING:
    from pathlib import Path

__all__ = [
    "classes_job",
    "many_cases_job",
    "many_slices_job",
    "masks_job",
    "mixed_job",
    "write_nifti",
    "xray_job",
]

CLASSES = ("Neck", "Chest", "Abdomen")


def write_nifti(path: Path, shape: tuple[int, int, int]) -> None:
    """Write a noisy volume, (slices, rows, columns)."""
    import nibabel

    rng = np.random.default_rng(0)
    voxels = rng.integers(-200, 400, shape, dtype=np.int16)
    image = nibabel.Nifti1Image(voxels.T, np.diag((0.8, 0.8, 2.0, 1.0)))
    nibabel.save(image, path)


def mixed_job(folder: Path, n_slices: int = 61) -> Path:
    """Make a job of all three methods with one CT-sized case; return its folder."""
    methods = (Method.SEGMENTATION, Method.DETECTION, Method.CLASSIFICATION)
    labels = [
        Label(id=place + 1, name=method.value, color=COLORS[place], method=method)
        for place, method in enumerate(methods)
    ]
    project = Project(
        name="Mixed", methods=methods, label_set=LabelSet(labels=tuple(labels))
    )
    write_nifti(folder / "volume.nii", (n_slices, 512, 512))
    return _make(folder / "mixed", project, [folder / "volume.nii"])


def masks_job(folder: Path, paths: list[Path]) -> Path:
    """Make a job of one mask label; return its folder."""
    label = Label(id=1, name="organ", color=COLORS[0], method=Method.SEGMENTATION)
    project = Project(
        name="Organs",
        methods=(Method.SEGMENTATION,),
        label_set=LabelSet(labels=(label,)),
    )
    return _make(folder / "organs", project, paths)


def classes_job(folder: Path, n_slices: int = 300) -> Path:
    """Make a job that says of each slice at which level of the body it lies."""
    labels = [
        Label(
            id=place + 1,
            name=name,
            color=COLORS[place],
            method=Method.CLASSIFICATION,
            group="Level",
        )
        for place, name in enumerate(CLASSES)
    ]
    project = Project(
        name="Levels",
        methods=(Method.CLASSIFICATION,),
        label_set=LabelSet(
            labels=tuple(labels), groups=(Group(name="Level", exclusive=True),)
        ),
    )
    write_nifti(folder / "body.nii", (n_slices, 64, 64))
    return _make(folder / "levels", project, [folder / "body.nii"])


def xray_job(folder: Path, n_cases: int = 100) -> Path:
    """Make a job of so many single images with one class to be found."""
    from PIL import Image

    rng = np.random.default_rng(0)
    paths = []
    for number in range(n_cases):
        path = folder / f"xray-{number:03d}.png"
        Image.fromarray(rng.integers(0, 255, (64, 64), dtype=np.uint8)).save(path)
        paths.append(path)
    label = Label(id=1, name="Effusion", color=COLORS[0], method=Method.CLASSIFICATION)
    project = Project(
        name="Chest",
        methods=(Method.CLASSIFICATION,),
        label_set=LabelSet(labels=(label,)),
    )
    return _make(folder / "chest", project, paths)


def many_cases_job(folder: Path, n: int) -> Path:
    """Make a job of so many cases without images, named ``case 000000`` and on.

    Every 50th is finished.
    """
    label = Label(id=1, name="a", color=COLORS[0], method=Method.CLASSIFICATION)
    project = Project(
        name=f"{n} cases",
        methods=(Method.CLASSIFICATION,),
        label_set=LabelSet(labels=(label,)),
    )
    path = folder / f"cases-{n}"
    cases = [
        Case(
            id=f"case-{i:06d}",
            name=f"case {i:06d}",
            series=(SeriesRef(path=f"images/{i:06d}"),),
            n_slices=300,
        )
        for i in range(n)
    ]
    store = create_job(path, Job(id=path.name, project=project), cases)
    content = SliceAnnotation(index=0, class_labels=(1,))
    for case in cases[::50]:
        change = AnnotationChange(slices={"index:0": content})
        store.save(path.name, case.id, change, {}, base=0)
        store.submit(path.name, case.id, base=1)
    store.close()
    return path


def many_slices_job(folder: Path, n: int) -> Path:
    """Make a job of one case of so many slices of 16 x 16 pixels."""
    methods = (Method.CLASSIFICATION, Method.SEGMENTATION)
    labels = [
        Label(id=place + 1, name=method.value, color=COLORS[place], method=method)
        for place, method in enumerate(methods)
    ]
    project = Project(
        name=f"{n} slices", methods=methods, label_set=LabelSet(labels=tuple(labels))
    )
    import SimpleITK as sitk

    # NIfTI counts to 32,767
    image = sitk.GetImageFromArray(np.zeros((n, 16, 16), np.int16))
    sitk.WriteImage(image, folder / f"long-{n}.mha")
    return _make(folder / f"slices-{n}", project, [folder / f"long-{n}.mha"])


def _make(folder: Path, project: Project, paths: list[Path]) -> Path:
    folder.mkdir()
    cases = [
        Case(id=path.stem, name=path.stem, series=(SeriesRef(path=str(path)),))
        for path in paths
    ]
    create_job(folder, Job(id=folder.name, project=project), cases).close()
    return folder
