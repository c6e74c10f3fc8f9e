"""New job in a window: from My Jobs, the menu or a drop to the first label."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from qtpy.QtCore import QMimeData, QPoint, QPointF, Qt, QUrl
from qtpy.QtGui import QDragEnterEvent, QDropEvent
from qtpy.QtTest import QTest
from qtpy.QtWidgets import QApplication, QFileDialog, QLineEdit, QPushButton, QWidget

from napari_annotate_jobs.app._asks import notifications
from napari_annotate_jobs.app._new_jobs import NewJobs
from napari_annotate_jobs.samples import sample_paths
from napari_annotate_jobs.stores import open_store

MOST_ACTIONS = 12
"""Clicks, drags and keys besides typing, from a folder of images to a label."""


@pytest.fixture
def images(tmp_path):
    folder = tmp_path / "studies"
    for name in ("ct-lung", "ct-lung-nodule"):
        shutil.copytree(sample_paths()[name], folder / name)
    return folder


@pytest.fixture(autouse=True)
def documents(tmp_path, monkeypatch):
    """Let jobs be made in a folder of the test."""
    monkeypatch.setattr(
        "napari_annotate_jobs.app._new_jobs.user_documents_path",
        lambda: tmp_path / "documents",
    )
    return tmp_path / "documents" / "Annotate Jobs"


def dialog_of(driver):
    dialog = NewJobs.of(driver.station).dialog
    assert dialog is not None and dialog.isVisible()
    return dialog


def drop(widget, *paths):
    """Drop folders or files on a widget, as a file manager does."""
    mime = QMimeData()
    mime.setUrls([QUrl.fromLocalFile(str(path)) for path in paths])
    rest = (
        Qt.DropAction.CopyAction,
        mime,
        Qt.MouseButton.LeftButton,
        Qt.KeyboardModifier.NoModifier,
    )
    enter = QDragEnterEvent(QPoint(20, 20), *rest)
    QApplication.sendEvent(widget, enter)
    event = QDropEvent(QPointF(20, 20), *rest)
    QApplication.sendEvent(widget, event)
    return event


def button(parent, text):
    return next(
        b
        for b in parent.findChildren(QPushButton)
        if b.text().replace("&", "") == text and b.isVisible()
    )


def wait_for_studies(driver, dialog, number):
    driver.wait(lambda: dialog.studies.count() == number)
    driver.wait(lambda: driver.station.chores.is_idle)


def test_from_a_folder_to_the_first_label(make_driver, images, documents):
    driver = make_driver(size=(1280, 720))
    driver.wait(lambda: button(driver.my_jobs.jobs, "New job…").isEnabled())
    driver.actions = 0

    driver.click(button(driver.my_jobs.jobs, "New job…"))
    dialog = dialog_of(driver)
    driver.click(dialog.folder)
    (chooser,) = (w for w in QApplication.allWidgets() if isinstance(w, QFileDialog))
    chooser.findChild(QLineEdit).setText(str(images))
    driver.click(button(chooser, "Choose"))
    wait_for_studies(driver, dialog, 2)
    # A name can be typed at once.
    editor = dialog.labels.table.cells.editor
    assert editor is not None
    QTest.keyClicks(editor, "lung")
    driver.key("Return", editor)
    driver.click(dialog.annotate)
    driver.wait(lambda: driver.station.current_job is not None)
    driver.wait(lambda: driver.session.is_open)
    driver.settle()
    driver.press_label("lung")
    driver.drag_pixels([(100, 100), (120, 120)])
    driver.settle()

    assert driver.actions <= MOST_ACTIONS, driver.actions
    with open_store(str(documents / "studies")) as store:
        (summary,) = store.jobs()
        (said,) = store.load(summary.job.id, "ct-lung").annotation.slices.values()
        assert said.masks
    assert NewJobs.of(driver.station).dialog is None
    assert str(documents / "studies") in {s.location for s in driver.station.summaries}


def test_a_drop_on_my_jobs_is_a_new_job(make_driver, images, documents):
    driver = make_driver(size=(1280, 720))
    assert drop(driver.my_jobs.jobs, images).isAccepted()
    dialog = dialog_of(driver)
    wait_for_studies(driver, dialog, 2)
    # Closed and opened again, it is as it was.
    dialog.labels.text_pasted.emit("lung")
    dialog.close()
    driver.click(button(driver.my_jobs.jobs, "New job…"))
    assert dialog_of(driver) is dialog and dialog.studies.count() == 2
    driver.click(dialog.only_create)
    driver.wait(lambda: driver.station.current_job is not None)
    driver.settle()
    assert not driver.session.is_open
    assert driver.my_jobs.page.isVisible()
    # A job that is dropped is opened.
    before = driver.station.current_job
    driver.my_jobs.show_jobs()
    drop(driver.my_jobs.jobs, documents / "studies")
    driver.wait(lambda: driver.station.current_job not in (None, before))
    driver.settle()


def canvas(driver):
    return next(
        w for w in driver.window.findChildren(QWidget) if type(w).__name__ == "QtViewer"
    )


def test_folders_dropped_on_the_canvas_are_offered(make_driver, images):
    driver = make_driver(size=(1280, 720))
    drop(canvas(driver), images)
    (notice,) = notifications()
    assert "Make a job of studies?" in notice.message.text()
    assert not driver.viewer.layers
    button(notice, "New job…").click()
    wait_for_studies(driver, dialog_of(driver), 2)


def test_napari_opens_what_it_can_and_a_job_is_offered(make_driver, images):
    driver = make_driver(size=(1280, 720))
    opened = []
    canvas(driver)._qt_open = lambda names, **_: opened.append(names)
    drop(canvas(driver), images / "ct-lung")
    driver.wait(lambda: bool(notifications()))
    assert opened == [[str(images / "ct-lung")]]
    assert "Make a job of ct-lung?" in notifications()[0].message.text()
    # Files are napari's alone, and so are folders of something else.
    for notice in notifications():
        notice.close()
    other = images / "texts"
    other.mkdir()
    (other / "a.txt").write_text("no image")
    drop(canvas(driver), sorted((images / "ct-lung").iterdir())[0])
    drop(canvas(driver), other)
    driver.settle()
    assert len(opened) == 3 and not notifications()
    del canvas(driver)._qt_open


def test_the_menu_of_plugins_opens_it(make_driver):
    from napari_annotate_jobs.app._settings import PLUGIN

    driver = make_driver(size=(1280, 720))
    window = driver.viewer.window
    for _ in range(2):  # it is found as often as it is asked for
        dock, _ = window.add_plugin_dock_widget(PLUGIN, "New Job")
        dock.show()
        driver.wait(lambda: NewJobs.of(driver.station).dialog is not None)
        driver.wait(lambda: NewJobs.of(driver.station).dialog.isVisible())
        assert not dock.isVisible()
        NewJobs.of(driver.station).dialog.close()


def test_it_fits_a_laptop_in_both_themes(make_driver, images):
    driver = make_driver(size=(1280, 720))
    for theme in ("dark", "light"):
        driver.viewer.theme = theme
        dialog = NewJobs.of(driver.station).show(driver.window, [str(images)])
        wait_for_studies(driver, dialog, 2)
        dialog.labels.text_pasted.emit("classification:q/good\ndetection:nodule")
        driver.settle()
        least = dialog.minimumSizeHint()
        assert least.width() <= 1100 and least.height() <= 620, (theme, least)


def test_closing_the_window_while_it_searches_is_safe(make_driver, images, qtbot):
    import threading

    driver = make_driver(size=(1280, 720))
    go_on, begun = threading.Event(), threading.Event()
    jobs = NewJobs.of(driver.station)
    dialog = jobs.show(driver.window)

    def hang():
        threading.current_thread().name = "hanging"
        begun.set()
        go_on.wait(10)

    driver.station.chores.looking.executor.run(hang, lambda _: None, lambda error: None)
    assert begun.wait(5)
    jobs.controller.add([str(images)])
    assert dialog.stop.isVisible()
    thread = next(t for t in threading.enumerate() if t.name == "hanging")
    driver.station.close()
    go_on.set()
    thread.join(5)
    assert jobs.dialog is None
    del jobs, dialog, thread


def test_paths_are_kept_out_of_the_title(make_driver, images):
    driver = make_driver(size=(1280, 720))
    dialog = NewJobs.of(driver.station).show(driver.window, [str(images)])
    wait_for_studies(driver, dialog, 2)
    assert dialog.windowTitle() == "New job"
    assert Path(dialog.place.path()).name == "studies"
