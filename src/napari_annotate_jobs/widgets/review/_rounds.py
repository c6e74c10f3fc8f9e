"""All rounds of a case: submitted, returned by, passed by."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

from qtpy.QtCore import Qt
from qtpy.QtWidgets import QLabel, QWidget

from napari_annotate_jobs.widgets.parts._layouts import column_of
from napari_annotate_jobs.widgets.parts._sections import Section, Shelf
from napari_annotate_jobs.widgets.parts._theme import Colors

if TYPE_CHECKING:
    from collections.abc import Sequence

    from napari_annotate_jobs.model import HistoryEvent

__all__ = ["HistoryBox", "event_text"]

SIGNS = {
    "submitted": "↑",
    "passed": "✓",
    "failed": "✗",
    "returned": "↩",
    "reopened": "↶",
    "withdrawn": "↶",
}
WORDS = {
    "reopened": "taken back by",
    "withdrawn": "verdict taken back by",
}


def event_text(event: HistoryEvent) -> str:
    """Say in one line who did what."""
    if event.what == "submitted":
        return f"submitted ({event.number}) by {event.person}"
    what = WORDS.get(event.what, f"{event.what} by")
    return f"{'corrected and ' if event.corrected else ''}{what} {event.person}"


class HistoryBox(QWidget):
    """A small timeline below a heading that folds it; nothing without events.

    Parameters
    ----------
    parent : QWidget, optional
        The widget it belongs to.
    """

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._colors = Colors.dark()
        self._events: tuple[HistoryEvent, ...] = ()
        self.text = QLabel()
        self.text.setTextFormat(Qt.TextFormat.RichText)
        self.text.setWordWrap(True)
        self._shelf = Shelf(self.text, 96)
        self.box = Section("Rounds", self._shelf)
        self.box.set_folded(True)
        column_of(self.box, parent=self, margins=0)
        self.hide()

    def set_colors(self, colors: Colors) -> None:
        """Use the colours of napari's theme."""
        self._colors = colors
        self._show()

    def set_events(self, events: Sequence[HistoryEvent]) -> None:
        """Show what happened, the first first."""
        if tuple(events) != self._events:
            self._events = tuple(events)
            self._show()

    def _show(self) -> None:
        faint = self._colors.faint_text
        lines = []
        for event in self._events:
            when = f"{event.time.astimezone():%d %b %H:%M}"
            said = f": {escape(' '.join(event.text.split()))}" if event.text else ""
            lines.append(
                f"{SIGNS.get(event.what, '·')} {escape(event_text(event))} "
                f'<span style="color: {faint};">{when}</span>{said}'
            )
        self.text.setText("<br>".join(lines))
        last = self._events[-1] if self._events else None
        self.box.set_title("" if last is None else f"Rounds: {event_text(last)}")
        self.setVisible(bool(self._events))
        self._shelf.fit()
