"""What is asked of the object at hand, such as: margin, sharp or blurred."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qtpy.QtCore import QSignalBlocker, Qt, Signal
from qtpy.QtWidgets import QComboBox, QGridLayout, QLabel, QLineEdit, QWidget

from napari_annotate_jobs.widgets.parts._short_box import ShortBox

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from napari_annotate_jobs.model import Attribute

__all__ = ["AnswerList"]

NONE = "–"
"""Stands for no answer."""


class AnswerList(QWidget):
    """A line for each attribute: a list of its answers, or a text.

    Setters never emit.

    Parameters
    ----------
    parent : QWidget, optional
        The widget it belongs to.
    """

    answered = Signal(str, str)
    """The attribute and its answer; no text for none."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._asked: tuple[Attribute, ...] = ()
        self.fields: dict[str, QComboBox | QLineEdit] = {}
        self._layout = QGridLayout(self)
        self._layout.setContentsMargins(0, 0, 0, 0)
        self._layout.setSpacing(3)
        self._layout.setColumnStretch(1, 1)
        self.hide()

    def set_answers(
        self, asked: Sequence[Attribute], answers: Mapping[str, str]
    ) -> None:
        """Show what is asked, and what was answered."""
        if tuple(asked) != self._asked:
            self._ask(tuple(asked))
        for attribute in self._asked:
            field, text = self.fields[attribute.name], answers.get(attribute.name, "")
            blocker = QSignalBlocker(field)
            if isinstance(field, QLineEdit):
                if not field.hasFocus():
                    field.setText(text)
            else:
                field.setCurrentIndex(max(field.findData(text), 0))
            blocker.unblock()
            wanting = attribute.required and not text
            field.setToolTip("Needed before the case is submitted" if wanting else "")
        self.setVisible(bool(self._asked))

    def _ask(self, asked: tuple[Attribute, ...]) -> None:
        while self._layout.count():
            widget = self._layout.takeAt(0).widget()
            widget.hide()
            widget.deleteLater()
        self._asked, self.fields = asked, {}
        for row, attribute in enumerate(asked):
            star = " *" if attribute.required else ""
            title = QLabel(attribute.name + star, self)
            title.setTextFormat(Qt.TextFormat.PlainText)
            field: QComboBox | QLineEdit
            if attribute.choices:
                field = ShortBox(self)
                field.addItem(NONE, "")
                for choice in attribute.choices:
                    field.addItem(choice, choice)
                field.currentIndexChanged.connect(self._on_answer)
            else:
                field = QLineEdit(self)
                field.editingFinished.connect(self._on_answer)
            field.setObjectName(attribute.name)
            field.setAccessibleName(attribute.name)
            title.setBuddy(field)
            self._layout.addWidget(title, row, 0)
            self._layout.addWidget(field, row, 1)
            title.show()
            field.show()
            self.fields[attribute.name] = field

    def _on_answer(self) -> None:
        field = self.sender()
        text = field.text() if isinstance(field, QLineEdit) else field.currentData()
        self.answered.emit(field.objectName(), text.strip())
