"""``label.csv`` and folders by class, read for the import."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from napari_annotate_jobs.errors import InvalidValueError
from napari_annotate_jobs.formats._foreign import (
    IMAGE_ENDINGS,
    NO_PLACE,
    Names,
    as_number,
    as_text,
    files_below,
    image_name,
    image_places,
    read_rows,
)
from napari_annotate_jobs.formats._incoming import (
    Incoming,
    IncomingLabel,
    IncomingSlice,
)
from napari_annotate_jobs.imaging import is_image
from napari_annotate_jobs.model import Method

if TYPE_CHECKING:
    import os
    from collections.abc import Iterable

__all__ = [
    "CLASSES",
    "NEGATIVES",
    "folder_names",
    "read_class_folders",
    "read_label_csv",
    "slice_of_folder",
    "slices_of",
]

CLASSES = "classes.csv"
"""Which class each folder holds."""
NEGATIVES = "nothing to label"
"""Folder of the negatives."""

_YES = {"1": True, "true": True, "yes": True, "0": False, "false": False, "no": False}


def read_label_csv(path: str | os.PathLike[str]) -> list[Incoming]:
    """Read a ``label.csv`` without a header, in each of its forms.

    Parameters
    ----------
    path : path-like
        The file, or the folder it lies in. Rows are ``path``, ``path,class``,
        ``path,class,value`` or ``path,class,xLeft,yTop,width,height``.

    Returns
    -------
    list of Incoming
        One an image, in the order in which they are named first. A path alone, or
        with no class whose value is 1, says that there is nothing to label.

    Raises
    ------
    InvalidValueError
        If a row is wrong: says which.
    StoreAccessError
        If it cannot be read.
    """
    where = Path(path)
    where = where / "label.csv" if where.is_dir() else where
    rows = list(read_rows(where))
    if not rows:
        raise InvalidValueError("holds no rows", where=where)
    found = slices_of(rows, str(where), image_places(where.parent))
    return _incoming(where, "label.csv", found, image_places(where.parent))


def _incoming(
    path: Path,
    title: str,
    found: dict[str, IncomingSlice],
    places: dict[str, dict[str, Any]],
) -> list[Incoming]:
    used: dict[tuple[Method, str], None] = {}
    for one in found.values():
        used |= dict.fromkeys((Method.DETECTION, name) for name in one.boxes)
        used |= dict.fromkeys((Method.CLASSIFICATION, name) for name in one.classes)
    labels = tuple(IncomingLabel(name=name, method=method) for method, name in used)
    return [
        Incoming(
            path=path,
            title=title,
            labels=labels,
            slices=(one,),
            plane=(0, 0),
            image=image,
            case=places.get(image.rpartition(".")[0], NO_PLACE).get("case"),
        )
        for image, one in found.items()
    ]


def slices_of(
    rows: Iterable[tuple[int, list[str]]],
    path: str,
    places: dict[str, dict[str, Any]] = NO_PLACE,
) -> dict[str, IncomingSlice]:
    """Return what rows, each with its line, say of each image."""
    names = Names()
    boxes: dict[str, dict[str, list[tuple[float, float, float, float]]]] = {}
    values: dict[str, dict[str, bool]] = {}
    forms: dict[str, tuple[int, int]] = {}
    for line, row in rows:
        where = f"{path}, line {line}"
        cells = [cell.strip() for cell in row]
        while len(cells) > 1 and not cells[-1]:
            cells.pop()
        image = image_name(cells[0], where)
        form = len(cells)
        if form not in (1, 2, 3, 6):
            raise InvalidValueError(
                f"a row of {form} columns: a path alone, path,class, path,class,value "
                "or path,class,xLeft,yTop,width,height",
                where=where,
            )
        first, other = forms.setdefault(image, (line, form))
        if first != line and (form != other or form < 3):
            raise InvalidValueError(
                f"says something else of {image} than line {first}",
                where=where,
                remedy="Leave one of the two rows, or write path,class,value",
            )
        if form == 1:
            continue
        name = names(cells[1], "the class", where)
        if form == 6:
            boxes.setdefault(image, {}).setdefault(name, []).append(
                _box(cells[2:], where)
            )
            continue
        said = values.setdefault(image, {})
        value = True if form == 2 else _value(cells[2], where)
        if said.setdefault(name, value) != value:
            raise InvalidValueError(
                f"gives {name} another value than a line before", where=where
            )
    found = {}
    for image in forms:
        classes = tuple(name for name, yes in values.get(image, {}).items() if yes)
        place = places.get(image.rpartition(".")[0], NO_PLACE)
        found[image] = IncomingSlice(
            boxes=boxes.get(image, {}),
            classes=classes,
            nothing_to_label=not classes and image not in boxes,
            **{k: v for k, v in place.items() if k != "case"},
        )
    return found


def _value(text: str, where: str) -> bool:
    known = _YES.get(text.casefold())
    if known is not None:
        return known
    number = as_number(text, "the value", where)
    if number not in (0, 1):
        raise InvalidValueError(f"a value is 1 or 0, not {text}", where=where)
    return number == 1


def _box(cells: list[str], where: str) -> tuple[float, float, float, float]:
    left, top, width, height = (
        as_number(cell, name, where)
        for cell, name in zip(cells, ("xLeft", "yTop", "width", "height"), strict=True)
    )
    if width <= 0 or height <= 0:
        raise InvalidValueError("a box without area", where=where)
    return top - 0.5, left - 0.5, top + height - 0.5, left + width - 0.5


# ------------------------------------------------------------------ class folders
def read_class_folders(path: str | os.PathLike[str]) -> list[Incoming]:
    """Read classes from the folders that images lie in.

    Parameters
    ----------
    path : path-like
        The folder that holds a folder for each class. ``classes.csv`` in it, if it is
        there, says which class a folder holds; else its name is the class. Images in
        the folder ``nothing to label`` have none.

    Returns
    -------
    list of Incoming
        One an image, by name.

    Raises
    ------
    InvalidValueError
        If there are no folders of images, or an image lies deeper.
    StoreAccessError
        If it cannot be read.
    """
    folder = Path(path)
    if not folder.is_dir():
        raise InvalidValueError("is no folder", where=folder)
    table, names, places = folder_names(folder), Names(), image_places(folder)
    found = {}
    for file in files_below(folder, *IMAGE_ENDINGS):
        parts = file.relative_to(folder).parts
        if len(parts) == 1 or not is_image(file):
            continue
        if len(parts) > 2:
            raise InvalidValueError(
                "lies deeper than in the folder of a class",
                where=file,
                remedy="Name the folder above, or move the images up",
            )
        image = "/".join(parts)
        place = places.get(image.rpartition(".")[0], NO_PLACE)
        one = slice_of_folder(
            parts[0],
            table,
            names,
            **{k: v for k, v in place.items() if k != "case"},
        )
        found[image] = one
    if not found:
        raise InvalidValueError("holds no folders of images", where=folder)
    return _incoming(folder, "Class folders", found, places)


def slice_of_folder(
    name: str, table: dict[str, str], names: Names | None = None, **place: Any
) -> IncomingSlice:
    """Return what the name of a folder says of the images in it."""
    if name == NEGATIVES:
        return IncomingSlice(nothing_to_label=True, **place)
    label = (names or Names())(table.get(name, name), "the class", name)
    return IncomingSlice(classes=(label,), **place)


def folder_names(folder: Path) -> dict[str, str]:
    """Return the class of each folder that ``classes.csv`` names; may be empty."""
    path = folder / CLASSES
    if not path.is_file():
        return {}
    found = {}
    for line, row in read_rows(path):
        where = f"{path}, line {line}"
        if len(row) != 2:
            raise InvalidValueError("a row names a folder and its class", where=where)
        if line > 1:
            found[row[0]] = as_text(row[1], "the class", where)
    return found
