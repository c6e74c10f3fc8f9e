"""Masks proposed between key slices, and where the image leads from one of them."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field, replace
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_annotate_jobs.model import Provenance, decode_mask, mask_ref

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping, Sequence

    from numpy.typing import NDArray

    from napari_annotate_jobs.model import MaskRef, SliceAnnotation

    from ._editor import CaseEditor
    from ._view import CaseView

__all__ = [
    "InterpolationPlan",
    "Proposed",
    "grey",
    "label_keys",
    "plan_interpolation",
    "rejected_labels",
]


@dataclass(frozen=True, eq=False)
class Proposed:
    """What is proposed on one slice.

    Parameters
    ----------
    mask : ndarray of int, shape (rows, columns)
        Label ids; 0 where nothing is proposed.
    labels : frozenset of int
        The labels it speaks of: what was proposed of these before is replaced,
        proposals of others stay.
    keys : tuple of int
        The slices it was made from, ascending.
    ready : (MaskRef, bytes), optional
        The mask as it is kept, where it was encoded in advance.
    """

    mask: NDArray[np.integer]
    labels: frozenset[int]
    keys: tuple[int, ...]
    ready: tuple[MaskRef, bytes] | None = None

    def encoded(self, provenance: Provenance, source: str = "") -> Proposed:
        """Return the same, encoded: that takes longest, and any thread can do it."""
        # The case names its keys, once it takes the mask.
        ready = mask_ref(self.mask, provenance=provenance, source=source)
        return replace(self, ready=ready)


@dataclass(frozen=True)
class Part:
    """Labels that have the same key slices.

    Parameters
    ----------
    labels : frozenset of int
        Label ids.
    keys : tuple of int
        Their key slices, ascending; those marked nothing to label between them
        count as keys on which there is nothing.
    wanted : tuple of int
        The slices to fill.
    """

    labels: frozenset[int]
    keys: tuple[int, ...]
    wanted: tuple[int, ...]

    def around(self, index: int) -> tuple[int, int]:
        """Return the key slices before and after a slice."""
        after = next(place for place, key in enumerate(self.keys) if key > index)
        return self.keys[after - 1], self.keys[after]


@dataclass(frozen=True, eq=False)
class InterpolationPlan:
    """What is to be filled between which key slices of an overlap group.

    Parameters
    ----------
    group : str
        The overlap group.
    parts : tuple of Part
        What is interpolated together.
    blobs : mapping of int to bytes
        The encoded mask of each key slice that has one.
    shape : (int, int) or None
        Rows and columns that they must have.
    left_out : mapping of int to frozenset of int
        Labels that are not to be proposed, by slice.
    """

    group: str
    parts: tuple[Part, ...]
    blobs: Mapping[int, bytes]
    shape: tuple[int, int] | None
    left_out: Mapping[int, frozenset[int]] = field(default_factory=dict)

    def run(
        self,
        image: Any = None,
        spacing: Sequence[float] | None = None,
        *,
        progress: Callable[[int, int], None] | None = None,
        cancelled: Callable[[], bool] | None = None,
    ) -> dict[int, Proposed]:
        """Interpolate; touches nothing but its own arrays, so on any thread.

        Parameters
        ----------
        image : array, shape (slices, rows, columns[, channels]), optional
            The voxels of the whole series.
        spacing : sequence of 3 float, optional
            Distance of slices, rows and columns in mm.
        progress : callable, optional
            Takes the number of gaps between keys that are filled, and of all.
        cancelled : callable, optional
            Asked whether to stop.

        Returns
        -------
        dict of int to Proposed
            By slice, for every slice wanted.

        Raises
        ------
        Cancelled
            If `cancelled` returned true.
        CorruptError
            If a mask has not the size of the slices.
        """
        masks = {
            key: decode_mask(blob, shape=self.shape) for key, blob in self.blobs.items()
        }
        total = sum(len(part.keys) - 1 for part in self.parts)
        before = 0
        result: dict[int, Proposed] = {}
        for part in self.parts:
            tell = None
            if progress is not None:
                tell = _from(progress, before, total)
            volume = _fill(part, masks, image, spacing, tell, cancelled)
            for index in part.wanted:
                labels = part.labels - self.left_out.get(index, frozenset())
                found = volume[index - part.keys[0]]
                proposed = Proposed(only(found, labels), labels, part.around(index))
                result[index] = _joined(result.get(index), proposed)
            before += len(part.keys) - 1
        return {
            index: proposed.encoded(Provenance.INTERPOLATED)
            for index, proposed in result.items()
        }


def _from(
    progress: Callable[[int, int], None], before: int, total: int
) -> Callable[[int, int], None]:
    return lambda done, _: progress(before + done, total)


def _fill(
    part: Part,
    masks: Mapping[int, NDArray[np.integer]],
    image: Any,
    spacing: Sequence[float] | None,
    progress: Callable[[int, int], None] | None,
    cancelled: Callable[[], bool] | None,
) -> NDArray[np.generic]:
    """Return the slices from the part's first key to its last."""
    from napari_annotate_jobs.propagation import interpolate_masks

    first, last = part.keys[0], part.keys[-1]
    shape = masks[first].shape
    # Labels with other key slices stand on these too, and compete for the pixels.
    volume = np.zeros((last - first + 1, *shape), masks[first].dtype)
    for key in part.keys:
        if key in masks and masks[key].shape == shape:
            volume[key - first] = masks[key]
    picture = None
    if image is not None and image.shape[1:3] == shape:
        picture = grey(image[first : last + 1])
    return interpolate_masks(
        volume,
        [key - first for key in part.keys],
        picture,
        spacing,
        progress=progress,
        cancelled=cancelled,
    )


def only(mask: NDArray[np.generic], labels: Collection[int]) -> NDArray[np.integer]:
    """Return a mask with nothing but some labels."""
    ids: NDArray[np.integer] = np.asarray(mask)
    keep = np.zeros(int(ids.max(initial=0)) + 1, dtype=ids.dtype)
    for label_id in labels:
        if label_id < keep.size:
            keep[label_id] = label_id
    chosen: NDArray[np.integer] = keep[ids]
    return chosen


def grey(image: Any) -> NDArray[Any]:
    """Return voxels (slices, rows, columns[, channels]) without channels."""
    voxels = np.asarray(image)
    return voxels[..., :3].mean(axis=-1) if voxels.ndim == 4 else voxels


def _joined(one: Proposed | None, other: Proposed) -> Proposed:
    """Put what `other` proposes beside what `one` does."""
    if one is None:
        return other
    return Proposed(
        np.where(one.mask > 0, one.mask, other.mask),
        one.labels | other.labels,
        tuple(sorted({*one.keys, *other.keys})),
    )


# ------------------------------------------------------------------- planning
def label_keys(view: CaseView, group: str) -> dict[int, tuple[int, ...]]:
    """Return the key slices of each label of an overlap group.

    Those are the slices with confirmed pixels of it; excluded ones do not count.

    Parameters
    ----------
    view : CaseView
        The case.
    group : str
        The overlap group.

    Returns
    -------
    dict of int to tuple of int
        Slice indices, ascending, by label id; labels without any are left out.
    """
    keys: dict[int, list[int]] = defaultdict(list)
    for index, content in sorted(view.contents().items()):
        ref = content.masks.get(group)
        if ref is not None and not content.excluded:
            for label_id in ref.pixels:
                keys[label_id].append(index)
    return {label_id: tuple(places) for label_id, places in sorted(keys.items())}


def plan_interpolation(
    view: CaseView,
    group: str = "",
    wanted: Iterable[int] | None = None,
    *,
    labels: Collection[int] | None = None,
    left_out: Mapping[int, Mapping[int, Collection[int]]] | None = None,
) -> InterpolationPlan | None:
    """Say what is to be filled between the key slices of an overlap group.

    A label is proposed between its own first and last key slice, on slices that
    are neither excluded nor marked nothing to label. The latter count as keys on
    which there is nothing.

    Parameters
    ----------
    view : CaseView
        The case.
    group : str
        The overlap group.
    wanted : iterable of int, optional
        The slices to fill; by default all. Keys beyond them count all the same.
    labels : collection of int, optional
        The labels to propose; by default all that the group has.
    left_out : mapping, optional
        Slices and labels not to propose again from the same keys, see
        :func:`rejected_labels`.

    Returns
    -------
    InterpolationPlan or None
        None if there is nothing to fill.
    """
    contents = view.contents()
    chosen = None if wanted is None else frozenset(wanted)
    nothing = [i for i, content in contents.items() if content.nothing_to_label]
    same: dict[tuple[int, ...], set[int]] = defaultdict(set)
    for label_id, places in label_keys(view, group).items():
        if labels is None or label_id in labels:
            empty = [i for i in nothing if places[0] < i < places[-1]]
            same[tuple(sorted({*places, *empty}))].add(label_id)
    parts = []
    for keys, ids in same.items():
        gaps = [i for one, two in pairwise(keys) for i in range(one + 1, two)]
        targets = tuple(
            i
            for i in gaps
            if (chosen is None or i in chosen)
            and not (i in contents and contents[i].excluded)
        )
        if targets:
            parts.append(Part(frozenset(ids), keys, targets))
    if not parts:
        return None
    keyed = {key for part in parts for key in part.keys}
    blobs = {
        key: view.blob(contents[key].masks[group].digest)
        for key in sorted(keyed)
        if group in contents[key].masks
    }
    return InterpolationPlan(
        group, tuple(parts), blobs, view.shape, _left_out(parts, left_out or {})
    )


def _left_out(
    parts: Sequence[Part], rejected: Mapping[int, Mapping[int, Collection[int]]]
) -> dict[int, frozenset[int]]:
    found: dict[int, frozenset[int]] = {}
    for part in parts:
        for index in part.wanted:
            labels = frozenset(
                label_id
                for label_id, keys in rejected.get(index, {}).items()
                if label_id in part.labels and set(part.around(index)) <= set(keys)
            )
            if labels:
                found[index] = found.get(index, frozenset()) | labels
    return found


def rejected_labels(editor: CaseEditor, group: str) -> dict[int, dict[int, set[int]]]:
    """Return what the user rejected, as far as undo remembers it.

    Parameters
    ----------
    editor : CaseEditor
        The open case.
    group : str
        The overlap group.

    Returns
    -------
    dict
        By slice and label id, the keys of the proposals that were rejected.
    """
    found: dict[int, dict[int, set[int]]] = {}
    for edit in editor.history.done:
        for key, after in edit.after.slices.items():
            before = edit.before.slices.get(key)
            ref = None if before is None else before.proposals.get(group)
            if ref is None or ref.provenance is not Provenance.INTERPOLATED:
                continue
            place = editor.place(key)
            assert place is not None  # undo forgets all when a case is opened
            keys = {i for i in map(editor.place, ref.keys) if i is not None}
            for label_id in set(ref.pixels) - _held(after, group):
                labels = found.setdefault(place, {})
                labels.setdefault(label_id, set()).update(keys)
    return found


def _held(content: SliceAnnotation | None, group: str) -> set[int]:
    if content is None:
        return set()
    return {
        label_id
        for refs in (content.masks, content.proposals)
        if group in refs
        for label_id in refs[group].pixels
    }
