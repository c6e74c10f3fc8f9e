"""What one person said of a case."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Self

from pydantic import AwareDatetime, Field, FiniteFloat, model_validator

from ._base import Document, new_id, now
from ._content import Answers, Decision, LabelIds, SliceAnnotation
from ._slice_names import SliceName, named, slice_namer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

__all__ = [
    "WHOLE_CASE",
    "Annotation",
    "AnnotationChange",
    "Comment",
    "Correction",
    "Pin",
    "RangeAction",
    "SliceRange",
]


class RangeAction(StrEnum):
    """What a propagation applied."""

    CLASS_LABELS = "class labels"
    NOTHING_TO_LABEL = "nothing to label"
    EXCLUDE = "exclude"


class SliceRange(Document):
    """What a propagation left behind.

    It names slices by their keys; in documents of version 1, ints are their indices.

    Parameters
    ----------
    id : str
        Unique in the annotation.
    action : RangeAction
        What was applied.
    labels : tuple of int
        Label ids, for class labels.
    origin : str
        The slice it was propagated from.
    start, stop : str
        First and last slice, both included.
    applied : tuple of str
        The slices it changed and still rules, in their order.
    person : str
        Who did it.
    time : datetime
        When, with time zone.
    """

    id: str = Field(default_factory=new_id, min_length=1)
    action: RangeAction
    labels: LabelIds = ()
    origin: SliceName
    start: SliceName
    stop: SliceName
    applied: tuple[SliceName, ...] = ()
    person: str = ""
    time: AwareDatetime = Field(default_factory=now)

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        # In which order keys lie only the series tells.
        if isinstance(self.start, int) and isinstance(self.stop, int):
            if self.start > self.stop:
                raise ValueError("a range starts at or before its end")
            places = [place for place in self.applied if isinstance(place, int)]
            if any(not self.start <= place <= self.stop for place in places):
                raise ValueError("a range cannot rule slices outside of it")
        if (self.action is RangeAction.CLASS_LABELS) != bool(self.labels):
            raise ValueError(
                "labels belong to a range of class labels, and to no other"
            )
        return self

    def with_names(
        self, name: Callable[[int], str | None], keys: Sequence[str]
    ) -> SliceRange:
        """Return the same with keys where an old document has indices of slices.

        Parameters
        ----------
        name : callable
            Returns the key of a slice by its index, or None if it is not there.
        keys : sequence of str
            The keys of the slices of the series: what lies beyond ends at its ends.
        """
        slices = (self.origin, self.start, self.stop, *self.applied)
        if not any(isinstance(each, int) for each in slices):
            return self

        def end(each: str | int) -> str:
            if isinstance(each, str):
                return each
            return name(each) or keys[min(each, len(keys) - 1)]

        return self.model_copy(
            update={
                "origin": end(self.origin),
                "start": end(self.start),
                "stop": end(self.stop),
                "applied": named(self.applied, name),
            }
        )


class Pin(StrEnum):
    """What a comment is pinned to."""

    CASE = "case"
    SLICE = "slice"
    OBJECT = "object"


class Correction(Document):
    """Which submission a reviewer's copy was made of, or which copy takes its place.

    Parameters
    ----------
    person : str
        Whose submission it is.
    number : int
        Its number.
    digest : str
        The digest of its content.
    """

    person: str
    number: int = Field(ge=1)
    digest: str


class Comment(Document):
    """A remark on a case, on one of its slices, or on an object there.

    Parameters
    ----------
    id : str
        Unique in the annotation.
    person : str
        Who wrote it.
    text : str
        Plain text.
    slice_key : str, optional
        :attr:`SliceId.key` of the slice it is pinned to.
    index : int, optional
        Place of that slice.
    time : datetime
        When it was written, with time zone.
    label : int, optional
        Label id of the object it is pinned to.
    object : str, optional
        Id of the box it is pinned to; None for a mask, or a place.
    at : (float, float), optional
        Row and column of the place on that slice, in pixels.
    """

    id: str = Field(default_factory=new_id, min_length=1)
    person: str
    text: str = Field(min_length=1)
    slice_key: str | None = None
    index: int | None = Field(default=None, ge=0)
    time: AwareDatetime = Field(default_factory=now)
    label: int | None = Field(default=None, ge=1)
    object: str | None = None
    at: tuple[FiniteFloat, FiniteFloat] | None = None

    @model_validator(mode="after")
    def _pinned(self) -> Self:
        on_object = self.at is not None or self.object or self.label is not None
        if on_object and (self.slice_key is None or self.at is None):
            raise ValueError("a comment on an object needs its slice and its place")
        return self

    @property
    def pin(self) -> Pin:
        """What it is pinned to."""
        if self.at is not None:
            return Pin.OBJECT
        return Pin.CASE if self.slice_key is None and self.index is None else Pin.SLICE


WHOLE_CASE = (
    "case_labels",
    "case_nothing_to_label",
    "case_attributes",
    "ranges",
    "comments",
    "corrects",
)
"""Fields of an annotation that a change replaces as a whole."""


class AnnotationChange(Document):
    """What an edit changed, as it is saved.

    Parameters
    ----------
    slices : dict of str to SliceAnnotation or None
        New content by slice key; None where nothing is said any more.
    case_labels, case_nothing_to_label, case_attributes, ranges, comments, corrects
        New content; None where it did not change.
    seen : tuple of str
        Keys of slices that were seen; those seen before stay.
    """

    slices: dict[str, SliceAnnotation | None] = Field(default_factory=dict)
    case_labels: LabelIds | None = None
    case_nothing_to_label: bool | None = None
    case_attributes: Answers | None = None
    ranges: tuple[SliceRange, ...] | None = None
    comments: tuple[Comment, ...] | None = None
    corrects: Correction | None = None
    seen: tuple[str, ...] = ()

    @property
    def is_empty(self) -> bool:
        """True if nothing changes."""
        return not (self.slices or self.seen) and all(
            getattr(self, name) is None for name in WHOLE_CASE
        )

    def then(self, later: AnnotationChange) -> AnnotationChange:
        """Return both changes as one; `later` wins."""
        fields = {
            name: getattr(self, name) if new is None else new
            for name in WHOLE_CASE
            for new in [getattr(later, name)]
        }
        return AnnotationChange.model_construct(
            slices={**self.slices, **later.slices},
            seen=_with(self.seen, later.seen),
            **fields,
        )

    def with_keys(self, keys: Sequence[str], said: Annotation) -> AnnotationChange:
        """Return the same with keys where it was made with indices of slices.

        Parameters
        ----------
        keys : sequence of str
            The keys of the slices of the series, in their order.
        said : Annotation
            What it is laid on.
        """
        if not keys:
            return self
        name = slice_namer(keys, said.slices, self.slices)
        slices = {
            key: None if content is None else content.with_names(name)
            for key, content in self.slices.items()
        }
        ranges = self.ranges
        if ranges is not None:
            ranges = tuple(span.with_names(name, keys) for span in ranges)
        return self.model_copy(update={"slices": slices, "ranges": ranges})


class Annotation(Document):
    """All that one person said of a case: the draft, or its frozen copy.

    Parameters
    ----------
    case_id, person : str
        What it belongs to.
    revision : int
        Counts the changes saved; 0 for one that was never saved.
    slices : dict of str to SliceAnnotation
        By slice key; slices of which nothing was said are left out.
    case_labels : tuple of int
        Ids of labels of scope case.
    case_nothing_to_label : bool
        A verified negative for the whole case.
    case_attributes : dict of int to dict of str to str
        Answers to what is asked once for the case, by label id and name of the
        attribute.
    ranges : tuple of SliceRange
        What propagations left behind.
    comments : tuple of Comment
        On the case and on its slices.
    modified : datetime, optional
        Of the last change, with time zone.
    corrects : Correction, optional
        For a reviewer's copy: the submission that it corrects.
    seen : tuple of str
        Keys of the slices that were on this person's screen; none where that was
        not watched.
    """

    case_id: str
    person: str
    revision: int = Field(default=0, ge=0)
    slices: dict[str, SliceAnnotation] = Field(default_factory=dict)
    case_labels: LabelIds = ()
    case_nothing_to_label: bool = False
    case_attributes: Answers = Field(default_factory=dict)
    ranges: tuple[SliceRange, ...] = ()
    comments: tuple[Comment, ...] = ()
    modified: AwareDatetime | None = None
    corrects: Correction | None = None
    seen: tuple[str, ...] = ()

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.case_nothing_to_label and self.case_labels:
            raise ValueError("nothing to label cannot stand beside case labels")
        return self

    @property
    def is_blank(self) -> bool:
        """True if nothing at all was said of the case (comments aside)."""
        return not (self.slices or self.case_labels or self.case_nothing_to_label)

    def blobs(self) -> frozenset[str]:
        """Digests of all masks it refers to."""
        return frozenset(
            mask.digest
            for content in self.slices.values()
            for masks in (content.masks, content.proposals)
            for mask in masks.values()
        )

    def apply(self, change: AnnotationChange, *, revision: int) -> Annotation:
        """Return the annotation after a change, stamped with `revision` and now.

        Raises
        ------
        pydantic.ValidationError
            If the result breaks a rule.
        """
        slices = dict(self.slices)
        for key, content in change.slices.items():
            if content is None or content.is_empty:
                slices.pop(key, None)
            else:
                slices[key] = content
        fields = {name: getattr(self, name) for name in type(self).model_fields}
        for name in WHOLE_CASE:
            value = getattr(change, name)
            if value is not None:
                fields[name] = value
        fields |= {"slices": slices, "revision": revision, "modified": now()}
        fields["seen"] = _with(self.seen, change.seen)
        return Annotation(**{**(self.model_extra or {}), **fields})

    def with_keys(self, keys: Sequence[str]) -> Annotation:
        """Return the same with keys where an old document has indices of slices.

        Parameters
        ----------
        keys : sequence of str
            The keys of the slices of the series, in their order.
        """
        change = self.naming(keys)
        if change.is_empty:
            return self
        ranges = self.ranges if change.ranges is None else change.ranges
        slices = {**self.slices, **change.slices}
        return self.model_copy(update={"slices": slices, "ranges": ranges})

    def naming(self, keys: Sequence[str]) -> AnnotationChange:
        """Return the change that puts keys where an old document has indices.

        It is empty for what was written since. See :meth:`with_keys`.
        """
        if not keys:
            return AnnotationChange()
        name = slice_namer(keys, self.slices)
        slices: dict[str, SliceAnnotation | None] = {}
        for key, content in self.slices.items():
            new = content.with_names(name)
            if new is not content:
                slices[key] = new
        ranges = tuple(span.with_names(name, keys) for span in self.ranges)
        changed = any(a is not b for a, b in zip(ranges, self.ranges, strict=True))
        return AnnotationChange(slices=slices, ranges=ranges if changed else None)

    def unseen(self, keys: Sequence[str]) -> tuple[int, ...] | None:
        """Return which of the slices were never on the screen.

        Parameters
        ----------
        keys : sequence of str
            The keys of the slices of the series, in their order.

        Returns
        -------
        tuple of int or None
            Their indices; None if it was not watched what is seen.
        """
        if not self.seen:
            return None
        seen = set(self.seen)
        return tuple(index for index, key in enumerate(keys) if key not in seen)

    def decided(self, keys: Iterable[str]) -> Mapping[str, Decision]:
        """Return the decision of each slice in `keys`."""
        return {
            key: self.slices[key].decision if key in self.slices else Decision.UNDECIDED
            for key in keys
        }


def _with(keys: tuple[str, ...], more: tuple[str, ...]) -> tuple[str, ...]:
    """Return names of slices with those that are not among them yet."""
    return tuple(dict.fromkeys((*keys, *more))) if more else keys
