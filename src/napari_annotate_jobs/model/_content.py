"""What was said of one slice."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Self

from pydantic import AfterValidator, Field, model_validator

from ._base import Document, new_id
from ._slice_names import SliceName, named

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

__all__ = [
    "Answers",
    "Box",
    "Decision",
    "LabelIds",
    "MaskRef",
    "Provenance",
    "SliceAnnotation",
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

Answers = dict[Annotated[int, Field(ge=1)], dict[str, str]]
"""Answers by label id and name of the attribute."""


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
    leaves : str, optional
        Key of the first slice after it on which the object of its track is out
        of sight; it stays so up to the next confirmed box of the track. Documents of
        version 1 have its index, an int.
    attributes : dict of str to str
        Answers to the label's attributes.
    source : str
        What it was imported from, or the model that predicted it with its version;
        empty for what was made here.
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
    leaves: SliceName | None = None
    attributes: dict[str, str] = Field(default_factory=dict)
    source: str = Field(default="", max_length=200)

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
    keys : tuple of str
        For an interpolated or tracked mask, the keys of the slices it was made from.
        Documents of version 1 have their indices, ints.
    source : str
        What it was imported from, or the model that predicted it with its version;
        empty for what was made here.
    """

    digest: str = Field(pattern=r"^[0-9a-f]{64}$")
    pixels: dict[int, int] = Field(min_length=1)
    provenance: Provenance = Provenance.MANUAL
    keys: tuple[SliceName, ...] = ()
    source: str = Field(default="", max_length=200)

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
    attributes : dict of int to dict of str to str
        Answers to what is asked of class labels and masks here, by label id and name
        of the attribute. They stay for as long as the label does: see :meth:`settled`.
    """

    index: int = Field(ge=0, le=1_000_000_000)
    class_labels: LabelIds = ()
    boxes: tuple[Box, ...] = ()
    masks: dict[str, MaskRef] = Field(default_factory=dict)
    proposals: dict[str, MaskRef] = Field(default_factory=dict)
    nothing_to_label: bool = False
    excluded: bool = False
    attributes: Answers = Field(default_factory=dict)

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

    def answers(self, label_id: int) -> Mapping[str, str]:
        """Return what was answered of a label that the slice has confirmed."""
        answers = self.attributes.get(label_id, {})
        return answers if answers and label_id in self.label_ids else {}

    def settled(self) -> SliceAnnotation:
        """Return the same without answers that are of no label it has.

        Those of a mask that is only proposed stay: they wait with it.
        """
        if not self.attributes:
            return self
        here = set(self.class_labels)
        for masks in (self.masks, self.proposals):
            for mask in masks.values():
                here.update(mask.pixels)
        kept = {i: found for i, found in self.attributes.items() if i in here and found}
        if kept == self.attributes:
            return self
        return self.model_copy(update={"attributes": kept})

    def evolve(self, **changes: object) -> SliceAnnotation:
        """Return a validated copy with some fields changed."""
        fields = {**self.__dict__, **(self.__pydantic_extra__ or {}), **changes}
        return SliceAnnotation.model_validate(fields)

    def with_names(self, name: Callable[[int], str | None]) -> SliceAnnotation:
        """Return the same with keys where an old document has indices of slices.

        Parameters
        ----------
        name : callable
            Returns the key of a slice by its index, or None if it is not there.
        """
        changes: dict[str, object] = {}
        if any(isinstance(box.leaves, int) for box in self.boxes):
            changes["boxes"] = tuple(
                box.model_copy(update={"leaves": name(box.leaves)})
                if isinstance(box.leaves, int)
                else box
                for box in self.boxes
            )
        for field in ("masks", "proposals"):
            refs: dict[str, MaskRef] = getattr(self, field)
            if any(isinstance(key, int) for ref in refs.values() for key in ref.keys):
                changes[field] = {
                    group: ref.model_copy(update={"keys": named(ref.keys, name)})
                    for group, ref in refs.items()
                }
        return self.model_copy(update=changes) if changes else self
