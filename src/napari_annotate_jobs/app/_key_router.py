"""Keys of the workstation, as shortcuts of the viewer's window."""

from __future__ import annotations

import weakref
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from qtpy.QtCore import QCoreApplication, QEvent, QObject, Qt, QTimer
from qtpy.QtGui import QKeyEvent, QKeySequence
from qtpy.QtWidgets import QApplication, QDockWidget, QShortcut, QWidget

from napari_annotate_jobs.widgets import (
    HeldKeys,
    event_as,
    row_digit,
    text_has_focus,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping

__all__ = ["KeyRouter", "alt_was_used"]


class KeyRouter(QObject):
    """Shortcuts that live as long as a case is open.

    None acts while a text field has the focus, nor while a question is shown. A key
    that is held down acts once, unless it steps.

    Of two shortcuts for the same key Qt carries out neither, and other plugins have
    some for the whole application. So a key of ours that is pressed in the window is
    claimed before Qt looks shortcuts up, unless the focus is within a dock that has
    a shortcut of its own for it: there, ours stands aside.

    Parameters
    ----------
    window : QWidget
        The main window; keys act whatever part of it has the focus.
    """

    def __init__(self, window: QWidget) -> None:
        super().__init__()
        self._window = weakref.ref(window)
        self._shortcuts: list[QShortcut] = []
        self._escape: QShortcut | None = None
        self._claimed: tuple[QShortcut, int] | None = None
        self._aside: list[QShortcut] = []
        self._held = HeldKeys.here()

    def set_keys(
        self,
        calls: Mapping[str, Callable[[], None]],
        stepping: Collection[str] = (),
    ) -> None:
        """Replace all keys.

        Parameters
        ----------
        calls : mapping of str to callable
            What each key does, in Qt's portable notation.
        stepping : collection of str
            The keys that go on while they are held down.
        """
        self.clear()
        window = self._window()
        if window is None:
            return
        for key, call in calls.items():
            shortcut = QShortcut(QKeySequence(key), window)
            shortcut.setAutoRepeat(key in stepping)
            shortcut.setContext(Qt.ShortcutContext.WindowShortcut)
            steps = key in stepping
            shortcut.activated.connect(
                lambda call=call, steps=steps: self._act(call, steps)
            )
            self._shortcuts.append(shortcut)
        window.installEventFilter(self)

    def set_escape(self, call: Callable[[], None] | None, widget: QWidget) -> None:
        """Let Esc do something; with None it is again what it is elsewhere.

        Elsewhere Esc closes panels, or lets go of what is selected there.

        Parameters
        ----------
        call : callable, optional
            What it does.
        widget : QWidget
            The window, for wherever the keyboard is; else what must have it.
        """
        if self._escape is not None:
            self._release(self._escape)
            self._escape = None
        if call is not None:
            self._escape = QShortcut(QKeySequence("Esc"), widget)
            self._escape.setAutoRepeat(False)
            self._escape.setContext(
                Qt.ShortcutContext.WindowShortcut
                if widget is self._window()
                else Qt.ShortcutContext.WidgetShortcut
            )
            self._escape.activated.connect(call)

    def _act(self, call: Callable[[], None], steps: bool) -> None:
        held = self._held.is_repeated and not steps
        if not held and not text_has_focus():
            call()

    def clear(self) -> None:
        """Release all keys."""
        window = self._window()
        with suppress(RuntimeError):  # Qt may have deleted the window by now
            if window is not None:
                window.removeEventFilter(self)
        self._let_go()
        for shortcut in self._shortcuts:
            self._release(shortcut)
        self._shortcuts = []
        self._aside = []

    @staticmethod
    def _release(shortcut: QShortcut) -> None:
        with suppress(RuntimeError):  # gone with its window
            shortcut.setEnabled(False)
            shortcut.activated.disconnect()
            shortcut.setParent(None)
            shortcut.deleteLater()

    # -------------------------------------------------------------- claiming
    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Claim our keys, once what has the focus does not want them, and act.

        Qt asks first whether a key is to be a shortcut at all. Who says no gets it
        as a key that is pressed, before any other part of the window.
        """
        key = event_as(event, QKeyEvent)
        if key is None:
            return False
        if key.type() == QEvent.Type.ShortcutOverride:
            # What it is decides, not what was pressed where the keyboard was last.
            self._held.see(key)
            return self._claimed is None and self._claim(key)
        if key.type() == QEvent.Type.KeyPress:
            return self._claimed is not None and self._press(key, *self._claimed)
        return False

    def _press(self, event: QKeyEvent, shortcut: QShortcut, claimed: int) -> bool:
        """Act on a press if it is of the key that was claimed."""
        self._let_go()
        if event.key() != claimed:
            return False
        alt_was_used()
        if shortcut.isEnabled() and (shortcut.autoRepeat() or not event.isAutoRepeat()):
            shortcut.activated.emit()
        return True

    def _claim(self, event: QKeyEvent) -> bool:
        focus = QApplication.focusWidget()
        shortcut = self._meant(event, focus)
        if shortcut is None or text_has_focus(focus):
            return False
        if focus is not None and _has_its_own(focus, shortcut.key()):
            # Both at once would silence each other.
            shortcut.setEnabled(False)
            self._aside.append(shortcut)
            QTimer.singleShot(0, self._come_back)
            return False
        event.accept()
        self._claimed = shortcut, event.key()
        # For the one press that follows at once: the image must not see it.
        _application().installEventFilter(self)
        return True

    def _meant(self, event: QKeyEvent, focus: QWidget | None) -> QShortcut | None:
        keys = _sequences(event)
        escape = self._escape
        if escape is not None and focus is escape.parent() and escape.key() in keys:
            return escape
        found = {s.key().toString(): s for s in self._shortcuts}
        return next((found[k.toString()] for k in keys if k.toString() in found), None)

    def _let_go(self) -> None:
        if self._claimed is not None:
            self._claimed = None
            _application().removeEventFilter(self)

    def _come_back(self) -> None:
        aside, self._aside = self._aside, []
        for shortcut in aside:
            shortcut.setEnabled(True)


def alt_was_used() -> None:
    """Keep Qt from going into the menu bar when Alt goes up.

    It does so if nothing was pressed since Alt went down. A key that is claimed it does
    not see, and the wheel it does not count: the arrow keys would then go through the
    menus. Any change of the active window ends that, also one that nobody is told of.
    """
    QCoreApplication.sendEvent(QObject(), QEvent(QEvent.Type.ActivationChange))


def _application() -> QCoreApplication:
    """Return the application, which is there as long as there are windows."""
    app = QCoreApplication.instance()
    assert app is not None
    return app


def _sequences(event: QKeyEvent) -> list[QKeySequence]:
    """Return what a key is called, what it writes first: Shift+1 is ``!`` too."""
    modifiers = event.modifiers() & ~Qt.KeyboardModifier.KeypadModifier
    keys = [event.key()]
    digit = row_digit(event)
    if digit is not None:
        keys.append(Qt.Key.Key_0 + digit)
    flags: Any = modifiers  # Qt 5 has numbers where Qt 6 has enumerations
    held = flags.value if hasattr(flags, "value") else int(flags)
    return [QKeySequence(held | key) for key in keys]


def _has_its_own(focus: QWidget, key: QKeySequence) -> bool:
    """Tell whether the dock that has the focus brings a shortcut for a key."""
    dock: QWidget | None = focus
    while dock is not None and not isinstance(dock, QDockWidget):
        dock = dock.parentWidget()
    return dock is not None and any(
        shortcut.key() == key and shortcut.isEnabled()
        for shortcut in dock.findChildren(QShortcut)
    )
