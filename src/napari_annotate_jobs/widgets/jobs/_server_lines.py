"""What there is to say of job servers, one line each."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from qtpy.QtCore import Signal
from qtpy.QtWidgets import QHBoxLayout, QLabel, QPushButton, QVBoxLayout, QWidget

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["ServerLine", "ServerLines"]


class ServerLine(NamedTuple):
    """One server that something is to be said of.

    Parameters
    ----------
    server : str
        Its address.
    text : str
        What is to be said.
    detail : str
        More, shown under the mouse.
    log_in : bool
        Offer to log in, rather than to try again.
    """

    server: str
    text: str
    detail: str = ""
    log_in: bool = False


class ServerLines(QWidget):
    """Servers that do not answer, or want to know who asks; hidden if there is none.

    Parameters
    ----------
    parent : QWidget, optional
        The widget it belongs to.
    """

    log_in_requested = Signal(str)
    """To log in to a server."""
    retry_requested = Signal(str)
    """To ask a server again."""
    forget_requested = Signal(str)
    """To take a server off the list."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._column = QVBoxLayout(self)
        self._column.setContentsMargins(0, 0, 0, 0)
        self._column.setSpacing(2)
        self._rows: list[QWidget] = []
        self.hide()

    def set_lines(self, lines: Sequence[ServerLine]) -> None:
        """Show these, in place of those before."""
        for old in self._rows:
            self._column.removeWidget(old)
            old.deleteLater()
        self._rows = [self._row(line) for line in lines]
        for row in self._rows:
            self._column.addWidget(row)
        self.setVisible(bool(lines))

    def _row(self, line: ServerLine) -> QWidget:
        row = QWidget(self)
        layout = QHBoxLayout(row)
        layout.setContentsMargins(0, 0, 0, 0)
        text = QLabel(line.text, row)
        text.setWordWrap(True)
        text.setToolTip(line.detail)
        layout.addWidget(text, 1)
        act = QPushButton("Log in…" if line.log_in else "Try again", row)
        asked = self.log_in_requested if line.log_in else self.retry_requested
        act.clicked.connect(lambda: asked.emit(line.server))
        forget = QPushButton("Forget…", row)
        forget.setToolTip("Take this server off the list")
        forget.clicked.connect(lambda: self.forget_requested.emit(line.server))
        layout.addWidget(act)
        layout.addWidget(forget)
        return row
