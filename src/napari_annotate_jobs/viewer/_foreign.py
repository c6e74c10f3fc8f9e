"""Layers that are not the case's: the user's own, other plugins', dropped files."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary, WeakSet, ref

from napari.layers import Labels
from psygnal import Signal

from napari_annotate_jobs.model import Method
from napari_annotate_jobs.session import Connections

if TYPE_CHECKING:
    from napari.components import ViewerModel
    from napari.layers import Layer

    from napari_annotate_jobs.model import Label
    from napari_annotate_jobs.session import AnnotationSession

__all__ = ["ForeignLayers"]

IDLE = ("pan_zoom", "transform", "pick")
"""Tools with which nothing is drawn."""


class ForeignLayers:
    """Watches the layers that nobody saves, and sets them aside with their case.

    A layer is at home in the case that was open when it was added. In any other case
    it is hidden, and kept in the list, unless the user would rather see it: that is
    asked for once, and until it is answered such layers are hidden.

    Parameters
    ----------
    viewer : ViewerModel
        Where they are.
    session : AnnotationSession
        Whose cases they are not part of.
    """

    changed = Signal()
    """Another layer, or another tool of one, is at hand."""
    aside_changed = Signal()
    """Other layers are hidden, or shown, that are not of the open case."""

    def __init__(self, viewer: ViewerModel, session: AnnotationSession) -> None:
        self._viewer, self._session = viewer, session
        # By identity: a copy of a layer of ours has all that it tells of itself.
        self._ours: WeakSet[Layer] = WeakSet()
        self._homes: WeakKeyDictionary[Layer, str] = WeakKeyDictionary()
        self._wanted: WeakKeyDictionary[Layer, set[str]] = WeakKeyDictionary()
        self._hidden: WeakSet[Layer] = WeakSet()
        self._told: WeakSet[Layer] = WeakSet()
        self._watched: WeakKeyDictionary[Layer, Connections] = WeakKeyDictionary()
        self._keep: bool | None = None
        self._acting = False
        self._connections = Connections()
        layers = viewer.layers
        self._connections.connect(layers.selection.events.active, self._on_active)
        self._connections.connect(layers.events.inserted, self._on_inserted)
        self._connections.connect(layers.events.removed, self._on_removed)
        for layer in layers:
            self._watch(layer)

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
            if offered := labels.offered(method):
                return offered[0]
        return None

    def is_first_stroke(self, layer: Layer) -> bool:
        """Return True when asked for the first time about a layer."""
        first = layer not in self._told
        self._told.add(layer)
        return first

    # ------------------------------------------------------------ setting aside
    @property
    def keep(self) -> bool | None:
        """If True, they stay shown at a change of case; None until that is answered.

        Set, it holds for the open case at once.
        """
        return self._keep

    @keep.setter
    def keep(self, keep: bool | None) -> None:
        self._keep = keep
        if keep is False:
            for layer in self.shown:
                self._wanted.pop(layer, None)
        self.set_aside()

    @property
    def hidden(self) -> list[Layer]:
        """Those that are hidden because they are not of the open case."""
        return [layer for layer in self._strangers if layer in self._hidden]

    @property
    def shown(self) -> list[Layer]:
        """Those that are shown although they are not of the open case."""
        return [layer for layer in self._strangers if layer.visible]

    @property
    def is_asked_for(self) -> bool:
        """True if layers are hidden, and nobody has said yet whether they are to be."""
        return self._keep is None and bool(self.hidden)

    @property
    def _case_id(self) -> str:
        case = self._session.case
        return "" if case is None else case.row.case.id

    @property
    def _strangers(self) -> list[Layer]:
        here = self._case_id
        return [x for x in self.layers if here and self._homes.get(x, "") != here]

    def set_aside(self) -> None:
        """Hide what is not of the open case, and show again what is.

        While no case is open, all is shown that was hidden.
        """
        here, strangers = self._case_id, self._strangers
        for layer in self.layers:
            if layer not in strangers or here in self._wanted.get(layer, ()):
                is_wanted = True
            else:
                is_wanted = bool(self._keep)
            if is_wanted and layer in self._hidden:
                self._hidden.discard(layer)
                self._set_visible(layer, True)
            elif not is_wanted and layer.visible:
                self._hidden.add(layer)
                self._set_visible(layer, False)
        self.aside_changed.emit()

    def _set_visible(self, layer: Layer, visible: bool) -> None:
        self._acting = True
        try:
            layer.visible = visible
        finally:
            self._acting = False

    # ---------------------------------------------------------------- watching
    def _on_active(self) -> None:
        self.changed.emit()

    def _on_inserted(self, event: Any) -> None:
        layer = event.value
        if layer not in self._ours:
            self._homes.setdefault(layer, self._case_id)
            self._watch(layer)
            self.aside_changed.emit()

    def _watch(self, layer: Layer) -> None:
        if layer in self._watched:
            return
        watched = self._watched[layer] = Connections()
        watched.connect(layer.events.visible, partial(self._on_visible, ref(layer)))
        watched.connect(layer.events.name, self._on_name)
        if hasattr(layer.events, "mode"):
            watched.connect(layer.events.mode, self._on_active)

    def _on_visible(self, reference: ref[Layer], event: Any = None) -> None:
        """Remember what the user shows or hides beside the open case."""
        layer = reference()
        if self._acting or layer is None:
            return
        wanted, here = self._wanted.setdefault(layer, set()), self._case_id
        if layer.visible:
            self._hidden.discard(layer)
            wanted.add(here)
        elif here in wanted:
            wanted.discard(here)
            if layer in self._strangers:
                self._hidden.add(layer)  # set aside again, not hidden for good
        self.aside_changed.emit()

    def _on_name(self, event: Any = None) -> None:
        self.aside_changed.emit()

    def _on_removed(self, event: Any) -> None:
        if event.value in self._watched:
            self._watched.pop(event.value).release()
            self.aside_changed.emit()

    def close(self) -> None:
        """Show what was hidden, and let go of all."""
        self._connections.release()
        for layer, watched in list(self._watched.items()):
            watched.release()
            del self._watched[layer]
        for layer in [x for x in self.layers if x in self._hidden]:
            self._hidden.discard(layer)
            layer.visible = True
