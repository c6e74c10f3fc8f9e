"""Edits of what slices hold: masks, boxes and proposals of both."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING

import numpy as np

from napari_annotate_jobs.errors import InvalidValueError
from napari_annotate_jobs.model import (
    Box,
    MaskRef,
    Method,
    Provenance,
    SliceAnnotation,
    mask_ref,
    mask_size,
)

from . import _changes
from ._view import CaseView

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from numpy.typing import NDArray

    from napari_annotate_jobs.model import SliceRange

__all__ = ["ContentEdits"]


class ContentEdits(CaseView, ABC):
    """A case whose masks and boxes are edited; how an edit is kept is open."""

    _new_blobs: dict[str, bytes]

    @abstractmethod
    def edit(
        self,
        text: str,
        contents: Mapping[int, SliceAnnotation],
        *,
        ranges: tuple[SliceRange, ...] | None = None,
        by_hand: bool = False,
        focus: int | None = None,
    ) -> bool:
        """Make one undo step of new contents of slices, and ranges.

        Undo shows slice `focus`; by default the first one that changed.
        """

    @abstractmethod
    def amend(self, contents: Mapping[int, SliceAnnotation]) -> bool:
        """Bring proposals up to date, without an undo step."""

    # --------------------------------------------------------- masks, boxes
    def set_masks(
        self,
        masks: Mapping[tuple[int, str], NDArray[np.integer]],
        *,
        text: str = "Paint",
        provenance: Provenance = Provenance.MANUAL,
        settle: Collection[int] = (),
    ) -> bool:
        """Set the masks of slices; painting lifts nothing-to-label.

        A proposal loses the pixels that are painted over.

        Parameters
        ----------
        masks : mapping
            By slice index and overlap group: label ids, shape (rows, columns).
            What stood there is replaced.
        text : str
            The undo entry.
        provenance : Provenance
            How they came about.
        settle : collection of int
            Slices whose masks hold what is right of the proposals: these go.

        Raises
        ------
        InvalidValueError
            If a pixel holds an id that is not declared for this overlap group.
        """
        contents: dict[int, SliceAnnotation] = {}
        for mask in masks.values():
            self._check_size(*np.shape(mask))
        for (index, group), mask in masks.items():
            content = contents.get(index, self.content(index))
            refs = self.put_mask(content.masks, group, mask, provenance)
            self._check_ids(index, group, refs)
            proposals = (
                {name: ref for name, ref in content.proposals.items() if name != group}
                if index in settle
                else self.uncovered(content.proposals, group, np.asarray(mask))
            )
            contents[index] = content.evolve(
                masks=refs,
                proposals=proposals,
                nothing_to_label=content.nothing_to_label and not refs,
            )
        return self.edit(text, contents, by_hand=True)

    def _check_ids(self, index: int, group: str, refs: Mapping[str, MaskRef]) -> None:
        """Refuse a mask that holds what cannot be painted in its overlap group."""
        labels = {
            label.id: label.name
            for label in self.labels.of(Method.SEGMENTATION)
            if label.overlap_group == group
        }
        held = refs[group].pixels if group in refs else ()
        wrong = sorted(set(held) - set(labels))
        if wrong:
            self._new_blobs.clear()
            which = ", ".join(str(value) for value in wrong[:3])
            offered = ", ".join(f"{i} ({name})" for i, name in labels.items())
            raise InvalidValueError(
                f"the value {which} is none of the labels that can be painted here",
                where=f"slice {index + 1}",
                remedy=f"Choose one of {offered}",
            )

    def set_boxes(
        self, boxes: Mapping[int, Sequence[Box]], *, text: str = "Boxes"
    ) -> bool:
        """Set the boxes of slices; a box lifts nothing-to-label."""
        contents = {}
        for index, chosen in boxes.items():
            content = self.content(index)
            confirmed = any(not box.proposal for box in chosen)
            contents[index] = content.evolve(
                boxes=tuple(chosen),
                nothing_to_label=content.nothing_to_label and not confirmed,
            )
        return self.edit(text, contents, by_hand=True)

    def propose_masks(
        self,
        masks: Mapping[tuple[int, str], NDArray[np.integer]],
        *,
        provenance: Provenance,
        keys: Sequence[int] | Mapping[tuple[int, str], Sequence[int]] = (),
        ready: Mapping[tuple[int, str], tuple[MaskRef, bytes]] | None = None,
        boxes: Mapping[int, Sequence[Box]] | None = None,
        source: str = "",
        text: str = "Propose masks",
        amend: bool = False,
    ) -> bool:
        """Set mask proposals; they hold no pixel where a confirmed one is.

        Slices that are excluded, or marked nothing to label, are left alone.

        Parameters
        ----------
        masks : mapping
            By slice index and overlap group: label ids, shape (rows, columns).
            What was proposed there is replaced.
        provenance : Provenance
            How they came about.
        keys : sequence of int, or mapping of these
            The slices they were made from; for all, or for each of `masks`.
        ready : mapping, optional
            Those of `masks` that were encoded in advance, where the slice has no
            confirmed mask (see :func:`~napari_annotate_jobs.formats.mask_ref`).
        boxes : mapping, optional
            All boxes a slice is to have, proposals among them, by slice index.
        source : str
            What they were imported from, or predicted by.
        text : str
            The undo entry.
        amend : bool
            True for proposals that follow from what was edited anyway: they are
            saved, but no undo step of their own, and what was undone can still be
            redone.
        """
        contents: dict[int, SliceAnnotation] = {}
        for (index, group), mask in masks.items():
            content = contents.get(index, self.content(index))
            if content.excluded or content.nothing_to_label:
                continue
            self._check_size(*np.shape(mask))
            places = keys.get((index, group), ()) if isinstance(keys, Mapping) else keys
            made_from = self.keys(places)
            if encoded := (ready or {}).get((index, group)):
                ref, data = encoded
                self._check_size(*mask_size(data))
                ref = ref.model_copy(update={"keys": made_from})
                contents[index] = content.evolve(
                    proposals=self._hold(content.proposals, group, ref, data)
                )
                continue
            proposed = _changes.beside(self.mask(index, group), np.asarray(mask))
            refs = self.put_mask(
                content.proposals, group, proposed, provenance, made_from, source
            )
            self._check_ids(index, group, refs)
            contents[index] = content.evolve(proposals=refs)
        for index, chosen in (boxes or {}).items():
            content = contents.get(index, self.content(index))
            if not (content.excluded or content.nothing_to_label):
                contents[index] = content.evolve(boxes=tuple(chosen))
        return self.amend(contents) if amend else self.edit(text, contents)

    def confirm(self, indices: Iterable[int]) -> bool:
        """Confirm all proposals of slices."""
        contents = {}
        for index in indices:
            content = self.content(index)
            if not content.has_proposals:
                continue
            refs = dict(content.masks)
            for group, ref in content.proposals.items():
                if group not in refs:
                    refs[group] = ref
                    continue
                whole = _changes.merged_mask(self.mask(index, group), self.decoded(ref))
                refs = self.put_mask(
                    refs, group, whole, ref.provenance, ref.keys, ref.source
                )
            boxes = [
                box.model_copy(update={"proposal": False}) for box in content.boxes
            ]
            contents[index] = content.evolve(
                masks=refs, proposals={}, boxes=tuple(boxes), nothing_to_label=False
            )
        return self.edit("Confirm", contents, by_hand=True)

    def reject(self, indices: Iterable[int]) -> bool:
        """Drop all proposals of slices."""
        contents = {}
        for index in indices:
            content = self.content(index)
            boxes = tuple(box for box in content.boxes if not box.proposal)
            contents[index] = content.evolve(proposals={}, boxes=boxes)
        return self.edit("Reject", contents, by_hand=True)

    def paste(
        self, copied: SliceAnnotation, indices: Iterable[int], *, confirmed: bool
    ) -> bool:
        """Add a copied slice's labels, boxes and masks to slices, as one step.

        Parameters
        ----------
        copied : SliceAnnotation
            Of this case. What nobody has confirmed is left out.
        indices : iterable of int
            Where to.
        confirmed : bool
            False makes proposals of boxes and masks.
        """
        contents = {}
        for index in indices:
            content = self.content(index)
            if copied.class_labels:
                content = _changes.with_class(content, copied.class_labels, self.labels)
            boxes = _changes.copies(copied.boxes, content.boxes, confirmed=confirmed)
            masks, proposals = dict(content.masks), dict(content.proposals)
            for group, ref in copied.masks.items():
                mask = self.decoded(ref)
                if confirmed:
                    mask = _changes.merged_mask(self.mask(index, group), mask)
                    masks = self.put_mask(masks, group, mask, Provenance.COPIED)
                    proposals = self.uncovered(proposals, group, mask)
                else:
                    mask = _changes.merged_mask(
                        self.mask(index, group, proposal=True),
                        _changes.beside(self.mask(index, group), mask),
                    )
                    proposals = self.put_mask(proposals, group, mask, Provenance.COPIED)
            drawn = confirmed and bool(boxes or copied.masks)
            contents[index] = content.evolve(
                boxes=(*content.boxes, *boxes),
                masks=masks,
                proposals=proposals,
                nothing_to_label=content.nothing_to_label and not drawn,
            )
        return self.edit("Paste", contents, by_hand=True)

    def uncovered(
        self, refs: Mapping[str, MaskRef], group: str, mask: NDArray[np.integer]
    ) -> dict[str, MaskRef]:
        """Take from a group's proposal the pixels that a confirmed mask holds."""
        ref = refs.get(group)
        if ref is None:
            return dict(refs)
        proposed = _changes.beside(mask, self.decoded(ref))
        return self.put_mask(
            refs, group, proposed, ref.provenance, ref.keys, ref.source
        )

    def put_mask(
        self,
        refs: Mapping[str, MaskRef],
        group: str,
        mask: NDArray[np.integer],
        provenance: Provenance,
        keys: Sequence[str | int] = (),
        source: str = "",
    ) -> dict[str, MaskRef]:
        """Return masks of a slice with another one in a group, encoded and held.

        Parameters
        ----------
        refs : mapping of str to MaskRef
            The masks by overlap group.
        group : str
            Whose mask is replaced; it goes if no pixel is set.
        mask : ndarray of int, shape (rows, columns)
            Label ids.
        provenance, keys, source
            As for :func:`~napari_annotate_jobs.formats.mask_ref`.
        """
        self._check_size(*np.shape(mask))
        found = mask_ref(mask, provenance=provenance, keys=tuple(keys), source=source)
        others = {name: ref for name, ref in refs.items() if name != group}
        if found is None:
            return others
        ref, data = found
        old = refs.get(group)
        if old is not None and old.digest == ref.digest and not keys:
            ref = old
        return self._hold(others, group, ref, data)

    def _check_size(self, *size: int) -> None:
        """Refuse a mask that is not of the size of the slices."""
        if self.shape is not None and size != self.shape:
            raise InvalidValueError(
                f"a mask of {' x '.join(map(str, size))} pixels",
                where=self.annotation.case_id,
                remedy="The slices of this case have "
                f"{self.shape[0]} x {self.shape[1]}: give masks of that size",
            )

    def _hold(
        self, refs: Mapping[str, MaskRef], group: str, ref: MaskRef, data: bytes
    ) -> dict[str, MaskRef]:
        self._blobs[ref.digest] = self._new_blobs[ref.digest] = data
        return {**refs, group: ref}
