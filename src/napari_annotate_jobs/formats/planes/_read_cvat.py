"""CVAT for images, read for the import."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from napari_annotate_jobs.errors import InvalidValueError
from napari_annotate_jobs.formats._foreign import (
    NO_PLACE,
    Names,
    as_int,
    as_number,
    check_plane,
    image_name,
    image_places,
    read_xml,
)
from napari_annotate_jobs.formats._incoming import (
    Incoming,
    IncomingLabel,
    IncomingSlice,
)
from napari_annotate_jobs.model import Method, Provenance, Scope

from ._runs import Spans, counts_of, paint, part_spans, polygon_points, polygon_spans

if TYPE_CHECKING:
    import os
    from collections.abc import Sequence
    from xml.etree import ElementTree

    from numpy.typing import NDArray

    Corners = tuple[float, float, float, float]

__all__ = ["SCOPE", "read_cvat", "read_image"]

SCOPE = "scope"
"""Attribute of tags that are said of a whole case."""


class _Said(NamedTuple):
    """What an ``<image>`` says."""

    name: str
    plane: tuple[int, int]
    slice: IncomingSlice
    whole: tuple[str, ...]
    sources: frozenset[str]
    notes: tuple[str, ...]


def read_cvat(path: str | os.PathLike[str]) -> list[Incoming]:
    """Read *CVAT for images 1.1*: boxes, polygons, masks and tags.

    Parameters
    ----------
    path : path-like
        ``annotations.xml``, or the folder it lies in.

    Returns
    -------
    list of Incoming
        One an image. Without annotations it says that there is nothing to label.

    Raises
    ------
    InvalidValueError
        If it is no such file, or an entry is wrong: says which.
    StoreAccessError
        If it cannot be read.
    """
    where = Path(path)
    where = where / "annotations.xml" if where.is_dir() else where
    root = read_xml(where)
    if root.tag != "annotations":
        raise InvalidValueError(
            f"begins with <{root.tag}>, not with <annotations>", where=where
        )
    if root.find("track") is not None:
        raise InvalidValueError(
            "is CVAT for video",
            where=where,
            remedy="Export the task as CVAT for images 1.1",
        )
    names, places = Names(), image_places(where.parent)
    colors = {
        names(each.findtext("name"), "the name of a label", where): each.findtext(
            "color"
        )
        for each in root.iter("label")
        if each.find("name") is not None
    }
    said = []
    for number, element in enumerate(root.iterfind("image"), 1):
        entry = f"{where}, image {element.get('id', number)}"
        place = _place(places, element.get("name") or "")
        said.append((read_image(element, names, entry, place), place))
    used: dict[tuple[Method, str], None] = {}
    for each, _ in said:
        used |= dict.fromkeys((Method.DETECTION, n) for n in each.slice.boxes)
        used |= dict.fromkeys((Method.SEGMENTATION, n) for n in each.slice.masks)
        classes = (*each.slice.classes, *each.whole)
        used |= dict.fromkeys((Method.CLASSIFICATION, n) for n in classes)
    labels = tuple(
        IncomingLabel(name=name, method=method, color=_color(colors.get(name)))
        for method, name in used
    )
    sources = {source for each, _ in said for source in each.sources}
    return [
        Incoming(
            path=where,
            title="CVAT for images",
            labels=labels,
            slices=(each.slice,),
            plane=each.plane,
            provenance=Provenance.PREDICTED
            if sources == {"auto"}
            else Provenance.IMPORTED,
            case_labels=each.whole,
            image=each.name,
            case=place.get("case"),
            notes=each.notes,
        )
        for each, place in said
    ]


def _place(places: dict[str, dict[str, Any]], name: str) -> dict[str, Any]:
    return places.get(f"images/{name}".rpartition(".")[0], NO_PLACE)


def _color(text: str | None) -> str | None:
    digits = (text or "").removeprefix("#")
    plain = len(digits) == 6 and not set(digits.lower()) - set("0123456789abcdef")
    return f"#{digits.upper()}" if plain else None


def read_image(
    element: ElementTree.Element,
    names: Names,
    where: str,
    place: dict[str, Any] = NO_PLACE,
) -> _Said:
    """Read an ``<image>`` element."""
    name = image_name(element.get("name"), where)
    rows = as_int(element.get("height"), "height", where)
    columns = as_int(element.get("width"), "width", where)
    plane = check_plane(rows, columns, where)
    boxes: dict[str, list[Corners]] = {}
    spans: dict[str, list[Spans]] = {}
    answers: dict[tuple[Method, str], dict[str, str]] = {}
    box_answers: dict[str, list[dict[str, str]]] = {}
    classes: dict[str, None] = {}
    whole: dict[str, None] = {}
    notes: list[str] = []
    for number, shape in enumerate(element, 1):
        entry = f"{where}, {shape.tag} ({number})"
        if shape.tag not in ("box", "polygon", "mask", "tag"):
            notes.append(f"{entry}: a {shape.tag} is not taken over")
            continue
        label = names(shape.get("label"), "the label", entry)
        said = {
            asked: each.text
            for each in shape.iterfind("attribute")
            if (asked := each.get("name")) and each.text
        }
        kind = Method.CLASSIFICATION if shape.tag == "tag" else Method.SEGMENTATION
        if said and shape.tag != "box":
            answers.setdefault((kind, label), said)
        try:
            if shape.tag == "box":
                if as_number(shape.get("rotation", "0"), "rotation", entry):
                    notes.append(f"{entry}: a turned box is not taken over")
                    continue
                boxes.setdefault(label, []).append(_box(shape, entry))
                box_answers.setdefault(label, []).append(said)
            elif shape.tag == "polygon":
                points = (shape.get("points") or "").replace(";", ",").split(",")
                found = polygon_points(points, plane)
                spans.setdefault(label, []).append(polygon_spans([found], plane))
            elif shape.tag == "mask":
                spans.setdefault(label, []).append(_mask(shape, plane, entry))
            elif shape.findtext(f"attribute[@name='{SCOPE}']") == str(Scope.CASE):
                whole[label] = None
            else:
                classes[label] = None
        except ValueError as error:
            if isinstance(error, InvalidValueError):
                raise
            raise InvalidValueError(str(error), where=entry) from error
    masks: dict[str, NDArray[np.bool_]] = {
        label: paint(each, plane) for label, each in spans.items()
    }
    more = {k: v for k, v in place.items() if k != "case"}
    one = IncomingSlice(
        masks=masks,
        boxes=boxes,
        classes=tuple(classes),
        nothing_to_label=not (boxes or masks or classes or notes),
        answers=answers,
        box_answers=box_answers,
        **more,
    )
    sources = frozenset(s for shape in element if (s := shape.get("source")))
    return _Said(name, plane, one, tuple(whole), sources, tuple(notes))


def _box(shape: ElementTree.Element, where: str) -> Corners:
    top, left, bottom, right = (
        as_number(shape.get(side), side, where) - 0.5
        for side in ("ytl", "xtl", "ybr", "xbr")
    )
    if top >= bottom or left >= right:
        raise ValueError("a box without area")
    return top, left, bottom, right


def _mask(shape: ElementTree.Element, plane: tuple[int, int], where: str) -> Spans:
    left, top, width, height = (
        as_int(shape.get(side), side, where)
        for side in ("left", "top", "width", "height")
    )
    check_plane(height, width, where)
    texts: Sequence[str] = (shape.get("rle") or "").split(",")
    counts = counts_of([as_int(text, "rle", where) for text in texts], width * height)
    colors = np.arange(len(counts)) % 2 == 1
    part = np.repeat(colors, counts).reshape(height, width)
    return part_spans(part, left, top, plane)
