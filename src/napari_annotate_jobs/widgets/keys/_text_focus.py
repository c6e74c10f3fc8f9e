"""Whether what is typed goes into a text."""

from __future__ import annotations

from qtpy.QtWidgets import (
    QAbstractSpinBox,
    QApplication,
    QComboBox,
    QKeySequenceEdit,
    QLineEdit,
    QPlainTextEdit,
    QTextEdit,
    QWidget,
)

__all__ = ["text_has_focus"]


def text_has_focus(widget: QWidget | None = None) -> bool:
    """Return True if what is typed goes into a text: then no key of ours acts.

    Parameters
    ----------
    widget : QWidget, optional
        Asked about instead of the one that has the focus.
    """
    focus = QApplication.focusWidget() if widget is None else widget
    while focus is not None:
        if isinstance(focus, QKeySequenceEdit):
            return True
        if isinstance(focus, (QLineEdit, QAbstractSpinBox, QTextEdit, QPlainTextEdit)):
            return not focus.isReadOnly()
        if isinstance(focus, QComboBox) and focus.isEditable():
            return True
        # The console of napari is built around a text edit that can be hidden
        # behind a proxy; its class is not ours to import.
        if type(focus).__name__ in {"QtConsole", "RichJupyterWidget"}:
            return True
        if focus.isWindow():
            return False
        focus = focus.parentWidget()
    return False
