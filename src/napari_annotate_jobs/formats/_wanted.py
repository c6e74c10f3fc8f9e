"""What becomes of labels at an export, as people name it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from napari_annotate_jobs.errors import InvalidValueError
from napari_annotate_jobs.model import Method

from ._choose import LabelChoice
from ._convert import Conversion, Convert
from ._export_table import EXPORT_FORMATS

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from napari_annotate_jobs.model import LabelSet

    from ._contract import CaseTransform

__all__ = ["wanted_options", "wanted_priority", "wanted_transforms"]


def wanted_transforms(
    labels: LabelSet, names: Sequence[str], conversions: Sequence[str]
) -> list[CaseTransform]:
    """Return what leaves labels out, and converts them, in the order it is done.

    Parameters
    ----------
    labels : LabelSet
        Of the job.
    names : sequence of str
        Names or ids of the labels that are exported; empty for all.
    conversions : sequence of str
        As ``"masks-to-classes"``.

    Raises
    ------
    InvalidValueError
        If there is no such conversion.
    LookupError
        If there is no such label.
    """
    found: list[CaseTransform] = []
    if names:
        ids = {i for name in names for i in _labels_named(name, labels)}
        found.append(LabelChoice(ids=tuple(sorted(ids))))
    ways = {str(way).replace(" ", "-"): way for way in Convert}
    for name in conversions:
        if name not in ways:
            raise InvalidValueError(
                f"{name!r} is no conversion",
                remedy=f"Choose one of {', '.join(ways)}",
            )
        found.append(Conversion(convert=ways[name]))
    return found


def _labels_named(name: str, labels: LabelSet) -> list[int]:
    """Return the ids of the labels of a name, of whatever method, or of an id."""
    found = [x.id for x in labels.labels if x.name.casefold() == name.casefold()]
    if found:
        return found
    if name.isdecimal():
        return [labels[int(name)].id]
    return [labels.named(name).id]  # says that there is none


def wanted_priority(labels: LabelSet, names: Sequence[str]) -> list[int]:
    """Return the ids of the labels that win where masks overlap, the first one first.

    Raises
    ------
    LookupError
        If there is no such label for segmentation.
    """
    return [labels.named(name, Method.SEGMENTATION).id for name in names]


def wanted_options(
    name: str, options: Mapping[str, str], *, anonymous: bool = False
) -> dict[str, str]:
    """Return the choices of a format; without names of patients where it knows any."""
    found, row = dict(options), EXPORT_FORMATS.get(name)
    if anonymous and row is not None and "patient" in row.load().Options.model_fields:
        found["patient"] = "case"
    return found
