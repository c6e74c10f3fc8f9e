"""The label set of a new job, from the command line and from a file."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from napari_annotate_jobs.errors import InvalidValueError
from napari_annotate_jobs.formats import READY_LABELS, ready_labels
from napari_annotate_jobs.model import (
    COLORS,
    Group,
    Label,
    LabelSet,
    Method,
    Scope,
    validated,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

__all__ = [
    "GivenLabels",
    "LabelEntry",
    "color_code",
    "from_table",
    "given_labels",
    "parse_labels",
]

COLOURS = "Write a colour name of CSS such as red or darkorange, or #RGB or #RRGGBB"


@dataclass
class LabelEntry:
    """A label as it was given.

    Parameters
    ----------
    where : str
        How errors name it.
    fields : dict
        Those of :class:`Label` that it brings.
    """

    where: str
    fields: dict[str, Any]


@dataclass
class GivenLabels:
    """Labels and groups as they were given.

    Parameters
    ----------
    where : str
        Where they stand: a file, or the option.
    entries : list of LabelEntry
        In their order.
    groups : dict of str to bool
        Whether only one label of a group can be chosen.
    """

    where: str = "--labels"
    entries: list[LabelEntry] = field(default_factory=list)
    groups: dict[str, bool] = field(default_factory=dict)

    def methods(self) -> list[Method]:
        """Return the methods that labels name, in the order of their appearance."""
        found = (e.fields["method"] for e in self.entries if e.fields.get("method"))
        return list(dict.fromkeys(found))

    def label_set(self, methods: Sequence[Method]) -> LabelSet:
        """Put the label set together.

        Parameters
        ----------
        methods : sequence of Method
            The project's; a label that does not name its own has the only one.

        Returns
        -------
        LabelSet
            With ids and colours for those that did not bring their own.

        Raises
        ------
        InvalidValueError
            If a label is not as it should be, or they do not go together.
        """
        labels = [
            validated(Label, entry.fields, where=entry.where)
            for entry in _completed(self.entries, methods)
        ]
        groups = [Group(name=n, exclusive=e) for n, e in self.groups.items()]
        return validated(
            LabelSet, {"labels": labels, "groups": groups}, where=self.where
        )


def given_labels(
    labels: Sequence[str],
    case_labels: Sequence[str],
    exclusive: Sequence[str] = (),
    given: GivenLabels | None = None,
) -> GivenLabels:
    """Read the labels of the command line.

    Parameters
    ----------
    labels : sequence of str
        ``[METHOD:][GROUP/]NAME[=COLOUR]`` or ``[METHOD:]TABLE:NAME,...`` each.
    case_labels : sequence of str
        ``[GROUP/]NAME[=COLOUR]`` each: class labels for the whole case.
    exclusive : sequence of str
        Groups of which one label can be chosen; ``""`` for labels in none.
    given : GivenLabels, optional
        Labels to begin with.

    Returns
    -------
    GivenLabels
        All of them.

    Raises
    ------
    InvalidValueError
        If a label cannot be understood, or no label is in a group.
    """
    found = given or GivenLabels()
    for text in labels:
        found.entries += parse_labels(text, "--labels")
    for text in case_labels:
        entry = _parse_label(text, "--case-labels")
        method = entry.fields.setdefault("method", Method.CLASSIFICATION)
        if method is not Method.CLASSIFICATION:
            raise InvalidValueError(
                "only class labels can be said of a whole case",
                where=entry.where,
                remedy="Leave out its method, or name it with --labels",
            )
        entry.fields["scope"] = Scope.CASE
        found.entries.append(entry)
    found.groups.update(dict.fromkeys(exclusive, True))
    named = {str(entry.fields.get("group") or "") for entry in found.entries}
    for group in exclusive:
        if group not in named:
            raise InvalidValueError(
                f"no label is in the group {group!r}"
                if group
                else "all labels are in groups",
                where="--exclusive",
                remedy="Name groups as in: --labels quality/good quality/bad "
                "--exclusive quality",
            )
    return found


def parse_labels(text: str, where: str) -> list[LabelEntry]:
    """Read one label, or several of a table that is ready-made.

    Parameters
    ----------
    text : str
        ``[METHOD:][GROUP/]NAME[=COLOUR]``, or ``[METHOD:]TABLE:NAME,NAME,...``; those
        of a table are for segmentation where no method is named.
    where : str
        The option or the file.

    Raises
    ------
    InvalidValueError
        If there is no name, no such method, no such colour, or no such label in the
        table.
    """
    method, _, rest = text.partition(":")
    if method.strip().lower() in READY_LABELS:
        method, rest = Method.SEGMENTATION, text
    table, colon, names = rest.partition(":")
    if not colon or table.strip().lower() not in READY_LABELS:
        return [_parse_label(text, where)]
    place = f"label {text!r} of {where}"
    method = method_named(method, place)
    return [
        LabelEntry(f"label {fields['name']!r} of {where}", {**fields, "method": method})
        for fields in from_table(table, names, place)
    ]


def from_table(table: str, names: str, where: str) -> list[dict[str, Any]]:
    """Return labels of a table that is ready-made; see :func:`ready_labels`."""
    try:
        return ready_labels(table.strip().lower(), names)
    except InvalidValueError as error:
        raise InvalidValueError(error.what, where=where, remedy=error.remedy) from error


def _parse_label(text: str, where: str) -> LabelEntry:
    """Read ``[METHOD:][GROUP/]NAME[=COLOUR]``.

    Parameters
    ----------
    text : str
        What was written.
    where : str
        The option or the file.

    Raises
    ------
    InvalidValueError
        If there is no name, no such method, or no such colour.
    """
    entry = LabelEntry(f"label {text!r} of {where}", {})
    head, colon, rest = text.partition(":")
    if colon:
        entry.fields["method"] = method_named(head, entry.where)
        text = rest
    name, equals, color = text.rpartition("=")
    if equals:
        entry.fields["color"] = color_code(color, entry.where)
        text = name
    group, slash, name = text.rpartition("/")
    if slash:
        entry.fields["group"] = group.strip()
    entry.fields["name"] = name.strip()
    if not entry.fields["name"]:
        raise InvalidValueError(
            "it has no name",
            where=entry.where,
            remedy="Write NAME, GROUP/NAME, METHOD:NAME or NAME=COLOUR",
        )
    return entry


def color_code(text: object, where: str) -> str:
    """Return a colour as ``#RRGGBB``.

    Parameters
    ----------
    text : object
        A colour name of CSS, ``#RGB`` or ``#RRGGBB``.
    where : str
        Which label it is of.

    Raises
    ------
    InvalidValueError
        If it is none of these.
    """
    from PIL import ImageColor

    name = text.strip() if isinstance(text, str) else ""
    if re.fullmatch("#[0-9A-Fa-f]{6}", name):
        return name
    if re.fullmatch("#[0-9A-Fa-f]{3}", name) or name.lower() in ImageColor.colormap:
        red, green, blue = ImageColor.getrgb(name)[:3]
        return f"#{red:02X}{green:02X}{blue:02X}"
    raise InvalidValueError(
        f"{name!r} is not a colour" if name else "its colour is empty",
        where=where,
        remedy=COLOURS,
    )


def method_named(name: object, where: str) -> Method:
    """Return a method by its name.

    Raises
    ------
    InvalidValueError
        If there is no such method.
    """
    try:
        return Method(str(name).strip().lower())
    except ValueError:
        raise InvalidValueError(
            f"there is no method {name!r}",
            where=where,
            remedy=f"Use one of {', '.join(Method)}",
        ) from None


def _completed(
    entries: Sequence[LabelEntry], methods: Sequence[Method]
) -> Iterable[LabelEntry]:
    """Give labels the method, id and colour that they do not bring."""
    given = (str(entry.fields.get("id", "")) for entry in entries)
    taken = {int(text) for text in given if text.isdecimal()}
    free = (number for number in range(1, 65_536) if number not in taken)
    for place, entry in enumerate(entries):
        filled = {"color": COLORS[place % len(COLORS)], **entry.fields}
        if not filled.get("method"):
            filled["method"] = _only_method(entry, methods)
        if "id" not in filled:
            filled["id"] = next(free)
        yield LabelEntry(entry.where, filled)


def _only_method(entry: LabelEntry, methods: Sequence[Method]) -> Method:
    if entry.fields.get("scope") == Scope.CASE or entry.fields.get("group"):
        return Method.CLASSIFICATION
    if len(methods) != 1:
        name = entry.fields.get("name")
        raise InvalidValueError(
            "it does not say for which method it is",
            where=entry.where,
            remedy=f"Write {methods[0] if methods else 'METHOD'}:{name}; the methods "
            f"are {', '.join(Method)}",
        )
    return methods[0]
