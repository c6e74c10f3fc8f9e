"""Labels as they were given: in part, before they are put together to a set."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from itertools import cycle
from typing import TYPE_CHECKING, Any

from napari_annotate_jobs.errors import InvalidValueError

from ._base import validated
from ._labels import COLORS, Group, Label, LabelSet, Method, Scope

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

__all__ = ["GivenLabels", "LabelEntry", "color_code", "method_named"]

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
    problem : str
        What could not be understood of it, where that is no reason to refuse the rest.
    """

    where: str
    fields: dict[str, Any]
    problem: str = ""


@dataclass
class GivenLabels:
    """Labels and groups as they were given.

    Parameters
    ----------
    where : str
        Where they stand, for errors: a file, or the option.
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

    def completed(
        self, methods: Sequence[Method], taken: Collection[int] = ()
    ) -> list[LabelEntry]:
        """Give labels the method, id and colour that they do not bring.

        Parameters
        ----------
        methods : sequence of Method
            The project's; a label that does not name its own has the only one.
        taken : collection of int
            Ids that are not given to labels without one.

        Raises
        ------
        InvalidValueError
            If a label could be for several methods.
        """
        given = (str(entry.fields.get("id", "")) for entry in self.entries)
        gone = {int(text) for text in given if text.isdecimal()}.union(taken)
        free = (number for number in range(1, 65_536) if number not in gone)
        own = {str(entry.fields.get("color", "")).upper() for entry in self.entries}
        unused = [color for color in COLORS if color.upper() not in own]
        colors = cycle(unused or COLORS)
        found = []
        for entry in self.entries:
            filled = dict(entry.fields)
            if "color" not in filled:
                filled["color"] = next(colors)
            if not filled.get("method"):
                filled["method"] = _only_method(entry, methods)
            if "id" not in filled:
                filled["id"] = next(free)
            found.append(LabelEntry(entry.where, filled))
        return found

    def label_set(
        self, methods: Sequence[Method], taken: Collection[int] = ()
    ) -> LabelSet:
        """Put the label set together.

        Parameters
        ----------
        methods : sequence of Method
            The project's; a label that does not name its own has the only one.
        taken : collection of int
            Ids that are not given to labels without one.

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
            for entry in self.completed(methods, taken)
        ]
        groups = [Group(name=n, exclusive=e) for n, e in self.groups.items()]
        return validated(
            LabelSet, {"labels": labels, "groups": groups}, where=self.where
        )


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
