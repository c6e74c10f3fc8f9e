"""Out of a job, with real clicks: export, combine, statistics."""

from __future__ import annotations

import json
import threading

import nibabel as nib
import numpy as np
import pytest
from qtpy.QtCore import Qt
from qtpy.QtTest import QTest
from qtpy.QtWidgets import QPushButton

from napari_annotate_jobs.app._settings import PLUGIN
from napari_annotate_jobs.app.controllers import _export as module
from napari_annotate_jobs.formats.volumes._nifti import NiftiExporter
from napari_annotate_jobs.model import Provenance, Status
from napari_annotate_jobs.session import AnnotationSession
from napari_annotate_jobs.stores import open_store

JOB = "lung-tumours"


@pytest.fixture
def annotated(demo):
    """One case of the demo's job of masks is submitted."""
    session = AnnotationSession(open_store(str(demo / JOB), person="ana"), JOB)
    session.open_next = False
    session.open_case("ct-lung")
    mask = np.zeros(session.case.series.header.shape[1:3], np.uint16)
    mask[10:60, 10:60], mask[20:30, 20:30] = 2, 1
    session.editor.set_masks({(i, ""): mask for i in range(2, 8)})
    session.submit()
    session.close()
    return demo


def press(driver, text):
    """Click a button of the job's page."""
    buttons = driver.my_jobs.page.findChildren(QPushButton)
    driver.click(next(b for b in buttons if b.text() == text))


def panel(driver, name):
    """Return a panel that is shown, once it has come to rest."""
    _, widget = driver.viewer.window.add_plugin_dock_widget(PLUGIN, name)
    driver.wait(widget.isVisible)
    rest(driver, widget)
    return widget.panel


def rest(driver, widget):
    pause = getattr(widget.panel, "_pause", None)
    driver.wait(lambda: pause is None or not pause.isActive())
    driver.wait(lambda: driver.station.chores.is_idle, 60)
    driver.settle()


def choose(choice, value):
    """Choose an entry with the keyboard."""
    choice.setFocus()
    QTest.keyClick(choice, Qt.Key.Key_Home)
    while choice.value() != value:
        before = choice.currentIndex()
        QTest.keyClick(choice, Qt.Key.Key_Down)
        assert choice.currentIndex() != before, value


def test_combine_and_export_from_the_page_of_a_job(make_driver, annotated, tmp_path):
    driver = make_driver(annotated)
    driver.open_job(JOB)
    press(driver, "Export…")
    export = panel(driver, "Export")
    assert "Based on 1 finished" in export.based.text()
    driver.click(export.edit)
    combine = panel(driver, "Combine Labels")
    for row in (0, 1):
        item = combine.tree.topLevelItem(row)
        item.setCheckState(0, Qt.CheckState.Checked)
    driver.click(combine.combine)
    driver.type_text("whole", combine.name)
    driver.wait(lambda: driver.station.chores.is_idle)
    assert (annotated / JOB / "combinations" / "whole.yaml").exists()
    driver.raise_tab("Export")
    export = panel(driver, "Export")
    assert export.combine.value() == "whole"
    choose(export.format, "seg-nrrd")
    choose(export.format, "nifti")
    out = tmp_path / "out"
    export.folder.set_path(str(out))
    export = panel(driver, "Export")
    assert [row[0] for row in export.classes.texts()][:1] == ["Tumour + Lung"]
    driver.click(export.export)
    driver.wait(lambda: driver.station.chores.is_idle, 120)
    driver.settle()
    assert export.show_folder.isVisible(), export.status.text()
    manifest = json.loads((out / "export.json").read_text(encoding="utf-8"))
    assert manifest["cases"][0]["counts"]["voxels"] == {"Tumour + Lung": 6 * 2500}

    driver.raise_tab("My Jobs")
    press(driver, "Statistics…")
    numbers = panel(driver, "Statistics")
    assert numbers.labels.texts()[0][:3] == ["Tumour", "1", "6"]
    assert driver.window.width() <= 1280


def export_by_hand(driver, name, out):
    """Export in the window, and return what is told of it."""
    press(driver, "Export…")
    export = panel(driver, "Export")
    choose(export.format, name)
    export.folder.set_path(str(out))
    export = panel(driver, "Export")
    driver.click(export.export)
    driver.wait(lambda: driver.station.chores.is_idle, 120)
    driver.settle()
    assert export.show_folder.isVisible(), export.status.text()
    return json.loads((out / "export.json").read_text(encoding="utf-8"))


def predict(raw, series, out):
    """Stand for a network: on a case it was not trained on, one box of each label."""
    described = json.loads((raw / "dataset.json").read_text(encoding="utf-8"))
    slices, rows, columns = series.header.shape
    labels = np.zeros((columns, rows, slices), np.uint8)
    labels[40:80, 50:90, 4:7] = described["labels"]["Lung"]
    labels[60:70, 60:70, 5] = described["labels"]["Tumour"]
    affine = np.diag([-1.0, -1, 1, 1]) @ series.header.affine[:, [2, 1, 0, 3]]
    out.mkdir()
    nib.save(nib.Nifti1Image(labels, affine), out / "ct-lung-nodule.nii.gz")
    (out / "dataset.json").write_text(json.dumps(described), encoding="utf-8")


def test_out_to_a_network_and_back(make_driver, annotated, tmp_path):
    """The way of a laboratory: train, predict, bring it in, confirm, train again."""
    driver = make_driver(annotated)
    driver.open_job(JOB)
    first = export_by_hand(driver, "nnunet", tmp_path / "first")
    assert [case["case"] for case in first["cases"]] == ["ct-lung"]

    with open_store(str(annotated / JOB), person="eve") as store:
        series = store.images.open_series(JOB, "ct-lung-nodule")
        predict(tmp_path / "first", series, tmp_path / "predicted")
    driver.raise_tab("My Jobs")
    press(driver, "Import…")
    bring = panel(driver, "Import")
    choose(bring.format, "nifti")
    bring.set_path(str(tmp_path / "predicted"))
    choose(bring.enter_as, "proposals")
    driver.type_text("lungnet", bring.model)
    driver.type_text("1.2", bring.version)
    driver.click(bring.preview)
    rest(driver, bring.parentWidget())
    assert "would come in" in bring.told.toPlainText(), bring.told.toPlainText()
    driver.click(bring.begin)
    rest(driver, bring.parentWidget())
    assert "came in" in bring.told.toPlainText(), bring.told.toPlainText()

    driver.raise_tab("My Jobs")
    session = driver.session
    driver.click_row(driver.table, 1, double=True)
    driver.wait(lambda: session.case is not None)
    driver.settle()
    assert session.case.row.case.id == "ct-lung-nodule"
    driver.go_to(5)
    driver.settle()
    assert driver.viewer.layers["Proposals"].data[5].any()
    assert not driver.viewer.layers["Segmentation"].data[5].any()
    assert driver.current_job.strip.track.cells[5].proposals
    driver.press_action("confirm_all")
    driver.settle()
    assert driver.viewer.layers["Segmentation"].data[5].any()
    session.open_next = False
    driver.negate_and_submit()
    driver.settle()
    assert session.status is Status.FINISHED
    annotation = session.store.load(JOB, "ct-lung-nodule").annotation
    refs = [
        ref for content in annotation.slices.values() for ref in content.masks.values()
    ]
    assert {(ref.provenance, ref.source) for ref in refs} == {
        (Provenance.PREDICTED, "lungnet 1.2")
    }

    # The tab was behind others, and tells of what was submitted meanwhile.
    driver.raise_tab("Export")
    told = panel(driver, "Export").based
    driver.wait(lambda: "Based on 2 finished" in told.text())
    driver.raise_tab("My Jobs")
    second = export_by_hand(driver, "nnunet", tmp_path / "second")
    assert [case["case"] for case in second["cases"]] == ["ct-lung", "ct-lung-nodule"]
    made, read = (
        np.asarray(nib.load(path).dataobj)
        for path in (
            tmp_path / "predicted" / "ct-lung-nodule.nii.gz",
            tmp_path / "second" / "labelsTr" / f"{second['cases'][1]['file']}.nii.gz",
        )
    )
    assert np.array_equal(made, read), "what was predicted, and confirmed"


def test_panels_of_naparis_menu_come_as_tabs(make_driver, annotated):
    driver = make_driver(annotated)
    driver.open_job(JOB)
    height = driver.window.height()
    names = ("Keys and Mouse", "Export", "Combine Labels", "Import", "Statistics")
    for name in names:
        panel(driver, name)  # as the menu does: below those that are there
        dock = driver.viewer.window.dock_widgets[f"{name} ({PLUGIN})"].parentWidget()
        driver.wait(lambda dock=dock: not dock.visibleRegion().isEmpty())
        assert dock.windowTitle() == name
        assert driver.window.tabifiedDockWidgets(dock)
    driver.wait(lambda: driver.window.height() == height)


def test_napari_closed_during_an_export_leaves_nothing_in_its_place(
    make_napari_viewer, make_driver, annotated, tmp_path, monkeypatch
):
    monkeypatch.setattr(module, "processes", lambda: 1)
    begun, go_on = threading.Event(), threading.Event()
    real = NiftiExporter.write_case

    def write(self, case, folder):
        begun.set()
        assert go_on.wait(20)
        return real(self, case, folder)

    monkeypatch.setattr(NiftiExporter, "write_case", write)
    driver = make_driver(annotated, viewer=make_napari_viewer(show=True))
    driver.open_job(JOB)
    press(driver, "Export…")
    export = panel(driver, "Export")
    out = tmp_path / "out"
    export.folder.set_path(str(out))
    driver.click(export.export)
    driver.wait(begun.is_set)
    # The window answers while a case is written.
    driver.raise_tab("My Jobs")
    assert not export.export.isEnabled()
    worker = driver.station.chores.writing.executor._thread
    threading.Timer(0.3, go_on.set).start()
    driver.viewer.close()
    worker.join(20)
    assert not worker.is_alive()
    assert not out.exists()
    assert not list(tmp_path.glob("*.nii.gz"))
