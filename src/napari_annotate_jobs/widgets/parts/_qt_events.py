"""Events as what they are, where the Python object says otherwise."""

from __future__ import annotations

from functools import cache
from importlib import import_module
from typing import Any, TypeVar, cast

from qtpy import API_NAME
from qtpy.QtCore import QEvent
from qtpy.QtGui import QFocusEvent, QHelpEvent, QKeyEvent, QMouseEvent

__all__ = ["event_as"]

E = TypeVar("E", bound=QEvent)

_TYPES: dict[type[QEvent], frozenset[QEvent.Type]] = {
    QKeyEvent: frozenset(
        {QEvent.Type.KeyPress, QEvent.Type.KeyRelease, QEvent.Type.ShortcutOverride}
    ),
    QFocusEvent: frozenset({QEvent.Type.FocusIn, QEvent.Type.FocusOut}),
    QHelpEvent: frozenset({QEvent.Type.ToolTip, QEvent.Type.WhatsThis}),
    QMouseEvent: frozenset(
        {
            QEvent.Type.MouseMove,
            QEvent.Type.MouseButtonPress,
            QEvent.Type.MouseButtonRelease,
            QEvent.Type.MouseButtonDblClick,
        }
    ),
}


def event_as(event: QEvent, kind: type[E]) -> E | None:
    """Return an event as one of a kind, if it is one.

    To be asked instead of `isinstance` wherever an event comes as a plain
    :class:`QEvent`: in event filters, and in `event`. Qt makes most events on the
    stack, and PyQt finds the Python object of an event by its address. As long as
    somebody holds on to one, as vispy does to the last press of the mouse, whatever
    event comes to lie there later has that object: a key that is pressed is a
    :class:`QMouseEvent` by its class, and only its type tells.

    Parameters
    ----------
    event : QEvent
        As it came.
    kind : type
        QKeyEvent, QFocusEvent, QHelpEvent or QMouseEvent.
    """
    if isinstance(event, kind):
        return event
    sip = _sip()
    if sip is None or event.type() not in _TYPES[kind]:
        return None
    return cast("E", sip.wrapinstance(sip.unwrapinstance(event), kind))


@cache
def _sip() -> Any:
    """Return what casts objects of PyQt; PySide keeps its events apart."""
    return import_module(f"{API_NAME}.sip") if API_NAME.startswith("PyQt") else None
