"""Pascal VOC, read for the import."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from napari_annotate_jobs.errors import InvalidValueError
from napari_annotate_jobs.formats._foreign import (
    NO_PLACE,
    Names,
    answers_of,
    as_int,
    as_number,
    check_plane,
    files_below,
    image_name,
    image_places,
    read_xml,
)
from napari_annotate_jobs.formats._incoming import (
    Incoming,
    IncomingLabel,
    IncomingSlice,
)
from napari_annotate_jobs.model import Method

if TYPE_CHECKING:
    import os
    from xml.etree import ElementTree

__all__ = ["read_voc", "read_voc_file"]


def read_voc(path: str | os.PathLike[str]) -> list[Incoming]:
    """Read the boxes of Pascal VOC.

    Parameters
    ----------
    path : path-like
        An XML file, or a folder: its ``Annotations``, if it has them.

    Returns
    -------
    list of Incoming
        One an XML file. Without objects it says that there is nothing to label.

    Raises
    ------
    InvalidValueError
        If a file is wrong: says which, and which object.
    StoreAccessError
        If one cannot be read.
    """
    where = Path(path)
    root = where if where.is_dir() else where.parent
    if root.name == "Annotations":
        root = root.parent
    inner = where / "Annotations"
    files = [where]
    if where.is_dir():
        files = files_below(inner if inner.is_dir() else where, ".xml")
    if not files:
        raise InvalidValueError("holds no XML files", where=where)
    names, places = Names(), image_places(root)
    read = []
    for file in files:
        image, plane, one = read_voc_file(file, names, places)
        read.append((file, image, plane, one))
    used = dict.fromkeys(name for _, _, _, one in read for name in one.boxes)
    labels = tuple(IncomingLabel(name=n, method=Method.DETECTION) for n in used)
    return [
        Incoming(
            path=file,
            title="Pascal VOC",
            labels=labels,
            slices=(one,),
            plane=plane,
            image=image,
            case=_place(places, image, file).get("case"),
        )
        for file, image, plane, one in read
    ]


def _place(places: dict[str, dict[str, Any]], image: str, file: Path) -> dict[str, Any]:
    stem = image.rpartition("/")[2].rpartition(".")[0] or file.stem
    return places.get(f"JPEGImages/{stem}", NO_PLACE)


def read_voc_file(
    path: Path, names: Names, places: dict[str, dict[str, Any]] | None = None
) -> tuple[str, tuple[int, int], IncomingSlice]:
    """Read one file: the image's name, (rows, columns), what is said."""
    root = read_xml(path)
    if root.tag != "annotation":
        raise InvalidValueError(
            f"begins with <{root.tag}>, not with <annotation>", where=path
        )
    image = image_name(root.findtext("filename") or path.stem, path)
    rows = as_int(_text(root, "size/height", path), "the height", path)
    columns = as_int(_text(root, "size/width", path), "the width", path)
    plane = check_plane(rows, columns, path)
    boxes: dict[str, list[tuple[float, float, float, float]]] = {}
    box_answers: dict[str, list[dict[str, str]]] = {}
    for number, item in enumerate(root.iter("object"), 1):
        where = f"{path}, object {number}"
        name = names(item.findtext("name"), "the name", where)
        sides = []
        for tag in ("ymin", "xmin", "ymax", "xmax"):
            text = _text(item, f"bndbox/{tag}", where)
            sides.append(as_number(text, tag, where))
        top, left, bottom, right = sides
        # The first and the last pixel are named, counted from 1.
        corners = (top - 1.5, left - 1.5, bottom - 0.5, right - 0.5)
        if corners[0] >= corners[2] or corners[1] >= corners[3]:
            raise InvalidValueError(
                "a box whose last pixel is before its first", where=where
            )
        boxes.setdefault(name, []).append(corners)
        answers = {
            each.findtext("name"): each.findtext("value")
            for each in item.iterfind("attributes/attribute")
        }
        box_answers.setdefault(name, []).append(answers_of(answers))
    place = {} if places is None else _place(places, image, path)
    one = IncomingSlice(
        boxes=boxes,
        nothing_to_label=not boxes,
        box_answers=box_answers,
        **{k: v for k, v in place.items() if k != "case"},
    )
    return image, plane, one


def _text(element: ElementTree.Element, path: str, where: object) -> str:
    text = element.findtext(path)
    if text is None or not text.strip():
        raise InvalidValueError(f"<{path}> is missing", where=where)
    return text.strip()
