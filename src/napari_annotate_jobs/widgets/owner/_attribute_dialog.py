"""What is asked of a label, while it is written: name, answers, of what, needed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from qtpy.QtCore import Qt, Signal
from qtpy.QtWidgets import (
    QCheckBox,
    QComboBox,
    QDialog,
    QDialogButtonBox,
    QGridLayout,
    QLabel,
    QLineEdit,
    QPushButton,
    QScrollArea,
    QWidget,
)

from napari_annotate_jobs.model import Attribute, Method, Scope
from napari_annotate_jobs.widgets.parts._layouts import column_of
from napari_annotate_jobs.widgets.parts._made import text_label
from napari_annotate_jobs.widgets.parts._theme import Colors, focus_ring

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = ["AttributeDialog"]

TITLES = ("Attribute", "Answers", "Asked", "Needed")
HELP = (
    "Answers are separated by commas; without any, the answer is written as text. What "
    "is needed has to be answered before a case is submitted."
)
ONCE = "once for the case"


class AttributeDialog(QDialog):
    """A line for each attribute of a label, and one more to write the next into.

    Parameters
    ----------
    label : mapping
        The fields of the label.
    fixed : bool
        The label is in use: what it is asked stays.
    parent : QWidget, optional
        Where the dialog belongs.
    """

    chosen = Signal(tuple)
    """The attributes, as mappings of their fields."""

    def __init__(
        self,
        label: Mapping[str, Any],
        *,
        fixed: bool = False,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self.setObjectName("attributes")
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setWindowTitle(f"Attributes of {label.get('name', '')}")
        self._fixed = fixed
        self._own = "each slice"
        if label["method"] is Method.DETECTION:
            self._own = "each object"
        elif label.get("scope") == Scope.CASE:
            self._own = ""
        self.lines: list[tuple[QLineEdit, QLineEdit, QComboBox, QCheckBox]] = []
        self._kept: list[dict[str, Any]] = []
        help_ = QLabel(
            "Something is annotated with this label: what it is asked stays. Make a "
            "new label to ask something else."
            if fixed
            else HELP,
            self,
        )
        help_.setWordWrap(True)
        rows = QWidget(self)
        self._grid = QGridLayout(rows)
        self._grid.setContentsMargins(0, 0, 0, 0)
        self._grid.setColumnStretch(0, 2)
        self._grid.setColumnStretch(1, 3)
        self._grid.setAlignment(Qt.AlignmentFlag.AlignTop)
        self._grid.setRowStretch(100, 1)
        for column, title in enumerate(TITLES):
            self._grid.addWidget(QLabel(title, rows), 0, column)
        area = QScrollArea(self)
        area.setWidgetResizable(True)
        area.setWidget(rows)
        self.add = QPushButton("Add an attribute", self)
        self.add.setAutoDefault(False)
        self.add.clicked.connect(self._add_empty)
        self.add.setEnabled(not fixed)
        self.error = text_label(self)
        self.error.hide()
        self.buttons = QDialogButtonBox(
            QDialogButtonBox.StandardButton.Ok | QDialogButtonBox.StandardButton.Cancel,
            self,
        )
        self.buttons.accepted.connect(self._finish)
        self.buttons.rejected.connect(self.reject)
        column_of(help_, (area, 1), self.add, self.error, self.buttons, parent=self)
        for each in label.get("attributes") or ():
            if isinstance(each, dict):  # what else a file may have is told elsewhere
                self._add(dict(each))
        if not self.lines:
            self._add_empty()
        self.resize(640, 320)
        self.set_colors(Colors.dark())

    def set_colors(self, colors: Colors) -> None:
        """Use the colours of napari's theme."""
        self.setStyleSheet(focus_ring(colors))
        self.error.setStyleSheet(f"QLabel {{ color: {colors.error_text}; }}")

    def _add_empty(self) -> None:
        self._add({})
        self.lines[-1][0].setFocus()

    def _add(self, fields: dict[str, Any]) -> None:
        name = QLineEdit(str(fields.get("name", "")), self)
        answers = QLineEdit(_joined(fields.get("choices") or ()), self)
        answers.setPlaceholderText("sharp, blurred")
        for field in (name, answers):
            field.setCursorPosition(0)
        asked = QComboBox(self)
        asked.addItem("of " + self._own if self._own else ONCE, None)
        if self._own:
            asked.addItem(ONCE, Scope.CASE)
            asked.setCurrentIndex(int(fields.get("scope") == Scope.CASE))
        needed = QCheckBox(self)
        needed.setChecked(bool(fields.get("required")))
        row = len(self.lines) + 1
        line = (name, answers, asked, needed)
        for column, (widget, title) in enumerate(zip(line, TITLES, strict=True)):
            widget.setAccessibleName(f"{title} {row}")
            widget.setEnabled(not self._fixed)
            self._grid.addWidget(widget, row, column)
        self.lines.append(line)
        self._kept.append(fields)

    def attributes(self) -> tuple[dict[str, Any], ...]:
        """Return the attributes as they stand; lines without a name are none.

        Raises
        ------
        ValueError
            If two have the same name, or an answer stands twice: says which.
        """
        found: list[dict[str, Any]] = []
        names: set[str] = set()
        for (name, answers, asked, needed), kept in zip(
            self.lines, self._kept, strict=True
        ):
            text = " ".join(name.text().split())
            if not text:
                continue
            if text.casefold() in names:
                raise ValueError(f"Two attributes are named “{text}”")
            names.add(text.casefold())
            choices = [" ".join(c.split()) for c in answers.text().split(",")]
            choices = [choice for choice in choices if choice]
            if len(set(choices)) < len(choices):
                raise ValueError(f"An answer to “{text}” stands there twice")
            old = tuple(kept.get("choices") or ())
            if _joined(old) == answers.text():  # a comma may be part of an answer
                choices = list(old)
            given = {
                **kept,
                "name": text,
                "choices": tuple(choices),
                "required": needed.isChecked(),
                "scope": asked.currentData(),
            }
            found.append(Attribute.model_validate(given).model_dump())
        return tuple(found)

    def _finish(self) -> None:
        if self._fixed:
            self.reject()
            return
        try:
            found = self.attributes()
        except ValueError as error:
            self.error.setText(str(error))
            self.error.show()
            return
        self.chosen.emit(found)
        self.accept()


def _joined(choices: Sequence[str]) -> str:
    return ", ".join(map(str, choices))
