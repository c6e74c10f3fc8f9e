"""What the brush can do beside painting: trace and fill, keep within a range."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np
from psygnal import Signal

from napari_annotate_jobs.session import Connected, Connections

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from napari.components import ViewerModel
    from napari.layers import Labels
    from numpy.typing import NDArray

    from ._masks import MaskLayer

__all__ = ["BrushOptions", "BrushTool"]

LEFT = 1
STROKES = frozenset({"paint", "erase"})


class BrushOptions:
    """How the brush paints, for all cases of a job.

    Attributes
    ----------
    trace : bool
        A drag outlines an object: let go of, the outline closes and is filled.
    limits : (float, float) or None
        Only pixels with these values of the image, ends included, are painted.
    erase_chosen : bool
        The eraser takes pixels of the chosen label alone.
    """

    changed = Signal()
    """Something was chosen."""

    def __init__(self) -> None:
        self.trace = False
        self.limits: tuple[float, float] | None = None
        self.erase_chosen = False

    def set(self, **chosen: Any) -> None:
        """Choose some of it."""
        for name, value in chosen.items():
            setattr(self, name, value)
        self.changed.emit()


class BrushTool(Connected):
    """Carries the options of the brush out on the masks of one case.

    Parameters
    ----------
    viewer : ViewerModel
        On whose canvas is painted.
    masks : mapping of str to MaskLayer
        The masks by overlap group.
    options : BrushOptions
        How the brush paints.
    plane : callable
        Returns the values of a slice as it is shown, shape (rows, columns); None
        while they are not known.
    is_busy : callable
        Returns True while another tool has the left button.
    """

    def __init__(
        self,
        viewer: ViewerModel,
        masks: Mapping[str, MaskLayer],
        options: BrushOptions,
        *,
        plane: Callable[[int], Any],
        is_busy: Callable[[], bool],
    ) -> None:
        self._viewer, self._masks, self._options = viewer, masks, options
        self._plane, self._is_busy = plane, is_busy
        self._theirs: dict[Labels, bool] = {}
        self._connections = Connections([(options.changed, self._follow_modes)])
        # Before the stroke is taken, which is the next in line.
        self._connections.insert(viewer.mouse_drag_callbacks, self._on_drag)
        for mask in masks.values():
            self._connections.connect(mask.layer.events.mode, self._follow_modes)
        self._follow_modes()

    # --------------------------------------------------------------- erasing
    def _follow_modes(self) -> None:
        """Let napari spare other labels while its eraser is to take one alone."""
        for mask in self._masks.values():
            layer = mask.layer
            wanted = self._options.erase_chosen and layer.mode == "erase"
            if wanted and layer not in self._theirs:
                self._theirs[layer] = layer.preserve_labels
                layer.preserve_labels = True
            elif not wanted and layer in self._theirs:
                layer.preserve_labels = self._theirs.pop(layer)

    # -------------------------------------------------------------- painting
    def _on_drag(self, viewer: ViewerModel, event: Any) -> Iterator[None]:
        active = viewer.layers.selection.active
        mask = next((m for m in self._masks.values() if m.layer is active), None)
        options, shift = self._options, set(event.modifiers) == {"Shift"}
        plain = event.button == LEFT and (not event.modifiers or shift)
        if mask is None or not plain or event.handled or self._is_busy():
            return
        layer = mask.layer
        if not layer.editable or layer.mode not in STROKES or viewer.dims.ndisplay != 2:
            return
        allowed = self._allowed() if layer.mode == "paint" else None
        if options.trace:
            yield from self._trace(mask, event, erase=shift, allowed=allowed)
        elif allowed is not None and not shift:
            yield
            while event.type == "mouse_move":
                mask.restrict(allowed)
                yield
            mask.restrict(allowed)

    def _allowed(self) -> Callable[[int], NDArray[np.bool_] | None] | None:
        """Return what tells which pixels of a slice may be painted; None for all."""
        limits = self._options.limits
        if limits is None:
            return None

        def allowed(index: int) -> NDArray[np.bool_] | None:
            values = self._plane(index)
            if values is None or np.ndim(values) != 2:
                return None  # not read yet, or in colour
            inside: NDArray[np.bool_] = (values >= limits[0]) & (values <= limits[1])
            return inside

        return allowed

    def _trace(
        self,
        mask: MaskLayer,
        event: Any,
        *,
        erase: bool,
        allowed: Callable[[int], NDArray[np.bool_] | None] | None,
    ) -> Iterator[None]:
        """Follow an outline, close it, and fill or erase what it holds."""
        layer = mask.layer
        with self._thin(layer, erase):
            places = [layer.world_to_data(event.position)]
            yield
            while event.type == "mouse_move":
                places.append(layer.world_to_data(event.position))
                yield
            points = np.round(places).astype(int)
            value = 0 if layer.mode == "erase" else layer.selected_label
            if len(points) > 2:
                layer.paint_polygon(points, value)
            if allowed is not None and value:
                mask.restrict(allowed)

    @contextmanager
    def _thin(self, layer: Labels, erase: bool) -> Iterator[None]:
        """Let the outline be drawn one pixel wide, as the rest of the stroke."""
        size, mode = layer.brush_size, layer.mode
        layer.brush_size = 1
        if erase:
            layer.mode = "erase"
        try:
            yield
        finally:
            layer.brush_size = size
            if erase and layer.mode == "erase":
                layer.mode = mode
