"""Comments on the open case: what others said of it, and what is to be said."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qtpy.QtCore import Qt, Signal
from qtpy.QtWidgets import QComboBox, QWidget

from napari_annotate_jobs.widgets.parts._case_line import CaseLine
from napari_annotate_jobs.widgets.parts._layouts import column_of, row_of
from napari_annotate_jobs.widgets.review._threads import ThreadList, place_text

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from qtpy.QtGui import QKeyEvent

    from napari_annotate_jobs.model import Thread

__all__ = ["CommentList"]

WRITE = "Comment, then Enter"


class CommentList(QWidget):
    """Threads, and a line to write a comment or a reply."""

    add_requested = Signal(str, bool)
    """The text, and whether it is about the current slice."""
    pinned = Signal(str)
    """A comment on the object that was named; see :meth:`begin_pinned`."""
    replied = Signal(str, str)
    """Id of a thread, and the reply."""
    remove_requested = Signal(str)
    """Id of a comment."""
    chosen = Signal(str)
    """Id of a thread that is to be shown where it is pinned."""
    resolve_requested = Signal(str, bool)
    """Id of a thread, and whether it is to be resolved, or opened again."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._threads: tuple[Thread, ...] = ()
        self._reply_to, self._is_pinned = "", False
        self.threads = ThreadList(170)
        self.threads.chosen.connect(self.chosen)
        self.threads.resolve_requested.connect(self.resolve_requested)
        self.threads.remove_requested.connect(self.remove_requested)
        self.threads.reply_requested.connect(self.begin_reply)
        self.line = CaseLine()
        self.line.setAccessibleName("New comment")
        self.line.returnPressed.connect(self._write)
        self.about = QComboBox()
        self.about.addItems(["on slice", "on case"])
        self.about.setAccessibleName("What the comment is about")
        row = row_of((self.line, 1), self.about, spacing=3)
        column_of(self.threads, row, parent=self, spacing=3, margins=0)
        self._give_up()

    def set_threads(
        self,
        threads: Sequence[Thread],
        current: str = "",
        *,
        new: Collection[str] = (),
        removable: Collection[str] = (),
        may_answer: bool = False,
    ) -> None:
        """Show threads; see :meth:`ThreadList.set_threads`."""
        self._threads = tuple(threads)
        self.threads.set_threads(
            threads, current, new=new, removable=removable, may_answer=may_answer
        )
        kept = self._is_pinned or any(t.id == self._reply_to for t in threads)
        if not kept:
            self._give_up()

    def set_editable(self, editable: bool) -> None:
        """Let something be written, or nothing."""
        self.line.setEnabled(editable)
        self.about.setEnabled(editable)

    def begin(self) -> None:
        """Let a comment be written."""
        self._give_up()
        self.line.setFocus(Qt.FocusReason.ShortcutFocusReason)

    def begin_reply(self, thread_id: str) -> None:
        """Let a reply be written; Esc gives it up."""
        thread = next((t for t in self._threads if t.id == thread_id), None)
        if thread is None:
            return
        self._reply_to, self._is_pinned = thread_id, False
        where = place_text(thread.first)
        self.line.setPlaceholderText(f"Reply to {thread.first.person}, {where}")
        self.about.hide()
        self.line.setFocus(Qt.FocusReason.ShortcutFocusReason)

    def begin_pinned(self, words: str) -> None:
        """Let a comment be written on an object, named in words; Esc gives it up."""
        self._reply_to, self._is_pinned = "", True
        self.line.setPlaceholderText(f"On {words}, then Enter")
        self.about.hide()
        self.line.setFocus(Qt.FocusReason.ShortcutFocusReason)

    def _give_up(self) -> None:
        self._reply_to, self._is_pinned = "", False
        self.line.setPlaceholderText(WRITE)
        self.about.show()

    def _write(self) -> None:
        text, reply_to = self.line.take(), self._reply_to
        if not text:
            return
        is_pinned = self._is_pinned
        self._give_up()
        if is_pinned:
            self.pinned.emit(text)
        elif reply_to:
            self.replied.emit(reply_to, text)
        else:
            self.add_requested.emit(text, self.about.currentIndex() == 0)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Reply nothing after all, on Esc."""
        if event.key() == Qt.Key.Key_Escape and self.line.hasFocus():
            self._give_up()
        super().keyPressEvent(event)
