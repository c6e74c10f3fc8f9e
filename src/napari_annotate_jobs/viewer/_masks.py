"""Masks on napari's Labels layers: one layer for each overlap group."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from napari.layers import Labels
from napari.utils.colormaps import DirectLabelColormap

from napari_annotate_jobs.errors import AnnotateJobsError
from napari_annotate_jobs.model import Method
from napari_annotate_jobs.session import retired_text

from ._mirror import DrawnLayer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from numpy.typing import NDArray

    from napari_annotate_jobs.model import Label

    from ._geometry import Geometry
    from ._own_case import OwnCase

__all__ = ["MaskLayer"]

PAINTED_SECONDS = 0.05
"""How long after a stroke it is told, unless somebody asks before: its end has been
painted by then."""
QUIET_SECONDS = 0.3
"""How long after a refresh all slices are looked at."""
UNKNOWN = "?"
"""In place of a digest: what the layer shows is not known to be the session's."""
DRAWING_MODES = frozenset({"paint", "fill", "polygon", "erase"})


def mask_dtype(labels: Sequence[Label]) -> type[np.unsignedinteger[Any]]:
    """Return the smallest type that holds the ids."""
    return np.uint8 if max(label.id for label in labels) < 256 else np.uint16


def label_colormap(labels: Iterable[Label]) -> DirectLabelColormap:
    """Return the colours of labels by id; any other value is not seen."""
    colors: dict[int | None, Any] = {None: (0, 0, 0, 0), 0: (0, 0, 0, 0)}
    colors.update({label.id: (*label.rgb, 1.0) for label in labels})
    return DirectLabelColormap(color_dict=colors)


def label_features(labels: Sequence[Label]) -> dict[str, list[Any]]:
    """Return names by id, which napari shows in its status bar."""
    return {
        "index": [0, *(label.id for label in labels)],
        "label": ["", *(label.name for label in labels)],
    }


def paint_labels(layer: Labels, labels: Sequence[Label]) -> None:
    """Give a layer the names and colours of labels; what is chosen stays."""
    chosen = layer.selected_label
    layer.colormap = label_colormap(labels)
    layer.features = label_features(labels)
    if layer.selected_label != chosen:
        layer.selected_label = chosen


def group_labels(session: OwnCase, group: str) -> list[Label]:
    """Return the labels that are painted in an overlap group."""
    found = session.job.project.label_set.of(Method.SEGMENTATION)
    return [label for label in found if label.overlap_group == group]


class MaskLayer(DrawnLayer[Labels]):
    """Keeps a Labels layer and the session's masks of one overlap group in step.

    The layer is the user's (and other plugins') to change in any way; what changed
    is found by comparing with a copy, slice by slice, and told to the session.

    A stroke is told when its end is on the screen, or somebody asks what is said of the
    case, whichever comes first: the hand waits for neither encoding nor lists.

    Painting on a slice takes what is proposed there for right, but for the pixels
    that were painted or erased: it is confirmed with the stroke, as one undo step.

    Parameters
    ----------
    session : OwnCase
        The case.
    group : str
        The overlap group.
    geometry : Geometry
        Of the reference series.
    on_error : callable
        Takes an error to show.
    later : callable
        Takes a number of seconds, and what to call after them.
    view : callable
        Returns what tells one view of the layer from another: while it changes,
        refreshes are napari's own.
    shown : callable, optional
        Returns the slice that is shown as it was acquired; None while another plane,
        or the volume, is shown. Only what is proposed on that slice is settled.
    flat : callable, optional
        Returns False while the volume is shown: nothing is painted then.
    """

    def __init__(
        self,
        session: OwnCase,
        group: str,
        geometry: Geometry,
        *,
        on_error: Callable[[Exception], None],
        later: Callable[[float, Callable[[], None]], None],
        view: Callable[[], object],
        shown: Callable[[], int | None] | None = None,
        flat: Callable[[], bool] = lambda: True,
    ) -> None:
        self.group = group
        self._shown = shown or (lambda: session.slice)
        self._later, self._view = later, view
        self._seen: object = None
        self._looking = self._closed = False
        self._foreign: set[int] = set()
        self._labels = group_labels(session, group)
        dtype = mask_dtype(self._labels)
        # Both stay unwritten, and so cost no memory, where there is no mask.
        data = np.zeros(geometry.shape, dtype)
        self._known = np.zeros(geometry.shape, dtype)
        self._digests: dict[int, str] = {}
        self._stroking = self._is_aside = self._draws = False
        self._stroke: _Stroke | None = None
        self._dirty: set[int] = set()
        self._lifted: tuple[int, NDArray[Any]] | None = None
        offered = [label for label in self._labels if not label.retired]
        self._last_id = (offered or self._labels)[0].id
        layer = Labels(
            data,
            name=f"Segmentation {group}".strip(),
            colormap=label_colormap(self._labels),
            features=label_features(self._labels),
            opacity=0.55,
            **geometry.layer_kwargs,
        )
        super().__init__(session, layer, on_error=on_error, drawable=flat)
        self._data = self.layer.data
        self.layer.selected_label = self._last_id
        self.show(range(geometry.shape[0]))
        # napari's own history would change slices that are not shown: its keys, and
        # whoever calls for it, go back in the case's, which shows what it changes.
        self.layer.undo, self.layer.redo = session.undo, session.redo
        connect, events = self._connections.connect, self.layer.events
        connect(events.paint, self._on_paint)
        connect(events.data, self._on_data)
        connect(events.set_data, self._on_set_data)
        connect(events.labels_update, self._on_set_data)
        connect(events.selected_label, self._on_selected_label)
        connect(events.n_edit_dimensions, self._on_edit_dimensions)
        self.set_editable(not session.locked)

    def follow_labels(self) -> bool:
        """Take up names and colours as they are now.

        Returns
        -------
        bool
            False if the layer cannot hold the labels: another one is to be made.
        """
        labels = group_labels(self._session, self.group)
        if not labels or mask_dtype(labels) != self._known.dtype:
            return False
        if labels != self._labels:
            self._labels = labels
            paint_labels(self.layer, labels)
        return True

    # ---------------------------------------------------- session -> layer
    def _show(self, indices: Sequence[int]) -> None:
        self._tell_stroke()
        changed = False
        for index in indices:
            digest = self._digest(index)
            if digest == self._digests.get(index):
                continue
            self._foreign.discard(index)
            try:
                mask = self._fitting(index)
            except AnnotateJobsError as error:
                self._foreign.add(index)
                self._on_error(error)
                mask = None
            self._write(index, 0 if mask is None else mask, digest)
            changed = True
        if changed:
            self._refresh()

    def _fitting(self, index: int) -> NDArray[np.integer] | None:
        """Return a slice's mask, if it can be shown on this image."""
        where = f"slice {index + 1}"
        try:
            mask = self._session.editor.mask(index, self.group)
        except AnnotateJobsError as error:
            raise AnnotateJobsError(
                f"the mask cannot be read ({error.what})",
                where=where,
                remedy="It is left as it is; the slice cannot be painted",
            ) from error
        if mask is None:
            return None
        if mask.shape != self._known.shape[1:]:
            raise AnnotateJobsError(
                f"the mask has the size {mask.shape}, the image "
                f"{self._known.shape[1:]}",
                where=where,
                remedy="It was made on another image: it is kept in the job, but not "
                "shown, and the slice cannot be painted",
            )
        if mask.size and mask.max() > np.iinfo(self._known.dtype).max:
            raise AnnotateJobsError(
                f"the mask holds the label {mask.max()}, which is not in the project",
                where=where,
                remedy="It is kept in the job, but not shown, and the slice cannot be "
                "painted",
            )
        return mask

    def _write(
        self, index: int, mask: NDArray[np.integer] | int, digest: str | None
    ) -> None:
        data = self.layer.data
        if np.ndim(mask) or self._known[index].any() or data[index].any():
            data[index] = mask
            self._known[index] = mask
        self._note(index, digest)

    def _digest(self, index: int) -> str | None:
        """Return what names the session's mask of a slice; None if it has none."""
        ref = self._session.editor.content(index).masks.get(self.group)
        return None if ref is None else ref.digest

    def _note(self, index: int, digest: str | None) -> None:
        """Remember which of the session's masks the layer shows."""
        if digest is None:
            self._digests.pop(index, None)
        else:
            self._digests[index] = digest

    def _on_edit_dimensions(self) -> None:
        # A brush, or a fill, through the slices paints on some that nobody sees.
        if self.layer.n_edit_dimensions > 2:
            self.layer.n_edit_dimensions = 2
            self._session.told.emit(
                "Only what is shown can be painted: Propagate proposes masks on the "
                "slices beside it."
            )

    def choose(self, label: Label) -> None:
        """Ready the layer for painting a label."""
        self.layer.visible = True
        self.layer.selected_label = label.id
        if self.layer.editable and (
            self.layer.mode not in DRAWING_MODES or self.layer.mode == "erase"
        ):
            self.layer.mode = "paint"

    # ---------------------------------------------------- layer -> session
    def stroke_began(self, *, draws: bool = True) -> None:
        """Wait for the end of the stroke before looking at refreshes.

        Parameters
        ----------
        draws : bool
            True if the stroke may draw on this layer: what is proposed on the
            slice is then there to be painted over, and to be erased.
        """
        self._tell_stroke()
        self._stroking = True
        drawing = self.layer.editable and self.layer.mode in DRAWING_MODES
        self._draws = draws and drawing and not self._session.locked
        index = self._shown()
        if self._draws and index is not None:
            self._lift(index)

    def stroke_ended(self) -> None:
        """Look at refreshes again, and tell the stroke when it has been painted."""
        self._stroking = False
        draws, self._draws = self._draws, False
        lifted, self._lifted = self._lifted, None
        data = self.layer.data
        if lifted is not None and np.array_equal(data[lifted[0]], lifted[1]):
            data[lifted[0]] = self._known[lifted[0]]  # nothing was drawn
            self._refresh()
            lifted = None
        if draws and self._session.is_open:
            self._stroke = _Stroke(self._shown(), lifted)
            self._session.editor.untold.expect(self._tell_stroke)
            self._later(PAINTED_SECONDS, self._tell_stroke)

    def _tell_stroke(self) -> None:
        """Tell the session of the stroke that ended, if it has not heard of it yet."""
        stroke, self._stroke = self._stroke, None
        if stroke is None:
            return
        self._lifted = stroke.lifted
        try:
            if stroke.lifted is not None:
                # Told even if all of the proposal was erased, and nothing is left.
                self._tell_masks([stroke.lifted[0]], shown=stroke.shown)
        finally:
            self._lifted = None
        self._take(sorted(stroke.touched), shown=stroke.shown)

    def restrict(self, allowed: Callable[[int], NDArray[np.bool_] | None]) -> None:
        """Take back what the stroke painted where nothing may be painted.

        Parameters
        ----------
        allowed : callable
            Returns for a slice which pixels may be painted, shape (rows, columns);
            None for all.
        """
        here, data, changed = self._shown(), self.layer.data, False
        for index in range(data.shape[0]) if here is None else (here,):
            before = self._known[index]
            if self._lifted is not None and self._lifted[0] == index:
                before = self._lifted[1]
            drawn = data[index] != before
            inside = allowed(index) if drawn.any() else None
            if inside is None or inside.shape != drawn.shape:
                continue
            drawn &= ~inside
            if drawn.any():
                data[index][drawn] = before[drawn]
                changed = True
        if changed:
            self._refresh()

    def _lift(self, index: int) -> None:
        """Put what is proposed on a slice into the layer, for one stroke."""
        mask = self._proposal(index)
        if mask is not None:
            whole = self._with_proposal(index, mask)
            self._lifted = (index, whole)
            self.layer.data[index] = whole
            self._refresh()

    def _proposal(self, index: int) -> NDArray[Any] | None:
        try:
            mask = self._session.editor.mask(index, self.group, proposal=True)
        except AnnotateJobsError as error:
            self._on_error(error)
            return None
        if mask is None or mask.shape != self._known.shape[1:]:
            return None
        return mask.astype(self._known.dtype)

    def _with_proposal(self, index: int, mask: NDArray[Any]) -> NDArray[Any]:
        """Return a slice of the layer with what is proposed where nothing is."""
        now = np.asarray(self.layer.data[index])
        untouched = (now == 0) & (self._known[index] == 0)
        merged: NDArray[Any] = np.where(untouched, mask, now)
        return merged

    def _on_paint(self, event: Any) -> None:
        # At the end of a stroke the pixels are there; painted from code, napari
        # tells before it writes them, and refreshes afterwards.
        touched = _slices_of(event.value, self.layer.data.shape[0])
        self._dirty.update(
            range(self.layer.data.shape[0]) if touched is None else touched
        )
        if self._stroke is not None and touched is not None:
            self._stroke.touched.update(touched)
        else:
            self.take(touched)

    def take_aside(self, atoms: Iterable[Any]) -> None:
        """Take what was drawn in another layer that has the same pixels.

        Parameters
        ----------
        atoms : iterable
            What napari tells of it.
        """
        touched = _slices_of(atoms, self.layer.data.shape[0])
        self._dirty.update(touched or range(self.layer.data.shape[0]))
        self._is_aside = True
        try:
            self.take(touched)
        finally:
            self._is_aside = False
        self._refresh()

    def _on_data(self) -> None:
        if not (isinstance(self.layer.data, np.ndarray)) or (
            not self.layer.data.flags.writeable
        ):
            self.layer.data = np.array(self.layer.data)
            return
        self._data = self.layer.data
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
        if self._is_writing or self._stroking or not self._session.is_open:
            return
        if self.layer.data is not self._data:  # before napari tells of it
            self._on_data()
            return
        dirty, self._dirty = self._dirty, set()
        self.take(sorted(dirty.union([self._session.slice])))
        view, self._seen = self._seen, self._view()
        if not dirty and view == self._seen and not self._looking:
            self._looking = True
            self._later(QUIET_SECONDS, self._look)

    def _look(self) -> None:
        """Look at all slices: another plugin may have written on any of them."""
        self._looking = False
        if self._stroking:
            self._looking = True
            self._later(QUIET_SECONDS, self._look)
        elif not self._closed:
            self.take(None)

    def take(self, indices: Iterable[int] | None) -> None:
        """Tell the session what changed in the layer.

        Parameters
        ----------
        indices : iterable of int, optional
            Slices to look at; None for all.
        """
        self._tell_stroke()
        self._take(indices, shown=self._shown())

    def _take(self, indices: Iterable[int] | None, *, shown: int | None) -> None:
        data = np.asarray(self.layer.data)
        candidates = range(data.shape[0]) if indices is None else indices
        changed = [i for i in candidates if not np.array_equal(data[i], self._known[i])]
        foreign = self._foreign.intersection(changed)
        for index in foreign:
            data[index] = self._known[index]
        if foreign:
            self._refresh()
            self._on_error(
                AnnotateJobsError(
                    "the mask of this slice cannot be shown, and so not be painted",
                    where=f"slice {min(foreign) + 1}",
                    remedy="Choose another slice",
                )
            )
        if changed := [i for i in changed if i not in foreign]:
            self._tell_masks(changed, shown=shown)

    def _tell_masks(self, changed: list[int], *, shown: int | None) -> None:
        data = self.layer.data
        lifted = None if self._lifted is None else self._lifted[0]
        # What nobody sees is not confirmed with the stroke.
        here = set() if self._is_aside else {shown, lifted}
        settled = {index for index in changed if index in here}
        merged = False
        for index in settled - {lifted}:
            mask = self._proposal(index)
            if mask is not None:
                data[index] = self._with_proposal(index, mask)
                merged = True
        masks = {(i, self.group): np.array(data[i]) for i in changed}
        text = "Paint" if len(changed) == 1 else f"Paint on {len(changed)} slices"
        took = self._tell(
            changed,
            lambda: self._session.editor.set_masks(masks, text=text, settle=settled),
        )
        if merged and took:
            self._refresh()

    def _adopt(self, indices: Iterable[int]) -> None:
        if self._session.editor.protected:  # it may say less than was drawn
            self._write_kept(indices)
        for index in indices:
            self._known[index] = self.layer.data[index]
            self._note(index, self._digest(index))

    def _write_kept(self, indices: Iterable[int]) -> None:
        """Show again at once what protected labels kept of the slices."""
        changed = False
        for index in indices:
            mask = self._session.editor.mask(index, self.group)
            said = 0 if mask is None else mask
            if (self.layer.data[index] != said).any():
                self.layer.data[index] = said
                changed = True
        if changed:
            self._refresh()

    def _doubt(self, indices: Iterable[int]) -> None:
        for index in indices:
            self._note(index, UNKNOWN)

    def _take_back(self, indices: Iterable[int]) -> None:
        for index in indices:
            self.layer.data[index] = self._known[index]
        self._refresh()

    def _on_selected_label(self) -> None:
        """Only declared ids can be painted."""
        chosen = self.layer.selected_label
        label = next((label for label in self._labels if label.id == chosen), None)
        if label is not None and label.retired and chosen != self._last_id:
            self._session.told.emit(retired_text(label))
            self.layer.selected_label = self._last_id
            return
        if label is not None:
            self._last_id = chosen
            self._tell_label(label)
        if chosen == 0 or label is not None:
            return
        ids = [label.id for label in self._labels if not label.retired]
        # Stepping past a declared id (napari's - and = keys) goes to the next one.
        larger = [i for i in ids if i > chosen]
        smaller = [i for i in ids if i < chosen]
        step = larger[:1] if chosen > self._last_id else smaller[-1:]
        self.layer.selected_label = step[0] if step else self._last_id

    def _tell_label(self, label: Label) -> None:
        """Choose in the session what was chosen in napari's own controls."""
        now = self._session.label
        other = now is not None and (
            now.method is not Method.SEGMENTATION or now.overlap_group != self.group
        )
        if not other and now != label and self.layer.mode != "pan_zoom":
            self._session.label = label

    def close(self) -> None:
        """Release all connections."""
        self._closed = True
        self._stroke = None
        super().close()


@dataclass
class _Stroke:
    """A stroke that ended and is not told yet.

    Parameters
    ----------
    shown : int or None
        The slice that was shown as it was acquired.
    lifted : (int, ndarray) or None
        A slice into which its proposal was put for the stroke, and both together.
    touched : set of int
        The slices that were drawn on.
    """

    shown: int | None
    lifted: tuple[int, NDArray[Any]] | None
    touched: set[int] = field(default_factory=set)


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
