"""The threads on a case: who said what, where, and whether it is settled."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

from qtpy.QtCore import Qt, Signal
from qtpy.QtWidgets import QHBoxLayout, QLabel, QToolButton, QVBoxLayout, QWidget

from napari_annotate_jobs.widgets.parts._sections import Shelf
from napari_annotate_jobs.widgets.parts._theme import Colors

if TYPE_CHECKING:
    from collections.abc import Sequence

    from napari_annotate_jobs.model import Comment, Thread

__all__ = ["ThreadList", "place_text"]


def place_text(comment: Comment) -> str:
    """Say what a comment is pinned to."""
    if comment.index is None:
        return "case"
    on = "object on " if comment.at is not None else ""
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

    def __init__(self, height: int = 150, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._shown: object = None
        self._colors = Colors.dark()
        self._threads: tuple[Thread, ...] = ()
        self._current = ""
        inner = QWidget()
        self._list = QVBoxLayout(inner)
        self._list.setContentsMargins(0, 0, 0, 0)
        self._list.setSpacing(3)
        self._shelf = Shelf(inner, height)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self._shelf)

    @property
    def n_open(self) -> int:
        """How many of the threads are open."""
        return sum(thread.is_open for thread in self._threads)

    def set_colors(self, colors: Colors) -> None:
        """Use the colours of napari's theme."""
        self._colors = colors
        self._show()

    def set_threads(self, threads: Sequence[Thread], current: str = "") -> None:
        """Show threads; `current` is the id of the one at hand."""
        order = sorted(
            threads,
            key=lambda t: (
                not t.is_open,
                -1 if t.first.index is None else t.first.index,
            ),
        )
        self._threads, self._current = tuple(order), current
        self._show()

    def _show(self) -> None:
        shown = self._threads, self._current, self._colors
        if shown == self._shown:
            return
        self._shown = shown
        while self._list.count():
            widget = self._list.takeAt(0).widget()
            if widget is not None:
                widget.hide()
                widget.deleteLater()
        for thread in self._threads:
            row = self._row(thread)
            self._list.addWidget(row)
            row.show()  # else it has no height yet where the list is shown already
        self._shelf.setVisible(bool(self._threads))
        self._shelf.fit()

    def _row(self, thread: Thread) -> QWidget:
        row = QWidget()
        layout = QHBoxLayout(row)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(3)
        first, ink = thread.first, self._colors.text
        place = escape(place_text(first))
        link = f'<a style="color: {ink};" href="{escape(thread.id)}">{place}</a>'
        mark = "●" if thread.is_open else "✓"
        new = " <b>(new)</b>" if thread.unread else ""
        lines = [
            f"{mark} <b>{escape(first.person)}, {link}:</b> {escape(first.text)}{new}"
        ]
        lines += [
            f"&nbsp;&nbsp;↳ <b>{escape(said.person)}:</b> {escape(said.text)}"
            for said in thread.comments[1:]
        ]
        text = QLabel("<br>".join(lines))
        text.setTextFormat(Qt.TextFormat.RichText)
        text.setWordWrap(True)
        ink = ink if thread.is_open else self._colors.faint_text
        edge = self._colors.current if thread.id == self._current else "transparent"
        text.setStyleSheet(
            f"QLabel {{ color: {ink}; padding-left: 3px;"
            f" border-left: 2px solid {edge}; }}"
        )
        state = "open" if thread.is_open else f"resolved by {thread.resolved_by}"
        when = f"{first.time.astimezone():%d %b %H:%M}"
        text.setToolTip(f"{first.person}, {when}; {state}")
        text.linkActivated.connect(self.chosen)
        layout.addWidget(text, 1)
        verb = "Resolve this thread" if thread.is_open else "Open this thread again"
        settle = self._button("✓" if thread.is_open else "↺", verb)
        settle.clicked.connect(
            lambda _=False, t=thread: self.resolve_requested.emit(t.id, t.is_open)
        )
        reply = self._button("↩", "Reply")
        reply.clicked.connect(lambda _=False, t=thread: self.reply_requested.emit(t.id))
        for button in (reply, settle):
            layout.addWidget(button, 0, Qt.AlignmentFlag.AlignTop)
        return row

    @staticmethod
    def _button(text: str, tip: str) -> QToolButton:
        button = QToolButton()
        button.setText(text)
        button.setToolTip(tip)
        button.setAccessibleName(tip)
        button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        return button


def _order(thread: Thread) -> tuple[bool, int]:
    index = thread.first.index
    return not thread.is_open, -1 if index is None else index
