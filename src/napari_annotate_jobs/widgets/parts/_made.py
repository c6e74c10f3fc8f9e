"""Widgets and timers as they are wanted most often."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from qtpy.QtCore import QObject, Qt, QTimer
from qtpy.QtGui import QKeySequence, QShortcut
from qtpy.QtWidgets import QLabel, QLineEdit, QWidget

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["search_field", "text_label", "timer_once"]


def text_label(parent: QWidget | None = None, text: str = "") -> QLabel:
    """Return a label of plain text, on as many lines as it takes."""
    label = QLabel(parent)
    label.setTextFormat(Qt.TextFormat.PlainText)
    label.setWordWrap(True)
    label.setText(text)
    return label


def search_field(
    text: str,
    name: str = "",
    parent: QWidget | None = None,
    *,
    go_to_found: Callable[[], object] | None = None,
) -> QLineEdit:
    """Return a line to search with, that can be cleared at a click.

    Parameters
    ----------
    text : str
        What it says while it is empty.
    name : str
        What screen readers call it.
    parent : QWidget, optional
        The widget it belongs to.
    go_to_found : callable, optional
        Gives the keyboard to what was found, at Enter and the down arrow.
    """
    field = QLineEdit(parent)
    field.setPlaceholderText(text)
    field.setAccessibleName(name)
    field.setClearButtonEnabled(True)
    if go_to_found is not None:
        field.returnPressed.connect(go_to_found)
        down = QShortcut(QKeySequence("Down"), field)
        down.setContext(Qt.ShortcutContext.WidgetShortcut)
        down.activated.connect(go_to_found)
    return field


def timer_once(
    parent: QObject, call: Callable[[], Any], milliseconds: int = 0
) -> QTimer:
    """Return a timer that calls once each time it was started.

    Started again before, it begins anew.
    """
    timer = QTimer(parent)
    timer.setSingleShot(True)
    timer.setInterval(milliseconds)
    timer.timeout.connect(call)
    return timer
