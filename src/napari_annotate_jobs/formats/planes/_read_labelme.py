"""LabelMe's files, read for the import."""

from __future__ import annotations

import base64
import binascii
import io
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from napari_annotate_jobs.errors import InvalidValueError
from napari_annotate_jobs.formats._foreign import (
    NO_PLACE,
    Names,
    answers_by_label,
    answers_of,
    as_int,
    as_number,
    check_plane,
    files_below,
    image_name,
    image_places,
    read_json,
)
from napari_annotate_jobs.formats._incoming import (
    Incoming,
    IncomingLabel,
    IncomingSlice,
)
from napari_annotate_jobs.model import Method

from ._runs import Spans, paint, part_spans, polygon_points, polygon_spans

if TYPE_CHECKING:
    import os

    from numpy.typing import NDArray

__all__ = ["read_labelme", "read_labelme_file"]


class _Said(NamedTuple):
    """What a file says."""

    name: str
    plane: tuple[int, int]
    slice: IncomingSlice
    flags: tuple[str, ...]
    notes: tuple[str, ...]


def read_labelme(path: str | os.PathLike[str]) -> list[Incoming]:
    """Read LabelMe files: rectangles, polygons, circles, masks, and flags.

    Parameters
    ----------
    path : path-like
        A file of JSON, or a folder of them.

    Returns
    -------
    list of Incoming
        One a file. Flags that are set are class labels. Without shapes and set flags
        it says that there is nothing to label.

    Raises
    ------
    InvalidValueError
        If a file is wrong: says which, and which shape.
    StoreAccessError
        If one cannot be read.
    """
    where = Path(path)
    files = files_below(where, ".json") if where.is_dir() else [where]
    root = where if where.is_dir() else where.parent
    if root.name == "images":
        root = root.parent
    # The note of an export lies in the same folder.
    files = [file for file in files if file.name != "export.json"]
    if not files:
        raise InvalidValueError("holds no files of JSON", where=where)
    names, places = Names(), image_places(root)
    read = []
    for file in files:
        inside = file.is_relative_to(root)
        key = file.relative_to(root).with_suffix("").as_posix() if inside else ""
        place = places.get(key, NO_PLACE)
        read.append((file, read_labelme_file(file, names, place), place))
    used: dict[tuple[Method, str], None] = {}
    for _, said, _ in read:
        used |= dict.fromkeys((Method.DETECTION, n) for n in said.slice.boxes)
        used |= dict.fromkeys((Method.SEGMENTATION, n) for n in said.slice.masks)
        used |= dict.fromkeys((Method.CLASSIFICATION, n) for n in said.flags)
    labels = tuple(IncomingLabel(name=name, method=method) for method, name in used)
    return [
        Incoming(
            path=file,
            title="LabelMe",
            labels=labels,
            slices=(said.slice,),
            plane=said.plane,
            image=said.name,
            case=place.get("case"),
            notes=said.notes,
        )
        for file, said, place in read
    ]


def read_labelme_file(
    path: Path, names: Names, place: dict[str, Any] = NO_PLACE
) -> _Said:
    """Read one file."""
    data = read_json(path)
    shapes = data.get("shapes") if isinstance(data, dict) else None
    if not isinstance(shapes, list):
        raise InvalidValueError("has no list of shapes, as LabelMe's have", where=path)
    name = image_name(data.get("imagePath") or path.stem, path)
    rows = as_int(data.get("imageHeight"), "imageHeight", path)
    columns = as_int(data.get("imageWidth"), "imageWidth", path)
    plane = check_plane(rows, columns, path)
    flags = data.get("flags") or {}
    if not isinstance(flags, dict):
        raise InvalidValueError("flags are names with true or false", where=path)
    known = {
        names(flag, "a flag", path): value is True for flag, value in flags.items()
    }
    boxes: dict[str, list[tuple[float, float, float, float]]] = {}
    spans: dict[str, list[Spans]] = {}
    answers = {
        (Method.CLASSIFICATION, flag): said
        for flag, said in answers_by_label(data.get("attributes")).items()
    }
    box_answers: dict[str, list[dict[str, str]]] = {}
    notes: list[str] = []
    for number, shape in enumerate(shapes, 1):
        where = f"{path}, shape {number}"
        if not isinstance(shape, dict):
            raise InvalidValueError("a shape has a label and points", where=where)
        label = names(shape.get("label"), "the label", where)
        kind = shape.get("shape_type", "polygon")
        points = _points(shape.get("points"), where)
        if kind == "rectangle":
            boxes.setdefault(label, []).append(_box(points, where))
            own = answers_of(shape.get("attributes"))
            box_answers.setdefault(label, []).append(own)
            continue
        if kind not in ("polygon", "circle", "mask"):
            notes.append(f"shape {number}: a {kind} is not taken over")
            continue
        try:
            if kind == "mask":
                found = _mask(shape.get("mask"), points, plane)
            else:
                if kind == "circle":
                    points = _circle(points)
                flat = [value for point in points for value in point]
                found = polygon_spans([polygon_points(flat, plane)], plane)
        except ValueError as error:
            raise InvalidValueError(str(error), where=where) from error
        spans.setdefault(label, []).append(found)
        if own := answers_of(shape.get("attributes")):
            answers.setdefault((Method.SEGMENTATION, label), own)
    classes = tuple(flag for flag, is_set in known.items() if is_set)
    one = IncomingSlice(
        boxes=boxes,
        masks={label: paint(each, plane) for label, each in spans.items()},
        classes=classes,
        nothing_to_label=not (boxes or spans or classes or notes),
        answers=answers,
        box_answers=box_answers,
        **{k: v for k, v in place.items() if k != "case"},
    )
    return _Said(name, plane, one, tuple(known), tuple(notes))


def _points(value: Any, where: str) -> list[tuple[float, float]]:
    if not isinstance(value, list) or not value:
        raise InvalidValueError("a shape without points", where=where)
    found = []
    for point in value:
        if not isinstance(point, list) or len(point) != 2:
            raise InvalidValueError("a point has x and y", where=where)
        x, y = (as_number(each, "a point", where) for each in point)
        found.append((x, y))
    return found


def _box(
    points: list[tuple[float, float]], where: str
) -> tuple[float, float, float, float]:
    if len(points) not in (2, 4):
        raise InvalidValueError("a rectangle has two corners", where=where)
    xs, ys = [x for x, _ in points], [y for _, y in points]
    if min(xs) >= max(xs) or min(ys) >= max(ys):
        raise InvalidValueError("a rectangle without area", where=where)
    return min(ys) - 0.5, min(xs) - 0.5, max(ys) - 0.5, max(xs) - 0.5


def _circle(points: list[tuple[float, float]]) -> list[tuple[float, float]]:
    """Return a circle, given by its centre and a point on it, as a polygon."""
    if len(points) != 2:
        raise ValueError("a circle has a centre and a point on it")
    (x, y), (other_x, other_y) = points
    radius = float(np.hypot(other_x - x, other_y - y))
    turns = np.linspace(0, 2 * np.pi, 180, endpoint=False)
    circle = zip(x + radius * np.cos(turns), y + radius * np.sin(turns), strict=True)
    return [(float(a), float(b)) for a, b in circle]


def _mask(
    text: Any, points: list[tuple[float, float]], plane: tuple[int, int]
) -> Spans:
    from PIL import Image, UnidentifiedImageError

    if not isinstance(text, str) or len(points) != 2:
        raise ValueError("a mask has a picture and two corners")
    try:
        data = base64.b64decode(text, validate=True)
        with Image.open(io.BytesIO(data), formats=("PNG",)) as image:
            if image.size[0] > plane[1] or image.size[1] > plane[0]:
                raise ValueError("a mask that is larger than the image")
            part: NDArray[np.bool_] = np.asarray(image.convert("L")) > 0
    except (binascii.Error, UnidentifiedImageError, OSError, SyntaxError) as error:
        raise ValueError(f"a mask whose picture cannot be read ({error})") from error
    left, top = (round(value) for value in points[0])
    return part_spans(part, left, top, plane)
