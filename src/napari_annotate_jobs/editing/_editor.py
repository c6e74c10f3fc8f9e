"""Edits of one open case, with undo."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from psygnal import Signal

from napari_annotate_jobs.errors import (
    InvalidValueError,
    LockedError,
    RoleError,
    TransitionError,
)
from napari_annotate_jobs.model import (
    Annotation,
    AnnotationChange,
    Box,
    Comment,
    MaskRef,
    Method,
    Provenance,
    Scope,
    SliceAnnotation,
    SliceId,
    SliceRange,
    check_change,
    check_retired,
    mask_ref,
    mask_size,
)

from . import _changes
from ._history import Edit, History
from ._inherited import inherited
from ._open_range import leave_ranges
from ._spared import protect_contents, protect_masks
from ._untold import Untold
from ._view import CaseView

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from numpy.typing import NDArray

    from napari_annotate_jobs.model import Answers, Label, Project

__all__ = ["CaseEditor"]


class CaseEditor(CaseView):
    """The annotation of one case while it is open.

    Every method that edits is one undo step, tells :attr:`changed`, and hands
    the change to `on_change`, which saves it.

    Parameters
    ----------
    annotation : Annotation
        The draft as loaded.
    slices : sequence of SliceId
        The slices of the reference series.
    project : Project
        Its label set is closed: nothing else can be said.
    person : str
        Who edits.
    read_blob : callable
        Returns an encoded mask by its digest.
    on_change : callable
        Takes an AnnotationChange and the new blobs by digest.
    locked : bool
        If True, every edit raises LockedError.
    refused : RoleError, optional
        Why this person may not edit: every edit raises it.
    shape : sequence of int, optional
        Rows and columns of the slices: masks of another size are refused.

    Attributes
    ----------
    held : str
        What is being done, such as opening another case: until that is over, every
        edit raises LockedError too. Empty if nothing is.
    protected : frozenset of int
        Labels of which no edit takes, adds or moves a pixel or a box. Confirming what
        is proposed, and undoing what was done, still do.
    untold : Untold
        Edits that are told late: before anybody looks.
    """

    changed = Signal(tuple)
    """Indices of the slices that changed; empty if only the case did."""

    history_changed = Signal()

    spared = Signal(frozenset)
    """Ids of protected labels that an edit left alone where it would change them."""

    def __init__(
        self,
        annotation: Annotation,
        slices: Sequence[SliceId],
        project: Project,
        *,
        person: str,
        read_blob: Callable[[str], bytes],
        on_change: Callable[[AnnotationChange, Mapping[str, bytes]], None],
        locked: bool = False,
        refused: RoleError | None = None,
        shape: Sequence[int] | None = None,
    ) -> None:
        self.untold = Untold()
        super().__init__(annotation, slices, project, read_blob=read_blob, shape=shape)
        self.person = person
        self.locked = locked or refused is not None
        self.refused = refused
        self.held = ""
        self.protected: frozenset[int] = frozenset()
        self._history = History()
        self._on_change = on_change

    @property
    def annotation(self) -> Annotation:
        """What is said of the case."""
        self.untold.hear()
        return self._annotation

    @annotation.setter
    def annotation(self, annotation: Annotation) -> None:
        self._annotation = annotation

    @property
    def history(self) -> History:
        """What undo and redo would do."""
        self.untold.hear()
        return self._history

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
        masks, spared = protect_masks(self, masks, self.protected)
        for (index, group), mask in masks.items():
            content = contents.get(index, self.content(index))
            refs = self.put_mask(content.masks, group, mask, provenance)
            _changes.check_ids(self.labels, index, group, refs)
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
        done = self.edit(text, contents, by_hand=True)
        if spared:
            self.spared.emit(spared)
        return done

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
            _changes.check_ids(self.labels, index, group, refs)
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
                masks=refs,
                proposals={},
                boxes=tuple(boxes),
                nothing_to_label=False,
                attributes=inherited(self, content, content.proposals.values()),
            )
        return self._edit("Confirm", contents, protects=False)

    def reject(self, indices: Iterable[int]) -> bool:
        """Drop all proposals of slices."""
        contents = {}
        for index in indices:
            content = self.content(index)
            boxes = tuple(box for box in content.boxes if not box.proposal)
            contents[index] = content.evolve(proposals={}, boxes=boxes)
        return self.edit("Reject", contents, by_hand=True)

    # -------------------------------------------------------------- deciding
    def set_class(self, indices: Iterable[int], label_id: int, on: bool) -> bool:
        """Put a class label on slices, or take it away."""
        label = self._class_label(label_id, Scope.SLICE)
        verb = "Label" if on else "Take away"
        return self._edit(
            f"{verb} {label.name}",
            {
                i: _changes.with_class(self.content(i), (label_id,), self.labels)
                if on
                else _changes.without_class(self.content(i), (label_id,))
                for i in indices
            },
        )

    def set_nothing_to_label(
        self, indices: Iterable[int], on: bool = True, *, clear: bool = False
    ) -> bool:
        """Mark slices as verified negatives, or lift that.

        Raises
        ------
        TransitionError
            If a slice has labels and `clear` is False.
        """
        chosen = list(indices)
        busy = self.with_labels(chosen) if on else []
        if busy and not clear:
            raise TransitionError(
                f"{len(busy)} of the slices carry labels",
                where=f"slice {busy[0] + 1}",
                remedy="Nothing to Label would clear them: clear them first, or ask "
                "for it",
            )
        return self._edit(
            "Nothing to Label" if on else "Lift Nothing to Label",
            {
                i: _changes.with_nothing(self.content(i))
                if on
                else self.content(i).evolve(nothing_to_label=False)
                for i in chosen
            },
        )

    def set_excluded(self, indices: Iterable[int], on: bool = True) -> bool:
        """Exclude slices, or bring them back with all they held."""
        return self._edit(
            "Exclude" if on else "Lift exclusion",
            {i: self.content(i).evolve(excluded=on) for i in indices},
        )

    def set_case_label(self, label_id: int, on: bool = True) -> bool:
        """Choose a label for the whole case, or take it away."""
        label = self._class_label(label_id, Scope.CASE)
        ids = set(self.annotation.case_labels)
        if on:
            ids -= self.labels.exclusive_with(label)
            ids.add(label_id)
        else:
            ids.discard(label_id)
        return self._edit(
            f"Case: {label.name}" if on else f"Case: take away {label.name}",
            {},
            case_labels=tuple(sorted(ids)),
        )

    def set_case_nothing_to_label(
        self, on: bool = True, *, clear: bool = False
    ) -> bool:
        """Say that there is nothing to label in the whole case.

        Every undecided slice becomes a nothing-to-label slice; labels of slices
        stay. Lifting it leaves the slices as they are.

        Raises
        ------
        TransitionError
            If the case has labels, or an undecided slice has proposals, and
            `clear` is False.
        """
        chosen = self.undecided() if on else ()
        if on and not clear:
            self._check_case_is_clear(self.with_labels(chosen))
        return self._edit(
            "Nothing in the whole case" if on else "Lift Nothing in the whole case",
            {i: _changes.with_nothing(self.content(i)) for i in chosen},
            case_labels=() if on else None,
            case_nothing_to_label=on,
        )

    def _check_case_is_clear(self, proposed: Sequence[int]) -> None:
        if self.annotation.case_labels:
            names = (self.labels[i].name for i in self.annotation.case_labels)
            raise TransitionError(
                f"the case carries {', '.join(names)}",
                remedy="Nothing to Label would clear that: take it away first, or "
                "ask for it",
            )
        if proposed:
            raise TransitionError(
                f"{len(proposed)} of the slices hold proposals that nobody has "
                "confirmed",
                where=f"slice {proposed[0] + 1}",
                remedy="Nothing to Label would clear them: confirm or reject them "
                "first, or ask for it",
            )

    # -------------------------------------------------------------- comments
    def add_comment(self, text: str, index: int | None = None, **pin: Any) -> bool:
        """Write a comment on the case, on one of its slices, or on an object there.

        Parameters
        ----------
        text : str
            What to say.
        index : int, optional
            The slice.
        **pin
            Label, object and place of the object, as in a Comment.

        Raises
        ------
        InvalidValueError
            If there is no text.
        """
        if not text.strip():
            raise InvalidValueError(
                "an empty comment says nothing", remedy="Write what is to be said"
            )
        comment = Comment(
            person=self.person,
            text=text.strip(),
            index=index,
            slice_key=None if index is None else self.key(index),
            **pin,
        )
        comments = (*self.annotation.comments, comment)
        touched = () if index is None else (index,)
        return self._edit("Comment", {}, comments=comments, touched=touched)

    def remove_comment(self, comment_id: str) -> bool:
        """Delete one of the comments."""
        gone = [c for c in self.annotation.comments if c.id == comment_id]
        return self._edit(
            "Delete comment",
            {},
            comments=tuple(c for c in self.annotation.comments if c.id != comment_id),
            touched=tuple(i for i in map(self.index_of, gone) if i is not None),
        )

    # ------------------------------------------------------------------ undo
    def undo(self, here: int | None = None) -> int | None:
        """Take back the last edit; return the slice to show, if any.

        Parameters
        ----------
        here : int, optional
            The slice that is shown: it stays if the edit changed it too.
        """
        edit = None if self.is_fixed else self.history.undo()
        return None if edit is None else self._replay(edit, edit.before, here)

    def redo(self, here: int | None = None) -> int | None:
        """Do again what was undone; see :meth:`undo`."""
        edit = None if self.is_fixed else self.history.redo()
        return None if edit is None else self._replay(edit, edit.after, here)

    def _replay(
        self, edit: Edit, change: AnnotationChange, here: int | None
    ) -> int | None:
        self._apply(change)
        if here is not None and self.slices[here].key in change.slices:
            return here
        return edit.focus

    # ------------------------------------------------------------- internals
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
        return self._edit(text, contents, ranges=ranges, by_hand=by_hand, focus=focus)

    def say_of_case(self, text: str, answers: Answers) -> bool:
        """Make one undo step of all answers to what is asked once for the case."""
        return self._edit(text, {}, case_attributes=answers)

    def bring_in(
        self,
        text: str,
        contents: Mapping[int, SliceAnnotation],
        *,
        case_labels: Iterable[int] = (),
        case_attributes: Answers | None = None,
    ) -> bool:
        """Make one undo step of what came from elsewhere: slices, and case labels.

        Parameters
        ----------
        text : str
            The undo entry.
        contents : mapping of int to SliceAnnotation
            New contents by slice.
        case_labels : iterable of int
            Labels of the whole case to choose; those they exclude go.
        case_attributes : dict of int to dict of str to str, optional
            All answers to what is asked once for the case, by label id.
        """
        ids = set(self.annotation.case_labels)
        for label_id in case_labels:
            ids -= self.labels.exclusive_with(self._class_label(label_id, Scope.CASE))
            ids.add(label_id)
        return self._edit(
            text,
            contents,
            case_labels=tuple(sorted(ids)),
            case_attributes=case_attributes,
        )

    def amend(self, contents: Mapping[int, SliceAnnotation]) -> bool:
        """Bring proposals up to date with what was edited, or undone.

        It is saved as an edit is, but is no undo step, and what was undone can
        still be redone: undoing what it follows from takes it back.

        Parameters
        ----------
        contents : mapping of int to SliceAnnotation
            New contents by slice, which differ in nothing but their proposals.

        Raises
        ------
        InvalidValueError
            If they differ in something else.
        LockedError
            If the case is read-only.
        """
        self.check_unlocked()
        changed = {i: c for i, c in contents.items() if c != self.content(i)}
        for index, content in changed.items():
            old = self.content(index)
            if content.evolve(proposals=old.proposals) != old:
                raise InvalidValueError(
                    "only proposals can be amended", where=f"slice {index + 1}"
                )
        if not changed:
            return False
        change = AnnotationChange(
            slices={
                self._keys[i]: None if content.is_empty else content
                for i, content in changed.items()
            }
        )
        check_change(change, self.labels, name=self._name)
        self._apply(change)
        return True

    def lay_on(
        self, change: AnnotationChange, blobs: Mapping[str, bytes], *, text: str
    ) -> bool:
        """Make one undo step of a change that was made at another time.

        Parameters
        ----------
        change : AnnotationChange
            What to lay on top of what is said now.
        blobs : mapping of str to bytes
            The masks it needs, by digest.
        text : str
            The undo entry.
        """
        change = change.with_keys(self._keys, self.annotation)
        contents = {
            self._index[key]: content or SliceAnnotation(index=self._index[key])
            for key, content in change.slices.items()
            if key in self._index
        }
        self._blobs.update(blobs)
        return self._edit(
            text,
            contents,
            case_labels=change.case_labels,
            case_nothing_to_label=change.case_nothing_to_label,
            case_attributes=change.case_attributes,
            ranges=change.ranges,
            comments=change.comments,
            by_hand=False,
            anew=False,
            protects=False,
        )

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
        self._blobs[ref.digest] = data
        return {**refs, group: ref}

    @property
    def is_fixed(self) -> bool:
        """True if it cannot be edited now: it is read-only, or held."""
        return self.locked or bool(self.held)

    def check_unlocked(self) -> None:
        """Do nothing if the case can be edited.

        Raises
        ------
        LockedError, RoleError
            If it is read-only, or held, or for others to edit.
        """
        if self.held:
            raise LockedError(
                f"the case cannot be changed now ({self.held.lower()})",
                where=self.annotation.case_id,
                remedy="Wait until that is done",
            )
        if self.refused is not None:
            raise self.refused
        if self.locked:
            raise LockedError(
                "the case is submitted and therefore read-only",
                where=self.annotation.case_id,
                remedy="Take it back, or have a reviewer return it, to edit it again",
            )

    def _name(self, key: str) -> str:
        return f"slice {self._index[key] + 1}" if key in self._index else key

    def _class_label(self, label_id: int, scope: Scope) -> Label:
        label = self.labels[label_id]
        if label.method is not Method.CLASSIFICATION or label.scope is not scope:
            raise InvalidValueError(
                f"{label.name!r} is not a class label of scope {scope}"
            )
        return label

    def _edit(
        self,
        text: str,
        contents: Mapping[int, SliceAnnotation],
        *,
        case_labels: tuple[int, ...] | None = None,
        case_nothing_to_label: bool | None = None,
        ranges: tuple[SliceRange, ...] | None = None,
        comments: tuple[Comment, ...] | None = None,
        case_attributes: Answers | None = None,
        touched: tuple[int, ...] = (),
        by_hand: bool = True,
        anew: bool = True,
        focus: int | None = None,
        protects: bool = True,
    ) -> bool:
        self.check_unlocked()
        ids = self.protected if protects else frozenset()
        contents, spared = protect_contents(self, contents, ids, put=self.put_mask)
        settled = {i: content.settled() for i, content in contents.items()}
        changed = {i: c for i, c in settled.items() if c != self.content(i)}
        if by_hand and ranges is None:
            ranges = leave_ranges(self.annotation.ranges, self.keys(changed))
        if case_nothing_to_label is None and self.annotation.case_nothing_to_label:
            if any(content.has_labels for content in changed.values()):
                case_nothing_to_label = False
        old = self.annotation
        fields: dict[str, Any] = {
            "case_labels": case_labels,
            "case_nothing_to_label": case_nothing_to_label,
            "case_attributes": case_attributes,
            "ranges": ranges,
            "comments": comments,
        }
        fields = {
            name: value
            for name, value in fields.items()
            if value is not None and value != getattr(old, name)
        }
        # The two exclude one another, also where the change is saved on top of what
        # was said elsewhere.
        if fields.get("case_labels"):
            fields["case_nothing_to_label"] = False
        elif fields.get("case_nothing_to_label"):
            fields["case_labels"] = ()
        gone = set(old.case_labels) - set(fields.get("case_labels", old.case_labels))
        if gone.intersection(old.case_attributes):
            said = fields.get("case_attributes", old.case_attributes)
            fields["case_attributes"] = {i: a for i, a in said.items() if i not in gone}
        after = AnnotationChange(
            slices={
                self._keys[i]: None if content.is_empty else content
                for i, content in changed.items()
            },
            **fields,
        )
        if spared:
            self.spared.emit(spared)
        if after.is_empty:
            return False
        check_change(after, self.labels, name=self._name)
        if anew:
            check_retired(after, old, self.labels, name=self._name)
        before = AnnotationChange(
            slices={key: old.slices.get(key) for key in after.slices},
            **{name: getattr(old, name) for name in fields},
        )
        if focus is None:
            focus = min([*changed, *touched], default=None)
        self.history.push(Edit(text, before, after, focus))
        self._apply(after, touched)
        return True

    def _apply(self, change: AnnotationChange, touched: Sequence[int] = ()) -> None:
        revision = self.annotation.revision
        self.annotation = self.annotation.apply(change, revision=revision)
        indices = {self._index[key] for key in change.slices}.union(touched)
        for ranges in (change.ranges, change.comments):
            if ranges is not None:
                indices.update(range(self.n_slices))
        blobs: dict[str, bytes] = {}
        for content in change.slices.values():
            for refs in (content.masks, content.proposals) if content else ():
                for ref in refs.values():
                    if ref.digest in self._blobs:  # the store has all others
                        blobs[ref.digest] = self._blobs[ref.digest]
        self._on_change(change, blobs)
        self.changed.emit(tuple(sorted(indices)))
        self.history_changed.emit()
