"""What is saved nowhere keeps the case, the dock, the job and the window open."""

from __future__ import annotations

import errno

import pytest
from qtpy.QtCore import QCoreApplication, QEvent, QTimer

from napari_annotate_jobs.demo._jobs import DEMO_JOBS
from napari_annotate_jobs.session import SaveKind, _recovery
from napari_annotate_jobs.stores import FolderStore

BRAIN, XRAYS, LUNGS = DEMO_JOBS
WRITE = _recovery._write


@pytest.fixture
def full(monkeypatch):
    """Return a function that fills the disks of the job and of this computer."""

    def no_room(*args, **kwargs):
        raise OSError(errno.ENOSPC, "No space left on device", "changes.jsonl")

    def fill():
        from napari_annotate_jobs.files._access import accessing

        def save(self, *args, **kwargs):
            with accessing(self._path, "written"):
                no_room()

        monkeypatch.setattr(FolderStore, "save", save)
        monkeypatch.setattr(_recovery, "_write", no_room)

    return fill


@pytest.fixture
def at_risk(open_case, full):
    """Return a driver at a case with work that is saved nowhere."""
    driver = open_case(BRAIN)
    full()
    driver.press_label("Tumour")
    driver.wait(lambda: driver.session.saving.state.kind is SaveKind.BLOCKED)
    yield driver
    driver.session.saving.discard_unsaved()


def is_asked(driver, index):
    driver.wait(lambda: driver.question is not None)
    text = driver.question.text()
    assert "saved nowhere" in text
    assert f"(slice {index + 1})" in text


def test_every_way_out_asks_and_stays(at_risk):
    driver, here = at_risk, at_risk.session.slice
    open_job, case = driver.current_job, driver.session.case.row.case.id
    assert "Disk full" in open_job.annotate.state.text()
    assert "Free some space" in open_job.annotate.state.text()
    assert "ffline" not in open_job.annotate.state.text()

    def next_case():
        driver.press_action("next_case")

    def close_dock():
        dock = open_job.annotate.parentWidget()
        while type(dock).__name__ != "QtViewerDockWidget":
            dock = dock.parentWidget()
        dock.destroyOnClose()

    def close_napari():
        driver.window.close()

    def other_job():
        view = driver.cards
        model = view.model()
        jobs = [model.summary(row).job.id for row in range(model.rowCount())]
        driver.station.open_job(model.summary(jobs.index(LUNGS)))

    def clear_layers():
        driver.viewer.layers.clear()

    for leave in (next_case, close_dock, close_napari, other_job, clear_layers):
        leave()
        is_asked(driver, here)
        driver.answer("Stay")
        driver.wait(lambda: driver.question is None)
        driver.wait(lambda: open_job.annotate.isVisible())
        assert driver.station.current_job is open_job
        assert driver.session.case.row.case.id == case
        assert driver.session.editor.content(here).has_labels
        assert driver.window.isVisible()
        driver.wait(lambda: open_job.bridge.image_layer in driver.viewer.layers)


def test_saved_elsewhere_one_goes_on(at_risk, monkeypatch, tmp_path, stored):
    driver, here = at_risk, at_risk.session.slice
    stick = tmp_path / "stick"
    stick.mkdir()
    case = driver.session.case.row.case.id
    driver.press_action("next_case")
    is_asked(driver, here)
    full_up = _recovery._write

    def write(path, *args):
        (WRITE if stick in path.parents else full_up)(path, *args)

    monkeypatch.setattr(_recovery, "_write", write)
    monkeypatch.setattr(
        "napari_annotate_jobs.app._save_questions.choose_folder",
        lambda parent, title, chosen: chosen(str(stick)),
    )
    driver.answer("Save elsewhere")
    driver.wait(lambda: driver.session.case.row.case.id != case)
    assert len(list(stick.iterdir())) == 1
    monkeypatch.undo()  # there is room again
    driver.press_action("previous_case")
    driver.wait(lambda: driver.session.case.row.case.id == case)
    driver.settle()
    assert stored(BRAIN, case).slices
    assert driver.session.editor.content(here).has_labels
    assert list(stick.iterdir()) == []


def test_discarding_goes_on(at_risk, stored):
    driver, session = at_risk, at_risk.session
    case, here = session.case.row.case.id, session.slice
    driver.press_action("next_case")
    is_asked(driver, here)
    driver.answer("Discard 1 change")
    driver.wait(lambda: session.case.row.case.id != case)
    assert not stored(BRAIN, case).slices


def test_work_is_saved_though_the_window_took_parts_of_ours_along(open_case, stored):
    driver = open_case(BRAIN)
    session, open_job = driver.session, driver.current_job
    case = session.case.row.case.id
    driver.press_label("Tumour")
    open_job._looks.deleteLater()
    QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete.value)
    open_job.save_and_leave()
    assert stored(BRAIN, case).slices
    open_job._looks = QTimer(open_job)  # for what ends the test
