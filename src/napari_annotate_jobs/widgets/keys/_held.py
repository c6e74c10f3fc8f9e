"""Which key presses are only a key that is held down."""

from __future__ import annotations

from qtpy.QtCore import QEvent, QObject
from qtpy.QtGui import QKeyEvent
from qtpy.QtWidgets import QApplication, QWidget

from napari_annotate_jobs.widgets.parts._qt_events import event_as

__all__ = ["HeldKeys", "acts_once"]

APART = 2
"""Milliseconds; nobody lets go of a key and presses it again in so short a time."""
_PRESSES = (QEvent.Type.ShortcutOverride, QEvent.Type.KeyPress)


class HeldKeys(QObject):
    """Sees the keys of the widget that has the keyboard.

    X11 repeats a held key as releases and presses at the same instant; Qt takes them
    for repeated only if both have come in when it looks. The time says it always.
    """

    def __init__(self, parent: QObject) -> None:
        super().__init__(parent)
        self._released: dict[int, int] = {}
        self.is_repeated = False
        """Whether the latest press was one of a key that is held down."""
        self.latest: int | None = None
        """The key that was pressed last, as Qt numbers them."""
        self.pressed_at = 0
        """When that was, in the milliseconds of Qt's events."""
        app = QApplication.instance()
        if isinstance(app, QApplication):
            app.focusChanged.connect(self._follow)
            self._follow(None, app.focusWidget())

    @classmethod
    def here(cls) -> HeldKeys:
        """Return the one of this program."""
        app = QApplication.instance()
        assert app is not None
        for child in app.children():
            if isinstance(child, cls):
                return child
        return cls(app)

    def _follow(self, old: QWidget | None, new: QWidget | None) -> None:
        if old is not None:
            old.removeEventFilter(self)
        if new is not None:
            new.installEventFilter(self)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Remember when keys are let go of."""
        key = event_as(event, QKeyEvent)
        if key is not None:
            if key.type() == QEvent.Type.KeyRelease:
                self._released[key.key()] = key.timestamp()
            elif key.type() in _PRESSES:
                self.see(key)
        return False

    def see(self, press: QKeyEvent) -> None:
        """Take note of a press, which may have come past the keyboard's widget."""
        self.is_repeated = self.repeats(press)
        self.latest, self.pressed_at = press.key(), press.timestamp()

    def repeats(self, event: QKeyEvent) -> bool:
        """Return True if a press is one of a key that is held down."""
        time, released = event.timestamp(), self._released.get(event.key())
        at_once = released is not None and 0 <= time - released <= APART
        return event.isAutoRepeat() or (bool(time) and at_once)


def acts_once(event: QKeyEvent) -> bool:
    """Return True, once a press, for a key that is to do something.

    While it is held down, it is taken and does nothing: only stepping goes on then.
    """
    event.accept()
    return not HeldKeys.here().repeats(event)
