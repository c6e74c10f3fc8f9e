"""A working copy of all boxes of a case, and how proposals follow their object."""

from __future__ import annotations

from typing import TYPE_CHECKING

from napari_annotate_jobs.errors import NotFoundError
from napari_annotate_jobs.model import Box, Provenance, new_id
from napari_annotate_jobs.propagation import interpolate_boxes

from ._open_range import leave_ranges

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from ._editor import CaseEditor
    from ._view import CaseView

__all__ = ["TrackWork", "nearest_box", "object_id"]

FOLLOWING = frozenset({Provenance.INTERPOLATED, Provenance.COPIED})
"""Where proposals come from that follow the confirmed boxes of their object."""


def object_id(box: Box) -> str:
    """Return what names the object of a box."""
    return box.track or box.id


def nearest_box(boxes: Mapping[int, Box], index: int) -> tuple[int, Box]:
    """Return the box the fewest slices away, of two the earlier, and its slice."""
    place = min(boxes, key=lambda i: (abs(i - index), i))
    return place, boxes[place]


class TrackWork:
    """All boxes of a case, changed at will and then saved as one undo step.

    Parameters
    ----------
    view : CaseView
        The case as it is.
    """

    def __init__(self, view: CaseView) -> None:
        self._view = view
        self._slices: dict[int, dict[str, Box]] = {
            index: {box.id: box for box in content.boxes}
            for index, content in view.contents().items()
        }

    # --------------------------------------------------------------- looking
    def on(self, index: int) -> list[Box]:
        """Return the boxes of a slice."""
        return list(self._slices.get(index, {}).values())

    def objects(self) -> dict[str, dict[int, Box]]:
        """Return the boxes by object and slice, slices ascending."""
        found: dict[str, dict[int, Box]] = {}
        for index in sorted(self._slices):
            for box in self._slices[index].values():
                found.setdefault(object_id(box), {})[index] = box
        return found

    def boxes(self, name: str) -> dict[int, Box]:
        """Return the boxes of an object by slice, ascending."""
        return {
            index: box
            for index in sorted(self._slices)
            for box in self._slices[index].values()
            if object_id(box) == name
        }

    def check(self, name: str) -> dict[int, Box]:
        """Return the boxes of an object; it must be there.

        Raises
        ------
        NotFoundError
            If it is not.
        """
        boxes = self.boxes(name)
        if not boxes:
            raise NotFoundError("this object is not there any more")
        return boxes

    def find(self, box_id: str) -> tuple[int, Box]:
        """Return a box and its slice.

        Raises
        ------
        NotFoundError
            If it is not there.
        """
        for index, boxes in self._slices.items():
            if box_id in boxes:
                return index, boxes[box_id]
        raise NotFoundError("this box is not there any more")

    def confirmed(self, name: str) -> dict[int, Box]:
        """Return the confirmed boxes of an object."""
        return {i: box for i, box in self.boxes(name).items() if not box.proposal}

    def hidden(self, name: str) -> set[int]:
        """Return the slices on which the object is out of sight."""
        return {
            i for place in self.confirmed(name) for i in self.gone_after(name, place)
        }

    def leaves(self, name: str, place: int) -> int | None:
        """Return the slice from which the object is out of sight after a box."""
        boxes = self.boxes(name)
        key = boxes[place].leaves
        if key is None:
            return None
        index = self._view.place(key)
        if index is not None:
            return index
        # That slice is not in the series now: the object leaves after its last box.
        end = min((i for i in self.confirmed(name) if i > place), default=None)
        shown = [i for i in boxes if place <= i and (end is None or i < end)]
        after = max(shown) + 1
        return after if after < self._view.n_slices and after != end else None

    def gone_after(self, name: str, place: int) -> range:
        """Return the slices on which a confirmed box says that the object is gone.

        They begin on the slice on which it leaves, and go on to the next confirmed
        box, or to the end. In a series that was put the other way round since they go
        from there to the box, or end, before it.
        """
        at = self.leaves(name, place)
        if at is None:
            return range(0)
        confirmed = self.confirmed(name)
        if at > place:
            back = (i for i in confirmed if i >= at)
            return range(at, min(back, default=self._view.n_slices))
        return range(max((i for i in confirmed if i <= at), default=-1) + 1, at + 1)

    # -------------------------------------------------------------- changing
    def put(self, index: int, box: Box) -> None:
        """Add a box, or replace the one with its id."""
        self._slices.setdefault(index, {})[box.id] = box

    def remove(self, index: int, box_id: str) -> None:
        """Take a box away; where its object leaves is not forgotten with it."""
        name = object_id(self._slices[index][box_id])
        at = self.leaves(name, index)
        box = self._slices[index].pop(box_id)
        if at is None:
            return
        confirmed = self.confirmed(name)
        before = [i for i in confirmed if (i < at if at > index else i > at)]
        if before:
            heir = max(before) if at > index else min(before)
            self.put(heir, confirmed[heir].evolve(leaves=box.leaves))

    def named(self, name: str) -> str:
        """Write the object's name into all its boxes, and return it."""
        for index, box in self.boxes(name).items():
            if box.track is None:
                self.put(index, box.evolve(track=name))
        return name

    def leave(self, name: str, index: int) -> bool:
        """Let the object be out of sight from a slice on; False if it cannot be."""
        confirmed = self.confirmed(name)
        before = [i for i in confirmed if i < index]
        if not before:
            return False
        after = [i for i in confirmed if i > index]
        end = min(after) if after else self._view.n_slices
        for place, box in self.boxes(name).items():
            if index <= place < end:
                self._slices[place].pop(box.id)
        leaves = self._view.key(index)
        self.put(max(before), confirmed[max(before)].evolve(leaves=leaves))
        return True

    def show_again(self, name: str, indices: Iterable[int]) -> None:
        """Let the object be in sight on slices where it was said to be gone."""
        shown = set(indices)
        for place, box in self.confirmed(name).items():
            gone = self.gone_after(name, place)
            inside = shown.intersection(gone)
            if inside:
                onward = gone.start > place
                at = max(inside) + 1 if onward else min(inside) - 1
                left = at < gone.stop - 1 if onward else at > gone.start
                leaves = self._view.key(at) if left else None
                self.put(place, box.evolve(leaves=leaves))

    def open_stretches(self, name: str, index: int) -> list[int]:
        """Return the slices from a confirmed box to the next ones that are free.

        Only whole stretches without any box of the object count: where one was
        rejected or deleted among others, it is not proposed again.
        """
        boxes, confirmed = self.boxes(name), self.confirmed(name)
        before = [i for i in confirmed if i < index]
        after = [i for i in confirmed if i > index]
        found: list[int] = []
        for ends in (before and (max(before), index), after and (index, min(after))):
            if ends:
                stretch = range(ends[0] + 1, ends[1])
                if not any(i in boxes for i in stretch):
                    found.extend(stretch)
        return found

    def refill(self, name: str, fill: Iterable[int] = ()) -> None:
        """Let the object's proposals follow its confirmed boxes.

        Parameters
        ----------
        name : str
            The object.
        fill : iterable of int
            Slices that get a proposal if they have no box of it.
        """
        boxes, confirmed = self.boxes(name), self.confirmed(name)
        if not confirmed:
            return
        first, last = min(confirmed), max(confirmed)
        hidden = self.hidden(name)
        fresh = {
            i for i in fill if i not in boxes and i not in hidden and self._takes(i)
        }
        old = {
            i: box
            for i, box in boxes.items()
            if box.proposal and box.provenance in FOLLOWING
        }
        corners = interpolate_boxes(
            {i: box.corners for i, box in confirmed.items()},
            start=min([first, *old, *fresh]),
            stop=max([last, *old, *fresh]),
        )
        for i in sorted({*old, *fresh}):
            box, between = old.get(i), first < i < last
            lost = (
                not between
                and box is not None
                and (box.provenance is Provenance.INTERPOLATED)
            )
            if box is not None and (lost or i in hidden):
                self._slices[i].pop(box.id)
            elif box is None or self._takes(i):
                _, near = nearest_box(confirmed, i)
                top, left, bottom, right = (round(x, 3) for x in corners[i])
                self.put(
                    i,
                    Box(
                        id=new_id() if box is None else box.id,
                        label=near.label,
                        top=top,
                        left=left,
                        bottom=bottom,
                        right=right,
                        provenance=Provenance.INTERPOLATED
                        if between
                        else Provenance.COPIED,
                        proposal=True,
                        track=name,
                        key=False,
                        attributes=near.attributes,
                    ),
                )

    def _takes(self, index: int) -> bool:
        content = self._view.content(index)
        return not (content.excluded or content.nothing_to_label)

    # ---------------------------------------------------------------- saving
    def save(self, editor: CaseEditor, text: str, focus: int | None = None) -> bool:
        """Make one undo step of all that changed; False if nothing did.

        Undo shows slice `focus`, else the first one with another confirmed box.
        Slices whose confirmed boxes change count as edited by hand: they leave
        the ranges that ruled them. A confirmed box lifts nothing-to-label.
        """
        contents, by_hand = {}, []
        for index, chosen in self._slices.items():
            content = editor.content(index)
            boxes = tuple(chosen.values())
            if boxes == content.boxes:
                continue
            confirmed = [box for box in boxes if not box.proposal]
            if confirmed != [box for box in content.boxes if not box.proposal]:
                by_hand.append(index)
            contents[index] = content.evolve(
                boxes=boxes,
                nothing_to_label=content.nothing_to_label and not confirmed,
            )
        ranges = leave_ranges(editor.annotation.ranges, editor.keys(by_hand))
        if focus is None:
            focus = min(by_hand, default=None)
        return editor.edit(text, contents, ranges=ranges, focus=focus)
