"""What is new on My Jobs since the last visit."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from qtpy.QtCore import QObject, Signal

from napari_annotate_jobs.app import _job_news
from napari_annotate_jobs.app._job_news import JobNews
from napari_annotate_jobs.model import (
    AnnotationChange,
    Case,
    Comment,
    Job,
    Label,
    LabelSet,
    Method,
    Project,
    SeriesRef,
    SliceAnnotation,
)
from napari_annotate_jobs.stores import FolderStore, create_job

LABEL = Label(id=1, name="lesion", color="#E69F00", method=Method.CLASSIFICATION)
PROJECT = Project(
    name="P", methods=(Method.CLASSIFICATION,), label_set=LabelSet(labels=(LABEL,))
)


class Station(QObject):
    """What there is of a workstation."""

    jobs_changed = Signal(object)
    closing = Signal()


@pytest.fixture
def place(tmp_path, monkeypatch):
    """Make a job with two cases that ana has submitted."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    settings = SimpleNamespace(person="ana")
    monkeypatch.setattr(_job_news, "read_settings", lambda: settings)
    monkeypatch.setattr(_job_news, "PAUSE", 1)
    cases = [Case(id=n, name=n, series=(SeriesRef(path=n),)) for n in "xyz"]
    job = Job(id="j", project=PROJECT, reviewers=("eve",), annotators=("ana",))
    said = SliceAnnotation(index=0, class_labels=(1,))
    with create_job(tmp_path / "job", job, cases, person="ana") as store:
        for case in "xy":
            change = AnnotationChange(slices={"index:0": said})
            store.submit("j", case, base=store.save("j", case, change, {}, base=0))
    return tmp_path / "job"


@pytest.fixture
def look(place, qtbot):
    """Return what reads the jobs as a napari does, and gives what is new."""
    stations = []

    def begin():
        station = Station()
        station.servers = SimpleNamespace()
        news, told = JobNews(station), []
        news.changed.connect(told.append)
        stations.append(station)

        def read():
            with FolderStore(place, "ana") as store:
                station.jobs_changed.emit(list(store.jobs()))
            n = len(told)
            qtbot.waitUntil(lambda: len(told) > n and not news._looking)
            return [found.text for found in told[-1].values()]

        read.news, read.station = news, station
        return read

    yield begin
    for station in stations:
        station.closing.emit()


def answer(place, case):
    with FolderStore(place, "eve") as eve:
        remark = Comment(person="eve", text="again")
        eve.return_case("j", case, [remark], person="ana")


def test_what_came_between_two_visits_is_new_as_long_as_napari_runs(place, look):
    first = look()
    assert first() == []
    answer(place, "x")
    second = look()
    assert second() == ["1 returned"]
    assert second() == ["1 returned"]
    answer(place, "y")
    assert second() == ["2 returned"]
    assert look()() == []


def test_what_comes_during_the_first_visit_is_new(place, look):
    read = look()
    assert read() == []
    answer(place, "x")
    assert read() == ["1 returned"]


def test_what_was_looked_at_is_not_new_any_more(place, look):
    look()()
    answer(place, "x")
    read = look()
    assert read() == ["1 returned"]
    with FolderStore(place, "ana") as store:
        (summary,) = store.jobs()
    assert read.news.of(summary).cases == (("x", None),)
    read.news.look_at(summary)
    assert read.news.of(summary) is None
    assert read() == []
    answer(place, "y")
    assert read() == ["1 returned"]


def test_a_job_that_cannot_be_read_was_not_visited(place, look, monkeypatch):
    look()()
    answer(place, "x")
    read = look()
    from napari_annotate_jobs import stores
    from napari_annotate_jobs.errors import StoreAccessError

    def away(*_, **__):
        raise StoreAccessError("the share is away", where=place)

    with monkeypatch.context() as patch:
        patch.setattr(stores, "open_store", away)
        assert read() == []
    assert look()() == ["1 returned"]
