"""When a widget in a dock comes in sight, and when it goes out of it."""

from __future__ import annotations

import pytest
from qtpy.QtCore import Qt
from qtpy.QtWidgets import QDockWidget, QLabel, QMainWindow

from napari_annotate_jobs.app._titles import Sight


@pytest.fixture
def window(qtbot):
    """Two docks, one behind the other."""
    window = QMainWindow()
    qtbot.addWidget(window)
    window.setCentralWidget(QLabel("in the middle"))
    window.docks = []
    for name in ("first", "second"):
        dock = QDockWidget(name, window)
        dock.setWidget(QLabel(name))
        window.addDockWidget(Qt.DockWidgetArea.RightDockWidgetArea, dock)
        window.docks.append(dock)
    window.tabifyDockWidget(*window.docks)
    return window


def test_a_tab_that_is_raised_is_told_of(window, qtbot):
    first, second = window.docks
    sight, told = Sight(first.widget()), []
    sight.changed.connect(told.append)
    with qtbot.waitExposed(window):
        window.show()
    first.raise_()
    qtbot.waitUntil(lambda: sight.is_there)
    del told[:]
    second.raise_()
    qtbot.waitUntil(lambda: not sight.is_there)
    first.raise_()
    qtbot.waitUntil(lambda: sight.is_there)
    first.close()
    qtbot.waitUntil(lambda: not sight.is_there)
    first.show()
    first.raise_()
    qtbot.waitUntil(lambda: sight.is_there)
    assert told[:3] == [False, True, False]
    assert told[-1]


def test_without_a_dock_it_is_told_what_is_shown(qtbot):
    label = QLabel("alone")
    qtbot.addWidget(label)
    sight, told = Sight(label), []
    sight.changed.connect(told.append)
    label.show()
    label.hide()
    assert told == [True, False]
