"""An event is what its type says, whatever object the binding has for it."""

from __future__ import annotations

import pytest
from qtpy import API_NAME
from qtpy.QtCore import QEvent, QPoint, QPointF, Qt
from qtpy.QtGui import QFocusEvent, QHelpEvent, QKeyEvent, QMouseEvent

from napari_annotate_jobs.app._key_router import KeyRouter
from napari_annotate_jobs.widgets.parts._qt_events import event_as

NONE = Qt.KeyboardModifier.NoModifier


def key(kind=QEvent.Type.KeyPress):
    return QKeyEvent(kind, Qt.Key.Key_H, NONE, "h")


def focus():
    return QFocusEvent(QEvent.Type.FocusIn, Qt.FocusReason.TabFocusReason)


def asked():
    return QHelpEvent(QEvent.Type.ToolTip, QPoint(3, 4), QPoint(5, 6))


def press():
    kind, left = QEvent.Type.MouseButtonPress, Qt.MouseButton.LeftButton
    return QMouseEvent(kind, QPointF(1, 2), QPointF(1, 2), left, left, NONE)


def as_another(event):
    """Return an event in an object of another class, as PyQt at times does."""
    if not API_NAME.startswith("PyQt"):
        pytest.skip("the binding keeps its events apart")
    sip = pytest.importorskip(f"{API_NAME}.sip")
    return sip.cast(event, QEvent)


def test_what_it_is_comes_back_and_nothing_else():
    events = {QKeyEvent: key(), QFocusEvent: focus(), QHelpEvent: asked()}
    for kind, event in events.items():
        assert event_as(event, kind) is event
        for other in events.keys() - {kind}:
            assert event_as(event, other) is None
        assert event_as(press(), kind) is None
        assert event_as(QEvent(QEvent.Type.Paint), kind) is None


def test_an_event_at_the_place_of_one_that_is_held():
    pressed, got, help_ = key(), focus(), asked()
    held = as_another(pressed)
    assert not isinstance(held, QKeyEvent) and held.type() == QEvent.Type.KeyPress
    found = event_as(held, QKeyEvent)
    assert type(found) is QKeyEvent and found.key() == Qt.Key.Key_H
    assert event_as(held, QFocusEvent) is None
    found = event_as(as_another(got), QFocusEvent)
    assert found.reason() == Qt.FocusReason.TabFocusReason
    assert event_as(as_another(help_), QHelpEvent).globalPos() == QPoint(5, 6)


def test_a_key_acts_all_the_same(qtbot):
    from qtpy.QtWidgets import QWidget

    window, calls = QWidget(), []
    qtbot.addWidget(window)
    router = KeyRouter(window)
    router.set_keys({"H": lambda: calls.append("H")})
    for kind in (QEvent.Type.ShortcutOverride, QEvent.Type.KeyPress):
        event = key(kind)
        router.eventFilter(window, as_another(event))
    assert calls == ["H"]
    router.clear()
