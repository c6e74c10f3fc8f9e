"""The line that says where the user's changes are."""

from __future__ import annotations

from textwrap import wrap

from qtpy.QtCore import QSize, Qt
from qtpy.QtWidgets import QPushButton, QSizePolicy, QWidget

from napari_annotate_jobs.session import TROUBLE, WAITING, SaveKind, SaveState
from napari_annotate_jobs.widgets.parts._theme import Colors

__all__ = ["SaveLine", "save_text"]

AGAIN = "Click to try again"
ELSEWHERE = "Click to save elsewhere"
SETTLE = "Click to settle it"
LOG_IN = "Click to log in"
WIDTH = 26
"""Letters that fit beside the tools."""


def save_text(state: SaveState) -> str:
    """Return what fits beside the tools; more lines where there is something to do."""
    n = state.pending
    if state.kind not in TROUBLE:
        # In two lines, so that nothing moves when the time comes.
        return state.text.replace(" on the server ", " on the server\n")
    if state.kind is SaveKind.CONFLICT:
        return f"Conflict · {n} not saved\n{SETTLE}"
    if state.kind is SaveKind.LOG_IN:
        kept = "kept here" if state.kept else "not saved"
        return f"Log in · {n} {kept}\n{LOG_IN}"
    reason = state.reason[:1].upper() + state.reason[1:]
    if state.kind is SaveKind.FAILED:
        what, where, click = reason or "Not saved", "waiting", AGAIN
    else:
        here = SaveState.where == state.where
        kept = "kept here" if here else "kept elsewhere"
        what, where, click = reason or "Offline", kept, AGAIN
    if state.is_lost and state.kind in WAITING:
        # Without a reason it is known to come back, as a share that is away.
        where = "saved nowhere" if reason else "not saved"
        click = ELSEWHERE if reason else AGAIN
    first = f"{what} · {n} {where}"
    lines = [first] if len(first) <= WIDTH else [what, f"{n} {where}"]
    return "\n".join((*lines, *wrap(state.remedy, WIDTH), click))


class SaveLine(QPushButton):
    """Says whether all is saved; where it is not, a click tries again or settles it.

    Parameters
    ----------
    parent : QWidget, optional
        The widget it belongs to.
    """

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setFlat(True)
        self.setAccessibleName("Save state")
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        self._state: SaveState | None = None
        self._colors = Colors.dark()
        self.set_state(None)

    def set_colors(self, colors: Colors) -> None:
        """Use the colours of a theme."""
        self._colors = colors
        self.set_state(self._state)

    def set_state(self, state: SaveState | None) -> None:
        """Show a state; None, while no case is open, leaves the line blank."""
        self._state = state
        trouble = state is not None and state.kind in TROUBLE
        colors = self._colors
        color = colors.error_text if trouble else colors.text
        self.setText("" if state is None else save_text(state))
        self.setEnabled(trouble)
        tip = "Saved as you work"
        if state is not None and trouble:
            tip = "\n".join((state.text, state.message, self.text().split("\n")[-1]))
        self.setToolTip(tip if state is not None else "")
        shape = Qt.CursorShape
        self.setCursor(shape.PointingHandCursor if trouble else shape.ArrowCursor)
        style = (
            f"QPushButton {{ color: {color}; border: 1px solid transparent;"
            " background: transparent; padding: 0px; text-align: left; }"
            f"QPushButton:focus {{ border: 1px solid {colors.text}; }}"
        )
        if style != self.styleSheet():  # Qt works out the same one anew, too
            self.setStyleSheet(style)

    def sizeHint(self) -> QSize:
        """Return the size it likes best; Qt's leaves much room around the text."""
        size = self.fontMetrics().size(0, self.text() or " ")
        return QSize(size.width() + 4, size.height() + 4)

    def minimumSizeHint(self) -> QSize:
        """Return the least size."""
        return QSize(20, self.sizeHint().height())
