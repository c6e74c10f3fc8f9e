"""Questions that do not block: a box is shown, and the answer arrives later."""

from __future__ import annotations

import os
from functools import partial
from pathlib import PurePath
from typing import TYPE_CHECKING, Any

from napari.utils.notifications import (
    Notification,
    NotificationSeverity,
    notification_manager,
)
from qtpy.QtCore import QEvent, QObject, Qt, QTimer
from qtpy.QtGui import QKeyEvent
from qtpy.QtWidgets import (
    QApplication,
    QFileDialog,
    QGridLayout,
    QMessageBox,
    QWidget,
)

from napari_annotate_jobs.errors import AnnotateJobsError
from napari_annotate_jobs.widgets import event_as

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

__all__ = [
    "ask",
    "brief",
    "choose_file",
    "choose_files",
    "choose_folder",
    "notifications",
    "notify",
    "offer",
    "take_back",
    "tell",
    "tell_error",
    "unsay",
]

LIFE = 6000
"""Milliseconds that a notification of ours is shown, unless the mouse is on it."""
OFFER_LIFE = 8000
"""The same of one with buttons: it is read, and then decided."""
BEATS = 12
"""In how many parts that time is counted."""
ABOUT = "annotate_jobs_about"
"""Property of a notification: what it is about."""
RING = "QPushButton:focus { border: 1px solid; }"
"""Shows which answer Enter gives; napari's buttons do not."""
GAP = 4
"""Pixels between notifications that stand one above the other."""


def ask(
    parent: QWidget,
    text: str,
    answers: Mapping[str, Callable[[], None]],
    *,
    detail: str = "",
    cancel: str = "Cancel",
    body: QWidget | None = None,
    cancelled: Callable[[], None] | None = None,
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
        What the button says that does nothing; if empty, there is none, and Escape
        is the first answer.
    body : QWidget, optional
        Shown between the text and the buttons.
    cancelled : callable, optional
        Called if no answer was given.

    Returns
    -------
    QMessageBox
        It is open already, and goes by itself.
    """
    box = QMessageBox(parent)
    box.setIcon(QMessageBox.Icon.Question)
    box.setStyleSheet(RING)
    box.setWindowTitle("Annotate Jobs")
    box.setText(text)
    box.setInformativeText(detail)
    calls: dict[object, Callable[[], None]] = {}
    for answer, call in answers.items():
        button = box.addButton(answer, QMessageBox.ButtonRole.AcceptRole)
        if not calls:
            box.setDefaultButton(button)
        calls[button] = call
    if cancel:
        box.addButton(cancel, QMessageBox.ButtonRole.RejectRole)
    else:
        box.setEscapeButton(box.defaultButton())
    is_answered = False
    box.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)

    def answered(button: object) -> None:
        nonlocal is_answered
        call = calls.get(button)
        if call is not None:
            is_answered = True
            call()

    def finished() -> None:
        if cancelled is not None and not is_answered:
            cancelled()

    box.finished.connect(finished)
    box.buttonClicked.connect(answered)
    _heed_no_held_keys(box)
    layout = box.layout()
    if body is not None and isinstance(layout, QGridLayout):
        # Above the buttons, which are in the last row.
        last = layout.rowCount() - 1
        buttons = layout.itemAtPosition(last, layout.columnCount() - 1)
        row = last if buttons is None else last + 1
        layout.addWidget(body, row, 0, 1, layout.columnCount())
        if buttons is not None and (held := buttons.widget()) is not None:
            layout.addWidget(held, row + 1, 0, 1, layout.columnCount())
    box.open()
    return box


def take_back(box: QMessageBox | None) -> None:
    """Close a question as if it had never been asked; None is none."""
    if box is not None:
        box.blockSignals(True)
        box.close()
        box.deleteLater()


def choose_folder(
    parent: QWidget | None, title: str, chosen: Callable[[str], object]
) -> QFileDialog:
    """Let a folder be chosen; `chosen` is told, unless the user thinks better of it."""
    dialog = QFileDialog(parent, title)
    dialog.setFileMode(QFileDialog.FileMode.Directory)
    dialog.setOption(QFileDialog.Option.ShowDirsOnly)
    return _asked(dialog, chosen)


def choose_file(
    parent: QWidget | None, title: str, chosen: Callable[[str], object]
) -> QFileDialog:
    """Let a file be chosen; `chosen` is told, unless the user thinks better of it."""
    dialog = QFileDialog(parent, title)
    dialog.setFileMode(QFileDialog.FileMode.ExistingFile)
    return _asked(dialog, chosen)


def choose_files(
    parent: QWidget | None, title: str, chosen: Callable[[Sequence[str]], object]
) -> QFileDialog:
    """Let files be chosen; `chosen` is told, unless the user thinks better of it."""
    dialog = QFileDialog(parent, title)
    dialog.setFileMode(QFileDialog.FileMode.ExistingFiles)
    dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
    dialog.filesSelected.connect(chosen)
    dialog.open()
    return dialog


def _asked(dialog: QFileDialog, chosen: Callable[[str], object]) -> QFileDialog:
    dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
    dialog.fileSelected.connect(chosen)
    dialog.open()
    return dialog


def tell(parent: QWidget, text: str, detail: str = "") -> QMessageBox:
    """Tell something that must be read."""
    box = QMessageBox(parent)
    box.setIcon(QMessageBox.Icon.Information)
    box.setStyleSheet(RING)
    box.setWindowTitle("Annotate Jobs")
    box.setText(text)
    box.setInformativeText(detail)
    box.addButton("OK", QMessageBox.ButtonRole.AcceptRole)  # of Qt's it has a picture
    box.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
    _heed_no_held_keys(box)
    box.open()
    return box


class _HeldKeys(QObject):
    """Keeps the key that brought a question, held down, from answering it."""

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Take what a key repeats."""
        key = event_as(event, QKeyEvent)
        return key is not None and key.isAutoRepeat()


def _heed_no_held_keys(box: QMessageBox) -> None:
    guard = _HeldKeys(box)
    box.installEventFilter(guard)
    for button in box.buttons():
        button.installEventFilter(guard)


def brief(error: Exception, names: Mapping[str, str] | None = None) -> str:
    """Return an error in the room of a notification.

    Parameters
    ----------
    error : Exception
        What went wrong.
    names : mapping of str to str, optional
        What people call the cases, by their ids.

    Returns
    -------
    str
        Of a file only its name, not the way to it.
    """
    if not isinstance(error, AnnotateJobsError):
        return f"{type(error).__name__}: {error}"
    where = error.where
    if where is not None:
        where = (names or {}).get(where, where)
        where = PurePath(where).name if os.path.isabs(where) else where
    text = str(AnnotateJobsError(error.what, where=where, remedy=error.remedy))
    begins = where is None or where.startswith("slice ")
    return text[:1].upper() + text[1:] if begins else text


def notify(
    text: str,
    severity: NotificationSeverity = NotificationSeverity.INFO,
    actions: Sequence[tuple[str, Callable[[], None]]] = (),
    *,
    about: str = "",
) -> None:
    """Tell something in a notification of napari's that goes by itself.

    napari stops the clock of all but the latest for good, so that what is told in a
    row would lie there until it is clicked away, long after it has ceased to be true;
    and it lets the clock run while a case opens and nothing can be read. The same, told
    again, takes the place of what was told before, and so does what is about the same:
    who submits case after case is not to have a pile of them over the image.
    """
    # napari hands the notification to what is called, which has no use for it.
    calls = tuple((name, partial(_without, call)) for name, call in actions)
    before = notifications()
    for shown in before:
        if shown.message.text() == text or (about and shown.property(ABOUT) == about):
            shown.close()
    notification_manager.dispatch(Notification(text, severity, actions=calls))
    for shown in notifications():
        if shown not in before:
            shown.timer_stop()
            shown.source_label.hide()  # it names an object of napari's, not us
            shown.setProperty(ABOUT, about)
            _make_room(shown, [other for other in before if other.isVisible()])
            _Clock(shown, OFFER_LIFE if actions else LIFE).start()


def unsay(about: str) -> None:
    """Close what is told about something, if anything is."""
    for shown in notifications():
        if shown.property(ABOUT) == about:
            shown.close()


def _make_room(new: Any, others: Sequence[Any]) -> None:
    """Show all of a notification's text, and the others above it.

    napari puts all of them in one place, one over the buttons of the other.
    """
    new.layout().activate()
    message, place = new.message, new.geom_anim.endValue()
    more = max(message.sizeHint().height() - message.height(), 0)
    new.geom_anim.setEndValue(place.adjusted(0, -more, 0, 0))
    top = place.top() - more
    for other in sorted(others, key=lambda each: -each.y()):
        end = other.geom_anim.endValue()
        other.geom_anim.stop()
        top -= end.height() + GAP
        other.setGeometry(end.x(), top, end.width(), end.height())


def _without(call: Callable[[], None], *_: object) -> None:
    call()


def notifications() -> list[Any]:
    """Return what napari tells in its corner now."""
    return [
        widget
        for widget in QApplication.allWidgets()
        if type(widget).__name__ == "NapariQtNotification" and widget.isVisible()
    ]


class _Clock(QTimer):
    """Closes a notification once it could be read for a time.

    It counts its own beats: none comes while nothing is painted.
    """

    def __init__(self, shown: QWidget, life: int) -> None:
        super().__init__(shown)
        self._shown, self._left = shown, BEATS
        self.setInterval(max(life // BEATS, 1))
        self.timeout.connect(self._beat)

    def _beat(self) -> None:
        if self._shown.underMouse():
            self._left = BEATS
            return
        self._left -= 1
        if not self._left:
            self.stop()
            self._shown.close()  # which deletes it, and its clock


def offer(text: str, answer: str, call: Callable[[], None]) -> None:
    """Tell something in a notification of napari's, with a button that does it."""
    notify(text, NotificationSeverity.WARNING, ((answer, call),))


def tell_error(error: Exception, names: Mapping[str, str] | None = None) -> None:
    """Tell what went wrong and what to do, in a notification of napari's."""
    notify(brief(error, names), NotificationSeverity.WARNING)
