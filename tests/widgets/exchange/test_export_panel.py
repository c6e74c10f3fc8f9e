"""The export panel, as a view: what it shows, and what it asks for."""

from __future__ import annotations

from functools import partial

import pytest
from qtpy.QtCore import Qt
from qtpy.QtWidgets import QApplication, QCheckBox

from napari_annotate_jobs.formats import ClassCount, few_images
from napari_annotate_jobs.model import Label, LabelSet, Method
from napari_annotate_jobs.widgets import (
    Colors,
    ExportPanel,
    ExportPreview,
    OptionField,
)

LIVER = Label(id=1, name="Liver", color="#D55E00", method=Method.SEGMENTATION)
SPLEEN = Label(id=7, name="Spleen", color="#0072B2", method=Method.SEGMENTATION)
LABELS = LabelSet(labels=(LIVER, SPLEEN))
COUNTS = (
    ClassCount(label=LIVER, cases=3, slices=80, voxels=9000),
    ClassCount(label=SPLEEN, cases=1, slices=20, voxels=100),
)
PREVIEW = ExportPreview(
    finished=3,
    cases=[("a", "Case A"), ("b", "Case B"), ("c", "Case C")],
    going=3,
    left_out={"returned, and not submitted again": ["Case D by ana"]},
    before=COUNTS,
    after=COUNTS,
    few=partial(few_images, COUNTS),
    lost=["NIfTI does not hold detection"],
)


@pytest.fixture
def panel(qtbot):
    panel = ExportPanel()
    qtbot.addWidget(panel)
    panel.resize(440, 640)
    panel.set_formats(
        [("nifti", "NIfTI", "one file a case"), ("coco", "COCO", "imagesTr and so on")],
        [("masks to classes", "masks to classes")],
        ("finished", "all"),
    )
    panel.set_job("Abdomen", LABELS, "/tmp/out")
    panel.set_preview(PREVIEW)
    panel.show()
    return panel


def test_what_goes_in_and_what_does_not(panel):
    assert panel.about_format.text() == "One file a case."
    panel.format.setCurrentIndex(1)
    assert panel.about_format.text() == "imagesTr and so on."
    panel.set_preview(PREVIEW)
    assert panel.based.text() == "Based on 3 finished; 3 annotated cases go in."
    assert "1 case: returned, and not submitted again (Case D" in panel.left_out.text()
    assert "does not hold detection" in panel.lost.text()
    assert panel.classes.texts() == [
        ["Liver", "80", "3", "", "9,000"],
        ["Spleen", "20", "1", "", "100"],
    ]
    assert panel.labels.topLevelItem(0).text(1) == "80"
    assert panel.export.isEnabled()


def test_few_images_are_warned_of_below_the_number_one_sets(panel):
    assert "Spleen (20)" in panel.few.text()
    assert "Liver" not in panel.few.text()
    panel.least.setValue(20)
    assert panel.few.isHidden()
    panel.least.setValue(81)
    assert "Liver (80), Spleen (20)" in panel.few.text()


def test_labels_and_cases_are_ticked(panel, qtbot):
    assert panel.choice().labels is None
    item = panel.labels.topLevelItem(0)
    place = panel.labels.visualItemRect(item)
    with qtbot.waitSignal(panel.choice_changed):
        # The box at the beginning of the row.
        qtbot.mouseClick(
            panel.labels.viewport(),
            Qt.MouseButton.LeftButton,
            pos=place.center().__class__(place.left() + 10, place.center().y()),
        )
    assert panel.choice().labels == (7,)
    # What was chosen is not known to be possible until it is looked through.
    assert not panel.export.isEnabled()
    panel.set_preview(PREVIEW)
    assert panel.choice().labels == (7,)
    panel.cases.item(1).setCheckState(Qt.CheckState.Unchecked)
    assert panel.choice().cases == ("a", "c")
    panel.set_preview(PREVIEW)
    assert panel.choice().cases == ("a", "c")
    panel.no_cases.click()
    assert panel.choice().cases == ()
    panel.all_cases.click()
    assert panel.choice().cases is None


def test_options_of_a_format(panel):
    panel.set_options(
        [
            OptionField(
                name="uneven",
                description="Accept the mean step",
                default="false",
                choices=("false", "true"),
            ),
            OptionField(
                name="images", description="", default="8", choices=("8", "16")
            ),
            OptionField(name="window", description="empty for its own", default=""),
        ]
    )
    assert panel.choice().options == {}
    panel.options.findChild(QCheckBox).setChecked(True)
    assert panel.choice().options == {"uneven": "true"}
    panel.set_options([])
    assert panel.choice().options == {}
    assert panel.options_section.isHidden()


def test_an_order_is_offered_where_masks_overlap(panel):
    assert panel.order_box.isHidden()
    panel.set_preview(
        ExportPreview(
            going=1, after=COUNTS, refused=["masks overlap in 1 case"], overlaps=True
        )
    )
    assert not panel.order_box.isHidden()
    assert not panel.export.isEnabled()
    assert "Cannot export: masks overlap" in panel.refused.text()
    panel.ordered.click()
    assert panel.choice().priority == (1, 7)
    panel.order.insertItem(0, panel.order.takeItem(1))
    assert panel.choice().priority == (7, 1)


def test_while_it_is_written_nothing_else_is_chosen(panel, qtbot):
    with qtbot.waitSignal(panel.export_requested):
        qtbot.mouseClick(panel.export, Qt.MouseButton.LeftButton)
    panel.set_busy(True)
    assert not panel.format.isEnabled()
    assert not panel.folder.isEnabled()
    assert not panel.export.isEnabled()
    with qtbot.waitSignal(panel.cancel_requested):
        qtbot.mouseClick(panel.cancel, Qt.MouseButton.LeftButton)
    panel.set_busy(False)
    panel.set_done("3 cases exported")
    with qtbot.waitSignal(panel.show_folder_requested):
        qtbot.mouseClick(panel.show_folder, Qt.MouseButton.LeftButton)
    panel.folder.set_path("  ")
    assert not panel.export.isEnabled()


def test_no_job(panel):
    panel.set_job("", None)
    assert not panel.body.isEnabled()
    assert not panel.export.isEnabled()
    assert "My Jobs" in panel.status.text()


@pytest.mark.parametrize("colors", [Colors.dark(), Colors.light()])
def test_nothing_is_cut_off_where_there_is_little_room(panel, colors):
    panel.set_colors(colors)
    panel.resize(320, 520)
    for _ in range(3):
        QApplication.processEvents()
    for part in (panel.export, panel.folder.browse, panel.edit, panel.format):
        shown = part.mapTo(panel, part.rect().bottomRight())
        assert shown.x() <= panel.width()
        assert part.width() >= part.minimumSizeHint().width()
