"""Our actions in napari's command palette (Ctrl+Shift+P)."""

from __future__ import annotations

from typing import TYPE_CHECKING
from weakref import WeakValueDictionary, ref

from app_model import Application
from app_model.expressions import get_context, parse_expression
from app_model.types import Action
from napari import current_viewer

from napari_annotate_jobs.widgets import ACTIONS

from ._settings import PLUGIN

if TYPE_CHECKING:
    from collections.abc import Callable

    import napari

__all__ = ["Palette", "command_id"]

NAPARI = "napari"
"""What napari calls its application."""
_OPEN: WeakValueDictionary[int, Palette] = WeakValueDictionary()
"""The palette of each viewer with an open job."""


def command_id(action_id: str) -> str:
    """Return what napari calls one of our actions."""
    return f"{PLUGIN}.{action_id}"


def _key(action_id: str) -> str:
    """Return what napari's context calls whether an action applies."""
    return f"annotate_jobs_{action_id}"


class Palette:
    """Lets the actions of an open job be found by typing.

    They are listed once for all viewers of the process, as napari has one list; each
    is done in the viewer that is current, and is grey where it does not apply there.

    Parameters
    ----------
    viewer : napari.Viewer
        Where the job is open.
    do : callable
        Does the action of an id.
    applies : callable
        Returns whether an action can be done now. Asked when the palette is shown.
    """

    def __init__(
        self,
        viewer: napari.Viewer,
        do: Callable[[str], object],
        applies: Callable[[str], bool],
    ) -> None:
        self._viewer, self._do, self._applies = viewer, do, applies
        _list_all()
        _OPEN[id(viewer)] = self
        context = get_context(viewer.layers)
        if context is not None:
            with context.buffered_changes():
                for action in ACTIONS:
                    context[_key(action.id)] = _asks(ref(self), action.id)

    def do(self, action_id: str) -> None:
        """Do an action, as its key would."""
        self._do(action_id)

    def applies(self, action_id: str) -> bool:
        """Return whether an action can be done now."""
        return self._applies(action_id)

    def close(self) -> None:
        """Offer nothing any more in this viewer."""
        if _OPEN.get(id(self._viewer)) is self:
            del _OPEN[id(self._viewer)]
        context = get_context(self._viewer.layers)
        if context is not None:
            with context.buffered_changes():
                for action in ACTIONS:
                    context.pop(_key(action.id), None)


def _asks(held: ref[Palette], action_id: str) -> Callable[[], bool]:
    # napari calls what it finds in a context when it needs the value. The context
    # outlives the window: it must not keep the job.
    def applies() -> bool:
        palette = held()
        return palette is not None and palette.applies(action_id)

    return applies


def _does(action_id: str) -> Callable[[], None]:
    def do_it() -> None:
        palette = _OPEN.get(id(current_viewer()))
        if palette is not None:
            palette.do(action_id)

    return do_it


def _list_all() -> None:
    """List our actions in napari's palette, if they are not there yet."""
    app = Application.get_app(NAPARI)
    if app is None:
        return
    listed = app.registered_actions
    new = [action for action in ACTIONS if command_id(action.id) not in listed]
    # told of each of them, napari's palette looks through all there are
    with app.menus.menus_changed.paused(_together):
        app.register_actions(
            Action(
                id=command_id(action.id),
                title=action.text,
                tooltip=action.tip or action.text,
                callback=_does(action.id),
                enablement=parse_expression(_key(action.id)),
            )
            for action in new
        )


def _together(one: tuple[set[str]], other: tuple[set[str]]) -> tuple[set[str]]:
    """Join what two emissions say of menus that changed."""
    return (one[0] | other[0],)
