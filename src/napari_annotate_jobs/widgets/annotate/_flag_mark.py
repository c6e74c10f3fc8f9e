"""The flag on the open case: a button, and why it is flagged."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qtpy.QtCore import QObject, Signal
from qtpy.QtWidgets import QToolButton
from superqt import QElidingLabel

from napari_annotate_jobs.model import flags_text

if TYPE_CHECKING:
    from collections.abc import Sequence

    from qtpy.QtWidgets import QWidget

    from napari_annotate_jobs.model import Flag
    from napari_annotate_jobs.widgets.keys._key_map import KeyMap
    from napari_annotate_jobs.widgets.parts._theme import Colors

__all__ = ["FlagMark"]


class FlagMark(QObject):
    """Says whether the case is flagged, and asks for that to be changed.

    Parameters
    ----------
    keymap : KeyMap
        The keys of the actions, for the tooltip.
    parent : QWidget
        Owns it.

    Attributes
    ----------
    button : QToolButton
        Asks for a flag, or for the flag to be changed.
    text : QElidingLabel
        Who flagged the case, and why; hidden where nobody did.
    """

    requested = Signal()
    """The case is to be flagged, or the flag is to be changed."""

    def __init__(self, keymap: KeyMap, parent: QWidget) -> None:
        super().__init__(parent)
        self.button = QToolButton(parent)
        self.button.setObjectName("flag")
        self.button.setText("\u2691")
        self.button.setCheckable(True)
        self.button.setFixedSize(26, 24)
        self.button.clicked.connect(self._on_clicked)
        self.text = QElidingLabel(parent)
        self.text.setObjectName("flag")
        self.text.hide()
        self._flags: Sequence[Flag] = ()
        self.set_keymap(keymap)

    def set_keymap(self, keymap: KeyMap) -> None:
        """Show other keys."""
        self._tip = keymap.tip("flag")
        self._show()

    def set_colors(self, colors: Colors) -> None:
        """Use the colours of napari's theme."""
        self.text.setStyleSheet(f"QLabel {{ color: {colors.warning_text}; }}")

    def set_flags(self, flags: Sequence[Flag]) -> None:
        """Show the flags on the case."""
        self._flags = flags
        self._show()

    def _show(self) -> None:
        words = flags_text(self._flags)
        self.button.setChecked(bool(words))
        self.button.setToolTip(f"{words}\n{self._tip}" if words else self._tip)
        self.button.setAccessibleName(f"Flagged: {words}" if words else "Flag the case")
        self.text.setText(f"\u2691 {words}")
        self.text.setToolTip(words)
        self.text.setVisible(bool(words))

    def _on_clicked(self) -> None:
        self.button.setChecked(bool(self._flags))  # until it is done
        self.requested.emit()
