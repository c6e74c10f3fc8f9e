"""Mouse gestures on the canvas: window, zoom, and what the wheel does."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from napari.components.overlays import BrushCircleOverlay

from napari_annotate_jobs.session import Connected, Connections

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator

    from napari.components import ViewerModel

    from napari_annotate_jobs.session import AnnotationSession

__all__ = ["MouseTools"]

LEFT, RIGHT = 1, 2
STILL = 3.0
"""A press that moves less, in pixels of the screen, is a click."""


class MouseTools(Connected):
    """Right drag sets the window; Ctrl+right drag, or the zoom tool, zooms.

    A right click that does not move asks what can be done there.

    The wheel zooms as in napari, or steps through the slices as in radiology
    viewers; with Alt it does the other.

    Parameters
    ----------
    viewer : ViewerModel
        Whose canvas it is.
    session : AnnotationSession
        Whose window and slice are changed.
    wheel_steps : bool
        What the wheel does without Alt.
    on_stroke : callable
        Called with True when a left drag begins and with False when it ends.
    on_menu : callable
        Called at a right click, with its place in the world and on the canvas.

    Attributes
    ----------
    go_case : callable or None
        Goes to the next (1) or previous (-1) case at a turn of the wheel with Alt,
        in place of what that does else.
    """

    def __init__(
        self,
        viewer: ViewerModel,
        session: AnnotationSession,
        *,
        wheel_steps: bool = False,
        on_stroke: Callable[[bool], None] = lambda began: None,
        on_menu: Callable[[Any, Any], None] = lambda position, pos: None,
    ) -> None:
        self._viewer = viewer
        self._session = session
        self._on_stroke, self._on_menu = on_stroke, on_menu
        self.wheel_steps = wheel_steps
        self.go_case: Callable[[int], object] | None = None
        self.zoom_tool = False
        self._wheel = 0.0
        self._connections = Connections()
        # First of all, so that a gesture of ours is not napari's too.
        self._connections.insert(viewer.mouse_drag_callbacks, self._on_drag)
        self._connections.insert(viewer.mouse_wheel_callbacks, self._on_wheel)
        self._take_alt_wheel(viewer.mouse_wheel_callbacks)
        for overlay in viewer.canvas.overlays.values():
            # napari draws a box behind the brush, and goes on when the brush is
            # gone, which can crash the graphics driver.
            if isinstance(overlay, BrushCircleOverlay):
                overlay.box = False

    def _take_alt_wheel(self, callbacks: list[Any]) -> None:
        """Alt+wheel is ours while a case is open: napari would change the layer."""
        for callback in list(callbacks):
            if getattr(callback, "__name__", "") == "layers_scroll":
                place = callbacks.index(callback)
                callbacks.remove(callback)
                self._connections.on_release(partial(callbacks.insert, place, callback))

    def _on_drag(self, viewer: ViewerModel, event: Any) -> Iterator[None]:
        if not self._session.is_open or self._session.is_moving:
            return
        zooms = event.button == RIGHT and "Control" in event.modifiers
        zooms |= event.button == LEFT and self.zoom_tool and not event.modifiers
        if zooms:
            yield from self._drag(event, self._zoom)
        elif event.button == RIGHT and not event.modifiers:
            place = tuple(event.position), tuple(event.pos)
            moved = yield from self._drag(event, self._set_window)
            if not moved:
                self._on_menu(*place)
        elif event.button == LEFT and not event.handled:
            self._on_stroke(True)
            yield
            while event.type == "mouse_move":
                yield
            self._on_stroke(False)

    def _drag(
        self, event: Any, move: Callable[[float, float], None]
    ) -> Generator[None, None, bool]:
        """Follow a drag; return False if it was a click."""
        event.handled = True
        camera = self._viewer.scene.camera
        pan, zoom = camera.mouse_pan, camera.mouse_zoom
        # The active layer must not draw, nor the camera move, with this drag.
        layer = self._viewer.layers.selection.active
        callbacks = [] if layer is None else layer.mouse_drag_callbacks
        held, callbacks[:] = list(callbacks), []
        camera.mouse_pan = camera.mouse_zoom = False
        x, y = event.pos
        moved = False
        try:
            yield
            callbacks[:] = [*held, *callbacks]
            held = []
            while event.type == "mouse_move":
                new_x, new_y = event.pos
                moved |= max(abs(new_x - x), abs(new_y - y)) >= STILL
                if moved:
                    move(new_x - x, new_y - y)
                    x, y = new_x, new_y
                event.handled = True
                yield
        finally:
            if held:
                callbacks[:] = [*held, *callbacks]
            now = self._viewer.layers.selection.active
            if now is not layer:  # another layer's tool, or none, decides now
                pan = now is None or now.mouse_pan
                zoom = now is None or now.mouse_zoom
            camera.mouse_pan, camera.mouse_zoom = pan, zoom
        return moved

    def _set_window(self, right: float, down: float) -> None:
        window = self._session.window
        if window is not None:
            self._session.window = window.dragged(right, down)

    def _zoom(self, right: float, down: float) -> None:
        self._viewer.scene.camera.zoom *= 1.01 ** (-down)

    def _on_wheel(self, viewer: ViewerModel, event: Any) -> None:
        session = self._session
        if not session.is_open or session.is_moving or viewer.dims.ndisplay != 2:
            return
        modifiers = set(event.modifiers)
        if modifiers - {"Alt"}:
            return
        if modifiers and self.go_case is not None:
            event.handled = True
            step = self._turned(event)
            if step:
                self.go_case(1 if step > 0 else -1)
            return
        if ("Alt" in modifiers) == self.wheel_steps:
            if modifiers:  # napari would step through the layers
                self._viewer.scene.camera.zoom *= 1.1 ** sum(event.delta)
                event.handled = True
            return
        event.handled = True
        steps = self._turned(event)
        if steps:
            self._step(steps)

    def _turned(self, event: Any) -> int:
        """Return by how many whole notches the wheel was turned since, down is on."""
        # With Alt, some systems turn the wheel's axis.
        self._wheel -= sum(event.delta)
        steps = int(self._wheel)
        self._wheel -= steps
        return steps

    def _step(self, steps: int) -> None:
        """Step through what is shown: the slices, or another plane's neighbours."""
        dims = self._viewer.dims
        across = [axis for axis in dims.not_displayed if axis > dims.ndim - 3]
        if across:
            axis = across[0]
            dims.set_current_step(axis, dims.current_step[axis] + steps)
        else:
            self._session.slice += steps
