"""A click in the image that names a pixel."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from napari_annotate_jobs.session import Connections

from ._geometry import index_at

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from napari.components import ViewerModel
    from napari.layers import Layer

__all__ = ["PointPicker"]

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
        self._connections = Connections()
        self._connections.insert(viewer.mouse_drag_callbacks, self._on_press)

    @property
    def is_on(self) -> bool:
        """True while it waits for a click."""
        return self._then is not None

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
        event.handled = True
        # The active layer must not draw with this click.
        active = viewer.layers.selection.active
        callbacks = [] if active is None else active.mouse_drag_callbacks
        held, callbacks[:] = list(callbacks), []
        pan = viewer.scene.camera.mouse_pan
        viewer.scene.camera.mouse_pan = False
        point = index_at(layer, event.position)
        try:
            yield
            callbacks[:] = [*held, *callbacks]
            held = []
            while event.type == "mouse_move":
                yield
        finally:
            if held:
                callbacks[:] = [*held, *callbacks]
            viewer.scene.camera.mouse_pan = pan
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
        self._connections.release()
