"""Nothing is lost: conflicts, killed processes, closed docks, deleted layers."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys

import numpy as np
import pydicom
import pytest
from napari._qt.dialogs.qt_notification import NapariQtNotification
from qtpy.QtWidgets import QLabel, QPushButton, QRadioButton

from napari_annotate_jobs.demo._jobs import DEMO_JOBS
from napari_annotate_jobs.model import AnnotationChange, SliceAnnotation
from napari_annotate_jobs.session import SaveKind
from napari_annotate_jobs.stores import open_store
from napari_annotate_jobs.widgets import DifferenceView

BRAIN, XRAYS, LUNGS = DEMO_JOBS


def by_someone_else(demo, driver, index, label):
    """Save a class label on a slice, as another program of the same person would."""
    store = open_store(str(demo))
    try:
        case_id = driver.session.case.row.case.id
        base = store.load(BRAIN, case_id).annotation.revision
        key = driver.session.case.series.header.slices[index].key
        content = SliceAnnotation(index=index, class_labels=(label,))
        change = AnnotationChange(slices={key: content})
        store.save(BRAIN, case_id, change, {}, base=base)
    finally:
        store.close()


@pytest.mark.parametrize("mine", [True, False], ids=["keep mine", "take theirs"])
def test_conflict_is_settled_by_a_question(open_case, stored, demo, mine):
    driver = open_case(BRAIN)
    by_someone_else(demo, driver, 2, 4)
    driver.go_to(3)
    driver.press_label("Artefact")
    session, dock = driver.session, driver.current_job.annotate
    driver.wait(lambda: session.saving.state.kind is SaveKind.CONFLICT)
    driver.click(dock.state)
    driver.answer("Keep mine" if mine else "Take theirs")
    driver.wait(lambda: session.saving.state.kind is not SaveKind.CONFLICT)
    driver.settle()
    found = {c.index: c.class_labels for c in stored(BRAIN, "mr-brain").slices.values()}
    assert found == ({2: (4,), 3: (5,)} if mine else {2: (4,)})
    assert session.editor.content(2).class_labels == (4,)
    # What is shown afterwards can be worked on.
    driver.go_to(6)
    driver.press_label("Tumour")
    driver.settle()
    assert session.saving.state.kind is SaveKind.SAVED


def test_a_conflict_is_settled_slice_by_slice(open_case, stored, demo, tmp_path):
    driver = open_case(BRAIN)
    session, dock = driver.session, driver.current_job.annotate
    by_someone_else(demo, driver, 2, 4)
    by_someone_else(demo, driver, 3, 4)
    for index in (2, 3, 4):
        driver.go_to(index)
        driver.press_label("Artefact")
    driver.wait(lambda: session.saving.state.kind is SaveKind.CONFLICT)
    driver.click(dock.state)
    driver.wait(lambda: driver.question is not None)
    pictures = [
        label
        for label in driver.question.findChildren(QLabel)
        if label.minimumWidth() == label.maximumWidth() == DifferenceView.SIDE
    ]
    assert len(pictures) == 9  # of each slice: mine, theirs, and what differs
    driver.wait(lambda: all(not label.pixmap().isNull() for label in pictures))
    driver.question.grab().save(str(tmp_path / "asked.png"))
    rows = {b.accessibleName(): b for b in driver.question.findChildren(QRadioButton)}
    driver.click(rows["Slice 4: Theirs"])
    # Somebody goes on there while it is thought about: it is asked once more.
    by_someone_else(demo, driver, 3, 5)
    first = driver.question
    driver.answer("Save as chosen")
    driver.wait(lambda: driver.question is not None and driver.question is not first)
    assert "changed again" in driver.question.text()
    rows = {b.accessibleName(): b for b in driver.question.findChildren(QRadioButton)}
    # Both say the same of slice 4 by now.
    assert sorted(rows) == [
        f"Slice {n}: {whose}" for n in (3, 5) for whose in ("Theirs", "Yours")
    ]
    driver.click(rows["Slice 3: Theirs"])
    driver.answer("Save as chosen")
    driver.wait(lambda: session.saving.state.kind is SaveKind.SAVED)
    found = {c.index: c.class_labels for c in stored(BRAIN, "mr-brain").slices.values()}
    assert found == {2: (4,), 3: (5,), 4: (5,)}
    assert session.editor.content(2).class_labels == (4,)


AT_WORK = """
import sys
from pathlib import Path
import napari
from napari_annotate_jobs.app._docks import show_my_jobs
from napari_annotate_jobs.testing._drive import Driver

viewer = napari.Viewer()
driver = Driver(show_my_jobs(viewer, sys.argv[1]))
driver.activate()
driver.open_job(sys.argv[2])
driver.annotate()
driver.press_label("Tumour")
driver.drag_pixels([(180, 170), (190, 180), (180, 185)])
layer = viewer.layers["Segmentation"]
index = driver.session.slice
if sys.argv[3] == "wait":
    driver.wait(lambda: driver.session.saving.state.kind.name == "SAVED")
print("painted", index, int((layer.data[index] == 1).sum()), flush=True)
if sys.argv[3] == "close":  # before what is pressed can have been saved
    driver.press_action("exclude")
    viewer.close()
else:
    driver.wait(lambda: False, 1000)
"""


def at_work(demo, tmp_path, end):
    """Start a process in which somebody paints, and which ends in this way."""
    command = [sys.executable, "-c", AT_WORK, str(demo), LUNGS, end]
    environment = {**os.environ, "NAPARI_CONFIG": str(tmp_path / "napari.yaml")}
    return subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True)


def test_reopens_after_kill(make_driver, demo, tmp_path):
    with at_work(demo, tmp_path, "wait") as process:
        assert process.stdout is not None
        said = next(line for line in process.stdout if line.startswith("painted"))
        process.send_signal(signal.SIGKILL)
    index, pixels = map(int, said.split()[1:])
    driver = make_driver(demo)
    driver.open_job(LUNGS)
    driver.annotate()
    layer = driver.viewer.layers["Segmentation"]
    assert int((np.asarray(layer.data[index]) == 1).sum()) == pixels > 0
    assert not driver.session.store.check()


@pytest.mark.window
def test_closing_napari_saves_the_last_stroke(demo, stored, tmp_path):
    with at_work(demo, tmp_path, "close") as process:
        output, _ = process.communicate()
    assert process.returncode == 0
    pixels = int(output.split("painted")[1].split()[1])
    (content,) = stored(LUNGS, "ct-lung").slices.values()
    assert content.excluded
    assert content.masks[""].pixels == {1: pixels}


def test_closing_the_dock_closes_the_case_and_it_opens_again(open_case, stored):
    driver = open_case(BRAIN)
    driver.press_label("Tumour")
    here = driver.session.slice
    dock = driver.current_job.annotate.parentWidget()
    while type(dock).__name__ != "QtViewerDockWidget":
        dock = dock.parentWidget()
    dock.destroyOnClose()
    driver.wait(lambda: not driver.session.is_open)
    driver.settle()
    assert len(driver.viewer.layers) == 0
    assert len(stored(BRAIN, "mr-brain").slices) == 1
    driver.press_label("Artefact")  # no key is left behind
    driver.settle()
    assert len(stored(BRAIN, "mr-brain").slices) == 1
    driver.annotate()
    assert driver.session.editor.content(here).class_labels == (4,)
    assert driver.current_job.annotate.isVisible()


def test_a_deleted_layer_comes_back(open_case):
    driver = open_case(LUNGS)
    driver.press_label("Tumour")
    driver.drag_pixels([(100, 100), (110, 110)])
    layer = driver.viewer.layers["Segmentation"]
    driver.viewer.layers.remove(layer)
    driver.wait(lambda: layer in driver.viewer.layers)
    assert layer.data[driver.session.slice].any()
    driver.viewer.layers.clear()
    driver.wait(lambda: not driver.session.is_open)
    assert len(driver.viewer.layers) == 0


def test_another_case_and_back(open_case):
    driver = open_case(LUNGS)
    first = driver.session.case.row.case.id
    driver.press_label("Tumour")
    here = driver.session.slice
    driver.drag_pixels([(100, 100), (110, 110)])
    painted = np.array(driver.viewer.layers["Segmentation"].data[here])
    driver.press_action("next_case")
    driver.wait(lambda: driver.session.case.row.case.id != first)
    driver.settle()
    assert driver.session.editor.annotation.is_blank
    driver.click(driver.current_job.annotate.previous)
    driver.wait(lambda: driver.session.case.row.case.id == first)
    driver.settle()
    layer = driver.viewer.layers["Segmentation"]
    assert np.array_equal(layer.data[here], painted)


def test_broken_job_folder_is_told_and_others_usable(make_driver, demo):
    (demo / XRAYS / "job.json").write_text("{ broken")
    driver = make_driver(demo)
    assert {s.job.id for s in driver.station.summaries} == {BRAIN, LUNGS}
    texts = [
        w.text() for w in driver.my_jobs.jobs.findChildren(QLabel) if w.isVisible()
    ]
    assert any(XRAYS in text for text in texts)
    driver.open_job(BRAIN)
    driver.annotate()
    assert driver.session.is_open


def test_missing_images_are_told_and_other_cases_usable(make_driver, demo, monkeypatch):
    shutil.rmtree(demo / BRAIN / "images" / "mr-brain")
    driver = make_driver(demo)
    driver.open_job(BRAIN)
    told = []
    monkeypatch.setattr(
        "napari_annotate_jobs.app._asks.notify", lambda text, *more: told.append(text)
    )
    driver.click_row(driver.table, 0, double=True)
    driver.wait(lambda: bool(told))
    driver.settle()
    assert "mr-brain" in told[0]
    assert not driver.session.is_open
    driver.click_row(driver.table, 1, double=True)
    driver.wait(lambda: driver.session.is_open)
    assert driver.session.case.row.case.id == "mr-brain-tumour"


def test_a_damaged_journal_is_gone_on_with_by_a_button(make_driver, demo):
    with open_store(str(demo)) as store:
        for base in range(3):
            content = SliceAnnotation(index=base, nothing_to_label=True)
            change = AnnotationChange(slices={f"index:{base}": content})
            store.save(BRAIN, "mr-brain", change, {}, base=base)
        (journal,) = demo.rglob("changes.jsonl")
        lines = journal.read_bytes().splitlines(keepends=True)
        snapshot = journal.with_name("annotation.json").read_bytes()
    # As a program leaves it that was killed: nothing is tidied.
    journal.with_name("annotation.json").write_bytes(snapshot)
    damaged = b"".join((lines[0], lines[1][:-40] + b"?" + lines[1][-39:], lines[2]))
    journal.write_bytes(damaged)
    driver = make_driver(demo)
    driver.open_job(BRAIN)
    driver.click_row(driver.table, 0, double=True)

    def offers():
        notes = driver.window.findChildren(NapariQtNotification)
        return [b for n in notes for b in n.row2_widget.findChildren(QPushButton)]

    driver.wait(lambda: bool(offers()))
    assert not driver.session.is_open
    (button,) = offers()
    assert button.text() == "Go on with what is whole"
    driver.click(button)
    driver.wait(lambda: driver.session.is_open)
    assert driver.session.case.row.case.id == "mr-brain"
    slices = driver.session.editor.annotation.slices.values()
    assert [content.index for content in slices] == [0, 2]
    (kept,) = journal.parent.glob("changes.aside-*.jsonl")
    assert kept.read_bytes() == damaged


def test_nothing_identifying_is_written(open_case, demo, tmp_path):
    planted = {
        "PatientName": "Planted^Meyer",
        "PatientID": "PLANTED-4711",
        "PatientBirthDate": "19431231",
        "PatientAddress": "Planted Street 5",
    }
    images = demo / BRAIN / "images"
    for path in sorted(images.rglob("*.dcm")):
        dataset = pydicom.dcmread(path)
        for keyword, value in planted.items():
            setattr(dataset, keyword, value)
        dataset.save_as(path)
    driver = open_case(BRAIN)
    driver.press_label("Tumour")
    driver.settle()
    driver.viewer.window.screenshot(str(demo / BRAIN / "x.png"), flash=False)
    driver.station.close()
    written = [
        path
        for path in (demo / BRAIN).rglob("*")
        if path.is_file() and images not in path.parents
    ]
    names = {path.name for path in written}
    assert {"job.json", "annotation.json", "events.jsonl", "x.png"} <= names
    for path in written:
        data = path.read_bytes()
        for value in ("Meyer", "PLANTED-4711", "19431231", "Planted Street"):
            assert value.encode() not in data, path
            assert value.encode("utf-16-le") not in data, path
