"""Keys by their place, where digits come with Shift."""

from __future__ import annotations

import sys

import pytest
from qtpy.QtCore import QEvent, Qt
from qtpy.QtGui import QKeyEvent

from napari_annotate_jobs.app._key_router import _sequences

SHIFT, NONE = Qt.KeyboardModifier.ShiftModifier, Qt.KeyboardModifier.NoModifier
FIRST = {"linux": 10, "win32": 2}


def texts(key, modifiers, scan):
    event = QKeyEvent(QEvent.Type.KeyPress, key, modifiers, scan, 0, 0, "")
    return [k.toString() for k in _sequences(event)]


@pytest.mark.skipif(sys.platform not in FIRST, reason="scan codes are not known here")
@pytest.mark.parametrize(
    ("key", "modifiers", "place", "expected"),
    [
        (Qt.Key.Key_Underscore, NONE, 8, ["_", "8"]),  # French
        (Qt.Key.Key_Agrave, NONE, 10, ["À", "0"]),
        (Qt.Key.Key_8, NONE, 8, ["8", "8"]),
        (Qt.Key.Key_Exclam, SHIFT, 1, ["Shift+!", "Shift+1"]),
        (Qt.Key.Key_Ampersand, Qt.KeyboardModifier.AltModifier, 1, ["Alt+&", "Alt+1"]),
        (Qt.Key.Key_Q, NONE, 15, ["Q"]),
    ],
)
def test_the_place_of_a_digit_counts(qapp, key, modifiers, place, expected):
    assert texts(key, modifiers, FIRST[sys.platform] + place - 1) == expected
