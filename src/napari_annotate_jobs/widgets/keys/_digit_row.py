"""The digits of the upper row, whatever the keyboard writes there."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from qtpy.QtGui import QKeyEvent

__all__ = ["row_digit"]

_DIGIT_1 = {"linux": 10, "win32": 2}
"""The scan code of the key 1, with 2 to 9 and 0 behind it."""


def row_digit(event: QKeyEvent) -> int | None:
    """Return the digit of the key that was pressed, if it is of the upper row.

    On some keyboards, such as French ones, digits come with Shift only: where the key
    is counts as well.
    """
    digit = event.nativeScanCode() - _DIGIT_1.get(sys.platform, sys.maxsize) + 1
    return digit % 10 if 1 <= digit <= 10 else None
