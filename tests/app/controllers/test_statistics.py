"""Counting for the panel: without a window, on a job in memory."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from psygnal import Signal

from napari_annotate_jobs.app.controllers import StatisticsController
from napari_annotate_jobs.errors import NotFoundError
from napari_annotate_jobs.model import (
    AnnotationChange,
    Case,
    Job,
    Label,
    LabelSet,
    Method,
    Project,
    SeriesRef,
    SliceAnnotation,
)
from napari_annotate_jobs.session import SynchronousExecutor, Worker
from napari_annotate_jobs.stores import MemoryStore


class View:
    """What a panel is for its controller; logs what it is told."""

    count_requested, cancel_requested, save_requested = Signal(), Signal(), Signal()

    def __init__(self, log):
        self.log = log
        self.only = SimpleNamespace(currentData=lambda: "all")
        self.objects = SimpleNamespace(isChecked=lambda: False)

    def set_job(self, name):
        self.log.append(("job", name))

    def set_busy(self, busy):
        self.log.append(("busy", busy))

    def set_statistics(self, found):
        self.log.append(("found", found))

    def set_failed(self, text):
        self.log.append(("failed", text))


class Slow(SynchronousExecutor):
    """Runs what it was given when it is told to."""

    def __init__(self):
        super().__init__()
        self.waiting = []

    def run(self, *task):
        self.waiting.append(task)

    def go(self):
        while self.waiting:
            super().run(*self.waiting.pop(0))


@pytest.fixture
def desk(tmp_path):
    label = Label(id=1, name="a", color="#112233", method=Method.CLASSIFICATION)
    project = Project(
        name="Job", methods=(label.method,), label_set=LabelSet(labels=(label,))
    )
    job = Job(id="job", project=project)
    case = Case(id="one", name="One", series=(SeriesRef(path="x"),), n_slices=3)
    store = MemoryStore([(job, [case])], person="ana")
    said = SliceAnnotation(index=0, class_labels=(1,))
    store.save("job", "one", AnnotationChange(slices={"0": said}), {}, base=0)
    log, executor = [], Slow()
    view = View(log)
    controller = StatisticsController(
        view,
        Worker(executor),
        show_error=lambda error: log.append(("error", error)),
        tell=lambda text: log.append(("told", text)),
        choose_folder=lambda title, chosen: chosen(str(tmp_path / "out")),
    )
    place = SimpleNamespace(job=job, open=lambda: store)
    return SimpleNamespace(
        view=view, controller=controller, place=place, log=log, executor=executor
    )


def test_counts_and_saves(desk, tmp_path):
    desk.controller.set_place(desk.place)
    desk.view.count_requested.emit()
    desk.executor.go()
    (found,) = [what for kind, what in desk.log if kind == "found"]
    assert found.everybody.labels[0].slices == 1
    assert desk.log[-2] == ("busy", False)
    desk.view.save_requested.emit()
    desk.executor.go()
    assert (tmp_path / "out" / "people.csv").exists()
    assert desk.log[-1][0] == "told"
    desk.view.save_requested.emit()
    desk.executor.go()
    assert "already" in str(desk.log[-1][1])


def test_what_was_counted_of_another_job_is_not_shown(desk):
    desk.controller.set_place(desk.place)
    desk.controller.count()
    desk.controller.set_place(None)
    desk.executor.go()
    assert not [kind for kind, _ in desk.log if kind in ("found", "failed", "error")]


def test_stop(desk):
    desk.controller.set_place(desk.place)
    desk.controller.count()
    desk.view.cancel_requested.emit()
    desk.executor.go()
    assert desk.log[-1] == ("failed", "Counting was stopped.")
    assert desk.log[-2] == ("busy", False)


def test_what_cannot_be_read_is_told(desk):
    def away():
        raise NotFoundError("there is no such folder")

    desk.place.open = away
    desk.controller.set_place(desk.place)
    desk.controller.count()
    desk.executor.go()
    kinds = [kind for kind, _ in desk.log]
    assert kinds[-2:] == ["failed", "error"]
