"""Jobs with submitted cases, to be exported."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pytest

from napari_annotate_jobs.model import (
    Box,
    Case,
    Concept,
    Group,
    Job,
    Label,
    LabelSet,
    Method,
    Project,
    SeriesRef,
)
from napari_annotate_jobs.samples import sample_paths
from napari_annotate_jobs.session import AnnotationSession
from napari_annotate_jobs.stores import StoreSource, create_job, open_store

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

LABELS = LabelSet(
    labels=(
        Label(
            id=1,
            name="Tumour",
            color="#D55E00",
            method=Method.SEGMENTATION,
            concept=Concept(scheme="SCT", value="108369006", meaning="Neoplasm"),
        ),
        Label(id=2, name="Lung, left", color="#0072B2", method=Method.SEGMENTATION),
        Label(
            id=300,
            name="Gefäß",
            color="#009E73",
            method=Method.SEGMENTATION,
            overlap_group="vessels",
        ),
        Label(id=4, name="nodule", color="#F0E442", method=Method.DETECTION),
        Label(
            id=5,
            name="good",
            color="#E69F00",
            method=Method.CLASSIFICATION,
            group="quality",
        ),
        Label(
            id=6,
            name="bad",
            color="#56B4E9",
            method=Method.CLASSIFICATION,
            group="quality",
        ),
        Label(id=7, name="contrast", color="#CC79A7", method=Method.CLASSIFICATION),
    ),
    groups=(Group(name="quality", exclusive=True),),
)


class Drawn(NamedTuple):
    """A job folder, and what was drawn into its cases, by case id."""

    folder: Path
    masks: dict[str, dict[tuple[int, str], NDArray[np.uint16]]]


def draw_job(
    folder: Path, *, overlap: bool = False, samples: tuple[str, ...] = ()
) -> Drawn:
    """Make a job of the sample images and submit its cases.

    Slice 1 (counted from 0) has nothing to label, 2 to 4 carry masks, a box and
    classes, 5 is excluded with a mask on it, the others are undecided.
    """
    paths = sample_paths()
    names = samples or ("ct-lung", "ct-lung-nodule")
    cases = [
        Case(id=name, name=name, series=(SeriesRef(path=str(paths[name])),))
        for name in names
    ]
    methods = (Method.SEGMENTATION, Method.DETECTION, Method.CLASSIFICATION)
    project = Project(name="Export", methods=methods, label_set=LABELS)
    create_job(folder, Job(id="export", project=project), cases).close()
    session = AnnotationSession(open_store(str(folder), person="ana"), "export")
    session.open_next = False
    masks: dict[str, dict[tuple[int, str], NDArray[np.uint16]]] = {}
    for number, name in enumerate(names):
        session.open_case(name)
        editor = session.editor
        assert session.case is not None
        rows, columns = session.case.series.header.shape[1:3]
        drawn: dict[tuple[int, str], NDArray[np.uint16]] = {}
        for index in (2, 3, 4, 5):
            mask = np.zeros((rows, columns), np.uint16)
            mask[8 + index : 30, 10 : 40 + number] = 1
            mask[12:16, 20:24] = 0  # a hole
            mask[50:60, 5 : 9 + index] = 2
            drawn[index, ""] = mask
            vessel = np.zeros_like(mask)
            top = 20 if overlap else 70
            vessel[top : top + 9, 30 : 50 + index] = 300
            drawn[index, "vessels"] = vessel
        editor.set_masks(drawn)
        box = Box(label=4, top=10.0, left=12.5, bottom=30.0, right=44.5)
        editor.set_boxes({3: (box,)})
        editor.set_class([2, 3], 5, True)
        editor.set_class([4], 7, True)
        editor.set_nothing_to_label([1])
        editor.set_excluded([5])
        session.submit()
        masks[name] = drawn
    session.close()
    return Drawn(folder, masks)


@pytest.fixture(scope="session")
def draw() -> Any:
    """What makes such a job."""
    return draw_job


@pytest.fixture(scope="session")
def drawn(tmp_path_factory: pytest.TempPathFactory) -> Drawn:
    """A job of two submitted cases."""
    return draw_job(tmp_path_factory.mktemp("drawn") / "job")


@pytest.fixture(scope="session")
def overlapping(tmp_path_factory: pytest.TempPathFactory) -> Drawn:
    """The same, with vessels painted over the tumour."""
    return draw_job(tmp_path_factory.mktemp("drawn") / "job", overlap=True)


@pytest.fixture
def source(drawn: Drawn) -> StoreSource:
    """What there is to export of the job without overlap."""
    return StoreSource(str(drawn.folder))
