"""The import panel, as a view: what it shows, and what it asks for."""

from __future__ import annotations

import pytest
from qtpy.QtCore import Qt

from napari_annotate_jobs.widgets import Colors, ImportPanel


@pytest.fixture
def panel(qtbot):
    panel = ImportPanel()
    qtbot.addWidget(panel)
    panel.resize(440, 640)
    panel.set_formats(
        [
            ("nifti", "NIfTI", "volumes of label values", True),
            ("coco", "COCO", "boxes and masks", False),
        ]
    )
    panel.set_job("Abdomen")
    panel.show()
    return panel


def test_what_is_chosen(panel, qtbot):
    assert not panel.begin.isEnabled()
    panel.set_path(" /data/masks ")
    assert panel.begin.isEnabled()
    qtbot.keyClicks(panel.match, "{case}.nii.gz")
    panel.mapping.setPlainText("1=liver\n\n lung_left=left lung \n3=")
    qtbot.keyClicks(panel.model, "net")
    panel.resample.click()
    panel.empty.click()
    choice = panel.choice()
    assert choice.path == "/data/masks"
    assert choice.match == "{case}.nii.gz"
    assert choice.mapping == ("1=liver", "lung_left=left lung", "3=")
    assert (choice.model, choice.resample, choice.empty_is_nothing) == (
        "net",
        True,
        True,
    )


def test_what_cannot_be_is_not_offered(panel):
    panel.empty.setChecked(True)
    panel.mode.set_value("replace")
    panel.enter_as.setCurrentIndex(1)
    assert panel.choice().mode == "keep"
    assert [panel.mode.itemData(i) for i in range(panel.mode.count())] == [
        "keep",
        "add",
    ]
    assert not panel.choice().empty_is_nothing
    panel.enter_as.setCurrentIndex(0)
    assert panel.choice().empty_is_nothing
    panel.format.setCurrentIndex(1)
    assert panel.about_format.text() == "Boxes and masks."
    assert not panel.choice().empty_is_nothing


@pytest.mark.parametrize("colors", [Colors.dark(), Colors.light()])
def test_what_is_asked_for_and_told(panel, qtbot, colors):
    panel.set_colors(colors)
    panel.set_path("/data")
    for button, signal in (
        (panel.preview, panel.preview_requested),
        (panel.begin, panel.import_requested),
        (panel.file, panel.file_requested),
        (panel.source.browse, panel.folder_requested),
    ):
        with qtbot.waitSignal(signal):
            qtbot.mouseClick(button, Qt.MouseButton.LeftButton)
    panel.set_busy(True)
    assert not panel.body.isEnabled()
    with qtbot.waitSignal(panel.cancel_requested):
        qtbot.mouseClick(panel.cancel, Qt.MouseButton.LeftButton)
    assert panel.begin.text() == "Importing…"
    panel.set_busy(True, looks=True)
    assert panel.begin.text() == "Looking…"
    panel.set_busy(False)
    assert panel.begin.text() == "Import"
    panel.set_told("2 masks came in")
    assert panel.told.isVisible()
    assert panel.told.toPlainText() == "2 masks came in"
    panel.set_job("")
    assert not panel.begin.isEnabled()
    assert "My Jobs" in panel.told.toPlainText()
