"""Comments on the slice and on the case."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

from qtpy.QtCore import Qt, Signal
from qtpy.QtWidgets import (
    QComboBox,
    QHBoxLayout,
    QLabel,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from napari_annotate_jobs.widgets.parts._case_line import CaseLine
from napari_annotate_jobs.widgets.parts._sections import Shelf
from napari_annotate_jobs.widgets.parts._theme import Colors

if TYPE_CHECKING:
    from collections.abc import Sequence

    from napari_annotate_jobs.model import Comment

__all__ = ["CommentList"]


class CommentList(QWidget):
    """Comments, and a line to write one."""

    add_requested = Signal(str, bool)
    """The text, and whether it is about the current slice."""

    remove_requested = Signal(str)
    """Id of a comment."""

    slice_requested = Signal(int)
    """A comment's slice was clicked."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._shown: object = None
        self._link = Colors.dark().text
        inner = QWidget()
        self._list = QVBoxLayout(inner)
        self._list.setContentsMargins(0, 0, 0, 0)
        self._list.setSpacing(2)
        self._shelf = Shelf(inner, 120)
        self.line = CaseLine()
        self.line.setPlaceholderText("Write a comment, then Enter")
        self.line.setAccessibleName("New comment")
        self.line.returnPressed.connect(self._add)
        self.about = QComboBox()
        self.about.addItems(["on slice", "on case"])
        self.about.setAccessibleName("What the comment is about")
        row = QHBoxLayout()
        row.setSpacing(3)
        row.addWidget(self.line, 1)
        row.addWidget(self.about)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(3)
        layout.addWidget(self._shelf)
        layout.addLayout(row)

    def set_colors(self, colors: Colors) -> None:
        """Use the colours of napari's theme, from the next comments on."""
        self._link = colors.text

    def set_comments(
        self,
        comments: Sequence[Comment],
        returned: Sequence[Comment] = (),
        *,
        editable: bool = True,
    ) -> None:
        """Show the annotator's comments below those a reviewer returned it with."""
        shown = (tuple(comments), tuple(returned), editable, self._link)
        if shown == self._shown:
            return
        self._shown = shown
        while self._list.count():
            widget = self._list.takeAt(0).widget()
            if widget is not None:
                widget.hide()
                widget.deleteLater()
        for comment in returned:
            self._list.addWidget(self._row(comment, removable=False, reviewer=True))
        for comment in comments:
            self._list.addWidget(self._row(comment, removable=editable, reviewer=False))
        self._shelf.setVisible(bool(self._list.count()))
        self._shelf.fit()
        self.line.setEnabled(editable)
        self.about.setEnabled(editable)

    def _row(self, comment: Comment, *, removable: bool, reviewer: bool) -> QWidget:
        row = QWidget()
        layout = QHBoxLayout(row)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(3)
        place = (
            "case"
            if comment.index is None
            else f'<a style="color: {self._link};" href="{comment.index}">'
            f"slice {comment.index + 1}</a>"
        )
        who = f"{escape(comment.person)}, " if reviewer else ""
        text = QLabel(f"<b>{who}{place}:</b> {escape(comment.text)}")
        text.setTextFormat(Qt.TextFormat.RichText)
        text.setWordWrap(True)
        text.setToolTip(f"{comment.person}, {comment.time.astimezone():%d %b %H:%M}")
        text.linkActivated.connect(lambda link: self.slice_requested.emit(int(link)))
        layout.addWidget(text, 1)
        if removable:
            button = QToolButton()
            button.setText("×")
            button.setToolTip("Delete this comment")
            button.setAccessibleName("Delete this comment")
            button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
            button.clicked.connect(
                lambda _=False, i=comment.id: self.remove_requested.emit(i)
            )
            layout.addWidget(button, 0, Qt.AlignmentFlag.AlignTop)
        return row

    def _add(self) -> None:
        if text := self.line.take():
            self.add_requested.emit(text, self.about.currentIndex() == 0)
