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
    log_in_requested = Signal(str)
    """Somebody else is to be logged in to the server that was named."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._name = self._server = ""
        self.setObjectName("person")
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.clicked.connect(self._ask)
        self.hide()

    def set_person(self, name: str, server: str = "") -> None:
        """Show a name, and the address of the server on which it counts, if any."""
        self._name, self._server = name, server
        at = f" on {server.partition('://')[2]}" if server else ""
        self.setText(f"You work as {name}{at}")
        self.setToolTip(
            f"Everything you do on {server} is kept under this name: you are "
            "logged in as it.\nClick to log in as somebody else."
            if server
            else "Everything you do is kept under this name; on job servers, "
            "under the one you log in with.\nClick to change it."
        )
        self.setVisible(bool(name))

    def set_colors(self, colors: Colors) -> None:
        """Use the colours of napari's theme."""
        self.setStyleSheet(
            f"QPushButton {{ color: {colors.faint_text}; border: none;"
            " background: transparent; text-align: left; padding: 3px 6px; }"
            f"QPushButton:hover {{ color: {colors.text}; }}" + focus_style(colors)
        )

    def _ask(self) -> None:
        if self._server:
            self.log_in_requested.emit(self._server)
            return
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
