"""Questions that do not block: a box is shown, and the answer arrives later."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qtpy.QtCore import Qt
from qtpy.QtWidgets import QMessageBox, QWidget

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

__all__ = ["ask", "tell"]


def ask(
    parent: QWidget,
    text: str,
    answers: Mapping[str, Callable[[], None]],
    *,
    detail: str = "",
    cancel: str = "Cancel",
) -> QMessageBox:
    """Ask a question; the first answer is the default, Escape is no answer.

    Parameters
    ----------
    parent : QWidget
        Above which the question is shown.
    text : str
        The question.
    answers : mapping of str to callable
        What each button says and does.
    detail : str
        Shown in smaller print.
    cancel : str
        What the button says that does nothing.

    Returns
    -------
    QMessageBox
        It is open already, and goes by itself.
    """
    box = QMessageBox(parent)
    box.setIcon(QMessageBox.Icon.Question)
    box.setWindowTitle("Annotate Jobs")
    box.setText(text)
    box.setInformativeText(detail)
    calls: dict[object, Callable[[], None]] = {}
    for answer, call in answers.items():
        button = box.addButton(answer, QMessageBox.ButtonRole.AcceptRole)
        if not calls:
            box.setDefaultButton(button)
        calls[button] = call
    box.addButton(cancel, QMessageBox.ButtonRole.RejectRole)
    box.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)

    def answered(button: object) -> None:
        call = calls.get(button)
        if call is not None:
            call()

    box.buttonClicked.connect(answered)
    box.open()
    return box


def tell(parent: QWidget, text: str, detail: str = "") -> QMessageBox:
    """Tell something that must be read."""
    box = QMessageBox(parent)
    box.setIcon(QMessageBox.Icon.Information)
    box.setWindowTitle("Annotate Jobs")
    box.setText(text)
    box.setInformativeText(detail)
    box.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
    box.open()
    return box
