"""A line whose words belong to the case they were written of."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qtpy.QtWidgets import QLineEdit

if TYPE_CHECKING:
    from collections.abc import Hashable

__all__ = ["CaseLine"]


class CaseLine(QLineEdit):
    """A line about the open case; what is written of it never goes to another.

    What was not sent waits until its case is open again. What was sent and could not
    be kept comes back, however far one has gone on meanwhile.
    """

    def __init__(self) -> None:
        super().__init__()
        self._case: Hashable = None
        self._unsent: dict[Hashable, str] = {}

    def set_case(self, case: Hashable) -> None:
        """Show what was written of a case and not sent; None while none is open."""
        if case != self._case:
            self._unsent[self._case] = self.text()
            self._case = case
            self.setText(self._unsent.pop(case, "") if case is not None else "")

    def take(self) -> str:
        """Return what is written, and begin anew."""
        text = self.text().strip()
        if text:
            self.clear()
        return text

    def give_back(self, text: str, case: Hashable = None) -> None:
        """Take back what could not be kept.

        Parameters
        ----------
        text : str
            What was written.
        case : hashable, optional
            Of which case; by default the open one.
        """
        if case is None or case == self._case:
            self.setText(_joined(text, self.text()))
        else:
            self._unsent[case] = _joined(text, self._unsent.get(case, ""))


def _joined(*texts: str) -> str:
    return " ".join(text for text in texts if text.strip())
