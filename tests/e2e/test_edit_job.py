"""Edit job from a card's menu, the job's page and the command palette, in a window."""

from __future__ import annotations

import pytest
from app_model import Application
from qtpy.QtCore import Qt
from qtpy.QtTest import QTest

from napari_annotate_jobs.app import _palette
from napari_annotate_jobs.app._edit_jobs import EditJobs
from napari_annotate_jobs.app._palette import command_id
from napari_annotate_jobs.demo._jobs import DEMO_JOBS
from napari_annotate_jobs.stores import open_store

BRAIN, XRAYS, LUNGS = DEMO_JOBS


def dialog_of(driver, job):
    """Return the window of a job, once it is there and filled in."""
    jobs = EditJobs.of(driver.station)
    driver.wait(lambda: jobs.dialog(job) is not None and jobs.dialog(job).isVisible())
    dialog = jobs.dialog(job)
    driver.wait(lambda: bool(dialog.name.text()))
    return dialog


def leave(driver, dialog, job):
    QTest.keyClick(dialog, Qt.Key.Key_Escape)
    driver.wait(lambda: EditJobs.of(driver.station).dialog(job) is None)
    driver.settle()


@pytest.fixture(autouse=True)
def name_of_napari(monkeypatch):
    """Let what is listed be listed in napari's own application for tests."""
    monkeypatch.setattr(_palette, "NAPARI", "test_app")


def test_a_card_a_page_and_the_palette_open_the_same_window(driver, demo):
    # The menu of a card; the change is seen on it at once, and on disk.
    view = driver.my_jobs.jobs
    row = next(
        at
        for at in range(view._model.rowCount())
        if view._model.summary(at).job.id == BRAIN
    )
    menu = view._make_menu(view._model.index(row, 0))
    next(a for a in menu.actions() if a.text() == "Edit job…").trigger()
    dialog = dialog_of(driver, BRAIN)
    dialog.name.clear()
    driver.type_text("Heads", dialog.name)  # and Enter

    def named():
        with open_store(str(demo)) as store:
            return store.job(BRAIN).name

    driver.wait(lambda: named() == "Heads")
    driver.wait(lambda: "Heads" in [s.job.name for s in driver.station.summaries])
    leave(driver, dialog, BRAIN)

    driver.open_job(XRAYS)
    driver.click(driver.my_jobs.page._edit)
    dialog = dialog_of(driver, XRAYS)
    assert dialog.tabs.count() == 3
    # Asked for twice, it is the same one.
    app = Application.get_app("test_app")
    app.commands.execute_command(command_id("edit_job")).result()
    assert dialog_of(driver, XRAYS) is dialog
    leave(driver, dialog, XRAYS)
    app.commands.execute_command(command_id("edit_job")).result()
    leave(driver, dialog_of(driver, XRAYS), XRAYS)
