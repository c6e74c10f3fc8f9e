"""Cases are taken along from the window: what its menu does, without a window."""

from __future__ import annotations

from types import SimpleNamespace

import httpx
import nibabel
import numpy as np
import pytest

from napari_annotate_jobs.app.controllers import TakeAlongController
from napari_annotate_jobs.session import SynchronousExecutor, Worker
from napari_annotate_jobs.stores.http import HttpStore, ImageCache

JOB, CASE = "job", "case-0"


class Menu:
    def __init__(self):
        self.actions = {}

    def addSeparator(self):
        pass

    def addAction(self, text, call):
        self.actions[text] = call


class Cut:
    """A line that is cut, or goes to the server."""

    def __init__(self, inner):
        self.inner, self.asked, self.cut_at = inner, 0, None

    def __enter__(self):
        return self

    def __exit__(self, *_):
        pass

    def close(self):
        pass

    def handle_request(self, request):
        self.asked += 1
        if self.cut_at is not None and self.asked > self.cut_at:
            raise httpx.ConnectError("no network", request=request)
        return self.inner.handle_request(request)


@pytest.fixture
def desk(bench, servers, tmp_path):
    base = bench.service.settings.home / "images" / "images"
    for number in range(4):
        (base / str(number)).mkdir(parents=True)
        image = nibabel.Nifti1Image(
            np.zeros((16, 16, 3), np.int16), np.diag([-1, -1, 1, 1])
        )
        nibabel.save(image, base / str(number) / "x.nii")
    token, line = bench.token("ana"), Cut(servers.transport)

    def open_store():
        store = HttpStore(
            "http://in.process",
            token=token,
            cache=ImageCache(tmp_path / "cache" / "images"),
            transport=lambda: line,
        )
        store.wire._sleep = lambda seconds: None
        return store

    with open_store() as store:
        job = store.job(JOB)
    told, errors = [], []
    worker = Worker(SynchronousExecutor())
    works = []
    worker.started.connect(works.append)
    place = SimpleNamespace(location="http://in.process", job=job, open=open_store)
    return SimpleNamespace(
        controller=TakeAlongController(
            lambda: SimpleNamespace(writing=worker),
            place,
            show_error=errors.append,
            tell=told.append,
        ),
        told=told,
        errors=errors,
        works=works,
        line=line,
        open=open_store,
    )


def offered(desk, case="case-0"):
    with desk.open() as store:
        row = store.case(JOB, case)
    menu = Menu()
    desk.controller.offer(menu, row)
    return menu.actions


def test_a_case_is_taken_along_and_opens_without_the_server(desk):
    offered(desk)["Take along, to work without the server"]()
    assert desk.errors == []
    assert "on this computer" in desk.told[0]
    assert desk.works[0].done == desk.works[0].total > 0
    desk.line.cut_at = 0
    with desk.open() as away:
        assert away.open_series(JOB, "case-0").read().shape == (3, 16, 16)
        with pytest.raises(Exception, match="server"):
            away.open_series(JOB, "case-1")


def test_the_next_cases_come_along_but_not_what_is_finished(desk):
    actions = offered(desk, "case-1")
    actions["Take along with the next 9 left"]()
    assert "3 cases" in desk.told[0]
    desk.line.cut_at = 0
    with desk.open() as away:
        for case in ("case-1", "case-2", "case-3"):
            away.open_series(JOB, case).read()
        with pytest.raises(Exception, match="server"):
            away.open_series(JOB, "case-0")


def test_put_back_says_that_what_is_not_saved_stays(desk):
    actions = offered(desk)
    actions["Take along, to work without the server"]()
    actions["Put back what was taken along"]()
    assert "stays here" in desk.told[1]
    assert desk.errors == []


def test_a_line_that_is_cut_is_told(desk):
    actions = offered(desk)
    desk.line.cut_at = desk.line.asked + 12
    actions["Take along, to work without the server"]()
    assert desk.told == []
    assert len(desk.errors) == 1


def test_it_can_be_stopped(desk):
    actions = offered(desk)
    worker = desk.controller._chores().writing
    worker.started.connect(lambda work: work.cancel())
    actions["Take along, to work without the server"]()
    assert desk.errors == []
    assert desk.told == ["Stopped. No case was taken along."]


def test_what_is_on_this_computer_offers_nothing(desk):
    desk.controller._place.location = "/home/ana/job"
    assert offered(desk) == {}
