"""Edit job as its window asks for it: without napari."""

from __future__ import annotations

import shutil
from types import SimpleNamespace

import pytest
from qtpy.QtCore import QDate, Qt

from napari_annotate_jobs.app.controllers import EditJobController
from napari_annotate_jobs.model import (
    AnnotationChange,
    Case,
    Job,
    JobEdit,
    Label,
    LabelChange,
    LabelSet,
    Method,
    Priority,
    Project,
    SeriesRef,
    SliceAnnotation,
)
from napari_annotate_jobs.samples import sample_paths
from napari_annotate_jobs.session import SynchronousExecutor, Worker
from napari_annotate_jobs.stores import FolderStore, create_job
from napari_annotate_jobs.widgets import EditJobDialog
from napari_annotate_jobs.widgets.owner._label_rows import CHOICES

CLASS, SEGMENT = Method.CLASSIFICATION, Method.SEGMENTATION


@pytest.fixture
def folder(tmp_path):
    labels = LabelSet(
        labels=(
            Label(id=1, name="lesion", color="#E69F00", method=CLASS),
            Label(id=2, name="liver", color="#D55E00", method=SEGMENT),
        )
    )
    project = Project(name="Livers", methods=(CLASS, SEGMENT), label_set=labels)
    job = Job(id="job", project=project, owners=("olga", "ola"))
    cases = [
        Case(id=f"c{n}", name=f"Case {n}", series=(SeriesRef(path=f"images/{n}"),))
        for n in range(3)
    ]
    create_job(tmp_path / "job", job, cases).close()
    with FolderStore(tmp_path / "job", "ana") as store:
        content = SliceAnnotation(index=0, class_labels=(1,))
        change = AnnotationChange(slices={"index:0": content})
        store.save("job", "c0", change, {}, base=0)
    return tmp_path / "job"


@pytest.fixture
def window(qtbot, folder):
    dialog = EditJobDialog()
    asked = SimpleNamespace(edited=[], deleted=[], said=[], errors=[], paths=[])

    def ask(text, answers, detail):
        asked.said.append((text, detail))
        asked.answers = answers

    controller = EditJobController(
        dialog,
        FolderStore(folder, "olga"),
        "job",
        Worker(SynchronousExecutor()),
        edited=asked.edited.append,
        deleted=asked.deleted.append,
        ask=ask,
        show_error=asked.errors.append,
        choose_folder=lambda title, chosen: chosen(asked.paths[0]),
        choose_file=lambda title, chosen: None,
        choose_files=lambda title, chosen: chosen(asked.paths),
    )
    controller.begin()
    dialog.show()
    yield SimpleNamespace(dialog=dialog, controller=controller, asked=asked)
    dialog.close()
    controller.close()
    dialog.deleteLater()


@pytest.fixture
def job(folder):
    def job():
        with FolderStore(folder, "ben") as store:
            return store.job("job")

    return job


def told(window):
    return window.dialog.told.text()


def type_into(qtbot, field, text):
    field.setFocus()
    field.selectAll()
    qtbot.keyClicks(field, text)
    qtbot.keyClick(field, Qt.Key.Key_Return)


# -------------------------------------------------------------------------- general
def test_what_is_entered_is_there_at_once(qtbot, window, job):
    dialog = window.dialog
    assert dialog.name.text() == "Livers"
    assert dialog.owners.text() == "olga, ola"
    type_into(qtbot, dialog.name, "Livers, again")
    assert job().name == "Livers, again"
    assert "Name set" in told(window)
    dialog.is_due.setChecked(True)
    dialog.due.setDate(QDate(2030, 2, 1))
    dialog.due.editingFinished.emit()
    assert job().due.isoformat() == "2030-02-01"
    dialog.priority.setCurrentIndex(dialog.priority.findData(Priority.HIGH))
    dialog.priority.activated.emit(0)
    assert job().priority is Priority.HIGH
    dialog.instructions.setPlainText("Look **twice**")
    dialog.instructions.left.emit()
    assert job().project.instructions == "Look **twice**"
    dialog.archive.click()
    assert job().archived
    assert "Take out" in dialog.archive.text()
    dialog.is_due.setChecked(False)
    assert job().due is None
    assert [each.name for each in window.asked.edited] == ["Livers, again"] * 7


def test_undo_takes_the_last_change_back_and_no_more(qtbot, window, job):
    dialog = window.dialog
    assert not dialog.undo.isEnabled()
    type_into(qtbot, dialog.name, "New")
    qtbot.keyClick(dialog, Qt.Key.Key_Z, Qt.KeyboardModifier.ControlModifier)
    assert job().name == dialog.windowTitle().removeprefix("Edit job: ") == "Livers"
    assert not dialog.undo.isEnabled()


def test_what_is_refused_says_why_and_the_job_is_shown_as_it_is(qtbot, window, job):
    dialog = window.dialog
    dialog.is_start.setChecked(True)
    dialog.start.setDate(QDate(2030, 2, 1))
    dialog.start.editingFinished.emit()
    dialog.is_due.setChecked(True)
    assert "comes after the last" in told(window)
    assert job().due is None
    assert not dialog.is_due.isChecked()
    assert window.asked.errors == []


def test_what_another_owner_changed_meanwhile_is_not_lost(qtbot, window, folder, job):
    with FolderStore(folder, "ola") as store:
        store.edit_job("job", JobEdit(name="Ola's", priority=Priority.LOW))
    type_into(qtbot, window.dialog.name, "Olga's")
    assert 'changed by somebody else since, to "Ola\'s"' in told(window)
    assert job().name == "Ola's"
    assert window.dialog.priority.currentData() is Priority.LOW
    type_into(qtbot, window.dialog.name, "Olga's")
    assert job().name == "Olga's"


def test_what_is_typed_last_is_saved_when_the_window_is_closed(window, job):
    window.dialog.name.setText("Typed")
    window.dialog.reject()
    assert job().name == "Typed"


# ---------------------------------------------------------------------------- cases
def row(dialog, name):
    model = dialog.cases.model()
    return next(
        model.index(i, 0)
        for i in range(model.rowCount())
        if model.index(i, 0).data() == name
    )


def test_cases_are_renamed_and_taken_away(window, folder):
    dialog = window.dialog
    dialog.cases.model().setData(row(dialog, "Case 1"), "First")
    row(dialog, "First")
    window.controller.undo()
    dialog.cases.setCurrentIndex(row(dialog, "Case 1"))
    dialog.remove.click()
    assert dialog.count.text() == "2 cases"
    dialog.cases.setCurrentIndex(row(dialog, "Case 0"))
    dialog.remove.click()
    assert "annotated by ana" in told(window)
    with FolderStore(folder) as store:
        assert [r.case.name for r in store.cases("job").rows] == ["Case 0", "Case 2"]


def test_folders_become_cases_once(window, folder, tmp_path):
    dialog, images = window.dialog, tmp_path / "more"
    for name in ("ct-lung", "mr-brain"):
        shutil.copytree(sample_paths()[name], images / name)
    window.asked.paths[:] = [str(images)]
    dialog.folder.click()
    assert "2 cases added" in told(window)
    assert dialog.count.text() == "5 cases"
    dialog.files.click()
    assert "0 cases added. 2 of these images are in the job already." in told(window)
    with FolderStore(folder) as store:
        added = store.case("job", "ct-lung")
        assert added.case.series[0].path == "../more/ct-lung"
        assert store.open_series("job", "ct-lung").header.shape[0]
    window.asked.paths[:] = [str(tmp_path / "nowhere")]
    dialog.folder.click()
    assert "is not there" in told(window)


# --------------------------------------------------------------------------- labels
def send(window):
    window.dialog._send_labels()


def test_labels_are_written_in_the_table(window, job):
    rows = window.dialog.labels.rows
    rows.write_name(0, "finding")
    rows.write_color(1, "#010203")
    rows.write_name(2, "spleen")
    rows.write_choice(2, CHOICES[0])
    send(window)
    found = job().project.label_set
    assert [(x.id, x.name, x.color) for x in found.labels][:2] == [
        (1, "finding", "#E69F00"),
        (2, "liver", "#010203"),
    ]
    assert (found[3].name, found[3].method) == ("spleen", SEGMENT)
    # The row has its id now: sent again, it is no other label.
    send(window)
    rows.write_name(2, "splen")
    send(window)
    assert job().project.label_set[3].name == "splen"
    assert len(job().project.label_set.labels) == 3


def test_a_label_in_use_is_retired_another_one_goes(window, job):
    rows = window.dialog.labels.rows
    assert [each.in_use for each in rows.rows] == [True, False]
    rows.remove([0, 1])
    send(window)
    found = job().project.label_set
    assert [(x.id, x.retired) for x in found.labels] == [(1, True)]
    assert "1 label taken away" in told(window)


def test_labels_of_another_owner_come_in_beside_those_that_are_written(
    window, folder, job
):
    rows = window.dialog.labels.rows
    with FolderStore(folder, "ola") as store:
        store.edit_job("job", JobEdit(change_labels=(LabelChange(id=1, key="K"),)))
    rows.write_name(1, "hepar")
    send(window)
    found = job().project.label_set
    assert (found[1].key, found[2].name) == ("K", "hepar")
    assert rows.rows[0].fields["key"] == "K"


# ------------------------------------------------------------------------- deleting
def test_deleting_asks_and_says_whose_work_is_in_it(window, folder):
    window.dialog.delete.click()
    ((text, detail),) = window.asked.said
    assert "Livers" in text
    assert "3 cases; ana: 1 draft" in detail
    assert (folder / "job.json").exists()
    window.asked.answers["Delete"]()
    assert not folder.exists()
    assert "to have it back" in window.asked.deleted[0]
    window.dialog.forget()
