"""The lines in which attributes are answered, by mouse and by digits."""

from __future__ import annotations

import pytest
from qtpy.QtCore import QEvent, Qt
from qtpy.QtGui import QFocusEvent
from qtpy.QtTest import QTest
from qtpy.QtWidgets import QApplication, QLineEdit

from napari_annotate_jobs.editing import Question
from napari_annotate_jobs.model import COLORS, Attribute, Label, Method, Scope
from napari_annotate_jobs.widgets import QuestionList

MARGIN = Attribute(name="Margin", choices=("sharp", "blurred"), required=True)
REMARK = Attribute(name="Remark")
LESION = Label(
    id=1,
    name="Lesion",
    color=COLORS[0],
    method=Method.CLASSIFICATION,
    attributes=(MARGIN, REMARK),
)
LIVER = Label(
    id=2,
    name="Liver",
    color=COLORS[1],
    method=Method.SEGMENTATION,
    attributes=(MARGIN.model_copy(update={"required": False}),),
)


def asked(margin="", remark="", liver="", **fields):
    return (
        Question(LESION, MARGIN, Scope.SLICE, margin, **fields),
        Question(LESION, REMARK, Scope.SLICE, remark),
        Question(LIVER, LIVER.attributes[0], Scope.CASE, liver),
    )


@pytest.fixture
def shown(qtbot):
    widget = QuestionList()
    qtbot.addWidget(widget)
    widget.resize(280, 120)
    widget.said = []
    widget.answered.connect(
        lambda question, text: widget.said.append(
            (question.label.name, question.attribute.name, text)
        )
    )
    return widget


def test_what_is_asked_is_shown_and_setters_say_nothing(shown):
    assert shown.isHidden()
    shown.set_questions(asked())
    assert not shown.isHidden()
    margin, remark, liver = shown.fields
    assert (margin.currentText(), liver.currentText()) == ("– needed", "–")
    shown.set_questions(asked("blurred", "near the wall", "sharp"))
    assert shown.fields == [margin, remark, liver], "the same lines stay"
    assert (margin.currentText(), remark.text()) == ("blurred", "near the wall")
    shown.set_questions(asked(differs=True))
    assert margin.currentText() == "– differs"
    shown.set_questions(())
    assert shown.isHidden()
    assert not shown.said


def test_lines_are_answered_by_mouse(shown):
    shown.set_questions(asked("blurred"))
    margin, remark, liver = shown.fields
    margin.setCurrentIndex(1)
    remark.setText(" near the wall ")
    remark.editingFinished.emit()
    liver.setCurrentIndex(0)  # no answer, as before
    remark.setText("")
    remark.editingFinished.emit()  # nor here
    assert shown.said == [
        ("Lesion", "Margin", "sharp"),
        ("Lesion", "Remark", "near the wall"),
    ]


def test_a_locked_case_shows_its_answers_and_takes_none(shown):
    shown.set_questions(asked("sharp"), editable=False)
    assert not any(field.isEnabled() for field in shown.fields)
    assert shown.fields[0].currentText() == "sharp"


def press(shown, *keys):
    for key in keys:
        QTest.keyClick(shown, key)


def test_digits_answer_and_go_on_to_what_is_open(shown, qtbot):
    turned, done = [], []
    shown.turned_to.connect(lambda q: turned.append(q.key))
    shown.finished.connect(lambda: done.append(True))
    shown.set_questions(asked())
    shown.show()
    shown.begin()
    assert shown.hint.text().startswith("Margin: 1 sharp · 2 blurred · 0 no answer")
    press(shown, Qt.Key.Key_3, Qt.Key.Key_A)  # there are two answers
    assert not shown.said
    press(shown, Qt.Key.Key_2)
    assert shown.said == [("Lesion", "Margin", "blurred")]
    assert turned == [(1, "Remark", "")]
    shown.set_questions(asked("blurred"), 1)
    press(shown, Qt.Key.Key_1)  # a text has no numbers
    press(shown, Qt.Key.Key_Down)
    assert turned[-1] == (2, "Margin", "")
    shown.set_questions(asked("blurred", "x"), 2)
    press(shown, Qt.Key.Key_1)
    assert shown.said[-1] == ("Liver", "Margin", "sharp")
    assert done == [True], "nothing is open any more"
    shown.set_questions(asked("blurred", "x", "sharp"), 0)
    press(shown, Qt.Key.Key_0)
    assert shown.said[-1] == ("Lesion", "Margin", "")
    press(shown, Qt.Key.Key_Escape)
    assert done == [True] * 3


def test_a_text_is_begun_with_enter(shown, qtbot):
    shown.set_questions(asked("sharp"), 1)
    shown.show()
    shown.activateWindow()
    shown.begin()
    press(shown, Qt.Key.Key_Return)
    qtbot.waitUntil(lambda: isinstance(shown.focusWidget(), QLineEdit))
    assert shown.hint.isHidden()


@pytest.mark.parametrize("reason", ["ActiveWindowFocusReason", "PopupFocusReason"])
def test_another_window_in_between_does_not_end_the_digits(shown, reason):
    shown.set_questions(asked())
    shown.show()
    shown.begin()
    why = Qt.FocusReason[reason]
    for kind in (QEvent.Type.FocusOut, QEvent.Type.FocusIn):
        QApplication.sendEvent(shown, QFocusEvent(kind, why))
    assert not shown.hint.isHidden()
    press(shown, Qt.Key.Key_2)
    assert shown.said == [("Lesion", "Margin", "blurred")]
    away = QFocusEvent(QEvent.Type.FocusOut, Qt.FocusReason.MouseFocusReason)
    QApplication.sendEvent(shown, away)
    assert shown.hint.isHidden()
    press(shown, Qt.Key.Key_1)
    assert len(shown.said) == 1


def test_digits_end_with_the_questions_while_another_window_has_the_keyboard(shown):
    done = []
    shown.finished.connect(lambda: done.append(True))
    shown.set_questions(asked())
    shown.begin()  # in a window that is not shown: it gets the keyboard later
    shown.set_questions(())
    assert done == [True]
    shown.set_questions(asked())
    shown.show()
    assert shown.hint.isHidden()
