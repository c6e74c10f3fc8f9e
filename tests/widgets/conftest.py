"""What the tests of the widgets share."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from napari_annotate_jobs.app.controllers import (
    PropagateController,
    SliceController,
    StripController,
    Workbench,
)
from napari_annotate_jobs.model import (
    COLORS,
    Case,
    Group,
    Job,
    Label,
    LabelSet,
    Method,
    Project,
    Scope,
    SeriesRef,
    SliceId,
    Window,
)
from napari_annotate_jobs.session import AnnotationSession
from napari_annotate_jobs.stores import MemoryStore
from napari_annotate_jobs.widgets import SliceStrip

LABELS = LabelSet(
    labels=(
        Label(id=1, name="Head", color=COLORS[0], method=Method.CLASSIFICATION),
        Label(id=2, name="Chest", color=COLORS[1], method=Method.CLASSIFICATION),
        Label(
            id=3,
            name="Clear",
            color=COLORS[2],
            method=Method.CLASSIFICATION,
            group="Quality",
        ),
        Label(
            id=4,
            name="Blurred",
            color=COLORS[3],
            method=Method.CLASSIFICATION,
            group="Quality",
        ),
        Label(
            id=5,
            name="Healthy",
            color=COLORS[4],
            method=Method.CLASSIFICATION,
            scope=Scope.CASE,
        ),
        Label(id=6, name="Tumour", color=COLORS[5], method=Method.SEGMENTATION),
        Label(id=7, name="Nodule", color=COLORS[6], method=Method.DETECTION),
    ),
    groups=(Group(name="Quality", exclusive=True),),
)


class _PictureLessStore(MemoryStore):
    """Opens cases with a number of slices and no files."""

    n_slices = 30

    def open_series(self, job_id, case_id, **options):
        header = SimpleNamespace(
            slices=tuple(SliceId(index=i) for i in range(self.n_slices)),
            shape=(self.n_slices, 8, 8),
            warnings=(),
            unit="HU",
            inverted=False,
            is_color=False,
        )
        windows = (
            Window(center=50, width=350, explanation="Soft tissue"),
            Window(center=600, width=1500, explanation="Bone, sharp"),
        )
        return SimpleNamespace(header=header, suggested_windows=lambda: windows)


@pytest.fixture
def make_session():
    """Return a function that opens the first of two cases without pictures."""
    made = []

    def make(n_slices=30, *, labels=LABELS, opened=True):
        methods = tuple(dict.fromkeys(label.method for label in labels.labels))
        project = Project(name="Whole body", methods=methods, label_set=labels)
        job = Job(id="job", project=project)
        cases = [
            Case(id=name, name=name.title(), series=(SeriesRef(path=name),))
            for name in ("one", "two")
        ]
        store = _PictureLessStore([(job, cases)], person="ann")
        store.n_slices = n_slices
        session = AnnotationSession(store, "job")
        if opened:
            session.open_case("one", slice=0)
        made.append(session)
        return session

    yield make
    for session in made:
        session.close()


class Bench(Workbench):
    """A workbench that gathers the errors it tells."""

    def __init__(self, session, window):
        self.errors = []
        super().__init__(session, window=lambda: window, show_error=self.errors.append)


@pytest.fixture
def control():
    """Let a controller act on a session at the word of a view; returns the bench."""
    controllers = []

    def make(view, session):
        bench = Bench(session, view)
        if isinstance(view, SliceStrip):
            controller = StripController(view, bench, SliceController(bench))
        else:
            controller = PropagateController(view, bench)
        bench.close = controller.close
        controllers.append(controller)
        return bench

    yield make
    for controller in controllers:
        controller.close()
