"""The threads on a case: who said what, where, and whether it is settled."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

from qtpy.QtCore import Qt, Signal
from qtpy.QtWidgets import QHBoxLayout, QLabel, QToolButton, QVBoxLayout, QWidget

from napari_annotate_jobs.widgets.parts._layouts import column_of
from napari_annotate_jobs.widgets.parts._made import timer_once
from napari_annotate_jobs.widgets.parts._sections import Shelf
from napari_annotate_jobs.widgets.parts._theme import Colors

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from napari_annotate_jobs.model import Comment, Thread

__all__ = ["ThreadList", "place_text"]


def place_text(comment: Comment) -> str:
    """Say what a comment is pinned to."""
    if comment.index is None:
        return "case"
    on = "" if comment.at is None else "place on "
    if comment.label is not None or comment.object:
        on = "object on "
    return f"{on}slice {comment.index + 1}"


class ThreadList(QWidget):
    """Threads, open ones first by slice; a click on one goes to its slice.

    Parameters
    ----------
    height : int
        Greatest height in pixels; what is longer scrolls.
    """

    chosen = Signal(str)
    """Id of a thread that is to be shown where it is pinned."""
    resolve_requested = Signal(str, bool)
    """Id of a thread, and whether it is to be resolved, or opened again."""
    reply_requested = Signal(str)
    """Id of a thread that is to be replied to."""
    remove_requested = Signal(str)
    """Id of a thread of the draft that is to be deleted."""

    def __init__(self, height: int = 150, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._shown: object = None
        self._colors = Colors.dark()
        self._threads: tuple[Thread, ...] = ()
        self._current = ""
        self._new: frozenset[str] = frozenset()
        self._removable: frozenset[str] = frozenset()
        self._may_answer = True
        self._rows: dict[str, QWidget] = {}
        self._scrolls = timer_once(self, self._scroll)
        inner = QWidget()
        self._list = QVBoxLayout(inner)
        self._list.setContentsMargins(0, 0, 0, 0)
        self._list.setSpacing(3)
        self._shelf = Shelf(inner, height)
        column_of(self._shelf, parent=self, margins=0)

    @property
    def n_open(self) -> int:
        """How many of the threads are open."""
        return sum(thread.is_open for thread in self._threads)

    def set_colors(self, colors: Colors) -> None:
        """Use the colours of napari's theme."""
        self._colors = colors
        self._show()

    def set_threads(
        self,
        threads: Sequence[Thread],
        current: str = "",
        *,
        new: Collection[str] = (),
        removable: Collection[str] = (),
        may_answer: bool = True,
    ) -> None:
        """Show threads.

        Parameters
        ----------
        threads : sequence of Thread
            Open ones are shown first, by slice.
        current : str
            Id of the one at hand; it is scrolled to.
        new : collection of str
            Ids of those that are marked as unread.
        removable : collection of str
            Ids of those that can be deleted.
        may_answer : bool
            Offer to reply and to resolve.
        """
        self._threads, self._current = tuple(sorted(threads, key=_order)), current
        self._new, self._removable = frozenset(new), frozenset(removable)
        self._may_answer = may_answer
        self._show()

    def _show(self) -> None:
        shown = (
            self._threads,
            self._current,
            self._new,
            self._removable,
            self._may_answer,
            self._colors,
        )
        if shown == self._shown:
            return
        self._shown = shown
        self._rows = {}
        while self._list.count():
            widget = self._list.takeAt(0).widget()
            if widget is not None:
                widget.hide()
                widget.deleteLater()
        for thread in self._threads:
            row = self._rows[thread.id] = self._row(thread)
            self._list.addWidget(row)
            row.show()  # else it has no height yet where the list is shown already
        self._shelf.setVisible(bool(self._threads))
        self._shelf.fit()
        if self._current in self._rows:
            # Once the rows have found their places.
            self._scrolls.start()

    def _scroll(self) -> None:
        row = self._rows.get(self._current)
        if row is not None:
            self._shelf.ensureWidgetVisible(row, 0, 4)

    def _row(self, thread: Thread) -> QWidget:
        row = QWidget()
        layout = QHBoxLayout(row)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(3)
        ink = self._colors.text if thread.is_open else self._colors.faint_text
        edge = self._colors.current if thread.id == self._current else "transparent"
        text = QLabel(self._text(thread, ink))
        text.setTextFormat(Qt.TextFormat.RichText)
        text.setWordWrap(True)
        text.setStyleSheet(
            f"QLabel {{ color: {ink}; padding-left: 3px;"
            f" border-left: 3px solid {edge}; }}"
        )
        state = "open" if thread.is_open else f"resolved by {thread.resolved_by}"
        text.setToolTip(f"{_said(thread.first)}; {state}. A click goes there.")
        text.linkActivated.connect(self.chosen)
        layout.addWidget(text, 1)
        for button in self._buttons(thread):
            layout.addWidget(button, 0, Qt.AlignmentFlag.AlignTop)
        return row

    def _text(self, thread: Thread, ink: str) -> str:
        first, faint = thread.first, self._colors.faint_text
        link = (
            f'<a style="color: {ink};" href="{escape(thread.id)}">'
            f"{escape(place_text(first))}</a>"
        )
        mark = "●" if thread.is_open else "✓"
        new = " <b>(new)</b>" if thread.id in self._new else ""
        lines = [
            f"{mark} <b>{link}</b>{new}"
            f' <span style="color: {faint};">{escape(_said(first))}</span>',
            f"&nbsp;&nbsp;{_lines(first.text)}",
        ]
        lines += [
            f"&nbsp;&nbsp;↳ {_lines(said.text)}"
            f' <span style="color: {faint};">{escape(_said(said))}</span>'
            for said in thread.comments[1:]
        ]
        return "<br>".join(lines)

    def _buttons(self, thread: Thread) -> list[QToolButton]:
        buttons = []
        if self._may_answer:
            reply = self._button("↩", "Reply")
            reply.clicked.connect(lambda: self.reply_requested.emit(thread.id))
            verb = "Resolve this thread" if thread.is_open else "Open this thread again"
            settle = self._button("✓" if thread.is_open else "↺", verb)
            settle.clicked.connect(
                lambda: self.resolve_requested.emit(thread.id, thread.is_open)
            )
            buttons += [reply, settle]
        if thread.id in self._removable:
            gone = self._button("×", "Delete this comment")
            gone.clicked.connect(lambda: self.remove_requested.emit(thread.id))
            buttons.append(gone)
        return buttons

    @staticmethod
    def _button(text: str, tip: str) -> QToolButton:
        button = QToolButton()
        button.setText(text)
        button.setToolTip(tip)
        button.setAccessibleName(tip)
        button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        return button


def _said(comment: Comment) -> str:
    """Say who wrote a comment, and when."""
    when = f"{comment.time.astimezone():%d %b %H:%M}".replace(" ", "\xa0")
    return f"{comment.person}, {when}"


def _lines(text: str) -> str:
    return escape(text).replace("\n", "<br>&nbsp;&nbsp;")


def _order(thread: Thread) -> tuple[bool, int]:
    index = thread.first.index
    return not thread.is_open, -1 if index is None else index
