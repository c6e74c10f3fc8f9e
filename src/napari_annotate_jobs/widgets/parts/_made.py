"""Widgets and timers as they are wanted most often."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from qtpy.QtCore import QObject, Qt, QTimer
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


def search_field(text: str, name: str = "", parent: QWidget | None = None) -> QLineEdit:
    """Return a line to search with, that can be cleared at a click.

    Parameters
    ----------
    text : str
        What it says while it is empty.
    name : str
        What screen readers call it.
    parent : QWidget, optional
        The widget it belongs to.
    """
    field = QLineEdit(parent)
    field.setPlaceholderText(text)
    field.setAccessibleName(name)
    field.setClearButtonEnabled(True)
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
