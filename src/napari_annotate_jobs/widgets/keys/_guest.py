"""Docks that borrow the keyboard from the image, and give it back after each act."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qtpy.QtCore import Qt, Signal
from qtpy.QtWidgets import (
    QAbstractButton,
    QAbstractItemView,
    QApplication,
    QComboBox,
    QHeaderView,
    QMenu,
    QPushButton,
    QToolButton,
    QWidget,
)

from ._held import acts_once
from ._text_focus import text_has_focus

if TYPE_CHECKING:
    from qtpy.QtGui import QFocusEvent, QKeyEvent

__all__ = ["KeyboardGuest", "KeyboardPanel"]

ENTER = (Qt.Key.Key_Return, Qt.Key.Key_Enter)


class KeyboardPanel(QWidget):
    """A part of the window whose buttons take the keyboard by Tab only.

    After a click the keyboard is with the panel itself, which knows Enter and Esc and
    leaves the other keys to the image: Space does not press the button again.

    Parameters
    ----------
    parent : QWidget, optional
        The widget it belongs to.
    """

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        # A click gives the focus to the first parent that takes it. A proxy for the
        # focus would do, but Tab could not pass it.
        self.setFocusPolicy(Qt.FocusPolicy.ClickFocus)

    def host(self, *widgets: QWidget) -> None:
        """Let these, and all in them, take the keyboard by Tab only.

        Text fields are left alone.
        """
        kinds = (QAbstractButton, QComboBox, QAbstractItemView)
        for widget in widgets:
            for child in (widget, *widget.findChildren(QWidget)):
                if isinstance(child, kinds) and not isinstance(child, QHeaderView):
                    child.setFocusPolicy(Qt.FocusPolicy.TabFocus)
                    self._hosted(child)

    def _hosted(self, widget: QWidget) -> None:
        """Watch a widget that takes the keyboard."""

    def _let_go(self) -> None:
        """Take the keyboard off a widget that goes away."""
        self.setFocus()

    def focusNextPrevChild(self, next: bool) -> bool:
        """Move on by Tab; but a button that goes away leaves its place to nobody."""
        focus = QApplication.focusWidget()
        inside = focus is not None and self.isAncestorOf(focus)
        if inside and not (focus.isVisible() and focus.isEnabled()):
            self._let_go()
            return True
        return bool(super().focusNextPrevChild(next))


class KeyboardGuest(KeyboardPanel):
    """A part of the window beside the image, whose keys are those of the image.

    A click on a button or a list acts, and the keyboard is with the image at once;
    only text fields take it. Whoever comes by Tab can press Space or Enter, and is
    back at the image after that, too: the next Space plays the stack, and does not
    press the button again.

    Parameters
    ----------
    parent : QWidget, optional
        The widget it belongs to.
    """

    keyboard_released = Signal()
    """The image is to have the keyboard."""

    def follow(self, before: QWidget) -> QWidget:
        """Come next after a widget on Tab; return the last one in here.

        Else much of napari would stand between the image and its labels.
        """
        within = self.findChildren(QWidget)
        for child in within:
            here = child.window() is before.window()  # not in the list of a box
            if here and child.focusPolicy() & Qt.FocusPolicy.TabFocus:
                proxy = child.focusProxy()
                if proxy is None or proxy not in within:
                    QWidget.setTabOrder(before, child)
                    before = child
        return before

    def _hosted(self, widget: QWidget) -> None:
        if isinstance(widget, QAbstractButton):
            widget.clicked.connect(self._acted)
        elif isinstance(widget, QComboBox):
            widget.activated.connect(self._acted)

    def host_menu(self, menu: QMenu) -> None:
        """Give the keyboard back after an entry of a menu was chosen."""
        menu.triggered.connect(self._chosen)

    def _acted(self) -> None:
        sender = self.sender()
        opens = isinstance(sender, QPushButton | QToolButton) and sender.menu()
        if isinstance(sender, QWidget) and sender.hasFocus() and not opens:
            self.keyboard_released.emit()

    def _let_go(self) -> None:
        self.keyboard_released.emit()

    def _chosen(self) -> None:
        self.keyboard_released.emit()

    def focusInEvent(self, event: QFocusEvent) -> None:
        """Hand on the keyboard that a click brings."""
        self.keyboard_released.emit()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Press a button with Enter; leave fields and buttons with Enter or Esc."""
        focus, key = QApplication.focusWidget(), event.key()
        modifiers = event.modifiers() & ~Qt.KeyboardModifier.KeypadModifier
        inside = focus is not None and focus is not self and self.isAncestorOf(focus)
        if not inside or modifiers != Qt.KeyboardModifier.NoModifier:
            super().keyPressEvent(event)
        elif key in ENTER and isinstance(focus, QAbstractButton):
            if acts_once(event):
                focus.click()
        elif key == Qt.Key.Key_Escape or (key in ENTER and text_has_focus(focus)):
            self.keyboard_released.emit()
        else:
            super().keyPressEvent(event)
