"""What protected labels keep of a slice, whatever is done to it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from napari_annotate_jobs.errors import TransitionError

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping

    from numpy.typing import NDArray

    from napari_annotate_jobs.model import Box, MaskRef, SliceAnnotation

    from ._view import CaseView

__all__ = ["protect_contents", "protect_masks", "protected_boxes", "protected_pixels"]


def protected_pixels(
    before: NDArray[np.integer] | None,
    after: NDArray[np.integer],
    ids: Collection[int],
    proposed: NDArray[np.integer] | None = None,
) -> tuple[NDArray[np.integer], frozenset[int]]:
    """Let a mask have no pixel more, and none less, of protected labels.

    Parameters
    ----------
    before : ndarray of int, shape (rows, columns), optional
        Label ids that stand there; None for none.
    after : ndarray of int, shape (rows, columns)
        Label ids that are to stand there.
    ids : collection of int
        The protected labels.
    proposed : ndarray of int, shape (rows, columns), optional
        What is proposed there: to take it for right adds nothing that was not seen.

    Returns
    -------
    mask : ndarray of int
        `after`, if nothing had to be kept.
    spared : frozenset of int
        The protected labels that would have changed.
    """
    chosen = sorted(ids)
    was = np.zeros_like(after) if before is None else before
    seen = was
    if proposed is not None and proposed.shape == was.shape:
        seen = np.where(was == 0, proposed, was)
    lost = (was != after) & np.isin(was, chosen)
    gained = (after != seen) & (after != was) & np.isin(after, chosen)
    if not lost.any() and not gained.any():
        return after, frozenset()
    spared = {*np.unique(was[lost]).tolist(), *np.unique(after[gained]).tolist()}
    kept: NDArray[np.integer] = np.where(lost | gained, was, after).astype(after.dtype)
    return kept, frozenset(spared)


def protected_boxes(
    before: tuple[Box, ...], after: tuple[Box, ...], ids: Collection[int]
) -> tuple[tuple[Box, ...], frozenset[int]]:
    """Let the confirmed boxes of protected labels stay, in number and place.

    Returns
    -------
    boxes : tuple of Box
        `after`, if nothing had to be kept.
    spared : frozenset of int
        The protected labels that would have changed.
    """
    kept = {b.id: b for b in before if b.label in ids and not b.proposal}
    known = {box.id: box for box in before}
    boxes: list[Box] = []
    spared: set[int] = set()
    for box in after:
        old = kept.pop(box.id, None)
        if old is not None:
            if (box.label, box.corners) != (old.label, old.corners):
                spared.add(old.label)
                box = old
        elif box.label in ids and not box.proposal:
            was = known.get(box.id)
            if was is None or was.label != box.label:
                spared.add(box.label)
                if was is None:
                    continue
                box = was
        boxes.append(box)
    spared.update(box.label for box in kept.values())
    boxes.extend(kept.values())
    places = {box.id: place for place, box in enumerate(before)}
    boxes.sort(key=lambda box: places.get(box.id, len(places)))
    return (tuple(boxes) if spared else after), frozenset(spared)


def protect_masks(
    view: CaseView,
    masks: Mapping[tuple[int, str], NDArray[np.integer]],
    ids: Collection[int],
) -> tuple[Mapping[tuple[int, str], NDArray[np.integer]], frozenset[int]]:
    """Return new masks with what protected labels keep of them.

    Parameters
    ----------
    view : CaseView
        The case as it is.
    masks : mapping
        By slice index and overlap group: label ids, shape (rows, columns).
    ids : collection of int
        The protected labels.

    Returns
    -------
    masks : mapping
        What was given, if nothing is protected.
    spared : frozenset of int
        The protected labels that would have changed.
    """
    kept, spared = dict(masks), frozenset[int]()
    for (index, group), mask in masks.items() if ids else ():
        kept[index, group], found = protected_pixels(
            view.mask(index, group),
            np.asarray(mask),
            ids,
            view.mask(index, group, proposal=True),
        )
        spared |= found
    return kept, spared


def protect_contents(
    view: CaseView,
    contents: Mapping[int, SliceAnnotation],
    ids: Collection[int],
    *,
    put: Callable[..., dict[str, MaskRef]],
) -> tuple[Mapping[int, SliceAnnotation], frozenset[int]]:
    """Return what is to be said of slices, with what protected labels keep of it.

    Parameters
    ----------
    view : CaseView
        The case as it is.
    contents : mapping of int to SliceAnnotation
        What is to be said, by slice.
    ids : collection of int
        The protected labels.
    put : callable
        Encodes and holds a mask; see :meth:`CaseEditor.put_mask`.

    Returns
    -------
    contents : mapping of int to SliceAnnotation
        What was given, if nothing is protected.
    spared : frozenset of int
        The protected labels that would have changed.

    Raises
    ------
    TransitionError
        If there is to be nothing to label where a protected label stands.
    """
    kept, spared = dict(contents), frozenset[int]()
    for index, content in contents.items() if ids else ():
        kept[index], found = _protected(view, view.content(index), content, ids, put)
        spared |= found
    return kept, spared


def _protected(
    view: CaseView,
    old: SliceAnnotation,
    new: SliceAnnotation,
    ids: Collection[int],
    put: Callable[..., dict[str, MaskRef]],
) -> tuple[SliceAnnotation, frozenset[int]]:
    masks, spared = dict(new.masks), frozenset[int]()
    groups = {view.labels[i].overlap_group for i in ids if i in view.labels.by_id}
    for group in groups.intersection([*old.masks, *new.masks]):
        ref, then = old.masks.get(group), new.masks.get(group)
        if ref is not None and then is not None and ref.digest == then.digest:
            continue
        before = None if ref is None else view.decoded(ref)
        after = (
            np.zeros_like(before) if then is None else view.decoded(then)
        )  # one of the two is there
        shown = old.proposals.get(group)
        proposed = None if shown is None else view.decoded(shown)
        mask, found = protected_pixels(before, after, ids, proposed)
        if not found:
            continue
        spared |= found
        how = then or ref
        assert how is not None
        masks = put(masks, group, mask, how.provenance, how.keys, how.source)
        if ref is not None and group in masks and masks[group].digest == ref.digest:
            masks[group] = ref
    boxes, found = protected_boxes(old.boxes, new.boxes, ids)
    spared |= found
    if not spared:
        return new, spared
    if new.nothing_to_label:
        names = ", ".join(view.labels[i].name for i in sorted(spared))
        raise TransitionError(
            f"this slice holds {names}, which is protected",
            where=f"slice {old.index + 1}",
            remedy="Open its lock in the list of labels first",
        )
    return new.evolve(masks=masks, boxes=boxes), spared
