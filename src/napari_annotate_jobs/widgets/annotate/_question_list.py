"""What is asked here, such as: margin, sharp or blurred; a line for each question."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qtpy.QtCore import QEvent, QSignalBlocker, Qt, Signal
from qtpy.QtWidgets import (
    QComboBox,
    QFrame,
    QGridLayout,
    QLabel,
    QLineEdit,
    QScrollArea,
    QWidget,
)
from superqt import QElidingLabel

from napari_annotate_jobs.model import MAX_ANSWER, Scope
from napari_annotate_jobs.widgets.keys._digit_row import row_digit
from napari_annotate_jobs.widgets.keys._held import acts_once
from napari_annotate_jobs.widgets.parts._layouts import column_of
from napari_annotate_jobs.widgets.parts._made import text_label
from napari_annotate_jobs.widgets.parts._short_box import ShortBox
from napari_annotate_jobs.widgets.parts._theme import Colors
from napari_annotate_jobs.widgets.strip._paint import color_icon

if TYPE_CHECKING:
    from collections.abc import Sequence

    from qtpy.QtGui import QFocusEvent, QKeyEvent

    from napari_annotate_jobs.editing import Question

__all__ = ["QuestionList"]

NONE, NEEDED, DIFFERS = "–", "– needed", "– differs"
"""Stand for no answer; for one that Submit waits for; for several."""
AT_HAND = "▸"
_COMMANDS = Qt.KeyboardModifier.ControlModifier | Qt.KeyboardModifier.AltModifier
_RETURNS = (
    Qt.FocusReason.ActiveWindowFocusReason,
    Qt.FocusReason.PopupFocusReason,
)
"""Why the keyboard goes away and comes back here by itself."""
MOST_HIGH = 156
"""Pixels; one scrolls to what is further down."""


class QuestionList(QWidget):
    """A line for each question: a list of its answers, or a text.

    While it has the keyboard, digits choose among the answers of the question at hand.
    Setters never emit.

    Parameters
    ----------
    parent : QWidget, optional
        The widget it belongs to.
    """

    answered = Signal(object, str)
    """The Question and its answer; no text for none."""
    turned_to = Signal(object)
    """Another Question is to be at hand."""
    finished = Signal()
    """The keyboard is not needed any more."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._questions: tuple[Question, ...] = ()
        self._place = 0
        self._taking = False
        self.fields: list[QComboBox | QLineEdit] = []
        self._marks: list[QLabel] = []
        self._grid = QGridLayout()
        self._grid.setContentsMargins(0, 0, 0, 0)
        self._grid.setHorizontalSpacing(4)
        self._grid.setVerticalSpacing(3)
        self._grid.setColumnStretch(1, 1)
        self._grid.setColumnStretch(2, 1)
        rows = QWidget(self)
        rows.setLayout(self._grid)
        self._area = QScrollArea(self)
        self._area.setFrameShape(QFrame.Shape.NoFrame)
        self._area.setWidgetResizable(True)
        self._area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self._area.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self._area.setWidget(rows)
        self.hint = text_label(self)
        self.hint.hide()
        column_of(self._area, self.hint, parent=self, spacing=2, margins=0)
        self.setAccessibleName("What is asked here")
        self.set_colors(Colors.dark())
        self.hide()

    # --------------------------------------------------------------- setters
    def set_colors(self, colors: Colors) -> None:
        """Use the colours of napari's theme."""
        self.hint.setStyleSheet(
            f"QLabel {{ color: {colors.text}; background: {colors.foreground};"
            f" border: 1px solid {colors.text}; padding: 2px 4px; }}"
        )

    def set_questions(
        self, questions: Sequence[Question], place: int = 0, *, editable: bool = True
    ) -> None:
        """Show what is asked, what was answered, and which question is at hand.

        Parameters
        ----------
        questions : sequence of Question
            In their order.
        place : int
            Which of them keys are about.
        editable : bool
            Whether they can be answered now.
        """
        new = tuple(questions)
        if list(map(_shape, new)) != list(map(_shape, self._questions)):
            self._ask(new)
        self._questions = new
        self._place = min(max(place, 0), max(len(new) - 1, 0))
        for number, (question, field) in enumerate(zip(new, self.fields, strict=True)):
            self._show(question, field)
            field.setEnabled(editable)
            at_hand = number == self._place and len(new) > 1
            self._marks[number].setText(AT_HAND if at_hand else "")
        self.setVisible(bool(new))
        if not (new and editable) and (self._taking or self.hasFocus()):
            self._taking = False
            self.finished.emit()
        self._update_hint()

    def _show(self, question: Question, field: QComboBox | QLineEdit) -> None:
        blocker = QSignalBlocker(field)
        nothing = NEEDED if question.is_wanting else NONE
        if question.differs:
            nothing = DIFFERS
        if isinstance(field, QLineEdit):
            field.setPlaceholderText("" if nothing == NONE else nothing)
            if not field.hasFocus():
                field.setText(question.answer)
        else:
            field.setItemText(0, nothing)
            field.setCurrentIndex(max(field.findData(question.answer), 0))
        blocker.unblock()
        wanting = "Needed before the case is submitted" if question.is_wanting else ""
        field.setToolTip(wanting)

    def _ask(self, questions: Sequence[Question]) -> None:
        while self._grid.count():
            item = self._grid.takeAt(0)
            widget = None if item is None else item.widget()
            if widget is not None:
                widget.hide()
                widget.deleteLater()
        self.fields, self._marks = [], []
        row, head = 0, None
        for number, question in enumerate(questions):
            if head != (own := (question.label.id, question.of, question.track)):
                head = own
                self._add_head(row, question)
                row += 1
            mark = QLabel(self)
            mark.setFixedWidth(12)
            title = QElidingLabel(_title(question), self)
            title.setToolTip(_where(question))
            field = self._field(question)
            field.setObjectName(f"answer {number}")
            field.setAccessibleName(f"{question.label.name} · {_title(question)}")
            for column, widget in enumerate((mark, title, field)):
                self._grid.addWidget(widget, row, column)
                widget.show()
            self.fields.append(field)
            self._marks.append(mark)
            row += 1
        self._area.setFixedHeight(min(self._grid.sizeHint().height(), MOST_HIGH))

    def _add_head(self, row: int, question: Question) -> None:
        """Say of which label, or object, the lines below it ask."""
        color = QLabel(self)
        color.setPixmap(color_icon(question.label.color).pixmap(12, 12))
        of = "" if question.of is not Scope.CASE else " · whole case"
        name = QElidingLabel(question.label.name + of, self)
        name.setToolTip(question.label.name)
        self._grid.addWidget(color, row, 0)
        self._grid.addWidget(name, row, 1, 1, 2)
        for widget in (color, name):
            widget.show()

    def _field(self, question: Question) -> QComboBox | QLineEdit:
        if not question.attribute.choices:
            line = QLineEdit(self)
            line.setMaxLength(MAX_ANSWER)
            line.editingFinished.connect(self._on_answer)
            return line
        box = ShortBox(self)
        box.addItem(NONE, "")
        for choice in question.attribute.choices:
            box.addItem(choice, choice)
        box.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        box.currentIndexChanged.connect(self._on_answer)
        box.activated.connect(self._on_chosen)
        return box

    # --------------------------------------------------------------- answers
    def _on_answer(self) -> None:
        field = self.sender()
        if field not in self.fields:
            return
        question = self._questions[self.fields.index(field)]
        text = field.text() if isinstance(field, QLineEdit) else field.currentData()
        if text.strip() != question.answer:
            self.answered.emit(question, text.strip())

    def _on_chosen(self) -> None:
        if self.sender().hasFocus():
            self.finished.emit()

    # ---------------------------------------------------------------- digits
    def begin(self) -> None:
        """Take the keyboard: digits choose an answer to the question at hand."""
        if self._questions:
            self._taking = True
            self.setFocus(Qt.FocusReason.OtherFocusReason)
            self._update_hint()

    def event(self, event: QEvent) -> bool:
        """Keep the keys of digits to itself while it has the keyboard."""
        override = event.type() == QEvent.Type.ShortcutOverride and self._taking
        if override and not event.modifiers() & _COMMANDS:
            # The keys of labels and of napari have to wait.
            event.accept()
            return True
        return bool(super().event(event))

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Answer with digits; 0 takes an answer back, Up and Down change the line."""
        key, digit = event.key(), _digit(event)
        away = not self._questions or not self._taking
        if away or event.modifiers() & _COMMANDS:
            super().keyPressEvent(event)
            return
        if key in (Qt.Key.Key_Up, Qt.Key.Key_Down):
            step = 1 if key == Qt.Key.Key_Down else -1
            place = (self._place + step) % len(self._questions)
            self.turned_to.emit(self._questions[place])
        elif not acts_once(event):
            return
        elif key in (Qt.Key.Key_Escape, Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self._end(key != Qt.Key.Key_Escape)
        elif digit == 0 or key in (Qt.Key.Key_Backspace, Qt.Key.Key_Delete):
            self._give("")
        elif digit is not None:
            choices = self._questions[self._place].attribute.choices
            if digit <= len(choices):
                self._give(choices[digit - 1])

    def _end(self, enter: bool) -> None:
        field = self.fields[self._place]
        if enter and isinstance(field, QLineEdit):
            self._taking = False
            self._update_hint()
            field.setFocus(Qt.FocusReason.OtherFocusReason)
        else:
            self.finished.emit()

    def _give(self, text: str) -> None:
        question = self._questions[self._place]
        if text != question.answer:
            self.answered.emit(question, text)
        count = len(self._questions)
        later = ((self._place + step) % count for step in range(1, count))
        following = (self._questions[i] for i in later)
        left = next((q for q in following if not q.answer), None)
        if left is None or not text:
            self.finished.emit()
        else:
            self.turned_to.emit(left)

    def focusOutEvent(self, event: QFocusEvent) -> None:
        """Leave the digits to the image again, unless another window is in between."""
        if event.reason() not in _RETURNS:
            self._taking = False
        super().focusOutEvent(event)
        self._update_hint()

    def _update_hint(self) -> None:
        shown = self._taking and bool(self._questions)
        self.hint.setVisible(shown)
        if not shown:
            return
        question = self._questions[self._place]
        choices = question.attribute.choices[:9]
        words = [f"{number} {choice}" for number, choice in enumerate(choices, 1)]
        words += ["0 no answer"] if choices else ["Enter to write it", "0 no answer"]
        words += ["↑ ↓ others"] if len(self._questions) > 1 else []
        self.hint.setText(f"{question.attribute.name}: " + " · ".join([*words, "Esc"]))
        self._area.ensureWidgetVisible(self.fields[self._place], 0, 0)


def _digit(event: QKeyEvent) -> int | None:
    place = event.key() - Qt.Key.Key_0
    return place if 0 <= place <= 9 else row_digit(event)


def _shape(question: Question) -> object:
    return question.key, question.attribute, question.label.name, question.label.color


def _title(question: Question) -> str:
    star = " *" if question.attribute.required else ""
    return question.attribute.name + star


def _where(question: Question) -> str:
    of = "on this slice"
    if question.of is None:
        of = "as an object, on all its slices"
    elif question.of is Scope.CASE:
        of = "in the whole case"
    star = "; * it is needed before Submit" if question.attribute.required else ""
    return f"“{question.attribute.name}” is asked of {question.label.name} {of}{star}"
