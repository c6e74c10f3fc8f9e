"""Who annotates: shown, and changed where it is shown."""

from __future__ import annotations

from qtpy.QtCore import Qt, Signal
from qtpy.QtWidgets import QInputDialog, QPushButton, QWidget

from napari_annotate_jobs.widgets.parts._theme import Colors, focus_style

__all__ = ["PersonButton"]


class PersonButton(QPushButton):
    """Says under which name annotations are kept; a click changes it.

    Parameters
    ----------
    parent : QWidget, optional
        The widget it belongs to.
    """

    named = Signal(str)
    """Another name was entered."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._name = ""
        self.setObjectName("person")
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.setToolTip(
            "Everything you annotate is kept under this name.\nClick to change it."
        )
        self.clicked.connect(self._ask)
        self.hide()

    def set_person(self, name: str) -> None:
        """Show a name."""
        self._name = name
        self.setText(f"You annotate as {name}")
        self.setVisible(bool(name))

    def set_colors(self, colors: Colors) -> None:
        """Use the colours of napari's theme."""
        self.setStyleSheet(
            f"QPushButton {{ color: {colors.faint_text}; border: none;"
            " background: transparent; text-align: left; padding: 3px 6px; }"
            f"QPushButton:hover {{ color: {colors.text}; }}" + focus_style(colors)
        )

    def _ask(self) -> None:
        dialog = QInputDialog(self)
        dialog.setWindowTitle("Your name")
        dialog.setLabelText("Keep what you annotate under the name:")
        dialog.setTextValue(self._name)
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.textValueSelected.connect(self._entered)
        dialog.open()

    def _entered(self, name: str) -> None:
        name = " ".join(name.split())
        if name and name != self._name:
            self.named.emit(name)
