"""The closed label set of a project."""

from __future__ import annotations

import re
from enum import StrEnum
from functools import cached_property

from pydantic import Field, field_validator, model_validator

from napari_annotate_jobs.errors import InvalidValueError

from ._base import Document

__all__ = [
    "COLORS",
    "MAX_ANSWER",
    "MAX_LABEL_NAME",
    "Attribute",
    "Code",
    "Concept",
    "Group",
    "Label",
    "LabelSet",
    "Method",
    "Scope",
]

MAX_LABEL_ID = 65_535
"""The largest value of a mask pixel."""
MAX_LABEL_NAME = 250
"""Characters of the name of a label, at most."""
MAX_ANSWER = 1_000
"""Characters of an answer in free text, at most."""

COLORS: tuple[str, ...] = (
    "#E69F00",
    "#56B4E9",
    "#009E73",
    "#F0E442",
    "#0072B2",
    "#D55E00",
    "#CC79A7",
    "#BB2200",
    "#BBEEEE",
    "#775566",
    "#CCDDAA",
    "#666644",
)
"""Default colours, told apart by colour-blind readers too.

The first seven are those of Okabe and Ito (https://jfly.uni-koeln.de/color/). The
others are those of 3,018 that lie farthest from them and from one another (CIEDE2000,
12 at least) for the worst of normal, protan, deutan and tritan eyes, as Machado,
Oliveira and Fernandes simulate these (IEEE Trans. Vis. Comput. Graph. 15(6), 2009).
"""


class Method(StrEnum):
    """How something is annotated."""

    CLASSIFICATION = "classification"
    DETECTION = "detection"
    SEGMENTATION = "segmentation"


class Scope(StrEnum):
    """What a class label is said of."""

    SLICE = "slice"
    CASE = "case"


class Code(Document):
    """One code, after the code sequence macro of DICOM PS3.3 8.8.

    Parameters
    ----------
    scheme, value, meaning : str
        Coding Scheme Designator, Code Value and Code Meaning,
        as ``SCT``, ``39607008``, ``Lung``.
    """

    scheme: str = Field(min_length=1, max_length=16)
    value: str = Field(min_length=1, max_length=64)
    meaning: str = Field(min_length=1, max_length=64)

    def __str__(self) -> str:
        return f"{self.meaning} ({self.scheme} {self.value})"


class Concept(Code):
    """What a label is in a terminology: its type, and what goes with it.

    Parameters
    ----------
    category : Code, optional
        What kind of thing it is, as ``SCT``, ``123037004``, ``Anatomical Structure``.
    modifier : Code, optional
        Tells things of one type apart, as ``SCT``, ``7771000``, ``Left``.
    region : Code, optional
        Where in the body it lies, of what lies in several places.
    region_modifier : Code, optional
        The side of the region.
    """

    category: Code | None = None
    modifier: Code | None = None
    region: Code | None = None
    region_modifier: Code | None = None

    def __str__(self) -> str:
        """Name it for people, as ``Kidney, left (SCT 64033007)``."""
        name = self.meaning
        if self.modifier is not None:
            name += f", {_within(self.modifier.meaning)}"
        if self.region is not None:
            side = self.region_modifier
            name += f" of {f'{_within(side.meaning)} ' if side else ''}"
            name += _within(self.region.meaning)
        return f"{name} ({self.scheme} {self.value})"


def _within(meaning: str) -> str:
    """Return a meaning as it is written within a sentence; abbreviations stay."""
    if meaning[1:2].islower():
        return meaning[0].lower() + meaning[1:]
    return meaning


class Attribute(Document):
    """A question asked wherever a label is said.

    Parameters
    ----------
    name : str
        What is asked.
    choices : tuple of str
        The answers to choose from; empty for free text.
    required : bool
        A case is not submitted before it is answered wherever it is asked.
    scope : Scope, optional
        Slice: it is asked on each slice that has the label. Case: it is asked once
        for the whole case. None for what the label is said of: each object of a label
        for boxes, each slice of a class label or a label for masks, the whole case for
        a label of scope case.
    """

    name: str = Field(min_length=1)
    choices: tuple[str, ...] = ()
    required: bool = False
    scope: Scope | None = None

    def refuses(self, answer: str) -> str:
        """Say why a text is no answer; nothing if it is one."""
        if self.choices:
            return "" if answer in self.choices else "it is none of its answers"
        if not answer or answer != answer.strip() or not answer.isprintable():
            return "it must be one line, and not begin or end with a blank"
        if len(answer) > MAX_ANSWER:
            return f"it has more than {MAX_ANSWER:,} characters"
        return ""


class Group(Document):
    """Class labels that belong together.

    Parameters
    ----------
    name : str
        Shown above the labels; empty for the labels without a group.
    exclusive : bool
        True if a slice (or case) carries at most one of them.
    """

    name: str = ""
    exclusive: bool = False


class Label(Document):
    """One entry of the label set.

    Parameters
    ----------
    id : int
        1 to 65,535, unique in the label set; the value of a mask pixel.
    name : str
        Unique among the labels of its method.
    color : str
        ``#rrggbb``.
    method : Method
        How it is annotated.
    scope : Scope
        Slice, or (class labels only) the whole case.
    key : str, optional
        The key that chooses it, as ``"G"`` or ``"Shift+G"``.
    group : str
        The :class:`Group` of a class label.
    overlap_group : str
        Masks of different overlap groups are kept apart and may overlap.
    concept : Concept, optional
        What it is in a terminology.
    attributes : tuple of Attribute
        What is asked where it is said; see :meth:`asked`.
    retired : bool
        True for a label that is shown where it is used, and offered no more.
    """

    id: int = Field(ge=1, le=MAX_LABEL_ID)
    name: str = Field(min_length=1, max_length=MAX_LABEL_NAME)
    color: str
    method: Method
    scope: Scope = Scope.SLICE
    key: str | None = None
    group: str = ""
    overlap_group: str = ""
    concept: Concept | None = None
    attributes: tuple[Attribute, ...] = ()
    retired: bool = False

    @field_validator("name")
    @classmethod
    def _trimmed(cls, name: str) -> str:
        if name != name.strip() or not name.isprintable():
            raise ValueError("must not begin or end with a blank, nor hold line breaks")
        return name

    @field_validator("color")
    @classmethod
    def _hexadecimal(cls, color: str) -> str:
        if not re.fullmatch("#[0-9A-Fa-f]{6}", color):
            raise ValueError("must be written as #RRGGBB")
        return color

    @field_validator("overlap_group")
    @classmethod
    def _plain(cls, name: str) -> str:
        if name and not name.replace("-", "").replace("_", "").isalnum():
            raise ValueError("may hold letters, digits, - and _ only")
        return name

    @model_validator(mode="after")
    def _consistent(self) -> Label:
        if self.scope is Scope.CASE and self.method is not Method.CLASSIFICATION:
            raise ValueError("only class labels can be of scope case")
        if self.group and self.method is not Method.CLASSIFICATION:
            raise ValueError("only class labels can be in a group")
        if self.overlap_group and self.method is not Method.SEGMENTATION:
            raise ValueError("only segmentation labels can be in an overlap group")
        names = [attribute.name.casefold() for attribute in self.attributes]
        if len(set(names)) < len(names):
            raise ValueError("two of its attributes have the same name")
        if any(attribute.scope is Scope.SLICE for attribute in self.attributes):
            if self.scope is Scope.CASE or self.method is Method.DETECTION:
                of = "object" if self.method is Method.DETECTION else "whole case"
                raise ValueError(f"its attributes are asked of the {of}, of no slice")
        return self

    def asked(self, of: Scope | None) -> tuple[Attribute, ...]:
        """Return the attributes that are asked of a slice, of the case, or of objects.

        Parameters
        ----------
        of : Scope or None
            Slice; case; None for each object.
        """
        return tuple(a for a in self.attributes if self.asked_of(a) is of)

    def asked_of(self, attribute: Attribute) -> Scope | None:
        """Return what one of its attributes is asked of; None for each object."""
        if Scope.CASE in (self.scope, attribute.scope):
            return Scope.CASE
        return None if self.method is Method.DETECTION else Scope.SLICE

    @property
    def rgb(self) -> tuple[float, float, float]:
        """Red, green and blue, each 0 to 1."""
        value = int(self.color[1:], 16)
        return (value >> 16) / 255, (value >> 8 & 255) / 255, (value & 255) / 255


class LabelSet(Document):
    """The closed set of labels of a project.

    Parameters
    ----------
    labels : tuple of Label
        In the order they are shown.
    groups : tuple of Group
        Groups not named here are multi-choice.
    last_id : int
        The largest id that was ever given, where its label was taken away: what
        meant one label never comes to mean another.
    """

    labels: tuple[Label, ...] = ()
    groups: tuple[Group, ...] = ()
    last_id: int = Field(default=0, ge=0, le=MAX_LABEL_ID)

    @model_validator(mode="after")
    def _unique(self) -> LabelSet:
        ids: dict[int, str] = {}
        names: set[tuple[Method, str]] = set()
        keys: dict[str, str] = {}
        scopes: dict[str, Scope] = {}
        for label in self.labels:
            if label.id in ids:
                raise InvalidValueError(
                    f"id {label.id} is given to {ids[label.id]!r} and {label.name!r}",
                    remedy="Give each label an id of its own",
                )
            ids[label.id] = label.name
            if (label.method, label.name.casefold()) in names:
                raise InvalidValueError(
                    f"two {label.method} labels are named {label.name!r}",
                    remedy="Give each a name of its own; upper and lower case do not "
                    "tell names apart",
                )
            names.add((label.method, label.name.casefold()))
            if label.key:
                if label.key.casefold() in keys:
                    other = keys[label.key.casefold()]
                    raise InvalidValueError(
                        f"key {label.key} is given to {other!r} and {label.name!r}",
                        remedy="Give each label a key of its own, or none",
                    )
                keys[label.key.casefold()] = label.name
            if label.group and scopes.setdefault(label.group, label.scope) != (
                label.scope
            ):
                raise InvalidValueError(
                    f"group {label.group!r} mixes slice labels and case labels",
                    remedy="Make two groups of them",
                )
        seen = [group.name for group in self.groups]
        if len(set(seen)) < len(seen):
            raise InvalidValueError(
                "two groups have the same name",
                remedy="Name each group once",
            )
        return self

    @cached_property
    def by_id(self) -> dict[int, Label]:
        """The labels by their id."""
        return {label.id: label for label in self.labels}

    def __getitem__(self, label_id: int) -> Label:
        try:
            return self.by_id[label_id]
        except KeyError:
            raise InvalidValueError(
                f"{label_id} is not a label of this project",
                remedy="Choose one of "
                + ", ".join(f"{x.id} ({x.name})" for x in self.labels[:20]),
            ) from None

    def method_at(self, label: Label | None) -> Method | None:
        """Return what is done with a label chosen; with none, what all are for."""
        if label is not None:
            return label.method
        methods = {each.method for each in self.labels}
        return methods.pop() if len(methods) == 1 else None

    def of(self, method: Method, scope: Scope | None = None) -> tuple[Label, ...]:
        """Return the labels of a method (and scope)."""
        return tuple(
            label
            for label in self.labels
            if label.method is method and scope in (None, label.scope)
        )

    def offered(self, method: Method, scope: Scope | None = None) -> tuple[Label, ...]:
        """Return the labels of a method (and scope) that are not retired."""
        return tuple(label for label in self.of(method, scope) if not label.retired)

    @cached_property
    def retired(self) -> frozenset[int]:
        """Ids of the labels that are not offered any more."""
        return frozenset(label.id for label in self.labels if label.retired)

    def named(self, name: str, method: Method | None = None) -> Label:
        """Return the label with this name.

        Raises
        ------
        InvalidValueError
            If there is none, or (without `method`) more than one.
        """
        found = [
            label
            for label in self.labels
            if label.name.casefold() == name.casefold()
            and method in (None, label.method)
        ]
        if len(found) != 1:
            raise InvalidValueError(
                f"{'no' if not found else 'more than one'} label is named {name!r}",
                remedy="The labels are " + ", ".join(x.name for x in self.labels[:20]),
            )
        return found[0]

    def exclusive_with(self, label: Label) -> frozenset[int]:
        """Ids of the class labels that cannot stand beside `label`."""
        return self._exclusions.get(label.id, frozenset())

    @cached_property
    def _exclusions(self) -> dict[int, frozenset[int]]:
        single = {group.name for group in self.groups if group.exclusive}
        kinds: dict[tuple[Scope, str], set[int]] = {}
        for label in self.of(Method.CLASSIFICATION):
            if label.group in single:
                kinds.setdefault((label.scope, label.group), set()).add(label.id)
        return {
            label_id: frozenset(ids - {label_id})
            for ids in kinds.values()
            for label_id in ids
        }

    @property
    def overlap_groups(self) -> tuple[str, ...]:
        """The overlap groups of the segmentation labels, in their order."""
        return tuple(
            dict.fromkeys(x.overlap_group for x in self.of(Method.SEGMENTATION))
        )
