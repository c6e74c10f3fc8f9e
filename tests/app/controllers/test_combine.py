"""Combining for the panel: without a window, on a job in memory."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from napari_annotate_jobs.app._chores import JobPlace
from napari_annotate_jobs.app.controllers import CombineController
from napari_annotate_jobs.formats import read_combination
from napari_annotate_jobs.model import (
    AnnotationChange,
    Case,
    Job,
    Label,
    LabelSet,
    Method,
    Project,
    SeriesRef,
    SliceAnnotation,
)
from napari_annotate_jobs.session import SynchronousExecutor, Worker
from napari_annotate_jobs.stores import create_job, open_store
from napari_annotate_jobs.widgets import CombinePanel


@pytest.fixture
def desk(qtbot, tmp_path):
    labels = LabelSet(
        labels=tuple(
            Label(id=i, name=name, color="#112233", method=Method.CLASSIFICATION)
            for i, name in enumerate(("A1", "A2", "B"), 1)
        )
    )
    project = Project(name="Job", methods=(Method.CLASSIFICATION,), label_set=labels)
    case = Case(id="one", name="One", series=(SeriesRef(path="x"),), n_slices=4)
    folder = tmp_path / "job"
    job = Job(id="job", project=project)
    create_job(folder, job, [case]).close()
    with open_store(str(folder), person="ana") as store:
        slices = {
            str(i): SliceAnnotation(index=i, class_labels=found)
            for i, found in enumerate([(1,), (1, 2), (3,)])
        }
        store.save("job", "one", AnnotationChange(slices=slices), {}, base=0)
    panel, saved = CombinePanel(), []
    qtbot.addWidget(panel)
    controller = CombineController(
        panel,
        Worker(SynchronousExecutor()),
        saved=saved.append,
        choose_folder=lambda title, chosen: chosen(str(tmp_path)),
    )
    controller.set_place(JobPlace(str(folder), job, "ana"))
    return SimpleNamespace(
        panel=panel, controller=controller, saved=saved, folder=folder
    )


def after(desk):
    return [row[:2] for row in desk.panel.after.texts()]


def test_change_count_undo_and_keep(desk):
    panel = desk.panel
    assert after(desk) == []
    assert [row[:2] for row in panel.before.texts()] == [
        ["A1", "2"],
        ["A2", "1"],
        ["B", "1"],
    ]
    panel.combine_requested.emit((1, 2))
    assert after(desk) == [["A", "2"], ["B", "1"]]
    assert "1 slice carries several" in panel.remarks.text()
    panel.feed_requested.emit((3,), 0)
    assert after(desk) == [["A", "3"]]
    panel.rename_requested.emit(0, "all")
    panel.undo_requested.emit()
    panel.undo_requested.emit()
    assert after(desk) == [["A", "2"], ["B", "1"]]
    panel.redo_requested.emit()
    panel.save_requested.emit("coarse")
    assert desk.saved == ["coarse"]
    kept = read_combination(desk.folder / "combinations" / "coarse.yaml")
    assert kept.classes[0].sources == ("A1", "A2", "B")
    panel.open_requested.emit("")
    assert after(desk) == []
    panel.open_requested.emit("coarse")
    assert after(desk) == [["A", "3"]]
    assert not panel.undo.isEnabled()


def test_what_does_not_go_is_said_and_changes_nothing(desk):
    panel = desk.panel
    panel.combine_requested.emit((1, 2))
    panel.rename_requested.emit(0, "B")
    assert "there is a label 'B' already" in panel.status.text()
    assert after(desk)[0][0] == "A"
    panel.recolor_requested.emit(0, "#00ff00")
    assert panel.status.text() == ""
    panel.save_requested.emit("a/b")
    assert "cannot name a file" in panel.status.text()
    assert not desk.saved


def test_a_kept_one_that_no_longer_fits_is_told(desk):
    with open_store(str(desk.folder)) as store:
        store.save_combination("job", "old", "combine: {X: [gone]}\n")
        store.save_combination("job", "broken", "combine: [\n")
    desk.panel.open_requested.emit("old")
    assert "no label is named 'gone'" in desk.panel.status.text()
    desk.panel.open_requested.emit("broken")
    assert "is no YAML" in desk.panel.status.text()
    desk.panel.delete_requested.emit("old")
    with open_store(str(desk.folder)) as store:
        assert list(store.combinations("job")) == ["broken"]


def test_the_label_set_of_a_new_job(desk, tmp_path):
    desk.panel.combine_requested.emit((1, 2))
    desk.panel.labels_requested.emit()
    path = tmp_path / "combined-labels.yaml"
    assert "name: A\n" in path.read_text(encoding="utf-8")
    desk.panel.labels_requested.emit()
    assert "already" in desk.panel.status.text()
