"""A click in the image that names a pixel."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from napari_annotate_jobs.session import Connections

from ._geometry import index_at

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from napari.components import ViewerModel
    from napari.layers import Layer

__all__ = ["PointPicker", "held_drag"]

LEFT = 1


class PointPicker:
    """Lets the next click name a pixel, instead of what it does otherwise.

    Parameters
    ----------
    viewer : ViewerModel
        On whose canvas is clicked.
    image : callable
        Returns the layer whose pixels are named; None while there is none.
    """

    def __init__(self, viewer: ViewerModel, image: Callable[[], Layer | None]) -> None:
        self._viewer = viewer
        self._image = image
        self._then: Callable[[int, int, int], None] | None = None
        self._connections, self._others = Connections(), Connections()
        self._connections.insert(viewer.mouse_drag_callbacks, self._on_press)

    @property
    def is_on(self) -> bool:
        """True while it waits for a click."""
        return self._then is not None

    def hear_also(self, others: Iterable[ViewerModel]) -> None:
        """Take clicks in these viewers, too, which show the same image."""
        self._others.release()
        for viewer in others:
            self._others.insert(viewer.mouse_drag_callbacks, self._on_press)

    def start(self, then: Callable[[int, int, int], None]) -> None:
        """Wait for a click; `then` takes its slice, row and column."""
        self._then = then

    def stop(self) -> None:
        """Wait no more."""
        self._then = None

    def _on_press(self, viewer: ViewerModel, event: Any) -> Iterator[None]:
        layer = self._image()
        if self._then is None or layer is None:
            return
        if event.button != LEFT or event.modifiers:
            return
        point = index_at(layer, event.position)
        yield from held_drag(viewer, event)
        index, row, column = (round(i) for i in point)
        shape = layer.data.shape[layer.ndim - 3 : layer.ndim]
        inside = all(
            0 <= i < n for i, n in zip((index, row, column), shape, strict=True)
        )
        if inside and self._then is not None:
            self._then(index, row, column)

    def close(self) -> None:
        """Release the mouse."""
        self._then = None
        self._others.release()
        self._connections.release()


def held_drag(
    viewer: ViewerModel, event: Any, move: Callable[[], object] = lambda: None
) -> Iterator[None]:
    """Let a drag be ours: neither does the active layer draw, nor the camera move.

    Parameters
    ----------
    viewer : ViewerModel
        On whose canvas is dragged.
    event : Event
        The press, which becomes each of the moves.
    move : callable
        Called for each move.
    """
    event.handled = True
    active = viewer.layers.selection.active
    callbacks = [] if active is None else active.mouse_drag_callbacks
    held, callbacks[:] = list(callbacks), []
    pan = viewer.scene.camera.mouse_pan
    viewer.scene.camera.mouse_pan = False
    try:
        yield
        callbacks[:] = [*held, *callbacks]
        held = []
        while event.type == "mouse_move":
            event.handled = True
            move()
            yield
    finally:
        if held:
            callbacks[:] = [*held, *callbacks]
        viewer.scene.camera.mouse_pan = pan
