"""Masks on napari's Labels layers: one layer for each overlap group."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from napari.layers import Labels
from napari.utils.colormaps import DirectLabelColormap

from napari_annotate_jobs.errors import AnnotateJobsError
from napari_annotate_jobs.model import Method

from ._connections import Connections

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from numpy.typing import NDArray

    from napari_annotate_jobs.model import Label
    from napari_annotate_jobs.session import AnnotationSession

    from ._geometry import Geometry

__all__ = ["MaskLayer"]

DRAWING_MODES = frozenset({"paint", "fill", "polygon", "erase"})


class MaskLayer:
    """Keeps a Labels layer and the session's masks of one overlap group in step.

    The layer is the user's (and other plugins') to change in any way; what changed
    is found by comparing with a copy, slice by slice, and told to the session.

    Parameters
    ----------
    session : AnnotationSession
        With an open case.
    group : str
        The overlap group.
    geometry : Geometry
        Of the reference series.
    on_error : callable
        Takes an error to show.
    """

    def __init__(
        self,
        session: AnnotationSession,
        group: str,
        geometry: Geometry,
        *,
        on_error: Callable[[Exception], None],
    ) -> None:
        self.group = group
        self._session = session
        self._on_error = on_error
        self._labels = [
            label
            for label in session.job.project.label_set.of(Method.SEGMENTATION)
            if label.overlap_group == group
        ]
        largest = max(label.id for label in self._labels)
        dtype = np.uint8 if largest < 256 else np.uint16
        # Both stay unwritten, and so cost no memory, where there is no mask.
        data = np.zeros(geometry.shape, dtype)
        self._known = np.zeros(geometry.shape, dtype)
        self._digests: dict[int, str] = {}
        self._quiet = self._stroking = False
        self._dirty: set[int] = set()
        self._last_id = self._labels[0].id
        self.layer = Labels(
            data,
            name=f"Segmentation {group}".strip(),
            colormap=self._colormap(),
            features=self._features(),
            opacity=0.55,
            **geometry.layer_kwargs,
        )
        self.layer.selected_label = self._last_id
        self.show(range(geometry.shape[0]))
        self._connections = Connections()
        events = self.layer.events
        self._connections.connect(events.paint, self._on_paint)
        self._connections.connect(events.data, self._on_data)
        self._connections.connect(events.set_data, self._on_set_data)
        self._connections.connect(events.labels_update, self._on_set_data)
        self._connections.connect(events.selected_label, self._on_selected_label)
        self.set_editable(not session.locked)

    def _colormap(self) -> DirectLabelColormap:
        colors: dict[int | None, Any] = {None: (0, 0, 0, 0), 0: (0, 0, 0, 0)}
        colors.update({label.id: (*label.rgb, 1.0) for label in self._labels})
        return DirectLabelColormap(color_dict=colors)

    def _features(self) -> dict[str, list[Any]]:
        """Names by id, which napari shows in its status bar."""
        return {
            "index": [0, *(label.id for label in self._labels)],
            "label": ["", *(label.name for label in self._labels)],
        }

    # ---------------------------------------------------- session -> layer
    def show(self, indices: Iterable[int]) -> None:
        """Show the session's masks on these slices where they differ."""
        editor = self._session.editor
        changed = False
        for index in indices:
            ref = editor.content(index).masks.get(self.group)
            digest = None if ref is None else ref.digest
            if digest == self._digests.get(index):
                continue
            mask = editor.mask(index, self.group)
            if mask is not None and mask.shape != self._known.shape[1:]:
                self._on_error(
                    AnnotateJobsError(
                        f"the mask of slice {index + 1} has the size {mask.shape}, the "
                        f"image {self._known.shape[1:]}",
                        remedy="It was made on another image: it is kept in the job, "
                        "but not shown",
                    )
                )
                mask = None
            self._write(index, 0 if mask is None else mask, digest)
            changed = True
        if changed and hasattr(self, "layer"):
            self._refresh()

    def _write(
        self, index: int, mask: NDArray[np.integer] | int, digest: str | None
    ) -> None:
        data = self.layer.data
        if np.ndim(mask) or self._known[index].any() or data[index].any():
            data[index] = mask
            self._known[index] = mask
        if digest is None:
            self._digests.pop(index, None)
        else:
            self._digests[index] = digest

    def _refresh(self) -> None:
        self._quiet = True
        try:
            self.layer.refresh()
        finally:
            self._quiet = False

    def set_editable(self, editable: bool) -> None:
        """Allow or forbid painting."""
        if not editable:
            self.layer.mode = "pan_zoom"
        self.layer.editable = editable

    def choose(self, label: Label) -> None:
        """Ready the layer for painting a label."""
        self.layer.visible = True
        self.layer.selected_label = label.id
        if self.layer.editable and (
            self.layer.mode not in DRAWING_MODES or self.layer.mode == "erase"
        ):
            self.layer.mode = "paint"

    # ---------------------------------------------------- layer -> session
    def stroke_began(self) -> None:
        """Wait for the end of the stroke before looking at refreshes."""
        self._stroking = True

    def stroke_ended(self) -> None:
        """Look at refreshes again."""
        self._stroking = False

    def _on_paint(self, event: Any) -> None:
        # At the end of a stroke the pixels are there; painted from code, napari
        # tells before it writes them, and refreshes afterwards.
        touched = _slices_of(event.value, self.layer.data.shape[0])
        self._dirty.update(
            range(self.layer.data.shape[0]) if touched is None else touched
        )
        self.take(touched)

    def _on_data(self) -> None:
        if self.layer.data.shape != self._known.shape:
            self._on_error(
                AnnotateJobsError(
                    f"the data of {self.layer.name} were replaced by an array of "
                    f"another shape, {self.layer.data.shape}",
                    remedy="They were put back; make a layer of your own for it",
                )
            )
            self.layer.data = self._known.copy()
            return
        self.take(None)

    def _on_set_data(self) -> None:
        # A plain refresh, as other plugins call after writing into the array.
        if not (self._quiet or self._stroking) and self._session.is_open:
            dirty, self._dirty = self._dirty, set()
            self.take(sorted(dirty.union([self._session.slice])))

    def take(self, indices: Iterable[int] | None) -> None:
        """Tell the session what changed in the layer.

        Parameters
        ----------
        indices : iterable of int, optional
            Slices to look at; None for all.
        """
        data = np.asarray(self.layer.data)
        candidates = range(data.shape[0]) if indices is None else indices
        changed = [i for i in candidates if not np.array_equal(data[i], self._known[i])]
        if not changed:
            return
        text = "Paint" if len(changed) == 1 else f"Paint on {len(changed)} slices"
        before = dict(self._digests)
        for index in changed:  # what the session tells back is shown already
            self._digests[index] = "?"
        try:
            self._session.editor.set_masks(
                {(i, self.group): data[i].copy() for i in changed}, text=text
            )
        except AnnotateJobsError as error:
            self._digests = before
            for index in changed:
                data[index] = self._known[index]
            self._refresh()
            self._on_error(error)
            return
        editor = self._session.editor
        for index in changed:
            ref = editor.content(index).masks.get(self.group)
            self._known[index] = data[index]
            if ref is None:
                self._digests.pop(index, None)
            else:
                self._digests[index] = ref.digest

    def _on_selected_label(self) -> None:
        """Only declared ids can be painted."""
        chosen = self.layer.selected_label
        if chosen == 0 or any(label.id == chosen for label in self._labels):
            if chosen:
                self._last_id = chosen
            return
        ids = [label.id for label in self._labels]
        # Stepping past a declared id (napari's - and = keys) goes to the next one.
        larger = [i for i in ids if i > chosen]
        smaller = [i for i in ids if i < chosen]
        step = larger[:1] if chosen > self._last_id else smaller[-1:]
        self.layer.selected_label = step[0] if step else self._last_id

    def close(self) -> None:
        """Release all connections."""
        self._connections.release()


def _slices_of(atoms: Iterable[Any], n: int) -> list[int] | None:
    """Return the slices a history item of a Labels layer touches; None if unknown."""
    found: set[int] = set()
    for atom in atoms:
        key = getattr(atom, "slice_key", None)
        if key is None and isinstance(atom, tuple):
            key = atom[0]
        if not isinstance(key, tuple) or not key:
            return None
        first = key[0]
        if isinstance(first, slice):
            found.update(range(*first.indices(n)))
        else:
            found.update(int(i) for i in np.unique(np.asarray(first)))
    return sorted(found) or None
