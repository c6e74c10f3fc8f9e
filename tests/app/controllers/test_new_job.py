"""New job as the dialog asks for it: without napari."""

from __future__ import annotations

import json
import os
import shutil
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
from qtpy.QtCore import QMimeData, QPointF, Qt, QUrl
from qtpy.QtGui import QDropEvent
from qtpy.QtTest import QTest
from qtpy.QtWidgets import QApplication, QLineEdit

from napari_annotate_jobs.app.controllers import NewJobController
from napari_annotate_jobs.model import Method
from napari_annotate_jobs.samples import sample_paths
from napari_annotate_jobs.session import SynchronousExecutor, Worker
from napari_annotate_jobs.stores import FolderStore
from napari_annotate_jobs.widgets import NewJobDialog


class Delayed:
    """An executor whose tasks run when the test says so."""

    def __init__(self):
        self.tasks = []

    def run(self, task, done, failed):
        self.tasks.append((task, done, failed))

    def go(self):
        task, done, failed = self.tasks.pop(0)
        try:
            result = task()
        except Exception as error:
            failed(error)
        else:
            done(result)


@pytest.fixture
def images(tmp_path):
    folder = tmp_path / "ct_studies"
    for name in ("ct-lung", "mr-brain"):
        shutil.copytree(sample_paths()[name], folder / name)
    return folder


@pytest.fixture
def make(qtbot, tmp_path):
    def make(looking=None, writing=None, drawing=None):
        dialog = NewJobDialog()
        qtbot.addWidget(dialog)
        now = SynchronousExecutor()
        asked = SimpleNamespace(made=[], told=[], folder="", files=[])
        controller = NewJobController(
            dialog,
            Worker(looking or now),
            Worker(writing or now),
            drawing or now,
            home=tmp_path / "jobs",
            made=lambda *made: asked.made.append(made),
            choose_folder=lambda title, chosen: chosen(asked.folder),
            choose_file=lambda title, chosen: chosen(asked.folder),
            choose_files=lambda title, chosen: chosen(asked.files),
            tell=lambda *told: asked.told.append(told),
        )
        dialog.show()
        return SimpleNamespace(dialog=dialog, controller=controller, asked=asked)

    return make


def names(dialog):
    listed = (dialog.studies.item(i) for i in range(dialog.studies.count()))
    return [item.text() for item in listed]


def test_from_a_folder_to_a_job(make, images, tmp_path, qtbot):
    desk = make()
    dialog = desk.dialog
    desk.asked.folder = str(images)
    qtbot.mouseClick(dialog.folder, Qt.MouseButton.LeftButton)
    assert names(dialog) == ["ct-lung", "mr-brain"]
    assert dialog.count.text() == "2 of 2 studies"
    # The name, the folder, and that a mask is to be painted are at hand.
    assert dialog.name.text() == "ct studies"
    assert dialog.place.path() == str(tmp_path / "jobs" / "ct-studies")
    assert dialog.told.text() == "Type the names of the labels."
    dialog.labels.text_pasted.emit("lung\ntumour=orange")
    qtbot.mouseClick(dialog.annotate, Qt.MouseButton.LeftButton)
    assert desk.asked.made == [(tmp_path / "jobs" / "ct-studies", True)]
    with FolderStore(tmp_path / "jobs" / "ct-studies") as store:
        (summary,) = store.jobs()
        project = summary.job.project
        assert summary.counts.remaining == 2
        assert project.methods == (Method.SEGMENTATION,)
        assert [label.name for label in project.label_set.labels] == ["lung", "tumour"]
        assert summary.job.due is None and project.instructions == ""


def rename(dialog, row, text):
    """Call a study otherwise, as after F2."""
    studies = dialog.studies
    studies.editItem(studies.item(row))
    line = studies.viewport().findChildren(QLineEdit)[-1]  # those before go later
    line.clear()
    QTest.keyClicks(line, text)
    QTest.keyClick(line, Qt.Key.Key_Return)
    QApplication.processEvents()  # Qt commits what was typed a moment later


def test_single_cases_are_given_names_of_their_own(make, images, tmp_path, qtbot):
    desk = make()
    dialog = desk.dialog
    desk.controller.add([str(images)])
    rename(dialog, 1, "  Patient   7 ")
    assert dialog.studies.given() == {"mr-brain": "Patient 7"}
    assert dialog.studies.item(1).toolTip().startswith("Patient 7")
    dialog.anonymous.setChecked(True)
    dialog.labels.text_pasted.emit("lung")
    qtbot.mouseClick(dialog.only_create, Qt.MouseButton.LeftButton)
    with FolderStore(tmp_path / "jobs" / "ct-studies") as store:
        (summary,) = store.jobs()
        rows = store.cases(summary.job.id).rows
    assert [row.case.name for row in rows] == ["Case 1", "Patient 7"]


def test_two_cases_of_one_name_are_refused_and_a_name_can_be_taken_back(
    make, images, qtbot
):
    desk = make()
    dialog = desk.dialog
    desk.controller.add([str(images)])
    dialog.labels.text_pasted.emit("lung")
    rename(dialog, 1, "ct-lung")
    qtbot.mouseClick(dialog.only_create, Qt.MouseButton.LeftButton)
    assert "is there twice" in dialog.told.text()
    assert desk.asked.made == []
    rename(dialog, 1, "")
    assert dialog.studies.given() == {}
    qtbot.mouseClick(dialog.only_create, Qt.MouseButton.LeftButton)
    assert len(desk.asked.made) == 1


def test_all_that_can_be_entered(make, images, tmp_path, qtbot):
    desk = make()
    dialog = desk.dialog
    desk.controller.add([str(images)])
    dialog.studies.tick(["ct-lung"], False)
    dialog.anonymous.setChecked(True)
    dialog.name.setText("Brains")
    dialog.instructions.setPlainText("Look twice.")
    dialog.is_due.setChecked(True)
    dialog.copy.setChecked(True)
    dialog.set_place(str(tmp_path / "elsewhere" / "deep"))
    dialog.labels.text_pasted.emit("detection:nodule\nclassification:q/good")
    dialog.methods[Method.SEGMENTATION].setChecked(False)
    qtbot.mouseClick(dialog.only_create, Qt.MouseButton.LeftButton)
    assert desk.asked.made == [(tmp_path / "elsewhere" / "deep", False)]
    document = json.loads((tmp_path / "elsewhere" / "deep" / "job.json").read_text())
    (case,) = document["cases"]
    assert (case["id"], case["name"]) == ("Case 1", "Case 1")
    assert case["series"][0]["path"].startswith("images/Case 1")
    job = document["job"]
    assert job["due"] == dialog.due.date().toString("yyyy-MM-dd")
    assert job["project"]["instructions"] == "Look twice."
    assert job["project"]["methods"] == ["detection", "classification"]


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (lambda d: d.studies.tick(None, False), "no study ticked"),
        (lambda d: d.name.clear(), "has no name"),
        (lambda d: d.place.set_path(""), "no folder"),
        (lambda d: d.labels.rows.remove([0]), "no label yet"),
        (lambda d: d.labels.rows.write_name(0, ""), "no name"),
        (lambda d: d.methods[Method.DETECTION].setChecked(True), "detection has no"),
    ],
)
def test_what_is_missing_is_said_and_nothing_made(make, images, tmp_path, spoil, said):
    desk = make()
    desk.controller.add([str(images)])
    desk.dialog.labels.text_pasted.emit("lung")
    spoil(desk.dialog)
    desk.dialog.annotate.click()
    assert said in desk.dialog.told.text()
    assert not (tmp_path / "jobs").exists() and not desk.asked.made


def test_a_folder_with_a_job_is_refused_and_another_suggested(make, images, tmp_path):
    desk = make()
    desk.controller.add([str(images)])
    desk.dialog.labels.text_pasted.emit("lung")
    desk.dialog.annotate.click()
    desk.dialog.annotate.click()
    assert "here is a job already" in desk.dialog.told.text()
    again = make()
    again.controller.add([str(images)])
    assert again.dialog.place.path() == str(tmp_path / "jobs" / "ct-studies-2")


def test_the_folder_follows_the_name_until_another_is_chosen(make, images, tmp_path):
    desk = make()
    dialog = desk.dialog
    desk.controller.add([str(images)])
    dialog.name.setText("Liver: CT/2")
    dialog.name_changed.emit("Liver: CT/2")
    assert dialog.place.path() == str(tmp_path / "jobs" / "Liver-CT-2")
    desk.asked.folder = str(tmp_path)
    dialog.place_requested.emit()
    assert dialog.place.path() == str(tmp_path / "Liver-CT-2")
    dialog.name_changed.emit("Spleen")
    assert dialog.place.path() == str(tmp_path / "Liver-CT-2")


def test_what_cannot_be_written_is_told_in_the_dialog(make, images, tmp_path):
    desk = make()
    desk.controller.add([str(images)])
    desk.dialog.labels.text_pasted.emit("lung")
    (tmp_path / "file").write_text("")
    desk.dialog.set_place(str(tmp_path / "file" / "job"))
    desk.dialog.annotate.click()
    assert "cannot be" in desk.dialog.told.text()
    assert not desk.asked.made
    # It can be put right, and goes.
    desk.dialog.set_place(str(tmp_path / "other"))
    desk.dialog.annotate.click()
    assert desk.asked.made == [(tmp_path / "other", True)]


def test_what_is_odd_and_what_is_left_out_are_told(make, images):
    (images / "mr-brain" / "broken.dcm").write_bytes(b"\0" * 128 + b"DICM\x02")
    desk = make()
    desk.controller.add([str(images)])
    brain = desk.dialog.studies.item(1)
    assert "varies" in brain.toolTip()
    assert "MR · 20 slices · 256 × 256" in brain.toolTip()
    assert "1 file left out" in desk.dialog.count.text()
    desk.dialog.count.linkActivated.emit("#")
    ((_, text),) = desk.asked.told
    assert text.startswith(os.path.join("ct_studies", "mr-brain", "broken.dcm"))


def test_nothing_to_find_is_said(make, tmp_path):
    (tmp_path / "empty").mkdir()
    desk = make()
    desk.controller.add([str(tmp_path / "empty")])
    assert desk.dialog.told.text() == "There are no images in empty."
    desk.controller.add([str(tmp_path / "gone")])
    assert "is not there" in desk.dialog.told.text()


def test_the_same_twice_is_one(make, images):
    desk = make()
    for _ in range(2):
        desk.controller.add([str(images)])
    assert desk.dialog.studies.count() == 2
    desk.controller.add([str(images / "ct-lung")])
    assert desk.dialog.studies.count() == 2
    assert desk.dialog.told.text() == "These images are listed already."


def test_files_and_folders_are_dropped(make, images, qtbot):
    desk = make()
    mime = QMimeData()
    mime.setUrls([QUrl.fromLocalFile(str(images / "mr-brain"))])
    event = QDropEvent(
        QPointF(5, 5),
        Qt.DropAction.CopyAction,
        mime,
        Qt.MouseButton.LeftButton,
        Qt.KeyboardModifier.NoModifier,
    )
    desk.dialog.dropEvent(event)
    assert names(desk.dialog) == ["mr-brain"]
    assert event.isAccepted()


def test_another_unit_makes_other_cases(make, images):
    desk = make()
    desk.controller.add([str(images)])
    desk.dialog.unit.set_value("folder")
    desk.dialog.unit_changed.emit("folder")
    assert names(desk.dialog) == ["ct_studies"]


def test_a_search_is_stopped_and_another_begun(make, images):
    looking = Delayed()
    desk = make(looking)
    desk.controller.add([str(images)])
    assert desk.dialog.stop.isVisible()
    assert not desk.dialog.annotate.isEnabled()
    desk.dialog.stop.click()
    assert not desk.dialog.stop.isVisible()
    looking.go()  # what it found, or that it was stopped, comes too late
    assert desk.dialog.studies.count() == 0
    desk.controller.add([str(images)])
    looking.go()
    assert desk.dialog.studies.count() == 2


def test_a_picture_that_comes_when_the_window_is_gone_is_dropped(make, images):
    drawing = Delayed()
    desk = make(drawing=drawing)
    desk.controller.add([str(images)])
    desk.dialog.picture_wanted.emit(desk.controller._found.cases[0].id)
    assert drawing.tasks
    desk.dialog.studies.set_picture = None  # as Qt leaves what it has deleted
    desk.controller.close()
    while drawing.tasks:
        drawing.go()


def test_labels_are_typed_while_it_is_searched(make, images, qtbot):
    looking = Delayed()
    desk = make(looking)
    desk.controller.add([str(images)])
    editor = desk.dialog.labels.table.cells.editor
    qtbot.keyClicks(editor, "lung")
    looking.go()
    # What is being typed stays, and counts.
    assert desk.dialog.labels.table.cells.editor is editor
    assert [x.name for x in desk.dialog.labels.label_set().labels] == ["lung"]


def test_what_is_dropped_meanwhile_is_looked_through_after(make, images):
    looking = Delayed()
    desk = make(looking)
    desk.controller.add([str(images / "ct-lung")])
    desk.controller.add([str(images / "mr-brain")])
    looking.go()
    assert names(desk.dialog) == ["ct-lung"]
    looking.go()
    assert names(desk.dialog) == ["ct-lung", "mr-brain"]


def test_making_is_stopped_and_leaves_nothing(make, images, tmp_path):
    writing = Delayed()
    desk = make(writing=writing)
    desk.controller.add([str(images)])
    desk.dialog.labels.text_pasted.emit("lung")
    desk.dialog.copy.setChecked(True)
    desk.dialog.annotate.click()
    desk.dialog.annotate.click()  # twice is once
    desk.dialog.stop.click()
    writing.go()
    assert not writing.tasks
    assert "stopped" in desk.dialog.told.text()
    assert not (tmp_path / "jobs").exists()


def test_pictures_are_drawn_of_what_is_in_sight(make, images, qtbot):
    desk = make()
    wanted = []
    desk.dialog.picture_wanted.connect(wanted.append)
    desk.controller.add([str(images)])
    qtbot.waitUntil(lambda: len(wanted) == 2)
    icon = desk.dialog.studies.item(0).icon().pixmap(46, 46).toImage()
    assert len({icon.pixel(x, 20) for x in range(icon.width())}) > 5


@pytest.mark.skipif(sys.platform == "win32", reason="no pipes there")
def test_hostile_folders_do_not_hang_it(make, images):
    os.mkfifo(images / "ct-lung" / "pipe")
    (images / "loop").symlink_to(images)
    desk = make()
    desk.controller.add([str(images), str(images / "ct-lung" / "pipe")])
    assert "neither a file nor a folder" in desk.dialog.told.text()
    desk.controller.add([str(images)])
    assert names(desk.dialog) == ["ct-lung", "mr-brain"]


def test_enter_makes_no_job(make, images, qtbot):
    """It goes on to the next label; a job is made on purpose."""
    desk = make()
    desk.controller.add([str(images)])
    desk.dialog.labels.text_pasted.emit("lung")
    for widget in (desk.dialog.name, desk.dialog.place.field, desk.dialog):
        qtbot.keyClick(widget, Qt.Key.Key_Return)
    assert not desk.asked.made


@pytest.mark.parametrize("where", ["name", "label", "instructions"])
def test_control_and_enter_make_it_wherever_one_types(make, images, qtbot, where):
    desk = make()
    desk.dialog.activateWindow()
    qtbot.waitUntil(desk.dialog.isActiveWindow)
    desk.controller.add([str(images)])
    labels = desk.dialog.labels
    labels.begin()
    qtbot.waitUntil(lambda: isinstance(labels.table.cells.editor, QLineEdit))
    line = labels.table.cells.editor
    qtbot.keyClicks(line, "lung")
    typing = {"name": desk.dialog.name, "instructions": desk.dialog.instructions}
    widget = typing.get(where, line)
    widget.setFocus()
    qtbot.waitUntil(widget.hasFocus)
    qtbot.keyClick(widget, Qt.Key.Key_Return, Qt.KeyboardModifier.ControlModifier)
    assert len(desk.asked.made) == 1
    (folder, _) = desk.asked.made[0]
    with FolderStore(folder) as store:
        (summary,) = store.jobs()
    assert [label.name for label in summary.job.project.label_set.labels] == ["lung"]


def test_labels_turn_to_the_only_method(make, images):
    desk = make()
    desk.dialog.labels.text_pasted.emit("nodule")
    desk.dialog.methods[Method.DETECTION].setChecked(True)
    desk.dialog.methods[Method.SEGMENTATION].setChecked(False)
    assert desk.dialog.labels.label_set().labels[0].method is Method.DETECTION


def test_paths_are_told_without_the_way_to_them(make, images):
    desk = make()
    desk.controller.add([str(images)])
    assert Path(desk.dialog.studies.item(0).toolTip().splitlines()[0]).name == "ct-lung"
