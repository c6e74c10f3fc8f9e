"""The page of statistics, as a view: what it shows, and what it asks for."""

from __future__ import annotations

import numpy as np
import pytest
from qtpy.QtCore import Qt
from qtpy.QtGui import QImage
from qtpy.QtWidgets import QApplication

from napari_annotate_jobs.metrics import CaseFacts, StatisticsCounter
from napari_annotate_jobs.model import (
    Annotation,
    Case,
    Label,
    LabelSet,
    MaskRef,
    Method,
    Provenance,
    SeriesRef,
    SliceAnnotation,
    Status,
)
from napari_annotate_jobs.widgets import Colors, StatisticsPanel
from napari_annotate_jobs.widgets.numbers import BarPlot, BarRow, NumberTable

LABELS = LabelSet(
    labels=(
        Label(id=1, name="organ", color="#D55E00", method=Method.SEGMENTATION),
        Label(id=2, name="contrast", color="#0072B2", method=Method.CLASSIFICATION),
    )
)


def statistics(people=("ana", "Bo")):
    counter = StatisticsCounter("Job", LABELS)
    case = Case(id="one", name="One", series=(SeriesRef(path="x"),), n_slices=4)
    facts = []
    for number, person in enumerate(people, 1):
        ref = MaskRef(
            digest="a" * 64,
            pixels={1: 1000 * number},
            provenance=Provenance.INTERPOLATED,
        )
        slices = {
            "0": SliceAnnotation(index=0, masks={"": ref}),
            "1": SliceAnnotation(index=1, class_labels=(2,)),
            "2": SliceAnnotation(index=2, excluded=True),
        }
        facts.append(
            CaseFacts(
                case=case,
                person=person,
                status=Status.FINISHED,
                annotation=Annotation(case_id="one", person=person, slices=slices),
                n_slices=4,
                volumes=np.full(4, 0.01),
            )
        )
    counter.add(facts)
    return counter.result()


@pytest.fixture
def panel(qtbot):
    panel = StatisticsPanel()
    qtbot.addWidget(panel)
    panel.resize(420, 620)
    panel.set_job("Job")
    panel.set_statistics(statistics())
    panel.show()
    return panel


def test_numbers_of_all_and_of_one(panel):
    assert panel.labels.texts() == [
        ["organ", "2", "2", "50.0 %", "", "30.0"],
        ["contrast", "2", "2", "50.0 %", "", ""],
    ]
    panel.person.setCurrentIndex(panel.person.findData("Bo"))
    assert panel.labels.texts()[0] == ["organ", "1", "1", "50.0 %", "", "20.0"]
    # Who is chosen stays chosen when it is counted anew, as long as they are there.
    panel.set_statistics(statistics(("Bo", "ana")))
    assert panel.labels.texts()[0][-1] == "10.0"
    panel.set_statistics(statistics(("ana",)))
    assert panel.person.currentText() == "Everybody"
    assert [row[0] for row in panel.people.texts()] == ["ana"]


def test_bars_follow_the_table(panel):
    assert [row.name for row in panel.plot.rows] == ["organ", "contrast"]
    panel.quantity.setCurrentText("Volume, ml")
    (row,) = panel.plot.rows
    assert row.parts == ((pytest.approx(30.0), "#D55E00"),)
    panel.quantity.setCurrentText("How it was made")
    organ = panel.plot.rows[0]
    assert [length for length, _ in organ.parts if length] == [2.0]
    assert "Interpolated" in panel.legend.text()
    shown = [length for length, _ in panel.decisions.rows[0].parts]
    assert shown == [2, 0, 1, 1]


def test_what_is_asked_for(panel, qtbot):
    with qtbot.waitSignal(panel.count_requested):
        qtbot.mouseClick(panel.count, Qt.MouseButton.LeftButton)
    panel.set_busy(True)
    assert not panel.save.isEnabled()
    with qtbot.waitSignal(panel.cancel_requested):
        qtbot.mouseClick(panel.count, Qt.MouseButton.LeftButton)
    panel.set_busy(False)
    with qtbot.waitSignal(panel.save_requested):
        qtbot.mouseClick(panel.save, Qt.MouseButton.LeftButton)
    with qtbot.waitSignal(panel.count_requested):
        panel.only.setCurrentIndex(1)
    panel.set_job("")
    assert not panel.count.isEnabled()
    assert not panel.save.isEnabled()
    assert "My Jobs" in panel.about.text()


@pytest.mark.parametrize("colors", [Colors.dark(), Colors.light()])
def test_bars_are_painted_as_long_as_their_numbers(qtbot, colors):
    plot = BarPlot()
    qtbot.addWidget(plot)
    plot.resize(400, 200)
    plot.set_colors(colors)
    plot.set_rows(
        [
            BarRow("all", ((100.0, "#d55e00"),), "100", "tip of all"),
            BarRow("half", ((25.0, "#009e73"), (25.0, "#0072b2")), "50"),
        ]
    )
    plot.show()
    qtbot.waitExposed(plot)
    QApplication.processEvents()
    picture = plot.grab().toImage().convertToFormat(QImage.Format.Format_RGB32)

    def wide(color):
        columns = range(picture.width())
        rows = range(picture.height())
        return max(
            sum(picture.pixelColor(x, y).name() == color for x in columns) for y in rows
        )

    whole = wide("#d55e00")
    assert whole > 100
    assert wide("#009e73") == pytest.approx(whole / 4, abs=3)
    assert wide("#0072b2") == pytest.approx(whole / 4, abs=3)
    assert picture.pixelColor(398, 150).name() == colors.background
    assert plot.tip_at(10) == "tip of all"
    assert plot.tip_at(190) == ""


def test_tables_are_sorted_by_numbers_and_copied(qtbot):
    table = NumberTable(("Name", "Count"), ("", ""))
    qtbot.addWidget(table)
    rows = [
        [("b", "b"), (9, "9")],
        [("a", "a"), (1000, "1,000")],
        [("c", "c"), (None, "")],
    ]
    table.set_rows(rows)
    assert [row[0] for row in table.texts()] == ["b", "a", "c"]
    table.sortByColumn(1, Qt.SortOrder.DescendingOrder)
    assert [row[0] for row in table.texts()] == ["a", "b", "c"]
    table.set_rows(rows[:2])  # the order that was chosen stays
    assert [row[0] for row in table.texts()] == ["a", "b"]
    qtbot.keyClick(table, Qt.Key.Key_C, Qt.KeyboardModifier.ControlModifier)
    assert QApplication.clipboard().text() == "Name\tCount\na\t1,000\nb\t9"
