"""The line that says which layers are not of the open case."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qtpy.QtCore import Qt, Signal
from qtpy.QtWidgets import QPushButton, QSizePolicy, QWidget

from napari_annotate_jobs.widgets.parts._layouts import row_of
from napari_annotate_jobs.widgets.parts._made import text_label
from napari_annotate_jobs.widgets.parts._theme import Colors, focus_style

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["AsideLine", "listed"]

MOST, LONGEST = 3, 24
"""Names in one sentence, and letters of a name."""


def listed(names: Sequence[str]) -> str:
    """Return the names of layers, to be read in a sentence."""
    short = [x if len(x) <= LONGEST else f"{x[: LONGEST - 1]}…" for x in names]
    quoted = [f"“{name}”" for name in short]
    if len(quoted) > MOST:
        quoted[MOST - 1 :] = [f"{len(quoted) - MOST + 1} more"]
    return " and ".join(
        [", ".join(quoted[:-1]), *quoted[-1:]] if quoted[1:] else quoted
    )


class AsideLine(QWidget):
    """Says which layers are hidden, or shown, that are not of the open case.

    It is there as long as there are such layers.

    Parameters
    ----------
    parent : QWidget, optional
        The widget it belongs to.
    """

    change_requested = Signal()
    """The user thinks again whether such layers are to be hidden."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.text = text_label()
        self.button = QPushButton("Change…")
        self.button.setObjectName("other_layers")
        self.button.setToolTip(
            "Hide layers that are not of the open case, or show them"
        )
        self.button.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)
        self.button.clicked.connect(self.change_requested)
        row_of(
            (self.text, 1),
            (self.button, 0, Qt.AlignmentFlag.AlignTop),
            parent=self,
            spacing=4,
            margins=0,
        )
        self.set_colors(Colors.dark())
        self.set_layers((), ())

    def set_colors(self, colors: Colors) -> None:
        """Use the colours of napari's theme."""
        self.text.setStyleSheet(f"color: {colors.warning_text};")
        self.button.setStyleSheet(focus_style(colors))

    def set_layers(self, hidden: Sequence[str], shown: Sequence[str]) -> None:
        """Show the names of layers that are not of the open case.

        Parameters
        ----------
        hidden, shown : sequence of str
            Those that are hidden for that reason, and those that are shown all the
            same.
        """
        parts = [
            f"{listed(names)} {what}"
            for names, what in ((hidden, "hidden"), (shown, "shown"))
            if names
        ]
        self.text.setText(f"Not of this case: {'; '.join(parts)}" if parts else "")
        self.text.setToolTip("\n".join((*hidden, *shown)))
        self.setVisible(bool(parts))
