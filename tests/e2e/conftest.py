"""A napari window at My Jobs, with the demo's jobs, driven by mouse and keys."""

from __future__ import annotations

import gc
import shutil
import weakref
from contextlib import suppress

import napari
import pytest
from app_model import Application
from napari._app_model._app import NapariApplication, _napari_names
from napari._qt import qt_main_window
from napari._qt._qapp_model.qactions import init_qactions
from napari._qt.qt_viewer import QtViewer
from napari._qt.threads.status_checker import StatusChecker
from napari.plugins import _initialize_plugins
from napari.settings import get_settings
from qtpy.QtCore import QEvent
from qtpy.QtWidgets import QApplication, QWidget

from napari_annotate_jobs.app._asks import notifications
from napari_annotate_jobs.app._settings import settings_model
from napari_annotate_jobs.app._still_heap import StillHeap
from napari_annotate_jobs.demo._jobs import make_demo_jobs
from napari_annotate_jobs.stores import open_store
from napari_annotate_jobs.testing._drive import Driver

APP = "test_app"
"""Name of napari's application model, as napari's own fixture calls it."""


class SharedWindow:
    """One napari window for the tests of a file, as new for each of them.

    napari's own fixture opens a window a test, which takes longer than most tests.
    This does the same for many: an application model and settings of its own, no
    threads, and the look for what is still there when the window is gone.
    """

    def __init__(self) -> None:
        self.viewer: napari.Viewer | None = None
        self._patches = pytest.MonkeyPatch()

    def open(self, qtbot) -> napari.Viewer:
        """Return the window's viewer, which is opened if it is not there."""
        if self.viewer is not None:
            return self.viewer
        assert not QtViewer._instances
        get_settings().reset()
        patch = self._patches.setattr
        patch(StatusChecker, "start", lambda self: None)
        patch(QtViewer, "_get_console", lambda self: QWidget())
        patch(qt_main_window, "SHOW_QT_WARNING", False)
        # Here it finds the heap frozen already, and goes through all of it to see so.
        patch(StillHeap, "begin", lambda *_: None)
        app = NapariApplication(APP)
        app.injection_store.namespace = _napari_names
        patch(NapariApplication, "get_app_model", lambda: app)
        for once in (_initialize_plugins, init_qactions):
            once.cache_clear()
        self.viewer = viewer = napari.Viewer(show=True, show_welcome_screen=False)
        window = viewer.window._qt_window
        patch(window, "_save_current_window_settings", lambda: None)
        qtbot.wait_exposed(window, timeout=5000)
        self._docks = window.saveState()
        self._model = {name: value.model_dump() for name, value in parts(viewer)}
        self._callbacks = callbacks(viewer)
        self._top = set(QApplication.topLevelWidgets())
        leave_out_of_collections()
        return viewer

    def clear(self) -> None:
        """Put all back as it was when the window was opened, and see that it is."""
        viewer = self.viewer
        assert viewer is not None
        viewer.layers.clear()
        viewer.window.remove_dock_widget("all")
        for notice in notifications():
            notice.close()
        get_settings().reset()
        let_go()
        for name, value in parts(viewer):
            value.update(self._model[name])
        viewer.theme, viewer.title = get_settings().appearance.theme, "napari"
        viewer.window._qt_window.restoreState(self._docks)
        assert callbacks(viewer) == self._callbacks
        assert not viewer.window.dock_widgets
        left = set(QApplication.topLevelWidgets()) - self._top
        assert not [widget for widget in left if widget.isVisible()]

    def close(self, *, failed: bool = False) -> None:
        """Close the window; all of it must be gone afterwards, unless a test failed."""
        if self.viewer is None:
            return
        gc.unfreeze()
        self.viewer.close()
        self.viewer = self._callbacks = self._top = None
        self._patches.undo()
        Application.destroy(APP)
        for once in (_initialize_plugins, init_qactions):
            once.cache_clear()
        let_go()
        gc.collect()
        left = len(QtViewer._instances)
        QtViewer._instances.clear()
        assert failed or not left, "something still refers to napari's window"
        leave_out_of_collections()


def parts(viewer):
    """Return the parts of a viewer that hold what a user sets, by name."""
    yield "camera", viewer.scene.camera
    yield "dims", viewer.dims
    yield "grid", viewer.canvas.grid


def callbacks(viewer):
    """Return all that is called on mouse and keys in a viewer."""
    mouse = (
        viewer.mouse_drag_callbacks,
        viewer.mouse_wheel_callbacks,
        viewer.mouse_move_callbacks,
        viewer.mouse_double_click_callbacks,
    )
    return [list(calls) for calls in mouse], dict(viewer.keymap)


def let_go():
    """Let what was closed be deleted."""
    for _ in range(3):
        QApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)
        QApplication.processEvents()


def leave_out_of_collections():
    """Leave what is there now out of garbage collections.

    napari collects garbage whenever a layer or a window goes.
    """
    gc.collect()
    gc.freeze()


@pytest.fixture(scope="module")
def shared_window():
    """Return the window that tests of a file share."""
    window = SharedWindow()
    yield window
    window.close()


@pytest.fixture
def make_napari_viewer(no_shared_window, make_napari_viewer):
    """Open a window of its own: the shared one is closed before."""
    return make_napari_viewer


@pytest.fixture
def no_shared_window(shared_window):
    """Close the window that is shared: napari's fixture wants no other there."""
    shared_window.close()


@pytest.fixture(autouse=True)
def own_home(tmp_path, monkeypatch):
    """Let each test begin as on a new computer."""
    for name in ("CONFIG", "DATA", "STATE"):
        monkeypatch.setenv(f"XDG_{name}_HOME", str(tmp_path / name.lower()))


@pytest.fixture(scope="session")
def demo_jobs(tmp_path_factory):
    """Return the folder of the demo's three jobs, to be copied."""
    return make_demo_jobs(tmp_path_factory.mktemp("demo") / "demo")


@pytest.fixture
def demo(tmp_path, demo_jobs):
    """Return the folder of the demo's three jobs, which is the test's own."""
    return shutil.copytree(demo_jobs, tmp_path / "demo")


@pytest.fixture
def make_driver(shared_window, request, qtbot):
    """Return a function that opens My Jobs in the shared window, or another."""
    drivers = []

    def make(location=None, *, size=(1280, 800), open_it=False, viewer=None):
        from napari_annotate_jobs.app._docks import show_my_jobs

        viewer = viewer or shared_window.open(qtbot)
        viewer.window.resize(*size)
        place = None if location is None else str(location)
        driver = Driver(show_my_jobs(viewer, place, open_it=open_it))
        driver.window.activateWindow()
        qtbot.waitUntil(lambda: QApplication.activeWindow() is driver.window)
        driver.settle()
        drivers.append(driver)
        return driver

    yield make
    with suppress(KeyError, AttributeError):  # not installed as a plugin
        # They are napari's, and outlive the window: the next test begins without.
        settings_model().person = ""
        settings_model().ask_seen = False
    stations = []
    for driver in drivers:
        if vars(driver):  # else the test let go of it
            driver.station.close()
            stations.append(weakref.ref(driver.station))
            vars(driver).clear()
    # napari looks for viewers that are still referred to: let the docks go first.
    let_go()
    if shared_window.viewer is None:
        return
    if request.node.rep_call.failed:
        shared_window.close(failed=True)  # its traceback holds on to all
        return
    shared_window.clear()
    leave_out_of_collections()
    assert not [station for station in stations if station() is not None]


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
