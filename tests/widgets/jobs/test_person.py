"""Who annotates is shown, and can be changed."""

from __future__ import annotations

import pytest
from qtpy.QtCore import Qt
from qtpy.QtTest import QTest
from qtpy.QtWidgets import QInputDialog, QLineEdit

from napari_annotate_jobs.widgets import Colors, PersonButton


@pytest.fixture
def button(qtbot):
    made = PersonButton()
    qtbot.addWidget(made)
    made.set_colors(Colors.light())
    return made


def enter(button, text):
    button.click()
    dialog = button.findChild(QInputDialog)
    field = dialog.findChild(QLineEdit)
    field.selectAll()
    QTest.keyClicks(field, text)
    QTest.keyClick(field, Qt.Key.Key_Return)


def test_the_name_is_shown_once_it_is_known(button):
    assert button.isHidden()
    button.set_person("Ana")
    assert not button.isHidden()
    assert button.text() == "You work as Ana"


@pytest.mark.parametrize(
    ("typed", "told"),
    [(" Dr.  Bo ", ["Dr. Bo"]), ("Ana", []), ("  ", [])],
    ids=["another", "the same", "none"],
)
def test_another_name_is_told(button, typed, told):
    names = []
    button.named.connect(names.append)
    button.set_person("Ana")
    enter(button, typed)
    assert names == told
