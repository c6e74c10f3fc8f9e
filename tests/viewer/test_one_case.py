"""Title, image, layers and the case that is saved to are one case at every moment."""

from __future__ import annotations

from contextlib import suppress
from weakref import ref

import nibabel
import numpy as np
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from napari.components import ViewerModel

from napari_annotate_jobs.errors import (
    AnnotateJobsError,
    LockedError,
    UnreadableImageError,
)
from napari_annotate_jobs.model import (
    Case,
    Job,
    Label,
    LabelSet,
    Method,
    Project,
    SeriesRef,
    decode_mask,
)
from napari_annotate_jobs.session import AnnotationSession, SynchronousExecutor
from napari_annotate_jobs.stores import MemoryStore
from napari_annotate_jobs.viewer import ViewerBridge
from napari_annotate_jobs.viewer._geometry import CASE_KEY

pytestmark = pytest.mark.slow  # each makes napari's layers anew

LIVER = Label(id=6, name="liver", color="#D55E00", method=Method.SEGMENTATION)
N_CASES = 5
SHAPES = {f"case-{i}": (8, 6 + i, 3) for i in range(N_CASES)}
"""Rows, columns and slices of each case: its layers tell whose they are."""


@pytest.fixture(scope="session")
def folder(tmp_path_factory):
    base = tmp_path_factory.mktemp("cases")
    for name, shape in SHAPES.items():
        image = nibabel.Nifti1Image(np.ones(shape, np.int16), np.eye(4))
        nibabel.save(image, base / f"{name}.nii")
    return base


class Steps(SynchronousExecutor):
    """A worker that is as slow as the test wants it to be."""

    def __init__(self):
        super().__init__()
        self.tasks = []

    def run(self, task, done, failed):
        self.tasks.append((task, done, failed))

    def step(self):
        if self.tasks:
            super().run(*self.tasks.pop(0))

    def drain(self):
        while self.tasks:
            self.step()


class Reader:
    """A reader at a viewer, without a window."""

    def __init__(self, folder, *, slow):
        labels = LabelSet(labels=(LIVER,))
        methods = (Method.SEGMENTATION,)
        job = Job(
            id="job", project=Project(name="P", methods=methods, label_set=labels)
        )
        cases = [
            Case(id=name, name=name.title(), series=(SeriesRef(path=f"{name}.nii"),))
            for name in SHAPES
        ]
        self.store = MemoryStore([(job, cases)], base=folder, person="ana")
        kind = Steps if slow else SynchronousExecutor
        self.tables, self.images = kind(), kind()
        self.viewer = ViewerModel()
        self.session = AnnotationSession(self.store, "job", executor=self.tables)
        self.errors = []
        self.session.failed.connect(self.errors.append)
        self.bridge = ViewerBridge(
            self.viewer, self.session, self.images, on_error=self.errors.append
        )
        self.seen = []
        """Every mask layer there was, by weak reference."""
        self.title = ""
        self.bridge.text_changed.connect(self._on_text)

    def _on_text(self, text):
        self.title = text.partition("\n")[0]

    # ------------------------------------------------------------- what one does
    def do(self, action):
        kind, value = action
        with suppress(AnnotateJobsError):
            getattr(self, f"_{kind}")(value)
        self.check()

    def _go(self, step):
        self.session.go(step)

    def _open(self, number):
        self.session.open_case(f"case-{number}")

    def _first(self, _):
        self.session.open_first()

    def _close(self, _):
        self.session.close_case()

    def _submit(self, _):
        self.session.submit()

    def _tables(self, _):
        if isinstance(self.tables, Steps):
            self.tables.step()

    def _images(self, _):
        if isinstance(self.images, Steps):
            self.images.step()
        self.images.tick()

    def _paint(self, place):
        """Paint on a layer that is shown, or was, as a mouse would."""
        layers = [layer for made in self.seen if (layer := made()) is not None]
        if layers:
            layer = layers[place % len(layers)]
            if layer.editable:
                place = (0, 0, self.mark(layer))
                layer.data_setitem(tuple(np.array([i]) for i in place), LIVER.id)

    def _write(self, place):
        """Write into the newest layer without a word, as other plugins do."""
        layer = self.seen[-1]() if self.seen else None
        if layer is not None:
            layer.data[1, place, self.mark(layer)] = LIVER.id
            layer.refresh()

    @staticmethod
    def mark(layer):
        """Return the column that belongs to a layer's case."""
        return int(layer.metadata[CASE_KEY]["case_id"].split("-")[1])

    # ------------------------------------------------------------ what must hold
    def check(self):
        session, layers = self.session, list(self.viewer.layers)
        # What is written while a case opens is refused, and that is told.
        assert all(isinstance(e, LockedError) for e in self.errors), self.errors
        if not session.is_open:
            assert layers == []
            assert self.title == ""
            return
        row = session.case.row
        rows, columns, slices = SHAPES[row.case.id]
        assert {layer.data.shape for layer in layers} == {(slices, columns, rows)}
        assert {x.metadata[CASE_KEY]["case_id"] for x in layers} == {row.case.id}
        assert len(layers) == 2
        assert layers[1].name == "Segmentation"
        assert tuple(self.viewer.dims.nsteps) == (slices, columns, rows)
        assert self.title == row.case.name
        assert session.editor.annotation.case_id == row.case.id
        mask = self.viewer.layers["Segmentation"]
        assert mask.editable == (not session.locked)
        if all(made() is not mask for made in self.seen):
            self.seen.append(ref(mask))

    def check_store(self):
        """Nothing was saved into another case than the one it was drawn on."""
        for name in SHAPES:
            found = self.store.load("job", name).annotation
            for content in found.slices.values():
                for saved in content.masks.values():
                    mask = decode_mask(self.store.read_blob("job", name, saved.digest))
                    columns = {int(c) for c in np.nonzero(mask)[1]}
                    assert columns == {int(name.split("-")[1])}, name

    def settle(self):
        for _ in range(20):
            self.tables.drain()
            self.images.drain()
        self.check()

    def close(self):
        self.session.close()
        self.bridge.close()
        self.check()


ACTIONS = st.one_of(
    st.tuples(st.just("go"), st.sampled_from([1, 1, 1, -1])),
    st.tuples(st.just("open"), st.integers(0, N_CASES - 1)),
    st.tuples(st.sampled_from(["first", "close", "submit"]), st.none()),
    st.tuples(st.just("tables"), st.none()),
    st.tuples(st.just("tables"), st.none()),
    st.tuples(st.just("images"), st.none()),
    st.tuples(st.just("paint"), st.integers(0, 5)),
    st.tuples(st.just("write"), st.integers(0, 4)),
)


@pytest.mark.parametrize("slow", [False, True], ids=["fast", "slow"])
@settings(
    max_examples=8,
    deadline=None,
    derandomize=True,
    phases=[Phase.generate],
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(actions=st.lists(ACTIONS, min_size=4, max_size=12))
def test_whatever_one_does(folder, slow, actions):
    reader = Reader(folder, slow=slow)
    for action in [("first", None), *actions]:
        reader.do(action)
    reader.settle()
    reader.check_store()
    reader.close()
    reader.check_store()


def test_a_layer_that_outlived_its_case_tells_no_other(folder):
    reader = Reader(folder, slow=False)
    reader.do(("open", 1))
    reader.do(("paint", 0))
    assert [*reader.store.load("job", "case-1").annotation.slices]
    layers = reader.bridge._case
    mask, stray = layers.masks[""], reader.viewer.layers["Segmentation"]
    reader.do(("go", 1))
    stray.data[0, 0, 0] = LIVER.id
    mask.take(None)
    assert "Case-1: the case is not open any more" in str(reader.errors[-1])
    assert not stray.data[0, 0, 0]
    layers.slice_shown()
    assert reader.session.editor.annotation.is_blank
    reader.errors.clear()
    reader.close()


def test_wishes_while_layers_come_and_go_wait(folder):
    """As if the event loop ran whenever a layer is added or taken away."""
    reader = Reader(folder, slow=False)
    reader.do(("open", 0))
    points, at, armed = [], 0, False

    def on_layer(event=None):
        points.append(reader.session.is_showing)
        if armed and len(points) == at + 1:
            reader.session.go(1)
            with pytest.raises(AnnotateJobsError):
                reader.session.submit()

    for emitter in (
        reader.viewer.layers.events.inserted,
        reader.viewer.layers.events.removed,
        reader.viewer.events.status,
    ):
        emitter.connect(on_layer)
    while True:
        armed = False
        reader.session.open_case("case-0")
        points.clear()
        armed = True
        reader.session.go(1)
        if len(points) <= at:
            break
        assert reader.session.case.row.case.id == "case-2"
        reader.check()
        at += 1
    assert at >= 6
    reader.close()


def test_going_on_never_empties_the_viewer(folder):
    """Else napari lays out its window anew; the layers are others all the same."""
    reader = Reader(folder, slow=False)
    reader.do(("open", 0))
    layers, events = reader.viewer.layers, []
    layers.events.begin_batch.connect(lambda: events.append("batch"))
    layers.events.removed.connect(lambda: events.append(len(layers)))
    reader.viewer.dims.events.ndim.connect(lambda: events.append("ndim"))
    name = layers[0].name
    for action in (("go", 1), ("open", 0), ("open", 0)):
        before = [ref(layer) for layer in layers]
        events.clear()
        reader.do(action)
        assert events == ["batch", 1, 2]
        now = list(layers)
        assert not any(former() in now for former in before if former() is not None)
    assert layers[0].name == name, "and not numbered"
    reader.do(("close", None))
    reader.close()


def test_what_is_read_ahead_comes_too_late(folder):
    reader = Reader(folder, slow=True)
    reader.do(("open", 0))
    reader.tables.drain()
    reader.images.drain()  # the next case is about to be looked for
    reader.session.open_case("case-3")
    reader.settle()
    assert reader.bridge.prefetcher._case_id != "case-1"
    reader.close()


def test_a_case_that_fails_while_others_wait(folder, monkeypatch):
    reader = Reader(folder, slow=True)
    reader.do(("open", 0))
    reader.settle()
    whole = reader.store.open_series

    def some(job_id, case_id, *args):
        if case_id == "case-1":
            raise UnreadableImageError("no image")
        return whole(job_id, case_id, *args)

    monkeypatch.setattr(reader.store, "open_series", some)
    for step in (1, 1, -1, 1):
        reader.session.go(step)
        reader.tables.step()
    reader.tables.drain()
    reader.images.drain()
    assert reader.session.case.row.case.id in ("case-2", "case-3")
    reader.errors.clear()
    reader.check()
    reader.close()
