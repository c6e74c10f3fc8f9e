"""Labels with names, colours and codes that others have agreed on."""

from __future__ import annotations

import csv
from difflib import get_close_matches
from fnmatch import fnmatchcase
from functools import cache
from importlib.resources import files
from typing import Any

from napari_annotate_jobs.errors import InvalidValueError
from napari_annotate_jobs.model import Code, Concept

__all__ = ["READY_LABELS", "READY_TITLES", "ready_labels"]

READY_LABELS = {"totalsegmentator": "totalsegmentator.csv"}
"""Files of tables by name; each has the columns of TotalSegmentator's own."""

READY_TITLES = {"totalsegmentator": "TotalSegmentator"}
"""What the tables are called."""

_TYPE, _PARTS = (
    "SegmentedPropertyType",
    {
        "category": "SegmentedPropertyCategory",
        "modifier": "SegmentedPropertyTypeModifier",
        "region": "AnatomicRegion",
        "region_modifier": "AnatomicRegionModifier",
    },
)


def ready_labels(table: str, names: str) -> list[dict[str, Any]]:
    """Return what a table knows of some labels.

    Parameters
    ----------
    table : str
        One of :data:`READY_LABELS`.
    names : str
        Names with commas between them; ``*`` stands for any letters.

    Returns
    -------
    list of dict
        Fields of :class:`~napari_annotate_jobs.model.Label` each: name, color and
        concept. In the order of `names`, each once.

    Raises
    ------
    InvalidValueError
        If there is no such table, or no such name in it.
    """
    if table not in READY_LABELS:
        raise InvalidValueError(
            f"there is no table of labels {table!r}",
            remedy=f"Choose one of {', '.join(READY_LABELS)}",
        )
    known = _read(table)
    found: dict[str, dict[str, Any]] = {}
    for part in names.split(","):
        wanted = part.strip().casefold().replace(" ", "_")
        fit = [name for name in known if fnmatchcase(name.casefold(), wanted)]
        if not fit:
            near = get_close_matches(wanted, known, 5, 0.5) or list(known)[:5]
            raise InvalidValueError(
                f"{table} has no label {part.strip()!r}",
                remedy=f"It has {', '.join(near)} ...; * stands for any letters",
            )
        found |= {name: known[name] for name in fit}
    return [dict(fields) for fields in found.values()]


@cache
def _read(table: str) -> dict[str, dict[str, Any]]:
    path = files(__package__).joinpath("tables", READY_LABELS[table])
    rows = csv.DictReader(path.read_text("utf-8").splitlines())
    return {row["Structure"]: _fields(row) for row in rows}


def _fields(row: dict[str, str]) -> dict[str, Any]:
    kind = _code(row, _TYPE)
    assert kind is not None
    parts = {name: _code(row, column) for name, column in _PARTS.items()}
    red, green, blue = (int(part) for part in row["DicomRGBColor"].split(","))
    return {
        "name": row["Structure"],
        "color": f"#{red:02X}{green:02X}{blue:02X}",
        "concept": Concept(**dict(kind), **parts),
    }


def _code(row: dict[str, str], column: str) -> Code | None:
    scheme, value, meaning = (
        row[f"{column}CodeSequence.{part}"]
        if f"{column}CodeSequence.{part}" in row
        else row[f"{column}Sequence.{part}"]
        for part in ("CodingSchemeDesignator", "CodeValue", "CodeMeaning")
    )
    return Code(scheme=scheme, value=value, meaning=meaning) if value else None
