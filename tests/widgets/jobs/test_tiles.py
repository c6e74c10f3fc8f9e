from __future__ import annotations

import numpy as np
import pytest
from qtpy.QtCore import Qt
from qtpy.QtTest import QTest

from napari_annotate_jobs.model import (
    Case,
    CaseRow,
    Label,
    Method,
    SeriesRef,
    Status,
)
from napari_annotate_jobs.widgets.jobs._model import ROW
from napari_annotate_jobs.widgets.jobs._tiles import LARGE, SMALL, StudyGrid


class Source:
    """Cases of which the n-th has a picture of grey n."""

    def __init__(self, count, name="case"):
        self.rows = [
            CaseRow(
                case=Case(
                    id=f"{name}{n}", name=f"{name} {n}", series=(SeriesRef(path="x"),)
                ),
                ordinal=n,
                status=Status.REMAINING,
            )
            for n in range(count)
        ]
        self.fetched, self.drawn, self.late = 0, [], None

    def fetch(self, query, offset, limit, reply):
        self.fetched += 1
        found = [row for row in self.rows if query.text in row.case.name]
        reply(found[offset : offset + limit], len(found))

    def thumbnail(self, case_id, reply):
        number = next(r.ordinal for r in self.rows if r.case.id == case_id)
        self.drawn.append(number)
        picture = np.full((8, 8, 3), number % 250, np.uint8)
        answer = (picture, f"said of {number}")
        if self.late is None:
            reply(*answer)
        else:
            self.late.append(lambda: reply(*answer))


@pytest.fixture
def grid(qtbot):
    from qtpy.QtWidgets import QWidget

    outer = QWidget()
    qtbot.addWidget(outer)
    outer.resize(820, 900)
    found = StudyGrid(outer)
    found.setGeometry(outer.rect())
    found.outer = outer
    outer.show()
    qtbot.waitExposed(outer)
    return found


def shown(grid):
    """Return the greys in the middle of the tiles that are seen."""
    tiles = grid.tiles
    image = tiles.viewport().grab().toImage()
    found = []
    for row in range(tiles.model().rowCount()):
        for column in range(tiles.model().columnCount()):
            rect = tiles.visualRect(tiles.model().index(row, column))
            place = rect.center()
            place.setY(rect.top() + 40)
            if tiles.viewport().rect().contains(place):
                found.append(image.pixelColor(place).red())
    return found


def choose(box, row):
    """Choose in a combo box as its user does."""
    box.setCurrentIndex(row)
    box.activated.emit(row)


def test_twenty_five_pictures_go_on_a_screen(grid):
    grid.set_source("Brains", Source(60))
    assert grid.tiles.model().columnCount() == 5
    assert grid.tiles._delegate.side == LARGE
    assert shown(grid)[:25] == list(range(25))
    grid.resize(500, 900)
    assert grid.tiles._delegate.side == SMALL
    assert grid.tiles.model().columnCount() == 4


def test_a_label_is_asked_for_and_nothing_found_is_said(grid):
    source, asked = Source(30), []
    fetch = source.fetch

    def heard(query, *rest):
        asked.append(query.label)
        fetch(query, *rest)

    source.fetch = heard
    labels = [
        Label(id=n, name=name, color="#D55E00", method=Method.DETECTION)
        for n, name in ((3, "node"), (7, "cyst"))
    ]
    grid.set_source("Brains", source, labels)
    assert asked[-1] is None and not grid.tiles._message()
    box = grid._labels
    assert [box.itemText(n) for n in range(box.count())] == [
        "All labels", "node", "cyst",
    ]  # fmt: skip
    choose(box, 2)
    assert asked[-1] == 7
    grid._search.setText("nothing of that name")
    assert "No case matches" in grid.tiles._message()
    grid.set_source("Livers", source, labels[:1])
    assert asked[-1] is None and box.currentText() == "All labels"
    assert not grid.tiles._message()


def test_only_what_is_seen_is_read(grid):
    source = Source(100_000)
    grid.set_source("Brains", source)
    assert source.fetched < 4 and len(source.drawn) < 60
    grid.tiles.scrollToBottom()
    assert source.fetched < 8 and len(source.drawn) < 120
    assert 99_999 in source.drawn
    assert grid.tiles.model().index(19_999, 4).data(ROW).ordinal == 99_999


def test_places_behind_the_last_case_are_empty(grid, qtbot):
    opened = []
    grid.tiles.case_requested.connect(opened.append)
    grid.set_source("Brains", Source(7))
    tiles = grid.tiles
    last = tiles.model().index(1, 4)
    assert last.data(ROW) is None
    assert not last.flags() & Qt.ItemFlag.ItemIsSelectable
    tiles.setCurrentIndex(tiles.model().index(1, 1))
    QTest.keyClick(tiles, Qt.Key.Key_Return)
    tiles.doubleClicked.emit(tiles.model().index(0, 2))
    tiles.doubleClicked.emit(last)
    assert opened == ["case6", "case2"]


def test_names_find_cases_and_words_are_told(grid):
    grid.set_source("Brains", Source(30))
    QTest.keyClicks(grid._search, "case 2")
    assert shown(grid)[:11] == [2, *range(20, 30)]
    tip = grid.tiles.model().index(0, 1).data(Qt.ItemDataRole.ToolTipRole)
    assert "case 20" in tip and "said of 20" in tip


def test_a_late_picture_of_another_job_is_never_shown(grid):
    source = Source(3)
    source.late = []
    grid.set_source("Brains", source)
    (first,) = source.late
    grid.set_source("Lungs", Source(3, "lung"))
    before = shown(grid)
    first()
    assert shown(grid) == before and before[:3] == [0, 1, 2]
    assert grid.tiles.cases.picture("case0") is None
    grid.set_source("", None)
    assert grid.tiles.model().rowCount() == 0


def test_a_case_is_drawn_anew(grid):
    source = Source(3)
    grid.set_source("Brains", source)
    source.drawn.clear()
    grid.tiles.cases.refresh_case("case1")
    assert source.drawn == [1]
