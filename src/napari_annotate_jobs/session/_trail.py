"""What the store may hold while changes are on their way: how to know one's own."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING

from napari_annotate_jobs.model import WHOLE_CASE, document_json

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping

    from napari_annotate_jobs.model import Annotation, AnnotationChange

__all__ = ["Trail", "changed_parts", "only_parts", "without_parts"]

_WHOLE = tuple(name for name in WHOLE_CASE if name != "corrects")
_NOTHING: Mapping[str, tuple[str, ...]] = MappingProxyType({})
_NONE = ""
"""The print of a slice of which nothing is said."""


def changed_parts(change: AnnotationChange) -> set[str]:
    """Return the names of the parts of an annotation that a change replaces.

    They are the keys of slices after ``slices/``, and the names of other fields.
    """
    parts = {f"slices/{key}" for key in change.slices}
    return parts | {name for name in _WHOLE if getattr(change, name) is not None}


def only_parts(change: AnnotationChange, parts: Collection[str]) -> AnnotationChange:
    """Return what a change does to some parts, named as in :func:`changed_parts`."""
    slices = {k: v for k, v in change.slices.items() if f"slices/{k}" in parts}
    left = {name: None for name in _WHOLE if name not in parts}
    return change.model_copy(update={"slices": slices, **left})


def without_parts(change: AnnotationChange, gone: AnnotationChange) -> AnnotationChange:
    """Return a change without the parts in which it says the same as another one."""
    parts = changed_parts(change)
    same = {
        part
        for part in parts & changed_parts(gone)
        if only_parts(change, {part}) == only_parts(gone, {part})
    }
    return only_parts(change, parts - same)


def _print(value: object) -> str:
    text = json.dumps(value, sort_keys=True, ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()[:32]


def _part(annotation: Annotation, part: str) -> str:
    """Digest what is said in one part."""
    if part in _WHOLE:
        return _print(document_json(getattr(annotation, part)))
    content = annotation.slices.get(part.removeprefix("slices/"))
    return _NONE if content is None else _print(document_json(content))


def _rest(annotation: Annotation, known: Iterable[str]) -> str:
    """Digest all that is said outside the parts in `known`."""
    parts = {f"slices/{key}" for key in annotation.slices}.union(_WHOLE)
    left = sorted(parts.difference(known))
    return _print([(part, _part(annotation, part)) for part in left])


@dataclass(frozen=True)
class Trail:
    """Tells whether what the store says now is what its own person's changes left.

    Parameters
    ----------
    rest : str
        Digest of all that the changes do not touch.
    known : dict of str to tuple of str
        For each part that the changes touch, the digests of all that it may hold:
        what it held before, and what each change made of it.
    """

    rest: str
    known: dict[str, tuple[str, ...]]

    @classmethod
    def of(
        cls,
        base: Annotation,
        *changes: AnnotationChange,
        tried: Mapping[str, Iterable[str]] = _NOTHING,
    ) -> Trail:
        """Return the trail of changes that are made one after the other.

        Parameters
        ----------
        base : Annotation
            As it was before the first.
        *changes : AnnotationChange
            Those that may be in the store, or not.
        tried : mapping of str to iterable of str
            What else these changes may have left in each part: `known` of a trail
            of them as they were when they were sent before.
        """
        parts = set(tried).union(*map(changed_parts, changes))
        known: dict[str, list[str]] = {
            part: [_part(base, part), *tried.get(part, ())] for part in sorted(parts)
        }
        now = base
        for change in changes:
            now = now.apply(change, revision=now.revision)
            for part in changed_parts(change):
                known[part].append(_part(now, part))
        return cls(
            _rest(base, known),
            {part: tuple(dict.fromkeys(held)) for part, held in known.items()},
        )

    def holds(self, part: str, annotation: Annotation) -> bool:
        """Return True if a part is as it was, or as the changes made it."""
        return _part(annotation, part) in self.known.get(part, ())

    def is_seen(
        self, now: Annotation, seen: Annotation, asked: Collection[str]
    ) -> bool:
        """Return True if who saw one version has seen all of another that matters.

        Parameters
        ----------
        now : Annotation
            What others say.
        seen : Annotation
            What they said when the person was asked.
        asked : collection of str
            The parts that the person was asked about.
        """
        return all(
            _part(now, part) == _part(seen, part)
            if part in asked
            else self.holds(part, now)
            for part in self.known
            # Of both sides these are kept, whatever is chosen.
            if part not in {"comments", "ranges"}
        )

    def is_beside(self, annotation: Annotation) -> bool:
        """Return True if others changed only what these changes leave alone.

        What is said of the case as a whole says something of its slices, too.
        """
        nothing = "case_nothing_to_label"
        if annotation.case_nothing_to_label and nothing not in self.known:
            return not self.known
        if annotation.case_labels and nothing in self.known:
            if "case_labels" not in self.known:
                return False
        return all(self.holds(part, annotation) for part in self.known)

    def leads_to(self, annotation: Annotation) -> bool:
        """Return True if nobody else had a hand in an annotation."""
        return _rest(annotation, self.known) == self.rest and all(
            self.holds(part, annotation) for part in self.known
        )
