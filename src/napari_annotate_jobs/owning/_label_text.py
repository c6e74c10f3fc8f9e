"""Labels from lines of text, as people write them."""

from __future__ import annotations

import re
from typing import Any

from napari_annotate_jobs.errors import InvalidValueError
from napari_annotate_jobs.formats import READY_LABELS, ready_labels
from napari_annotate_jobs.model import (
    MAX_LABEL_NAME,
    GivenLabels,
    LabelEntry,
    Method,
    color_code,
    method_named,
)

__all__ = ["from_table", "parse_label", "parse_labels", "pasted_labels"]

_BULLETS = re.compile(r"\s*(?:[-*•–]|\d{1,5}[.)])\s+")
"""What lists in texts begin their lines with."""


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
        return [parse_label(text, where)]
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


def parse_label(text: str, where: str) -> LabelEntry:
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


def pasted_labels(text: str) -> GivenLabels:
    """Read a list of labels as people have it: in a text, a message, a table.

    Parameters
    ----------
    text : str
        A label on each line: a name, with or without a bullet or number before it,
        what :func:`parse_labels` reads, or cells of a table with the name first and
        then method or colour, in any order.

    Returns
    -------
    GivenLabels
        A label for each line that says something; of what cannot be understood the
        whole line is the name, and its problem is told.
    """
    found = GivenLabels("the pasted text")
    for number, line in enumerate(text.splitlines(), 1):
        name, *cells = (cell.strip() for cell in _BULLETS.sub("", line, 1).split("\t"))
        if not name:
            continue
        where = f"line {number} of the pasted text"
        try:
            entries = parse_labels(name, where)
            for cell in filter(None, cells):
                _take_cell(entries, cell, where)
        except InvalidValueError as error:
            fields = {"name": " ".join([name, *filter(None, cells)])[:MAX_LABEL_NAME]}
            what = f"{error.what}. {error.remedy}".rstrip(". ")
            entries = [LabelEntry(where, fields, what[:1].upper() + what[1:])]
        found.entries += entries
    return found


def _take_cell(entries: list[LabelEntry], cell: str, where: str) -> None:
    """Take a cell beside a name for a method or a colour."""
    field, value = "method", cell.lower()
    if value not in {str(method) for method in Method}:
        field, value = "color", color_code(cell, where)
    for entry in entries:
        entry.fields[field] = Method(value) if field == "method" else value
