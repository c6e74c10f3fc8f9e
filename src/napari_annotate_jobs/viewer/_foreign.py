"""Layers that are not the case's: the user's own, other plugins', dropped files."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary, WeakSet

from napari.layers import Labels
from psygnal import Signal

from napari_annotate_jobs.model import Method
from napari_annotate_jobs.session import Connections

if TYPE_CHECKING:
    from napari.components import ViewerModel
    from napari.layers import Layer

    from napari_annotate_jobs.model import Label
    from napari_annotate_jobs.session import AnnotationSession

__all__ = ["ForeignLayers", "quoted"]

IDLE = ("pan_zoom", "transform", "pick")
"""Tools with which nothing is drawn."""


def quoted(layers: list[Layer]) -> str:
    """Return the names of layers, to be read in a sentence."""
    names = [f"“{layer.name}”" for layer in layers]
    if len(names) > 3:
        names[3:] = [f"{len(names) - 3} more"]
    return " and ".join([", ".join(names[:-1]), names[-1]] if names[1:] else names)


class ForeignLayers:
    """Watches the layers that nobody saves, and sets them aside with their case.

    Parameters
    ----------
    viewer : ViewerModel
        Where they are.
    session : AnnotationSession
        Whose cases they are not part of.
    """

    changed = Signal()
    """Another layer, or another tool of one, is at hand."""

    def __init__(self, viewer: ViewerModel, session: AnnotationSession) -> None:
        self._viewer, self._session = viewer, session
        # By identity: a copy of a layer of ours has all that it tells of itself.
        self._ours: WeakSet[Layer] = WeakSet()
        self._homes: WeakKeyDictionary[Layer, str] = WeakKeyDictionary()
        self._hidden: WeakSet[Layer] = WeakSet()
        self._told: WeakSet[Layer] = WeakSet()
        self._modes: WeakKeyDictionary[Layer, Connections] = WeakKeyDictionary()
        self._connections = Connections()
        layers = viewer.layers
        self._connections.connect(layers.selection.events.active, self._on_active)
        self._connections.connect(layers.events.inserted, self._on_inserted)
        self._connections.connect(layers.events.removed, self._on_removed)

    def claim(self, layer: Layer) -> None:
        """Take a layer for one of ours; before it is added to the viewer."""
        self._ours.add(layer)

    @property
    def layers(self) -> list[Layer]:
        """Those that are in the viewer now."""
        return [layer for layer in self._viewer.layers if layer not in self._ours]

    @property
    def drawn_on(self) -> Layer | None:
        """The one that a drawing tool is ready for; None if there is none."""
        active = self._viewer.layers.selection.active
        if active is None or active in self._ours:
            return None
        return None if str(getattr(active, "mode", IDLE[0])) in IDLE else active

    @property
    def right_label(self) -> Label | None:
        """The label to draw with instead; None if there is none to draw with."""
        layer, session = self.drawn_on, self._session
        if layer is None or session.locked:
            return None
        labels = session.job.project.label_set
        methods = [Method.SEGMENTATION, Method.DETECTION]
        if not isinstance(layer, Labels):
            methods.reverse()
        for method in methods:
            if session.label in labels.of(method):
                return session.label
            if labels.of(method):
                return labels.of(method)[0]
        return None

    def is_first_stroke(self, layer: Layer) -> bool:
        """Return True when asked for the first time about a layer."""
        first = layer not in self._told
        self._told.add(layer)
        return first

    # ------------------------------------------------------------ setting aside
    def set_aside(self, case_id: str) -> list[Layer]:
        """Hide what was added while another case was open; return these.

        What was hidden with the case that is opened now is shown again.
        """
        gone = []
        for layer in self.layers:
            if self._homes.setdefault(layer, "") == case_id:
                if layer in self._hidden:
                    self._show(layer)
            elif layer.visible:
                layer.visible = False
                self._hidden.add(layer)
                gone.append(layer)
        return gone

    def show_again(self, layers: list[Layer], case_id: str) -> None:
        """Show layers with a case, as those that were added while it was open."""
        for layer in layers:
            self._homes[layer] = case_id
            self._show(layer)

    def _show(self, layer: Layer) -> None:
        self._hidden.discard(layer)
        layer.visible = True

    # ---------------------------------------------------------------- watching
    def _on_active(self) -> None:
        self.changed.emit()

    def _on_inserted(self, event: Any) -> None:
        layer, case = event.value, self._session.case
        if layer in self._ours:
            return
        self._homes.setdefault(layer, "" if case is None else case.row.case.id)
        if hasattr(layer.events, "mode"):
            mode = self._modes[layer] = Connections()
            mode.connect(layer.events.mode, self._on_active)

    def _on_removed(self, event: Any) -> None:
        if event.value in self._modes:
            self._modes.pop(event.value).release()

    def close(self) -> None:
        """Show what was hidden, and let go of all."""
        self._connections.release()
        for layer, mode in list(self._modes.items()):
            mode.release()
            del self._modes[layer]
        for layer in [x for x in self.layers if x in self._hidden]:
            self._show(layer)
