"""Which label of a project each class of a file is."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from napari_annotate_jobs.errors import InvalidValueError
from napari_annotate_jobs.model import Method

from ._incoming import IncomingLabel

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from napari_annotate_jobs.model import Code, Concept, Label, LabelSet

    from ._incoming import Incoming

__all__ = ["Named", "name_labels", "one_label", "parse_map"]


@dataclass(frozen=True)
class Named:
    """The labels that the classes of a file are.

    Parameters
    ----------
    labels : mapping of (Method, str) to Label
        By method and name in the file; those left out are missing.
    notes : tuple of str
        What people should know.
    """

    labels: Mapping[tuple[Method, str], Label]
    notes: tuple[str, ...] = ()


def parse_map(pairs: Sequence[str]) -> dict[str, str]:
    """Return what ``1=liver 2=tumour 3=`` says: label by number or name.

    Raises
    ------
    InvalidValueError
        If one is no such pair.
    """
    found: dict[str, str] = {}
    for pair in pairs:
        name, equals, label = pair.partition("=")
        if not equals or not name.strip():
            raise InvalidValueError(
                f"--map {pair} says nothing",
                remedy="Write NAME=LABEL or NUMBER=LABEL; NAME= leaves it out",
            )
        found[name.strip().casefold()] = label.strip()
    return found


def name_labels(
    incoming: Incoming, labels: LabelSet, mapping: Mapping[str, str]
) -> Named:
    """Find the label of a closed label set that each class of a file is.

    A class is named by `mapping`, else by a label of the same name, else by one with
    the same coded concept; a label that says a side or a place is none of the other
    side, nor of what says none. A class without a name of its own, only a number, is
    the label with this id.

    Parameters
    ----------
    incoming : Incoming
        What comes in.
    labels : LabelSet
        The project's.
    mapping : mapping of str to str
        Name of a label by name or number in the file, in lower case; empty to leave
        a class out.

    Raises
    ------
    InvalidValueError
        Lists the classes that the project does not have.
    """
    found: dict[tuple[Method, str], Label] = {}
    unknown: list[IncomingLabel] = []
    numbered: list[str] = []
    for each in incoming.labels:
        keys = [each.name.casefold()]
        if each.number is not None:
            keys.insert(0, str(each.number))
        wanted = next((mapping[key] for key in keys if key in mapping), None)
        if wanted == "":
            continue
        own = labels.of(each.method)
        if wanted is not None:
            found[each.method, each.name] = labels.named(wanted, each.method)
            continue
        label = next((x for x in own if x.name.casefold() == keys[-1]), None)
        if label is None and each.concept is not None:
            label = _coded(each.concept, own)
        if label is None and each.name == str(each.number):
            label = next((x for x in own if x.id == each.number), None)
            if label is not None:
                numbered.append(f"{label.id} = {label.name}")
        if label is None:
            unknown.append(each)
        else:
            found[each.method, each.name] = label
    if unknown:
        names = ", ".join(
            repr(x.name) + (f" ({x.number})" if x.name != str(x.number) else "")
            if x.number is not None
            else repr(x.name)
            for x in unknown[:20]
        )
        first = unknown[0].name
        own_names = ", ".join(x.name for x in labels.of(unknown[0].method)[:20])
        raise InvalidValueError(
            f"the project has no label for {names}",
            where=incoming.path,
            remedy=f'Name it with --map "{first}=LABEL" (the labels for '
            f"{unknown[0].method} are {own_names or 'none'}), or leave it out with "
            f'--map "{first}="',
        )
    notes: tuple[str, ...] = ()
    if numbered:
        notes = (f"Values were taken for ids of labels: {', '.join(numbered)}.",)
    return Named(found, notes)


def _coded(concept: Concept, labels: Iterable[Label]) -> Label | None:
    """Return the label that says the most of a concept; None if several do."""
    sides = ("modifier", "region", "region_modifier")
    wanted = [_key(getattr(concept, side)) for side in sides]
    found: dict[int, list[Label]] = {}
    for label in labels:
        if label.concept is None or _key(label.concept) != _key(concept):
            continue
        own = [_key(getattr(label.concept, side)) for side in sides]
        said = [key for key in own if key is not None]
        if all(key in (None, side) for key, side in zip(own, wanted, strict=True)):
            found.setdefault(len(said), []).append(label)
    closest = found[max(found)] if found else []
    return closest[0] if len(closest) == 1 else None


def _key(code: Code | None) -> tuple[str, str] | None:
    return None if code is None else (code.scheme, code.value)


def one_label(incoming: Incoming, name: str) -> Incoming:
    """Return what a file says with all its masks as one label, named after the file."""
    label = IncomingLabel(name=name, method=Method.SEGMENTATION)
    slices = []
    for each in incoming.slices:
        masks = list(each.masks.values())
        whole = {name: np.logical_or.reduce(masks)} if masks else {}
        slices.append(replace(each, masks=whole, boxes={}, classes=()))
    return replace(incoming, labels=(label,), slices=tuple(slices))
