"""Two versions side by side."""

from __future__ import annotations

import numpy as np
from qtpy.QtWidgets import QLabel, QRadioButton

from napari_annotate_jobs.session import Difference
from napari_annotate_jobs.widgets import DifferenceView

ROWS = [
    Difference(None, "left", "nothing said", False),
    Difference(2, "lesion", "good", True),
]


def test_words_and_pictures_of_both(qtbot):
    asked = []

    def draw(index, is_mine, reply):
        asked.append((index, is_mine))
        reply(np.zeros((20, 30, 3), np.uint8) if is_mine else None)

    view = DifferenceView(ROWS, "Yours", "Theirs", draw)
    qtbot.addWidget(view)
    labels = view.findChildren(QLabel)
    texts = [label.text() for label in labels]
    for text in ("<b>Yours</b>", "<b>Theirs</b>", "left", "nothing said", "good"):
        assert text in texts
    assert "Slice 3\n(both changed)" in texts and "Whole case" in texts
    assert asked == [(2, True), (2, False)]
    assert sum(not label.pixmap().isNull() for label in labels) == 1


def test_a_picture_that_comes_too_late_is_no_error(qtbot):
    replies = []
    view = DifferenceView(ROWS, "a", "b", lambda i, mine, reply: replies.append(reply))
    view.deleteLater()
    qtbot.wait(1)
    for reply in replies:
        reply(np.zeros((4, 4), np.uint8))


def test_many_rows_are_counted(qtbot):
    rows = [Difference(i, "a", "b", False) for i in range(DifferenceView.MOST + 3)]
    view = DifferenceView(rows, "Yours", "Theirs")
    qtbot.addWidget(view)
    assert "and 3 more" in [label.text() for label in view.findChildren(QLabel)]
    assert view.minimumHeight() <= DifferenceView.HEIGHT


def test_one_version_is_chosen_in_each_row(qtbot):
    rows = [*ROWS, *(Difference(i, "a", "b", False) for i in range(3, 45))]
    between = []
    view = DifferenceView(
        rows,
        "Yours",
        "Theirs",
        between=lambda index, reply: between.append(index),
        choose=True,
    )
    qtbot.addWidget(view)
    assert view.taken() == ()
    assert between == [2, *range(3, 41)]
    buttons = {b.accessibleName(): b for b in view.findChildren(QRadioButton)}
    for name in ("Whole case: Theirs", "Slice 5: Theirs"):
        buttons[name].click()
    assert view.taken() == (None, 4)
    buttons["Whole case: Yours"].click()
    # Those that are not shown go one way together.
    buttons["and 4 more: Theirs"].click()
    assert view.taken() == (4, 41, 42, 43, 44)
    assert not buttons["Slice 3: Theirs"].isChecked()


def test_without_a_choice_nothing_can_be_chosen(qtbot):
    view = DifferenceView(ROWS, "Yours", "Theirs")
    qtbot.addWidget(view)
    assert view.choices == []
    assert view.findChildren(QRadioButton) == []


def test_the_colours_of_the_difference_are_told_by_whose_they_are(qtbot):
    view = DifferenceView(
        ROWS, "ana", "<i>bob</i>", between=lambda index, reply: None, choose=False
    )
    qtbot.addWidget(view)
    texts = [label.text() for label in view.findChildren(QLabel)]
    bob = "&lt;i&gt;bob&lt;/i&gt;"
    assert f"<b>Differs</b><br>blue: ana<br>orange: {bob}" in texts
    assert f"<b>{bob}</b>" in texts
