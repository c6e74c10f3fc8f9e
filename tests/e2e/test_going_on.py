"""Keys, clicks and closings while a case is being opened."""

from __future__ import annotations

import threading
from time import monotonic

import numpy as np
import pytest
from qtpy.QtCore import Qt, QTimer
from qtpy.QtTest import QTest
from qtpy.QtWidgets import QApplication

from napari_annotate_jobs.app import _on_screen
from napari_annotate_jobs.demo._jobs import DEMO_JOBS
from napari_annotate_jobs.model import (
    Case,
    Job,
    Label,
    LabelSet,
    Method,
    Project,
    SeriesRef,
)
from napari_annotate_jobs.stores import create_job, open_store

BRAIN, XRAYS, LUNGS = DEMO_JOBS
N_CASES = 30
LEFT = Qt.MouseButton.LeftButton
SHAPES = [(3, 16, 16), (4, 20, 24)]
"""Of every other case: layers tell whose they are."""


@pytest.fixture
def many(demo, tmp_path):
    """Add a job of many small cases to the demo's."""
    import nibabel

    for i, shape in enumerate(SHAPES):
        image = nibabel.Nifti1Image(np.ones(shape[::-1], np.int16), np.eye(4))
        nibabel.save(image, tmp_path / f"{i}.nii")
    labels = LabelSet(
        labels=(
            Label(id=1, name="Organ", color="#D55E00", method=Method.SEGMENTATION),
            Label(id=2, name="Good", color="#56B4E9", method=Method.CLASSIFICATION),
        )
    )
    methods = (Method.SEGMENTATION, Method.CLASSIFICATION)
    project = Project(name="Many", methods=methods, label_set=labels)
    cases = [
        Case(
            id=f"case-{i}",
            name=f"Case {i}",
            series=(SeriesRef(path=str(tmp_path / f"{i % 2}.nii")),),
        )
        for i in range(N_CASES)
    ]
    create_job(demo / "many", Job(id="many", project=project), cases).close()
    return "many"


@pytest.fixture
def at_first(many, make_driver, demo):
    """Return a driver at the first of many cases."""
    driver = make_driver(demo)
    driver.open_job(many)
    driver.annotate()
    return driver


@pytest.fixture
def held_up(at_first, monkeypatch):
    """Return a driver whose images are not opened before the event is set."""
    store, gate = at_first.session.store, threading.Event()
    whole = store.open_series

    def wait(*args, **kwargs):
        gate.wait(20)
        return whole(*args, **kwargs)

    monkeypatch.setattr(store, "open_series", wait)
    at_first.gate = gate
    yield at_first
    gate.set()


def check(driver, number):
    """One case is there, and nothing of any other."""
    session = driver.session
    assert session.case.row.case.id == f"case-{number}"
    assert {x.data.shape for x in driver.viewer.layers} == {SHAPES[number % 2]}
    names = [layer.name for layer in driver.viewer.layers]
    assert len(set(names)) == len(names) == 2
    assert driver.current_job.annotate.case_name.text() == f"Case {number}"
    assert driver.current_job.around.read_out.text().startswith(f"Case {number}\n")
    assert not driver.current_job.veil.isVisible()
    assert not session.is_moving


def test_ten_presses_while_a_case_opens(held_up):
    driver = held_up
    image = driver.current_job.bridge.image_layer
    for _ in range(10):
        driver.press_action("next_case")
    veil = driver.current_job.veil
    assert veil.isVisible()
    assert veil.text() == "Opening: 10 cases on…"
    assert veil.geometry() == veil.parentWidget().rect()
    assert driver.current_job.annotate.case_name.text() == "Opening: 10 cases on…"
    assert not driver.current_job.annotate.submit.isEnabled()
    # Nothing is done to the case that is left.
    driver.press_label("Good")
    driver.press_label("Organ")
    driver.press_action("nothing_to_label")
    driver.press_action("nothing_submit_next")
    assert driver.current_job.bridge.image_layer is image
    assert driver.session.editor.annotation.is_blank
    assert not driver.viewer.layers["Segmentation"].editable
    driver.press_action("previous_case")
    driver.gate.set()
    driver.settle()
    check(driver, 9)
    assert driver.session.store.counts("many").finished == 0


def test_on_and_back_stay(held_up):
    driver = held_up
    driver.press_action("next_case")
    driver.press_action("previous_case")
    assert not driver.current_job.veil.isVisible()
    check(driver, 0)
    driver.press_label("Good")
    driver.gate.set()
    driver.settle()
    check(driver, 0)
    assert driver.session.editor.annotation.slices


def test_keys_wherever_the_event_loop_runs(at_first):
    """As if each layer that comes or goes let keys act, as napari's bars do."""
    driver = at_first
    number, at, seen = 0, 0, []

    def on_layer(event=None):
        seen.append(event)
        if len(seen) == at + 1:
            driver.press_action("next_case")  # processes events
            driver.press_action("nothing_submit_next")

    layers = driver.viewer.layers
    for emitter in (layers.events.inserted, layers.events.removed):
        emitter.connect(on_layer)
    while True:
        driver.press_action("next_case")
        driver.settle()
        if len(seen) <= at:
            break
        number, at = number + 2, at + 1
        check(driver, number)
        seen.clear()
    check(driver, number + 1)
    assert at >= 4
    assert driver.session.store.counts("many").finished == 0
    for emitter in (layers.events.inserted, layers.events.removed):
        emitter.disconnect(on_layer)


def test_a_second_press_submits_no_case_that_was_not_seen(at_first, monkeypatch):
    driver = at_first
    monkeypatch.setattr(_on_screen, "LOOK", 60)  # however slow this computer is
    monkeypatch.setattr(driver.current_job.on_screen, "_since", monotonic() - 120)
    monkeypatch.setattr(driver.current_job.actions, "_asks", False)
    driver.press_action("nothing_submit_next")
    driver.press_action("nothing_submit_next")  # while it is under way
    driver.wait(lambda: driver.session.case.row.case.id == "case-1")
    driver.press_action("nothing_submit_next")  # and as soon as the next is there
    driver.press_action("submit")
    driver.settle()
    check(driver, 1)
    assert driver.question is None
    assert driver.session.editor.annotation.is_blank
    assert driver.session.store.counts("many").finished == 1
    monkeypatch.setattr(_on_screen, "LOOK", 0)
    driver.press_action("nothing_submit_next")
    driver.settle()
    check(driver, 2)


def test_what_was_pressed_before_a_case_was_painted_does_nothing_to_it(at_first):
    driver = at_first
    session, actions = driver.session, driver.current_job.actions

    def press():  # nothing that lets events be processed
        pressed.append(session.is_moving)
        actions.exclude()
        actions.use_label(session.job.project.label_set.named("Good"))
        QTest.mouseClick(driver.canvas, LEFT, pos=driver.point(4, 4))

    def opened():
        session.when_shown(press)

    pressed = []
    driver.press_label("Organ")
    session.opened.connect(opened)
    driver.press_action("next_case")
    driver.settle()
    session.opened.disconnect(opened)
    check(driver, 1)
    assert pressed == [False]
    assert session.editor.annotation.is_blank
    actions.exclude()
    driver.drag([driver.point(4, 4), driver.point(8, 8)])
    driver.settle()
    assert len(session.editor.annotation.slices) == 1


def test_another_job_while_a_case_opens(held_up, demo):
    driver = held_up
    driver.press_action("next_case")
    summaries = {s.job.id: s for s in driver.station.summaries}
    former = driver.current_job
    for name in (LUNGS, BRAIN):
        driver.station.open_job(summaries[name])
    driver.gate.set()
    driver.wait(lambda: driver.station.current_job not in (None, former))
    driver.settle()
    assert driver.session.job.id == BRAIN
    assert len(driver.viewer.layers) == 0
    driver.annotate()
    assert driver.session.case.row.case.id == "mr-brain"


def test_closing_the_dock_while_a_case_opens(held_up):
    driver = held_up
    driver.press_action("next_case")
    dock = driver.current_job.annotate.parentWidget()
    while type(dock).__name__ != "QtViewerDockWidget":
        dock = dock.parentWidget()
    dock.destroyOnClose()
    driver.wait(lambda: not driver.session.is_open)
    driver.gate.set()
    driver.settle()
    assert not driver.session.is_open
    assert len(driver.viewer.layers) == 0
    driver.annotate()
    check(driver, 0)


def test_the_window_closes_where_it_was_while_a_case_opens(held_up, demo):
    driver = held_up
    driver.press_label("Good")
    driver.press_action("next_case")
    QTimer.singleShot(200, driver.gate.set)
    driver.current_job.flush()
    check(driver, 0)
    store = open_store(str(demo))
    try:
        assert store.load("many", "case-0").annotation.slices
    finally:
        store.close()


def test_a_row_that_is_double_clicked_opens_once(at_first):
    driver = at_first
    opened = []
    driver.session.opened.connect(lambda case: opened.append(case.row.case.id))
    driver.raise_tab("My Jobs")
    driver.click_row(driver.table, 4, double=True)
    driver.click_row(driver.table, 4, double=True)
    QApplication.processEvents()
    driver.settle()
    assert opened == ["case-4"]
    check(driver, 4)
