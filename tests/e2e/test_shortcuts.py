"""Our keys beside those of another plugin, which Qt would let silence each other."""

from __future__ import annotations

import pytest
from qtpy.QtCore import QEvent, Qt
from qtpy.QtGui import QKeySequence
from qtpy.QtTest import QTest
from qtpy.QtWidgets import (
    QDockWidget,
    QLineEdit,
    QMainWindow,
    QPushButton,
    QShortcut,
    QWidget,
)

from napari_annotate_jobs.app._key_router import KeyRouter
from napari_annotate_jobs.widgets import KeyMap

KEYS = tuple(key for key in KeyMap().keys().values() if key)


@pytest.fixture
def window(qtbot):
    """Return a window with an image, a field, and a dock of another plugin."""
    window = QMainWindow()
    qtbot.addWidget(window)
    window.image, window.other = QWidget(), QPushButton("Undo")
    window.field = QLineEdit(window.image)
    window.image.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
    window.setCentralWidget(window.image)
    dock = QDockWidget("another plugin", window)
    dock.setWidget(window.other)
    window.addDockWidget(Qt.DockWidgetArea.RightDockWidgetArea, dock)
    window.show()
    window.activateWindow()
    qtbot.waitUntil(window.isActiveWindow)
    return window


@pytest.fixture
def pressed(window):
    """Return what was pressed of ours and of theirs, for all our keys."""
    pressed = []
    router = KeyRouter(window)
    router.set_keys(
        {key: lambda key=key: pressed.append(("ours", key)) for key in KEYS}
    )
    for key in KEYS:
        theirs = QShortcut(QKeySequence(key), window.other)
        theirs.setContext(Qt.ShortcutContext.ApplicationShortcut)
        theirs.activated.connect(lambda key=key: pressed.append(("theirs", key)))
    yield pressed
    router.clear()


class View(QWidget):
    """Remembers the keys it gets; may want them although they are shortcuts."""

    def __init__(self, parent, wants=False):
        super().__init__(parent)
        self.got, self.wants = [], wants
        self.show()

    def event(self, event):
        if self.wants and event.type() == QEvent.Type.ShortcutOverride:
            event.accept()
            return True
        return super().event(event)

    def keyPressEvent(self, event):
        self.got.append(event.key())


def press(widget, key):
    combination = QKeySequence(key)[0]
    widget.setFocus()
    QTest.keyClick(widget, combination.key(), combination.keyboardModifiers())
    QTest.qWait(0)


def test_every_key_is_ours_while_the_image_has_the_focus(window, pressed):
    assert {"Ctrl+Z", "N", "Shift+Return", "Alt+N"} <= set(KEYS)
    for _ in range(2):  # Qt gives the second press to the other of the two
        for key in KEYS:
            press(window.image, key)
    assert pressed == [("ours", key) for key in KEYS] * 2


def test_in_the_other_dock_the_keys_are_the_other_plugins(window, pressed):
    for key in KEYS * 2:
        press(window.other, key)
    assert pressed == [("theirs", key) for key in KEYS] * 2
    pressed.clear()
    press(window.image, "Ctrl+Z")
    assert pressed == [("ours", "Ctrl+Z")]


def test_a_key_that_is_claimed_does_not_reach_the_image(window, pressed):
    view = View(window.image)
    press(view, "N")
    press(view, "G")
    assert view.got == [Qt.Key.Key_G]


def test_typing_is_typing(window, pressed):
    press(window.field, "N")
    press(window.field, "Q")
    assert not [key for whose, key in pressed if whose == "ours"]


def test_what_has_the_focus_may_want_the_key_for_itself(window, pressed):
    view = View(window.image, wants=True)
    press(view, "N")
    assert view.got == [Qt.Key.Key_N]
    assert pressed == []


def test_esc_of_ours_in_the_image_only(window, qtbot):
    pressed = []
    router = KeyRouter(window)
    router.set_keys({"N": lambda: None})
    router.set_escape(lambda: pressed.append("ours"), window.image)
    theirs = QShortcut(QKeySequence("Esc"), window.other)
    theirs.setContext(Qt.ShortcutContext.ApplicationShortcut)
    theirs.activated.connect(lambda: pressed.append("theirs"))
    press(window.image, "Esc")
    press(window.image, "Esc")
    press(window.other, "Esc")
    assert pressed == ["ours", "ours", "theirs"]
    router.set_escape(None, window.image)
    router.clear()
    press(window.image, "Esc")
    assert pressed[3:] == ["theirs"]


def test_released_keys_are_the_others(window, pressed):
    router = KeyRouter(window)
    router.set_keys({"Ctrl+Alt+F12": lambda: pressed.append("ours")})
    press(window.image, "Ctrl+Alt+F12")
    router.clear()
    press(window.image, "Ctrl+Alt+F12")
    assert pressed == ["ours"]
