"""Imports as the panel asks for them: without a window."""

from __future__ import annotations

import sys
from pathlib import Path
from types import SimpleNamespace

import nibabel as nib
import numpy as np
import pytest

from napari_annotate_jobs.app._chores import JobPlace
from napari_annotate_jobs.app.controllers import ImportController
from napari_annotate_jobs.model import (
    Case,
    Job,
    Label,
    LabelSet,
    Method,
    Project,
    SeriesRef,
)
from napari_annotate_jobs.session import SynchronousExecutor, Worker
from napari_annotate_jobs.stores import create_job, open_store
from napari_annotate_jobs.widgets import ImportPanel


def save(path, array):
    path.parent.mkdir(parents=True, exist_ok=True)
    nib.save(nib.Nifti1Image(array, np.eye(4)), path)
    return str(path)


@pytest.fixture
def desk(qtbot, tmp_path):
    label = Label(id=1, name="liver", color="#D55E00", method=Method.SEGMENTATION)
    project = Project(
        name="Job", methods=(label.method,), label_set=LabelSet(labels=(label,))
    )
    image = save(tmp_path / "images" / "one.nii.gz", np.ones((5, 6, 4), np.int16))
    job = Job(id="job", project=project)
    cases = [Case(id="one", name="One", series=(SeriesRef(path=image),))]
    create_job(tmp_path / "job", job, cases).close()
    mask = np.zeros((5, 6, 4), np.uint8)
    mask[1:3, 1:3, 1] = 1
    save(tmp_path / "masks" / "one.nii.gz", mask)
    save(tmp_path / "masks" / "other.nii.gz", mask)
    panel, log, opened = ImportPanel(), [], set()
    qtbot.addWidget(panel)
    worker = Worker(SynchronousExecutor())
    controller = ImportController(
        panel,
        worker,
        leave=lambda go_on: (log.append("left"), go_on()),
        imported=log.append,
        is_open=lambda case_id: case_id in opened,
        choose_folder=lambda title, chosen: chosen("/folder"),
        choose_file=lambda title, chosen: chosen("/file"),
    )
    controller.set_place(JobPlace(str(tmp_path / "job"), job, "ana"))
    panel.set_path(str(tmp_path / "masks"))

    def said():
        with open_store(str(tmp_path / "job"), person="ana") as store:
            return store.load("job", "one").annotation

    return SimpleNamespace(
        panel=panel,
        controller=controller,
        log=log,
        opened=opened,
        said=said,
        worker=worker,
    )


def test_told_beforehand_then_brought_in(desk):
    panel = desk.panel
    panel.preview_requested.emit()
    text = panel.told.toPlainText()
    assert "1 mask would come in on 1 slice of 1 case." in text
    assert "no case is theirs: other.nii.gz" in text
    assert desk.said().revision == 0
    assert desk.log == []
    panel.empty.setChecked(True)
    panel.import_requested.emit()
    # The open case is left first, and its row is shown anew afterwards.
    assert desk.log == ["left", ["one"]]
    assert "came in on 4 slices" in panel.told.toPlainText()
    found = desk.said().slices.values()
    assert sorted(each.nothing_to_label for each in found) == [False, True, True, True]
    panel.import_requested.emit()
    assert "4 slices held something and keep it" in panel.told.toPlainText()


def test_as_proposals_of_a_model(desk):
    desk.panel.enter_as.setCurrentIndex(1)
    desk.panel.version.setText("2")
    desk.panel.import_requested.emit()
    assert "Name the model too" in desk.panel.told.toPlainText()
    desk.panel.model.setText("net")
    desk.panel.import_requested.emit()
    (one,) = desk.said().slices.values()
    assert one.proposals[""].source == "net 2"


@pytest.mark.parametrize(
    ("prepare", "text"),
    [
        (lambda p: p.set_path("/nowhere"), "no such file or folder"),
        (lambda p: p.mapping.setPlainText("spleen"), "NAME=LABEL"),
        (lambda p: p.match.setText("labels.nii.gz"), "is no pattern"),
        (lambda p: p.match.setText("x-{case}.nii.gz"), "Nothing was found for any"),
        (lambda p: p.mapping.setPlainText("1=brain"), "no label is named 'brain'"),
    ],
)
def test_what_is_wrong_is_said_and_nothing_is_saved(desk, prepare, text):
    prepare(desk.panel)
    desk.panel.import_requested.emit()
    assert text in desk.panel.told.toPlainText()
    assert desk.said().revision == 0
    assert desk.panel.begin.isEnabled()


def test_stopped(desk):
    desk.worker.started.connect(lambda work: desk.controller.cancel())
    desk.panel.import_requested.emit()
    assert "was stopped" in desk.panel.told.toPlainText()
    assert desk.said().revision == 0
    desk.panel.folder_requested.emit()
    assert desk.panel.choice().path == "/folder"
    desk.panel.file_requested.emit()
    assert desk.panel.choice().path == "/file"


PROGRAM = """
import sys, nibabel as nib, numpy as np
image = nib.load(sys.argv[1])
nib.save(nib.Nifti1Image(np.ones(image.shape, np.uint8), image.affine), sys.argv[2])
"""


def test_a_program_is_run_on_the_cases(desk, tmp_path, monkeypatch):
    """Beside annotating: the open case is not left, and gets nothing."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    script = tmp_path / "program.py"
    script.write_text(PROGRAM)
    panel = desk.panel
    panel.made.setCurrentIndex(1)
    assert not panel.begin.isEnabled()
    assert panel.choice().enter_as == "proposals"
    panel.command.setText(f'"{sys.executable}" "{script}" {{image}}')
    panel.import_requested.emit()
    assert "the command says nowhere {out}" in panel.told.toPlainText()
    panel.command.setText(f'"{sys.executable}" "{script}" {{image}} {{out}}')
    desk.opened.add("one")
    panel.import_requested.emit()
    assert "One: the case is open" in panel.told.toPlainText()
    assert desk.said().revision == 0
    desk.opened.clear()
    panel.import_requested.emit()
    assert "came in on 4 slices of 1 case" in panel.told.toPlainText()
    assert "left" not in desk.log
    sources = {each.proposals[""].source for each in desk.said().slices.values()}
    assert sources == {Path(sys.executable).name}
    panel.import_requested.emit()
    assert "the same program did them before: 1 case." in panel.told.toPlainText()
    assert panel.begin.text() == "Run"
