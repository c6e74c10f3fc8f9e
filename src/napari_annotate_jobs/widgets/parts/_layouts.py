"""Rows and columns of widgets, written as what they hold."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from qtpy.QtWidgets import QBoxLayout, QHBoxLayout, QLayout, QVBoxLayout, QWidget

if TYPE_CHECKING:
    from qtpy.QtCore import Qt

    Item = QWidget | QLayout
    Part = Item | int | tuple[Item, int] | tuple[Item, int, Qt.AlignmentFlag]

__all__ = ["column_of", "row_of"]


def row_of(
    *parts: Part,
    parent: QWidget | None = None,
    spacing: int | None = None,
    margins: int | tuple[int, int, int, int] | None = None,
) -> QHBoxLayout:
    """Return a layout with parts side by side.

    Parameters
    ----------
    *parts : QWidget, QLayout, tuple or int
        From left to right; a tuple gives how much a part stretches, and how it is
        aligned; a number is empty room that stretches so much.
    parent : QWidget, optional
        Gets the layout.
    spacing : int, optional
        Pixels between parts; the style's by default.
    margins : int or (int, int, int, int), optional
        Pixels around them: left, top, right, bottom; the style's by default.
    """
    layout = QHBoxLayout() if parent is None else QHBoxLayout(parent)
    _fill(layout, parts, spacing, margins)
    return layout


def column_of(
    *parts: Part,
    parent: QWidget | None = None,
    spacing: int | None = None,
    margins: int | tuple[int, int, int, int] | None = None,
) -> QVBoxLayout:
    """Return a layout with parts below one another; see :func:`row_of`."""
    layout = QVBoxLayout() if parent is None else QVBoxLayout(parent)
    _fill(layout, parts, spacing, margins)
    return layout


def _fill(
    layout: QBoxLayout,
    parts: tuple[Part, ...],
    spacing: int | None,
    margins: int | tuple[int, int, int, int] | None,
) -> None:
    if margins is not None:
        sides = (margins,) * 4 if isinstance(margins, int) else margins
        layout.setContentsMargins(*sides)
    if spacing is not None:
        layout.setSpacing(spacing)
    for part in parts:
        if isinstance(part, int):
            layout.addStretch(part)
            continue
        how: tuple[Any, ...] = part if isinstance(part, tuple) else (part,)
        if isinstance(how[0], QLayout):
            layout.addLayout(*how)
        else:
            layout.addWidget(*how)
