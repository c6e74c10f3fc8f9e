"""What one person said of a case."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Self

from pydantic import AfterValidator, AwareDatetime, Field, model_validator

from ._base import Document, new_id, now

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

__all__ = [
    "Annotation",
    "AnnotationChange",
    "Box",
    "Comment",
    "Decision",
    "MaskRef",
    "Provenance",
    "RangeAction",
    "SliceAnnotation",
    "SliceRange",
]


class Decision(StrEnum):
    """What has been said of a slice."""

    UNDECIDED = "undecided"
    LABELLED = "labelled"
    NOTHING_TO_LABEL = "nothing to label"
    EXCLUDED = "excluded"


class Provenance(StrEnum):
    """How a label, box or mask came about."""

    MANUAL = "manual"
    PROPAGATED = "propagated"
    INTERPOLATED = "interpolated"
    TRACKED = "tracked"
    COPIED = "copied"
    IMPORTED = "imported"
    PREDICTED = "predicted"


def _sorted_ids(ids: tuple[int, ...]) -> tuple[int, ...]:
    if any(label_id < 1 for label_id in ids):
        raise ValueError("label ids start at 1")
    return tuple(sorted(set(ids)))


LabelIds = Annotated[tuple[int, ...], AfterValidator(_sorted_ids)]


class Box(Document):
    """A rectangle around one object on one slice.

    Coordinates are in pixels of the slice; the centre of the first pixel is
    (0, 0), its outer corner (-0.5, -0.5), as in napari.

    Parameters
    ----------
    id : str
        Unique in the annotation.
    label : int
        Label id.
    top, left, bottom, right : float
        ``top < bottom`` along rows, ``left < right`` along columns.
    provenance : Provenance
        How it came about.
    proposal : bool
        True while nobody has confirmed it.
    track : str, optional
        Joins the boxes of one object across slices.
    key : bool
        True if a person placed it; False if it follows from its track.
    leaves : int, optional
        Index of the first slice after it on which the object of its track is out
        of sight; it stays so up to the next confirmed box of the track.
    attributes : dict of str to str
        Answers to the label's attributes.
    """

    id: str = Field(default_factory=new_id, min_length=1)
    label: int = Field(ge=1)
    top: float = Field(allow_inf_nan=False)
    left: float = Field(allow_inf_nan=False)
    bottom: float = Field(allow_inf_nan=False)
    right: float = Field(allow_inf_nan=False)
    provenance: Provenance = Provenance.MANUAL
    proposal: bool = False
    track: str | None = None
    key: bool = True
    leaves: int | None = Field(default=None, ge=0)
    attributes: dict[str, str] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _has_area(self) -> Self:
        if not (self.top < self.bottom and self.left < self.right):
            raise ValueError("a box needs top < bottom and left < right")
        return self

    def evolve(self, **changes: object) -> Box:
        """Return a validated copy with some fields changed."""
        return Box(**{**dict(self), **changes})

    @property
    def corners(self) -> tuple[float, float, float, float]:
        """``(top, left, bottom, right)``."""
        return self.top, self.left, self.bottom, self.right


class MaskRef(Document):
    """A slice's mask: what is in it, and the digest of its encoded bytes.

    Parameters
    ----------
    digest : str
        SHA-256 of the encoded mask, 64 hexadecimal digits.
    pixels : dict of int to int
        Number of pixels (>= 1) by label id.
    provenance : Provenance
        How it came about.
    keys : tuple of int
        For an interpolated or tracked mask, the slices it was made from.
    """

    digest: str = Field(pattern=r"^[0-9a-f]{64}$")
    pixels: dict[int, int] = Field(min_length=1)
    provenance: Provenance = Provenance.MANUAL
    keys: tuple[int, ...] = ()

    @model_validator(mode="after")
    def _counts(self) -> Self:
        if min(self.pixels) < 1 or min(self.pixels.values()) < 1:
            raise ValueError("label ids and numbers of pixels start at 1")
        return self


class SliceAnnotation(Document):
    """What was said of one slice.

    Parameters
    ----------
    index : int
        Place of the slice in the reference series, from 0.
    class_labels : tuple of int
        Label ids, ascending.
    boxes : tuple of Box
        Confirmed ones and proposals.
    masks : dict of str to MaskRef
        Confirmed masks by overlap group.
    proposals : dict of str to MaskRef
        Masks nobody has confirmed yet, by overlap group.
    nothing_to_label : bool
        A verified negative; cannot stand beside confirmed labels.
    excluded : bool
        Keeps the content, takes it out of counts, export and agreement.
    """

    index: int = Field(ge=0)
    class_labels: LabelIds = ()
    boxes: tuple[Box, ...] = ()
    masks: dict[str, MaskRef] = Field(default_factory=dict)
    proposals: dict[str, MaskRef] = Field(default_factory=dict)
    nothing_to_label: bool = False
    excluded: bool = False

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.nothing_to_label and self.has_labels:
            raise ValueError("nothing to label cannot stand beside labels")
        if len({box.id for box in self.boxes}) < len(self.boxes):
            raise ValueError("two boxes have the same id")
        return self

    @property
    def has_labels(self) -> bool:
        """True if it carries a class label, a confirmed box or a mask pixel."""
        return bool(
            self.class_labels
            or self.masks
            or any(not box.proposal for box in self.boxes)
        )

    @property
    def has_proposals(self) -> bool:
        """True if there is a box or mask nobody has confirmed."""
        return bool(self.proposals or any(box.proposal for box in self.boxes))

    @property
    def is_empty(self) -> bool:
        """True if nothing at all was said of the slice."""
        return not (
            self.has_labels
            or self.has_proposals
            or self.nothing_to_label
            or self.excluded
        )

    @property
    def decision(self) -> Decision:
        """Derived from the content; excluded wins, labels come next."""
        if self.excluded:
            return Decision.EXCLUDED
        if self.has_labels:
            return Decision.LABELLED
        if self.nothing_to_label:
            return Decision.NOTHING_TO_LABEL
        return Decision.UNDECIDED

    @property
    def label_ids(self) -> tuple[int, ...]:
        """Ids of all confirmed labels of any method, ascending."""
        ids = set(self.class_labels)
        ids.update(box.label for box in self.boxes if not box.proposal)
        for mask in self.masks.values():
            ids.update(mask.pixels)
        return tuple(sorted(ids))

    def evolve(self, **changes: object) -> SliceAnnotation:
        """Return a validated copy with some fields changed."""
        fields = {**self.__dict__, **(self.__pydantic_extra__ or {}), **changes}
        return SliceAnnotation.model_validate(fields)


class RangeAction(StrEnum):
    """What a propagation applied."""

    CLASS_LABELS = "class labels"
    NOTHING_TO_LABEL = "nothing to label"
    EXCLUDE = "exclude"


class SliceRange(Document):
    """What a propagation left behind.

    Parameters
    ----------
    id : str
        Unique in the annotation.
    action : RangeAction
        What was applied.
    labels : tuple of int
        Label ids, for class labels.
    origin : int
        Index of the slice it was propagated from.
    start, stop : int
        First and last slice index, both included.
    applied : tuple of int
        Indices of the slices it changed and still rules, ascending.
    person : str
        Who did it.
    time : datetime
        When, with time zone.
    """

    id: str = Field(default_factory=new_id, min_length=1)
    action: RangeAction
    labels: LabelIds = ()
    origin: int = Field(ge=0)
    start: int = Field(ge=0)
    stop: int = Field(ge=0)
    applied: tuple[int, ...] = ()
    person: str = ""
    time: AwareDatetime = Field(default_factory=now)

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.start > self.stop:
            raise ValueError("a range starts at or before its end")
        if self.applied and not (
            self.start <= self.applied[0] and self.applied[-1] <= self.stop
        ):
            raise ValueError("a range cannot rule slices outside of it")
        if (self.action is RangeAction.CLASS_LABELS) != bool(self.labels):
            raise ValueError(
                "labels belong to a range of class labels, and to no other"
            )
        return self


class Comment(Document):
    """A remark on a case, or on one of its slices.

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
    """

    id: str = Field(default_factory=new_id, min_length=1)
    person: str
    text: str = Field(min_length=1)
    slice_key: str | None = None
    index: int | None = Field(default=None, ge=0)
    time: AwareDatetime = Field(default_factory=now)


class AnnotationChange(Document):
    """What an edit changed, as it is saved.

    Parameters
    ----------
    slices : dict of str to SliceAnnotation or None
        New content by slice key; None where nothing is said any more.
    case_labels, case_nothing_to_label, ranges, comments
        New content; None where it did not change.
    """

    slices: dict[str, SliceAnnotation | None] = Field(default_factory=dict)
    case_labels: LabelIds | None = None
    case_nothing_to_label: bool | None = None
    ranges: tuple[SliceRange, ...] | None = None
    comments: tuple[Comment, ...] | None = None

    @property
    def is_empty(self) -> bool:
        """True if nothing changes."""
        return not self.slices and all(
            getattr(self, name) is None
            for name in ("case_labels", "case_nothing_to_label", "ranges", "comments")
        )

    def then(self, later: AnnotationChange) -> AnnotationChange:
        """Return both changes as one; `later` wins."""
        fields = {
            name: getattr(self, name) if new is None else new
            for name in ("case_labels", "case_nothing_to_label", "ranges", "comments")
            for new in [getattr(later, name)]
        }
        return AnnotationChange.model_construct(
            slices={**self.slices, **later.slices}, **fields
        )


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
    ranges : tuple of SliceRange
        What propagations left behind.
    comments : tuple of Comment
        On the case and on its slices.
    modified : datetime, optional
        Of the last change, with time zone.
    """

    case_id: str
    person: str
    revision: int = Field(default=0, ge=0)
    slices: dict[str, SliceAnnotation] = Field(default_factory=dict)
    case_labels: LabelIds = ()
    case_nothing_to_label: bool = False
    ranges: tuple[SliceRange, ...] = ()
    comments: tuple[Comment, ...] = ()
    modified: AwareDatetime | None = None

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
        for name in ("case_labels", "case_nothing_to_label", "ranges", "comments"):
            value = getattr(change, name)
            if value is not None:
                fields[name] = value
        fields |= {"slices": slices, "revision": revision, "modified": now()}
        return Annotation(**{**(self.model_extra or {}), **fields})

    def decided(self, keys: Iterable[str]) -> Mapping[str, Decision]:
        """Return the decision of each slice in `keys`."""
        return {
            key: self.slices[key].decision if key in self.slices else Decision.UNDECIDED
            for key in keys
        }
