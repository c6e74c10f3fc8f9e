"""A napari window at My Jobs, with the demo's jobs, driven by mouse and keys."""

from __future__ import annotations

import gc

import pytest
from qtpy.QtCore import QEvent
from qtpy.QtWidgets import QApplication

from napari_annotate_jobs.demo._jobs import make_demo_jobs
from napari_annotate_jobs.stores import open_store
from napari_annotate_jobs.testing._drive import Driver


@pytest.fixture(scope="session", autouse=True)
def quick_collections():
    """Leave what is there before the first window out of garbage collections.

    napari collects garbage whenever a layer or a window goes.
    """
    gc.collect()
    gc.freeze()
    yield
    gc.unfreeze()


@pytest.fixture(autouse=True)
def own_home(tmp_path, monkeypatch):
    """Let each test begin as on a new computer."""
    for name in ("CONFIG", "DATA", "STATE"):
        monkeypatch.setenv(f"XDG_{name}_HOME", str(tmp_path / name.lower()))


@pytest.fixture
def demo(tmp_path):
    """Return the folder of the demo's three jobs."""
    return make_demo_jobs(tmp_path / "demo")


@pytest.fixture
def make_driver(make_napari_viewer, qtbot):
    """Return a function that opens napari at My Jobs."""
    drivers = []

    def make(location=None, *, size=(1280, 800), open_it=False):
        from napari_annotate_jobs.app._docks import show_my_jobs

        viewer = make_napari_viewer(show=True)
        viewer.window.resize(*size)
        place = None if location is None else str(location)
        driver = Driver(show_my_jobs(viewer, place, open_it=open_it))
        driver.window.activateWindow()
        qtbot.waitUntil(lambda: QApplication.activeWindow() is driver.window)
        driver.settle()
        drivers.append(driver)
        return driver

    yield make
    for driver in drivers:
        if vars(driver):  # else the test let go of it
            driver.station.close()
            vars(driver).clear()
    # napari looks for viewers that are still referred to: let the docks go first.
    for _ in range(3):
        QApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)
        QApplication.processEvents()


@pytest.fixture
def driver(make_driver, demo):
    """Return a driver at My Jobs with the demo's jobs."""
    return make_driver(demo)


@pytest.fixture
def open_case(driver):
    """Return a function that opens the first case of a job by mouse."""

    def open_(job):
        driver.open_job(job)
        driver.annotate()
        return driver

    return open_


@pytest.fixture
def stored(demo):
    """Return a function that reads what the store has of a case."""

    def read(job, case):
        store = open_store(str(demo))
        try:
            return store.load(job, case).annotation
        finally:
            store.close()

    return read
