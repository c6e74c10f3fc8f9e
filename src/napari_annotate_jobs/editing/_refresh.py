"""Notices which interpolated proposals do not follow from their keys any more."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from napari_annotate_jobs.model import Provenance

from ._interpolation import Proposed, label_keys, plan_interpolation

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from napari_annotate_jobs.model import MaskRef, SliceAnnotation

    from ._editor import CaseEditor
    from ._interpolation import InterpolationPlan

__all__ = ["KeyWatch", "Refresh"]


class KeyWatch:
    """Compares the slices with what they were.

    Attributes
    ----------
    dirty : dict of str to set of int
        Slices that changed in a way that others depend on, by overlap group.
    """

    def __init__(self) -> None:
        self.dirty: dict[str, set[int]] = {}
        self._keys: dict[tuple[int, str], tuple[str, bool]] = {}
        self._shown: dict[tuple[int, str], str] = {}

    def forget(self) -> None:
        """Watch nothing."""
        self.dirty.clear()
        self._keys.clear()
        self._shown.clear()

    def look(self, editor: CaseEditor) -> None:
        """Begin to watch a case: as it is, all is well."""
        self.forget()
        for group in editor.labels.overlap_groups:
            for index, content in editor.contents().items():
                self._keys[index, group] = _key_state(content, group)
                self._shown[index, group] = _interpolated(content, group)

    def look_again(
        self, editor: CaseEditor, indices: Iterable[int], *, ours: bool
    ) -> None:
        """Note what became of slices.

        Parameters
        ----------
        editor : CaseEditor
            The case that is watched.
        indices : iterable of int
            The slices that may have changed.
        ours : bool
            True if their proposals were made just now.
        """
        contents = editor.contents()
        places = tuple(indices)
        for group in editor.labels.overlap_groups:
            for index in places:
                place, content = (index, group), contents.get(index)
                keys, shown = _key_state(content, group), _interpolated(content, group)
                was = self._keys.get(place, _NO_KEY), self._shown.get(place, "")
                self._keys[place], self._shown[place] = keys, shown
                # Undo may bring back proposals made from keys that are no more.
                stale = bool(shown) and shown != was[1] and not ours
                if stale or keys != was[0]:
                    self.dirty.setdefault(group, set()).add(index)
        for group in list(self.dirty):
            if not any(_interpolated(c, group) for c in contents.values()):
                del self.dirty[group]

    def add(self, dirty: Mapping[str, set[int]]) -> None:
        """Take slices for changed."""
        for group, changed in dirty.items():
            self.dirty.setdefault(group, set()).update(changed)


class Refresh:
    """Makes the interpolated proposals near changed slices anew.

    Only what still waits to be confirmed is made anew, and only with the labels
    that were proposed: nothing that was confirmed or rejected comes back.

    Parameters
    ----------
    editor : CaseEditor
        The case.
    dirty : mapping of str to set of int
        The slices that changed, by overlap group.
    """

    def __init__(self, editor: CaseEditor, dirty: Mapping[str, set[int]]) -> None:
        self.editor = editor
        self.plans: list[InterpolationPlan] = []
        self._before: dict[str, dict[int, MaskRef]] = {}
        contents = editor.contents()
        for group, changed in dirty.items():
            reach = _reach(editor, group, changed)
            old = {
                i: contents[i].proposals[group]
                for i in sorted(contents)
                if i in reach and _interpolated(contents[i], group)
            }
            self._before[group] = old
            labels = {label_id for ref in old.values() for label_id in ref.pixels}
            plan = plan_interpolation(editor, group, old, labels=labels)
            if plan is not None:
                self.plans.append(plan)

    def merged(
        self, found: Mapping[str, Mapping[int, Proposed]]
    ) -> dict[str, dict[int, Proposed]]:
        """Return what is to stand where proposals still are as they were."""
        fresh: dict[str, dict[int, Proposed]] = {}
        for group, old in self._before.items():
            for index, ref in old.items():
                now = self.editor.content(index).proposals.get(group)
                if now is None or now.digest != ref.digest:
                    continue  # confirmed, rejected or replaced meanwhile
                new = found.get(group, {}).get(index)
                if new is None:
                    shown = self.editor.mask(index, group, proposal=True)
                    new = Proposed(np.zeros_like(shown), frozenset(), ())
                # A label that has lost its keys is not proposed any more.
                labels = new.labels.union(ref.pixels)
                fresh.setdefault(group, {})[index] = replace(new, labels=labels)
        return fresh


_NO_KEY = ("", False)


def _key_state(content: SliceAnnotation | None, group: str) -> tuple[str, bool]:
    """Return what a slice means to the slices between key slices."""
    if content is None:
        return _NO_KEY
    ref = None if content.excluded else content.masks.get(group)
    return "" if ref is None else ref.digest, content.nothing_to_label


def _interpolated(content: SliceAnnotation | None, group: str) -> str:
    """Return the digest of an interpolated proposal; empty if there is none."""
    ref = None if content is None else content.proposals.get(group)
    interpolated = ref is not None and ref.provenance is Provenance.INTERPOLATED
    return ref.digest if ref is not None and interpolated else ""


def _reach(editor: CaseEditor, group: str, changed: set[int]) -> set[int]:
    """Return the slices that changed key slices have a say in.

    Those are the ones up to the second key slice on either side.
    """
    every = range(editor.n_slices)
    keys = label_keys(editor, group)
    for content in editor.contents().values():
        if _interpolated(content, group):
            if not keys.keys() >= content.proposals[group].pixels.keys():
                return set(every)  # a label has lost all of its keys
    reach = set(changed)
    for places in keys.values():
        for index in changed:
            below = [key for key in places if key < index]
            above = [key for key in places if key > index]
            low = below[-2] if len(below) > 1 else every.start
            high = above[1] if len(above) > 1 else every.stop - 1
            reach.update(range(low, high + 1))
    return reach
