"""The boxes of one object across slices, and what is done with them as a whole.

An object is a set of boxes with the same :attr:`Box.track`, at most one a slice; a
box without a track is an object of its own. Its *confirmed* boxes hold the truth;
boxes between two of them are proposals whose corners are linear in the slice index
(:func:`~napari_annotate_jobs.propagation.interpolate_boxes`), boxes beyond the
outermost ones are proposals copied from the nearest. Proposals follow whenever a
confirmed box of their object is drawn, moved or deleted, in the same undo step.
Slices that are excluded or marked nothing to label get none.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from napari_annotate_jobs.errors import InvalidValueError, NotFoundError
from napari_annotate_jobs.model import Box, Method, Provenance, new_id

from ._asked import Question, asked_attribute
from ._changes import moved_aside
from ._object_work import TrackWork, nearest_box, object_id

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from ._editor import CaseEditor
    from ._view import CaseView

__all__ = [
    "JOIN_REACH",
    "Track",
    "answer_track",
    "by_hand",
    "confirm_boxes",
    "cut_track",
    "delete_boxes",
    "delete_track",
    "drop_twins",
    "extend_track",
    "leave_track",
    "merge_candidates",
    "merge_tracks",
    "move_boxes",
    "relabel_tracks",
    "separate_box",
    "take_boxes",
    "track_of",
    "track_questions",
    "tracks",
]

JOIN_REACH = 30
"""Slices between a new box and an object it joins by itself, at most."""


@dataclass(frozen=True)
class Track:
    """One object and its boxes.

    Parameters
    ----------
    id : str
        Names the object in its case.
    label : int
        Label id.
    boxes : dict of int to Box
        By slice index, ascending; proposals too.
    """

    id: str
    label: int
    boxes: dict[int, Box]

    @property
    def start(self) -> int:
        """Index of its first slice."""
        return next(iter(self.boxes))

    @property
    def stop(self) -> int:
        """Index of its last slice, included."""
        return next(reversed(self.boxes))

    @property
    def keys(self) -> tuple[int, ...]:
        """Indices of the slices whose box a person placed, ascending."""
        return tuple(i for i, box in self.boxes.items() if box.key)

    @property
    def proposals(self) -> tuple[int, ...]:
        """Indices of the slices whose box nobody has confirmed, ascending."""
        return tuple(i for i, box in self.boxes.items() if box.proposal)


def tracks(view: CaseView) -> list[Track]:
    """Return the objects that are boxed in a case.

    Parameters
    ----------
    view : CaseView
        An annotation.

    Returns
    -------
    list of Track
        Ordered by first slice, then by the order in which they were drawn.
    """
    found: dict[str, dict[int, Box]] = {}
    for index, content in sorted(view.contents().items()):
        for box in content.boxes:
            found.setdefault(object_id(box), {})[index] = box
    return [
        Track(name, next(iter(boxes.values())).label, boxes)
        for name, boxes in found.items()
    ]


def track_of(view: CaseView, box_id: str) -> Track | None:
    """Return the object that a box belongs to; None if there is no such box."""
    for track in tracks(view):
        if any(box.id == box_id for box in track.boxes.values()):
            return track
    return None


def take_boxes(
    editor: CaseEditor,
    boxes: Mapping[int, Sequence[Box]],
    *,
    text: str,
    reach: int = JOIN_REACH,
) -> tuple[str, ...]:
    """Make slices hold just these boxes, and let their objects follow.

    A box that is new joins an object that has its label and no confirmed box on
    the slice, if the object's nearest box is at most `reach` slices away and the
    centre of the smaller of the two boxes lies, in the plane, inside the other.
    Of several such objects it is the one the fewest slices away, then the one
    with the nearest centre. Proposals then appear between the two boxes; a
    proposal on the slice itself is replaced. A box that was moved or resized is
    confirmed and becomes a key box. All is one undo step.

    Parameters
    ----------
    editor : CaseEditor
        The open case.
    boxes : mapping of int to sequence of Box
        All boxes, by index, of the slices that changed.
    text : str
        The undo entry.
    reach : int
        See above; 0 lets no box join.

    Returns
    -------
    tuple of str
        Ids of the boxes that are new or changed, as they are now.
    """
    work = TrackWork(editor)
    touched: list[str] = []
    objects: set[str] = set()
    new: list[tuple[int, Box]] = []
    for index, wanted in boxes.items():
        old = {box.id: box for box in work.on(index)}
        known = {(box.label, box.corners) for box in old.values()}
        for box_id in set(old) - {box.id for box in wanted}:
            work.remove(index, box_id)
            objects.add(object_id(old[box_id]))
        for box in wanted:
            if box.id not in old:
                # Pasted on top of itself, nobody would see it.
                box = moved_aside(box, known, editor.shape)
                known.add((box.label, box.corners))
                new.append((index, box))
            elif box != old[box.id]:
                work.put(index, box)
                touched.append(box.id)
                objects.add(object_id(box))
    for name in objects:
        work.refill(name)
    for index, box in new:
        touched.append(_join(work, index, box, reach))
    work.save(editor, text, min(boxes, default=None))
    return tuple(touched)


def _join(work: TrackWork, index: int, box: Box, reach: int) -> str:
    name = _object_for(work, index, box, reach)
    if name is None:
        work.put(index, box)
        return box.id
    name = work.named(name)
    replaced = work.boxes(name).get(index)
    if replaced is not None:
        work.remove(index, replaced.id)
        box = box.evolve(id=replaced.id, attributes=replaced.attributes)
    elif not box.attributes:
        box = box.evolve(attributes=nearest_box(work.boxes(name), index)[1].attributes)
    box = box.evolve(track=name)
    work.put(index, box)
    work.refill(name, work.open_stretches(name, index))
    return box.id


def _object_for(work: TrackWork, index: int, box: Box, reach: int) -> str | None:
    best: tuple[float, float] | None = None
    found = None
    for name, boxes in work.objects().items():
        there = boxes.get(index)
        if there is not None and not there.proposal:
            continue
        place, near = nearest_box(boxes, index)
        if near.label != box.label or abs(place - index) > reach:
            continue
        if not same_place(near, box):
            continue
        rank = (abs(place - index), _distance(near, box))
        if best is None or rank < best:
            best, found = rank, name
    return found


def same_place(one: Box, other: Box) -> bool:
    """Tell whether the centre of the smaller of two boxes lies inside the other."""
    small, large = sorted((one, other), key=_area)
    row, column = _centre(small)
    return large.top <= row <= large.bottom and large.left <= column <= large.right


def _area(box: Box) -> float:
    return (box.bottom - box.top) * (box.right - box.left)


def _centre(box: Box) -> tuple[float, float]:
    return (box.top + box.bottom) / 2, (box.left + box.right) / 2


def _distance(one: Box, other: Box) -> float:
    (a, b), (c, d) = _centre(one), _centre(other)
    return (a - c) ** 2 + (b - d) ** 2


def extend_track(editor: CaseEditor, track_id: str, indices: Iterable[int]) -> bool:
    """Propose the object's box on slices where it has none.

    Between confirmed boxes it is interpolated, beyond them copied.
    """
    work = TrackWork(editor)
    work.check(track_id)
    name = work.named(track_id)
    chosen = [i for i in indices if 0 <= i < editor.n_slices]
    work.show_again(name, chosen)
    work.refill(name, chosen)
    return work.save(editor, "Extend object")


def leave_track(editor: CaseEditor, track_id: str, index: int) -> bool:
    """Say that the object is out of sight from a slice on.

    Its boxes from there to its next confirmed box go; a confirmed one on the
    slice itself goes too. The stretch stays free when the object's boxes change.

    Raises
    ------
    InvalidValueError
        If the object has no confirmed box on an earlier slice.
    """
    work = TrackWork(editor)
    work.check(track_id)
    if not work.leave(work.named(track_id), index):
        raise InvalidValueError(
            "the object has no confirmed box before this slice",
            where=f"slice {index + 1}",
            remedy="Go to the first slice that does not show it any more",
        )
    return work.save(editor, "Object leaves", index)


def cut_track(editor: CaseEditor, track_id: str, index: int) -> str:
    """Make two objects of one: a new one begins at a slice. Return its id.

    Raises
    ------
    InvalidValueError
        If all boxes of the object lie on one side.
    """
    work = TrackWork(editor)
    boxes = work.check(track_id)
    if not min(boxes) < index <= max(boxes):
        raise InvalidValueError(
            "there is nothing to cut: the object lies on one side of this slice",
            where=f"slice {index + 1}",
            remedy="Go to the slice on which the second object begins",
        )
    new = new_id()
    for place, box in boxes.items():
        moved = box.evolve(track=new if place >= index else track_id)
        at = work.leaves(track_id, place)
        if at is not None and min(place, at) < index <= max(place, at):
            moved = moved.evolve(leaves=None)
        if moved.proposal and moved.provenance is Provenance.INTERPOLATED:
            moved = moved.evolve(provenance=Provenance.COPIED)
        work.put(place, moved)
    work.save(editor, "Cut object", index)
    return new


def separate_box(editor: CaseEditor, box_id: str) -> bool:
    """Make a box an object of its own; the proposals it led to go."""
    work = TrackWork(editor)
    index, box = work.find(box_id)
    name = object_id(box)
    if len(work.boxes(name)) < 2:
        return False
    work.remove(index, box_id)
    work.refill(name)
    own = box.evolve(track=new_id(), proposal=False, key=True, leaves=None)
    work.put(index, own)
    return work.save(editor, "Separate box")


def merge_candidates(view: CaseView, track_id: str) -> list[Track]:
    """Return the objects that could be the same as one, the likeliest first.

    Those with its label and no confirmed box on a slice where it has one; those in
    the same place in the plane come first, then the nearest ones.
    """
    everything = {track.id: track for track in tracks(view)}
    if track_id not in everything:
        return []
    own = everything.pop(track_id)
    ranked = []
    for track in everything.values():
        if track.label != own.label or _clash(own, track) is not None:
            continue
        pairs = [(abs(i - j), i, j) for i in own.boxes for j in track.boxes]
        gap, i, j = min(pairs)
        far = not same_place(own.boxes[i], track.boxes[j])
        ranked.append((far, gap, track.start, track))
    return [track for *_, track in sorted(ranked, key=lambda item: item[:3])]


def _clash(one: Track, other: Track) -> int | None:
    for index in sorted(set(one.boxes).intersection(other.boxes)):
        if not (one.boxes[index].proposal or other.boxes[index].proposal):
            return index
    return None


def merge_tracks(editor: CaseEditor, track_id: str, others: Iterable[str]) -> bool:
    """Make one object of several, with the label of the first.

    Proposals appear between boxes that were of different objects. On a slice where
    both have a box, the confirmed one stays.

    Raises
    ------
    InvalidValueError
        If two of them have a confirmed box on the same slice.
    """
    work = TrackWork(editor)
    label = next(iter(work.check(track_id).values())).label
    name = work.named(track_id)
    for other_id in others:
        boxes = work.check(other_id)
        own = work.boxes(name)
        one, other = Track(name, label, own), Track(other_id, label, boxes)
        clash = _clash(one, other)
        if clash is not None:
            raise InvalidValueError(
                "the two cannot be one object: both have a confirmed box here",
                where=f"slice {clash + 1}",
                remedy="Delete one of these boxes first",
            )
        for index, box in boxes.items():
            there = own.get(index)
            if there is not None and box.proposal:
                work.remove(index, box.id)
                continue
            if there is not None:
                work.remove(index, there.id)
            work.put(index, box.evolve(track=name, label=label))
        for index in boxes:
            if index in work.boxes(name):
                work.refill(name, work.open_stretches(name, index))
        work.refill(name)
    return work.save(editor, "Join objects")


def delete_track(editor: CaseEditor, track_id: str) -> bool:
    """Delete an object with all its boxes."""
    work = TrackWork(editor)
    for index, box in work.check(track_id).items():
        work.remove(index, box.id)
    return work.save(editor, "Delete object")


def delete_boxes(editor: CaseEditor, box_ids: Iterable[str]) -> bool:
    """Delete boxes; the proposals of their objects follow."""
    work = TrackWork(editor)
    names = []
    for box_id in box_ids:
        index, box = work.find(box_id)
        work.remove(index, box_id)
        names.append(object_id(box))
    for name in names:
        work.refill(name)
    return work.save(editor, "Delete box")


def drop_twins(editor: CaseEditor) -> bool:
    """Delete confirmed boxes that lie exactly on an earlier one of their label."""
    gone = []
    for content in editor.contents().values():
        seen = set()
        for box in content.boxes:
            if (box.label, box.corners) in seen and not box.proposal:
                gone.append(box.id)
            seen.add((box.label, box.corners))
    return delete_boxes(editor, gone)


def move_boxes(
    editor: CaseEditor, box_ids: Iterable[str], down: float, right: float
) -> bool:
    """Move boxes by some pixels, as far as they stay in the image; this confirms them.

    Raises
    ------
    NotFoundError
        If one of them is not there any more.
    """
    work = TrackWork(editor)
    rows, columns = (math.inf, math.inf) if editor.shape is None else editor.shape
    names = []
    for box_id in box_ids:
        index, box = work.find(box_id)
        dy = min(max(down, -0.5 - box.top), rows - 0.5 - box.bottom)
        dx = min(max(right, -0.5 - box.left), columns - 0.5 - box.right)
        moved = box.evolve(
            top=box.top + dy,
            bottom=box.bottom + dy,
            left=box.left + dx,
            right=box.right + dx,
        )
        if moved.corners != box.corners:
            work.put(index, by_hand(moved))
            names.append(object_id(box))
    for name in names:
        work.refill(name)
    return work.save(editor, "Move box")


def by_hand(box: Box) -> Box:
    """Return a box as one that was set by hand: confirmed, and a key box."""
    return box.evolve(proposal=False, key=True, provenance=Provenance.MANUAL)


def relabel_tracks(editor: CaseEditor, track_ids: Iterable[str], label_id: int) -> bool:
    """Give objects another label, on all their slices.

    Raises
    ------
    InvalidValueError
        If it is not a label for boxes.
    """
    label = editor.labels[label_id]
    if label.method is not Method.DETECTION:
        raise InvalidValueError(f"{label.name!r} is not a label for boxes")
    work = TrackWork(editor)
    asked = {attribute.name: attribute for attribute in label.asked(None)}
    for track_id in track_ids:
        for index, box in work.check(track_id).items():
            kept = {
                name: answer
                for name, answer in box.attributes.items()
                if name in asked and not asked[name].refuses(answer)
            }
            work.put(index, box.evolve(label=label_id, attributes=kept))
    return work.save(editor, f"Relabel to {label.name}")


def track_questions(view: CaseView, track: Track) -> tuple[Question, ...]:
    """Return what is asked of an object."""
    label = view.labels.by_id.get(track.label)
    answers = next(iter(track.boxes.values())).attributes
    return tuple(
        Question(label, each, None, answers.get(each.name, ""), track=track.id)
        for each in (() if label is None else label.asked(None))
        if label is not None
    )


def answer_track(editor: CaseEditor, track_id: str, name: str, answer: str) -> bool:
    """Answer an attribute of an object, for all its boxes; no text takes it back.

    Raises
    ------
    InvalidValueError
        If its label asks no such thing, or offers other answers.
    NotFoundError
        If the object is not there any more.
    """
    work = TrackWork(editor)
    boxes = work.check(track_id)
    label = editor.labels[next(iter(boxes.values())).label]
    if label.asked_of(asked_attribute(label, name, answer)) is not None:
        raise InvalidValueError(
            f"{name!r} is asked once for the case, not of each {label.name}",
            remedy="Answer it for the case",
        )
    for index, box in boxes.items():
        answers = {k: v for k, v in box.attributes.items() if k != name}
        if answer:
            answers[name] = answer
        work.put(index, box.evolve(attributes=answers))
    return work.save(editor, f"{name}: {answer or 'no answer'}")


def confirm_boxes(editor: CaseEditor, box_ids: Iterable[str]) -> bool:
    """Confirm proposed boxes as they are.

    Raises
    ------
    NotFoundError
        If one of them is not there any more.
    """
    work = TrackWork(editor)
    wanted = set(box_ids)
    for boxes in work.objects().values():
        for index, box in boxes.items():
            if box.id in wanted:
                wanted.discard(box.id)
                if box.proposal:
                    work.put(index, box.evolve(proposal=False))
    if wanted:
        raise NotFoundError("this box is not there any more")
    return work.save(editor, "Confirm boxes")
