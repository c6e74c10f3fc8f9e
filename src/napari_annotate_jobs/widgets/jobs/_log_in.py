"""The dialog that logs in to a job server."""

from __future__ import annotations

from qtpy.QtCore import Qt, Signal
from qtpy.QtWidgets import (
    QComboBox,
    QDialog,
    QDialogButtonBox,
    QFormLayout,
    QLabel,
    QLineEdit,
    QWidget,
)

from napari_annotate_jobs.widgets.parts._layouts import column_of
from napari_annotate_jobs.widgets.parts._theme import Colors

__all__ = ["LogInDialog"]


class LogInDialog(QDialog):
    """Asks for the address of a server, and who one is there.

    It stays until :meth:`accept` is called, or the user thinks better of it.

    Parameters
    ----------
    parent : QWidget, optional
        Above which it is shown.
    server : str
        The address, if it is known: then it cannot be changed.
    person : str
        The name to begin with.
    colors : Colors, optional
        Of the theme.
    """

    wanted = Signal(str, str, str)
    """Address, name, and password; without a name the last is a token."""

    def __init__(
        self,
        parent: QWidget | None = None,
        *,
        server: str = "",
        person: str = "",
        colors: Colors | None = None,
    ) -> None:
        super().__init__(parent)
        colors = colors or Colors.dark()
        self.setObjectName("log_in")
        self.setWindowTitle("Log in to a job server" if server else "Add a job server")
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setMinimumWidth(420)
        self.server = QLineEdit(server, self)
        self.server.setPlaceholderText("https://jobs.example.org")
        self.server.setReadOnly(bool(server))
        self.by = QComboBox(self)
        self.by.addItems(["Name and password", "Token"])
        self.person = QLineEdit(person, self)
        self.secret = QLineEdit(self)
        self.secret.setEchoMode(QLineEdit.EchoMode.Password)
        self._said = QLabel(self)
        self._said.setWordWrap(True)
        self._said.setMinimumHeight(3 * self.fontMetrics().lineSpacing())
        self._said.setAlignment(Qt.AlignmentFlag.AlignTop)
        self._fault_style = f"QLabel {{ color: {colors.error_text}; }}"
        self._form = form = QFormLayout()
        form.addRow("&Address", self.server)
        form.addRow("&Log in with", self.by)
        form.addRow("&Name", self.person)
        form.addRow("&Password", self.secret)
        buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Cancel, self)
        self.button = buttons.addButton(
            "Log in", QDialogButtonBox.ButtonRole.AcceptRole
        )
        self.button.setDefault(True)
        buttons.accepted.connect(self._ask)
        buttons.rejected.connect(self.reject)
        column_of(form, self._said, buttons, parent=self)
        self.by.currentIndexChanged.connect(self._show_way)
        for field in (self.server, self.person, self.secret):
            field.textChanged.connect(self._show_ready)
        self._busy = False
        self._show_ready()
        field = self.server if not server else self.secret if person else self.person
        field.setFocus()

    @property
    def _by_token(self) -> bool:
        return self.by.currentIndex() == 1

    def _show_way(self) -> None:
        label = self._form.labelForField(self.secret)
        if isinstance(label, QLabel):
            label.setText("&Token" if self._by_token else "&Password")
        self.person.setEnabled(not self._by_token)
        self.secret.clear()
        self.secret.setFocus()
        self._show_ready()

    def _show_ready(self) -> None:
        fields = [self.server, self.secret]
        fields += [] if self._by_token else [self.person]
        ready = all(field.text().strip() for field in fields)
        self.button.setEnabled(ready and not self._busy)

    def _ask(self) -> None:
        if self._busy or not self.button.isEnabled():
            return
        self._busy = True
        self._show_ready()
        self._said.setStyleSheet("")
        self._said.setText("Asking the server…")
        name = "" if self._by_token else " ".join(self.person.text().split())
        secret = self.secret.text()
        self.wanted.emit(
            self.server.text().strip(), name, secret.strip() if not name else secret
        )

    def show_fault(self, text: str) -> None:
        """Say why it did not go, and let it be tried again."""
        self._busy = False
        self._said.setStyleSheet(self._fault_style)
        self._said.setText(text)
        self._show_ready()
        self.secret.setFocus()
        self.secret.selectAll()
