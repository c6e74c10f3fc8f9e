"""A key that is held down acts once, unless it steps."""

from __future__ import annotations

import pytest
from qtpy.QtCore import QEvent, QObject, Qt
from qtpy.QtGui import QKeyEvent
from qtpy.QtTest import QTest
from qtpy.QtWidgets import QApplication, QWidget

from napari_annotate_jobs.app._key_router import KeyRouter
from napari_annotate_jobs.app._on_screen import LOOK, OnScreen
from napari_annotate_jobs.widgets.keys._held import HeldKeys, acts_once
from napari_annotate_jobs.widgets.keys._keys import ACTIONS, STEPPING

G = Qt.Key.Key_G
NONE = Qt.KeyboardModifier.NoModifier
PRESS, RELEASE = QEvent.Type.KeyPress, QEvent.Type.KeyRelease


@pytest.fixture
def window(qtbot):
    made = QWidget()
    qtbot.addWidget(made)
    made.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
    made.show()
    made.activateWindow()
    made.setFocus()
    qtbot.waitUntil(made.hasFocus)
    return made


class Key(QKeyEvent):
    """A key at a time, in milliseconds."""

    def __init__(self, kind, time, *, repeated=False):
        super().__init__(kind, G, NONE, "g", repeated)
        self.time = time

    def timestamp(self):
        return self.time


def test_a_held_key_acts_once(window):
    held = HeldKeys.here()
    assert HeldKeys.here() is held
    # As X11 sends it, whether or not Qt sees through it.
    times = [(PRESS, 1000), (RELEASE, 1500), (PRESS, 1500), (RELEASE, 1530)]
    times += [(PRESS, 1530), (RELEASE, 1560), (PRESS, 1640)]
    acted = []
    for kind, time in times:
        event = Key(kind, time)
        QApplication.sendEvent(window, event)
        if kind is PRESS:
            acted.append(acts_once(event))
            assert held.is_repeated != acted[-1]
    assert acted == [True, False, False, True]
    assert not acts_once(Key(PRESS, 9000, repeated=True))


def test_only_stepping_goes_on_while_a_key_is_held(window):
    calls = []
    router = KeyRouter(window)
    keys = {"H": lambda: calls.append("H"), "U": lambda: calls.append("U")}
    router.set_keys(keys, stepping={"U"})
    shortcuts = {s.key().toString(): s for s in router._shortcuts}
    assert not shortcuts["H"].autoRepeat()
    assert shortcuts["U"].autoRepeat()
    # Of a key that is none of these: Qt takes sent ones for shortcuts too.
    for kind, time in [(PRESS, 1000), (RELEASE, 1500), (PRESS, 1500)]:
        QApplication.sendEvent(window, Key(kind, time))
        if kind is PRESS:
            for shortcut in shortcuts.values():
                shortcut.activated.emit()
    assert sorted(calls) == ["H", "U", "U"]
    router.clear()


def test_a_key_pressed_beside_the_keyboard_is_not_taken_for_the_one_held_before(window):
    """The press itself counts, wherever in the window it comes in."""
    calls = []
    other = QWidget(window)
    other.show()
    router = KeyRouter(window)
    router.set_keys({"H": lambda: calls.append("H")})
    for kind, time in [(PRESS, 1000), (RELEASE, 1500), (PRESS, 1500)]:
        QApplication.sendEvent(window, Key(kind, time))
    assert HeldKeys.here().is_repeated
    QTest.keyClick(other, Qt.Key.Key_H)
    assert calls == ["H"]
    router.clear()


def test_what_steps():
    going = {action.id for action in ACTIONS if action.group == "Go"}
    assert STEPPING == going - {"play"} | {"next_thread"}


# ------------------------------------------------------------------- on the screen
@pytest.fixture
def clock(monkeypatch):
    from napari_annotate_jobs.app import _on_screen

    now = [100.0]
    monkeypatch.setattr(_on_screen, "monotonic", lambda: now[0])
    return now


def paint(widget):
    QApplication.sendEvent(widget, QEvent(QEvent.Type.Paint))
    QApplication.processEvents()


def test_nothing_is_seen_before_it_was_painted(window, clock):
    drawn = [False]
    screen = OnScreen(window, lambda: drawn[0])
    paint(window)
    clock[0] += 10
    assert not screen.is_seen  # what was painted was not the case
    drawn[0] = True
    assert not screen.press()
    paint(window)
    assert not screen.press()
    clock[0] += 0.9 * LOOK
    assert not screen.press()  # and the next must keep its distance
    clock[0] += 0.9 * LOOK
    assert not screen.press()
    clock[0] += 1.1 * LOOK
    assert screen.is_seen
    assert screen.press()
    assert not screen.press()
    screen.forget()
    clock[0] += 10
    assert not screen.press()
    screen.close()
    paint(window)
    assert not screen.is_seen


def test_what_waited_while_a_case_was_put_there_is_not_for_it(window, clock):
    presses = []

    class Listener(QObject):
        def eventFilter(self, watched, event):
            if event.type() == QEvent.Type.MouseButtonPress:
                presses.append(screen.is_there)
            return False

    listener = Listener()
    window.installEventFilter(listener)
    screen = OnScreen(window, lambda: True)
    QTest.mouseClick(window, Qt.MouseButton.LeftButton)
    assert not screen.is_there
    # Painted before what waited is dealt with, as Qt does it.
    QApplication.sendEvent(window, QEvent(QEvent.Type.Paint))
    QTest.mouseClick(window, Qt.MouseButton.LeftButton)
    assert not screen.is_there and not screen.is_seen
    clock[0] += 10
    assert presses == []
    QApplication.processEvents()
    assert screen.is_there
    assert not screen.is_seen  # looked at from now on
    QTest.mouseClick(window, Qt.MouseButton.LeftButton)
    assert presses == [True]
    screen.forget()
    assert not screen.is_there
    screen.close()
