"""YOLO boxes and outlines, read for the import."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from napari_annotate_jobs.errors import InvalidValueError
from napari_annotate_jobs.formats._foreign import (
    IMAGE_ENDINGS,
    NO_PLACE,
    as_int,
    as_number,
    as_text,
    files_below,
    image_places,
    image_plane,
    parse_yaml,
    read_text,
)
from napari_annotate_jobs.formats._incoming import (
    Incoming,
    IncomingLabel,
    IncomingSlice,
    unique_names,
)
from napari_annotate_jobs.imaging import is_image
from napari_annotate_jobs.model import Method, Provenance

from ._runs import paint, polygon_points, polygon_spans

if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Sequence

    import numpy as np
    from numpy.typing import NDArray

__all__ = ["class_names", "read_label_file", "read_yolo"]

_NAMES = ("data.yaml", "dataset.yaml", "data.yml", "classes.txt", "obj.names")


def read_yolo(
    path: str | os.PathLike[str],
    *,
    names: Sequence[str] | None = None,
    plane_of: Callable[[str], tuple[int, int] | None] | None = None,
) -> list[Incoming]:
    """Read YOLO label files.

    Parameters
    ----------
    path : path-like
        A folder with ``labels`` (and ``images``), or the file beside them that names
        the classes: ``data.yaml``, ``classes.txt``, ``obj.names``.
    names : sequence of str, optional
        The classes by their number, where no file names them.
    plane_of : callable, optional
        Gives (rows, columns) of an image by the path of its label file below
        ``labels``, without the ending, where the image is not beside it. Places are
        parts of that size.

    Returns
    -------
    list of Incoming
        One a label file. An empty one says that there is nothing to label.

    Raises
    ------
    InvalidValueError
        If a file is wrong: says which, and the line.
    StoreAccessError
        If one cannot be read.
    """
    where = Path(path)
    folder = where if where.is_dir() else where.parent
    if names is None:
        listed = where if where.is_file() else _names_file(folder)
        names = class_names(listed)
    names = unique_names(names)
    labels = folder / "labels" if (folder / "labels").is_dir() else folder
    files = [f for f in files_below(labels, ".txt") if f.name not in _NAMES]
    if not files:
        raise InvalidValueError("holds no label files (.txt)", where=labels)
    images = _images(folder, labels)
    places = image_places(folder)
    read: list[tuple[Path, str, Any]] = []
    for file in files:
        key = file.relative_to(labels).with_suffix("").as_posix()
        image = images.get(key)
        plane = image_plane(image) if image is not None else None
        plane = plane or (plane_of(key) if plane_of is not None else None)
        if plane is None:
            raise InvalidValueError(
                "its image is not there, so that nothing tells how large it is",
                where=file,
                remedy=f"Put the image into {folder / 'images'}",
            )
        name = key if image is None else image.relative_to(folder).as_posix()
        place = places.get(name.rpartition(".")[0], NO_PLACE)
        read.append((file, name, (plane, place)))
    return _incoming(folder, read, names)


def _incoming(
    folder: Path, read: list[tuple[Path, str, Any]], names: list[str]
) -> list[Incoming]:
    found: list[tuple[str, Any, dict[str, Any], IncomingSlice]] = []
    used: dict[tuple[Method, str], None] = {}
    predicted = False
    for file, name, (plane, place) in read:
        marks: list[float] = []
        more = {k: v for k, v in place.items() if k != "case"}
        one = read_label_file(file, plane, names, confidences=marks, **more)
        predicted = predicted or bool(marks)
        used |= dict.fromkeys((Method.DETECTION, each) for each in one.boxes)
        used |= dict.fromkeys((Method.SEGMENTATION, each) for each in one.masks)
        found.append((name, plane, place, one))
    labels = tuple(
        IncomingLabel(name=name, method=method, number=names.index(name))
        for method, name in sorted(used, key=lambda each: names.index(each[1]))
    )
    return [
        Incoming(
            path=folder,
            title="YOLO",
            labels=labels,
            slices=(one,),
            plane=plane,
            provenance=Provenance.PREDICTED if predicted else Provenance.IMPORTED,
            image=name,
            case=place.get("case"),
        )
        for name, plane, place, one in found
    ]


def read_label_file(
    path: Path,
    plane: tuple[int, int],
    names: Sequence[str],
    *,
    confidences: list[float] | None = None,
    **place: Any,
) -> IncomingSlice:
    """Read the rows of one image.

    Parameters
    ----------
    path : Path
        The label file.
    plane : (int, int)
        Rows and columns of the image.
    names : sequence of str
        The classes by number.
    confidences : list, optional
        Receives those that a program wrote behind its boxes and outlines.
    **place
        Of the slice, for :class:`IncomingSlice`.

    Raises
    ------
    InvalidValueError
        If a row is wrong: says which.
    """
    boxes: dict[str, list[tuple[float, float, float, float]]] = {}
    outlines: dict[str, list[NDArray[np.float64]]] = {}
    rows, columns = plane
    for line, text in enumerate(read_text(path).splitlines(), 1):
        parts = text.split()
        if not parts:
            continue
        where = f"{path}, line {line}"
        number = as_int(parts[0], "the class", where)
        if not 0 <= number < len(names):
            raise InvalidValueError(
                f"class {number}, but there are {len(names)} (0 to {len(names) - 1})",
                where=where,
                remedy="Name all classes in data.yaml",
            )
        values = [as_number(part, "a number of the row", where) for part in parts[1:]]
        # A confidence stands behind four numbers of a box, or behind pairs.
        confidence = len(values) == 5 or (len(values) > 6 and len(values) % 2 == 1)
        if confidence and confidences is not None:
            confidences.append(values[-1])
        values = values[:-1] if confidence else values
        if len(values) != 4 and len(values) < 6:
            raise InvalidValueError(
                f"a row of {len(parts)} numbers: a box has 5, an outline 7 or more",
                where=where,
            )
        if min(values) < 0 or max(values) > 1 + 1e-6:
            raise InvalidValueError(
                "places are parts of the image, from 0 to 1", where=where
            )
        name = names[number]
        if len(values) == 4:
            x, y, width, height = values
            if width <= 0 or height <= 0:
                raise InvalidValueError("a box without area", where=where)
            # From the outer corner of the first pixel to its centre.
            left, right = (x - width / 2) * columns, (x + width / 2) * columns
            top, bottom = (y - height / 2) * rows, (y + height / 2) * rows
            corners = (top - 0.5, left - 0.5, bottom - 0.5, right - 0.5)
            boxes.setdefault(name, []).append(corners)
        else:
            scaled = [v * (rows if at % 2 else columns) for at, v in enumerate(values)]
            points = polygon_points(scaled, plane)
            outlines.setdefault(name, []).append(points)
    masks = {
        name: paint([polygon_spans(each, plane)], plane)
        for name, each in outlines.items()
    }
    nothing = not boxes and not masks
    return IncomingSlice(boxes=boxes, masks=masks, nothing_to_label=nothing, **place)


def class_names(path: Path) -> list[str]:
    """Return the names of the classes by their number.

    Raises
    ------
    InvalidValueError
        If the file does not name them.
    """
    text = read_text(path)
    if path.suffix.lower() not in (".yaml", ".yml"):
        return [as_text(row, "a class", path) for row in text.splitlines() if row]
    try:
        names = parse_yaml(text, path)["names"]
    except (KeyError, TypeError) as error:
        raise InvalidValueError("has no names of classes", where=path) from error
    if isinstance(names, dict):
        numbers = [as_int(key, "the number of a class", path) for key in names]
        if sorted(numbers) != list(range(len(numbers))):
            raise InvalidValueError(
                "classes are numbered from 0, none left out", where=path
            )
        by_number = dict(zip(numbers, names.values(), strict=True))
        names = [by_number[number] for number in range(len(numbers))]
    if not isinstance(names, list):
        raise InvalidValueError("names is a list, or numbers and names", where=path)
    if any(isinstance(name, list | dict) for name in names):
        raise InvalidValueError("a class has one name, not a list", where=path)
    return [as_text(str(name), "a class", path) for name in names]


def _names_file(folder: Path) -> Path:
    for place in (folder, folder / "labels"):
        for name in _NAMES:
            if (place / name).is_file():
                return place / name
    raise InvalidValueError(
        f"has no file that names the classes: {', '.join(_NAMES)}", where=folder
    )


def _images(folder: Path, labels: Path) -> dict[str, Path]:
    """Return the images by what the path of their label file is."""
    places = [folder / "images"] if (folder / "images").is_dir() else [folder]
    return {
        path.relative_to(place).with_suffix("").as_posix(): path
        for place in dict.fromkeys((*places, labels))
        for path in files_below(place, *IMAGE_ENDINGS)
        if is_image(path)
    }
