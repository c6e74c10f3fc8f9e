"""Colours for what is painted by hand, to look right in every napari theme."""

from __future__ import annotations

import re
from dataclasses import dataclass, fields
from functools import cache
from typing import TYPE_CHECKING, Protocol, runtime_checkable

from qtpy.QtCore import QObject

from napari_annotate_jobs.errors import InvalidValueError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Self

__all__ = [
    "Colors",
    "contrast_ratio",
    "contrast_text",
    "focus_ring",
    "focus_style",
    "main_button_style",
    "mixed",
    "paint_in",
    "readable",
]

_HEX = re.compile(r"#[0-9a-fA-F]{6}\Z")
_RGB = re.compile(r"rgba?\(\s*(\d+)\s*,\s*(\d+)\s*,\s*(\d+)")


@dataclass(frozen=True)
class Colors:
    """The colours of a theme, each as ``#rrggbb``.

    Parameters
    ----------
    background : str
        Behind everything.
    foreground : str
        Behind parts that are set off from the background.
    text : str
        Of writing and lines that matter.
    secondary : str
        Of lines that hold back.
    highlight : str
        Behind what the mouse is over.
    current : str
        Of what is chosen.
    warning, error : str
        Of what needs a look, and of what went wrong.

    Raises
    ------
    InvalidValueError
        If a colour is not written as ``#rrggbb``.
    """

    background: str
    foreground: str
    text: str
    secondary: str
    highlight: str
    current: str
    warning: str
    error: str

    def __post_init__(self) -> None:
        for field in fields(self):
            _channels(getattr(self, field.name))

    @classmethod
    def dark(cls) -> Self:
        """Return the colours of napari's dark theme."""
        return cls(
            background="#23242b",
            foreground="#2e333e",
            text="#f0f1f2",
            secondary="#565f6c",
            highlight="#61696e",
            current="#4560c4",
            warning="#e3b617",
            error="#99121f",
        )

    @classmethod
    def light(cls) -> Self:
        """Return the colours of napari's light theme."""
        return cls(
            background="#ebe7e6",
            foreground="#dddad8",
            text="#1e1e21",
            secondary="#b4b2af",
            highlight="#afacaa",
            current="#a0b8ff",
            warning="#e3b617",
            error="#ff121f",
        )

    @classmethod
    def from_theme(cls, theme: Mapping[str, str]) -> Self:
        """Return the colours of any theme.

        Parameters
        ----------
        theme : mapping of str to str
            Colour by name, as ``#rrggbb`` or ``rgb(r, g, b)``; names that are
            not needed are left aside.

        Raises
        ------
        InvalidValueError
            If a colour is missing or written otherwise.
        """
        found = {}
        for field in fields(cls):
            text = str(theme.get(field.name, ""))
            match = _RGB.match(text)
            if match:
                text = _hex([int(part) for part in match.groups()])
            found[field.name] = text
        return cls(**found)

    @property
    def is_dark(self) -> bool:
        """True if light text stands on a dark background."""
        return _luminance(self.background) < _luminance(self.text)

    @property
    def error_text(self) -> str:
        """The error colour, made readable on the background."""
        return readable(self.error, self.background)

    @property
    def warning_text(self) -> str:
        """The warning colour, made readable on the background."""
        return readable(self.warning, self.background)

    @property
    def faint_text(self) -> str:
        """For writing that holds back, readable on the background."""
        return readable(mixed(self.text, self.background, 0.4), self.background)


@runtime_checkable
class _Painted(Protocol):
    """Paints itself, and only itself, in the colours of a theme."""

    def set_colors(self, colors: Colors) -> None: ...


def paint_in(root: QObject, colors: Colors) -> None:
    """Show a widget, and all that is in it, in the colours of a theme.

    Each part has a method ``set_colors`` if it has colours of its own; what is inside
    is painted first.

    Parameters
    ----------
    root : QObject
        The widget.
    colors : Colors
        Of the theme.
    """
    parts = [root, *root.findChildren(QObject)]
    # Hundreds of parts are of few kinds, and to ask a protocol takes its time.
    kinds = set(map(type, parts))
    painted: set[type] = {kind for kind in kinds if issubclass(kind, _Painted)}
    for part in reversed(parts):
        if type(part) in painted:
            part.set_colors(colors)


def contrast_ratio(first: str, second: str) -> float:
    """Return the contrast of two colours, from 1 (none) to 21.

    The formula is that of WCAG 2.1, "contrast ratio".
    """
    one, two = sorted((_luminance(first), _luminance(second)))
    return (two + 0.05) / (one + 0.05)


def contrast_text(color: str) -> str:
    """Return black or white, whichever is easier to read on `color`."""
    return max("#000000", "#ffffff", key=lambda text: contrast_ratio(text, color))


def mixed(first: str, second: str, share: float) -> str:
    """Return `first` mixed with a `share` (0 to 1) of `second`."""
    pairs = zip(_channels(first), _channels(second), strict=True)
    return _hex([round(a + (b - a) * share) for a, b in pairs])


@cache
def readable(color: str, background: str, ratio: float = 4.5) -> str:
    """Move `color` away from `background` until it can be read on it.

    Parameters
    ----------
    color, background : str
        ``#rrggbb``.
    ratio : float
        Least contrast; WCAG 2.1 wants 4.5 for text and 3 for symbols.
    """
    away = contrast_text(background)
    for step in range(11):
        moved = mixed(color, away, step / 10)
        if contrast_ratio(moved, background) >= ratio:
            return moved
    return away


def focus_style(colors: Colors) -> str:
    """Return a style sheet that shows which button has the keyboard."""
    return (
        "QToolButton, QPushButton { border: 1px solid transparent; padding: 2px 5px; }"
        f"QToolButton:focus, QPushButton:focus {{ border: 1px solid {colors.text}; }}"
    )


def focus_ring(colors: Colors) -> str:
    """Return a style sheet that shows what in a dock has the keyboard."""
    kinds = ("QPushButton", "QToolButton", "QComboBox", "QTreeView", "QListView")
    rings = ", ".join(f"{kind}:focus" for kind in kinds)
    marks = "QCheckBox:focus, QRadioButton:focus"
    return (
        f"{rings} {{ border: 1px solid {colors.text}; }}"
        f"{marks} {{ text-decoration: underline; }}"
    )


def main_button_style(colors: Colors) -> str:
    """Return a style sheet for the one button that does what a view is for."""
    ink = contrast_text(colors.current)
    off = mixed(colors.foreground, colors.text, 0.3)
    return (
        f"QPushButton {{ background-color: {colors.current}; color: {ink}; "
        "border: 1px solid transparent; padding: 4px; font-weight: bold; }"
        f"QPushButton:hover {{ border: 1px solid {colors.highlight}; }}"
        f"QPushButton:focus {{ border: 1px solid {colors.text}; }}"
        f"QPushButton:disabled {{ background-color: {colors.foreground}; "
        f"color: {off}; }}"
    )


def _channels(color: str) -> tuple[int, int, int]:
    if not _HEX.match(color):
        raise InvalidValueError(
            f"{color!r} is not a colour", remedy="Write colours as #rrggbb"
        )
    value = int(color[1:], 16)
    return value >> 16, value >> 8 & 255, value & 255


def _hex(channels: list[int]) -> str:
    return "#" + "".join(f"{min(max(value, 0), 255):02x}" for value in channels)


def _luminance(color: str) -> float:
    """Return the relative luminance (WCAG 2.1), 0 to 1."""
    linear = [
        c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4
        for c in (value / 255 for value in _channels(color))
    ]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
