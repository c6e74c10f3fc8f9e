"""COCO datasets and results, read for the import."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from napari_annotate_jobs.errors import InvalidValueError
from napari_annotate_jobs.formats._foreign import (
    answers_by_label,
    answers_of,
    as_int,
    as_number,
    as_text,
    check_plane,
    files_below,
    image_name,
    read_json,
)
from napari_annotate_jobs.formats._incoming import (
    Incoming,
    IncomingLabel,
    IncomingSlice,
    unique_names,
)
from napari_annotate_jobs.model import Method, Provenance

from ._runs import (
    Spans,
    counts_of,
    paint,
    polygon_points,
    polygon_spans,
    run_spans,
    string_spans,
)

if TYPE_CHECKING:
    import os

    import numpy as np
    from numpy.typing import NDArray

    Raw = tuple[str, Any]

__all__ = ["incoming_of", "read_coco"]


def read_coco(
    path: str | os.PathLike[str],
    *,
    dataset: str | os.PathLike[str] | None = None,
    as_boxes: bool = False,
) -> list[Incoming]:
    """Read a COCO dataset, or results for one.

    Parameters
    ----------
    path : path-like
        A file of JSON, or a folder: those in its ``annotations``, if it has them.
    dataset : path-like, optional
        Of results, which are a list: the dataset that has the images and categories.
    as_boxes : bool
        Take of objects with a mask only the box.

    Returns
    -------
    list of Incoming
        One an image, in the order of the file. An image without annotations has
        nothing to label. Masks are decoded when they are asked for.

    Raises
    ------
    InvalidValueError
        If it is no such file, or an entry is wrong: says which.
    StoreAccessError
        If it cannot be read.
    """
    where = Path(path)
    if where.is_dir():
        inner = where / "annotations"
        folder = inner if inner.is_dir() else where
        # The note of an export lies in the same folder.
        files = [f for f in files_below(folder, ".json") if f.name != "export.json"]
        if not files:
            raise InvalidValueError("holds no files of JSON", where=where)
        return [
            one
            for file in files
            for one in read_coco(file, dataset=dataset, as_boxes=as_boxes)
        ]
    data = read_json(where)
    if isinstance(data, list):
        if dataset is None:
            raise InvalidValueError(
                "is a list of results, without images and categories",
                where=where,
                remedy="Name the dataset's file too",
            )
        whole = read_json(Path(dataset))
        if not isinstance(whole, dict):
            raise InvalidValueError("is no COCO dataset", where=dataset)
        data = {**whole, "annotations": data}
    return incoming_of(data, where, as_boxes=as_boxes)


def incoming_of(data: Any, path: Path, *, as_boxes: bool = False) -> list[Incoming]:
    """Return what a COCO dataset says, given its JSON values; see `read_coco`."""
    images = _list(data, "images", path)
    names, colors = _categories(data, path)
    said: dict[Any, _Image] = {}
    for number, image in enumerate(images, 1):
        where = f"{path}, image {number}"
        if not isinstance(image, dict) or not _is_id(image.get("id")):
            raise InvalidValueError("an image without an id", where=where)
        if image["id"] in said:
            raise InvalidValueError(
                f"two images have the id {image['id']!r}", where=where
            )
        said[image["id"]] = _Image(image, where)
    used: dict[tuple[Method, str], Any] = {}
    predicted = False
    for number, each in enumerate(_list(data, "annotations", path), 1):
        where = f"{path}, annotation {number}"
        try:
            home, name = said[each["image_id"]], names[each["category_id"]]
            segmentation, box = each.get("segmentation"), each.get("bbox")
        except (KeyError, TypeError, AttributeError) as error:
            raise InvalidValueError(
                "an annotation without an image_id and category_id that are in the "
                "file",
                where=where,
            ) from error
        predicted = predicted or "score" in each
        method = home.add(name, segmentation, box, each, where, as_boxes)
        if method is not None:
            used[method, name] = each["category_id"]
    labels = [
        IncomingLabel(name=name, method=method, color=colors.get(at), number=at)
        for (method, name), at in used.items()
    ]
    known = {name for (method, name) in used if method is Method.CLASSIFICATION}
    extra = {n: None for each in said.values() for n in each.class_names}
    labels += [
        IncomingLabel(name=name, method=Method.CLASSIFICATION)
        for name in extra
        if name not in known
    ]
    source = Provenance.PREDICTED if predicted else Provenance.IMPORTED
    return [each.incoming(path, tuple(labels), source) for each in said.values()]


class _Image:
    """What is gathered of one image."""

    def __init__(self, image: dict[str, Any], where: str) -> None:
        self._where = where
        self._name = image_name(image.get("file_name"), where)
        rows = as_int(image.get("height"), "height", where)
        columns = as_int(image.get("width"), "width", where)
        self._plane = check_plane(rows, columns, where)
        self._uid = image.get("sop_instance_uid") or None
        self._frame, place = image.get("frame"), image.get("slice")
        self._index = place - 1 if isinstance(place, int) and place > 0 else None
        case = image.get("case")
        self._case = case if isinstance(case, str) else None
        self._classes = _names(image.get("classes"), where)
        self._whole = _names(image.get("case_classes"), where)
        self._negative = image.get("nothing_to_label", True) is not False
        self._boxes: dict[str, list[tuple[float, float, float, float]]] = {}
        self._box_answers: dict[str, list[dict[str, str]]] = {}
        self._answers: dict[tuple[Method, str], dict[str, str]] = {
            (Method.CLASSIFICATION, name): answers
            for name, answers in answers_by_label(image.get("class_attributes")).items()
        }
        self._case_answers = answers_by_label(image.get("case_attributes"))
        self._masks: dict[str, list[Raw]] = {}
        self._notes: list[str] = []

    @property
    def class_names(self) -> tuple[str, ...]:
        return *self._classes, *self._whole

    def add(
        self,
        name: str,
        segmentation: Any,
        box: Any,
        each: dict[str, Any],
        where: str,
        as_boxes: bool,
    ) -> Method | None:
        """Take an annotation over; None if there is nothing in it."""
        if segmentation and not as_boxes:
            if not isinstance(segmentation, (list, dict)):
                raise InvalidValueError("a segmentation of no known kind", where=where)
            self._masks.setdefault(name, []).append((where, segmentation))
            if answers := answers_of(each.get("attributes")):
                self._answers.setdefault((Method.SEGMENTATION, name), answers)
            return Method.SEGMENTATION
        if not box:
            self._classes = tuple(dict.fromkeys((*self._classes, name)))
            return Method.CLASSIFICATION
        if each.get("iscrowd") == 1:
            self._notes.append(f"{where}: the box of a crowd is the box of no object")
            return None
        if not isinstance(box, list) or len(box) != 4:
            raise InvalidValueError("a bbox is x, y, width and height", where=where)
        x, y, width, height = (as_number(v, "bbox", where) for v in box)
        if width <= 0 or height <= 0:
            self._notes.append(f"{where}: its box has no area")
            return None
        # COCO counts from the outer corner of the first pixel.
        corners = (y - 0.5, x - 0.5, y + height - 0.5, x + width - 0.5)
        self._boxes.setdefault(name, []).append(corners)
        answers = answers_of(each.get("attributes"))
        self._box_answers.setdefault(name, []).append(answers)
        return Method.DETECTION

    def incoming(
        self, path: Path, labels: tuple[IncomingLabel, ...], source: Provenance
    ) -> Incoming:
        nothing = self._negative and not (self._boxes or self._masks or self._classes)
        one = IncomingSlice(
            sop_instance_uid=self._uid,
            frame=self._frame,
            index=self._index,
            masks=_Masks(self._masks, self._plane),
            boxes=self._boxes,
            classes=self._classes,
            nothing_to_label=nothing and not self._notes,
            answers=self._answers,
            box_answers=self._box_answers,
        )
        return Incoming(
            path=path,
            title="COCO",
            labels=labels,
            slices=(one,),
            plane=self._plane,
            provenance=source,
            case_labels=self._whole,
            case_answers=self._case_answers,
            image=self._name,
            case=self._case,
            notes=tuple(self._notes),
        )


class _Masks(Mapping[str, "NDArray[np.bool_]"]):
    """Masks by name, decoded anew each time they are asked for."""

    def __init__(self, raw: dict[str, list[Raw]], plane: tuple[int, int]) -> None:
        self._raw, self._plane = raw, plane

    def __iter__(self) -> Iterator[str]:
        return iter(self._raw)

    def __len__(self) -> int:
        return len(self._raw)

    def __getitem__(self, name: str) -> NDArray[np.bool_]:
        raw = self._raw[name]
        try:
            return paint(self._spans(raw), self._plane)
        except ValueError as error:
            for one in raw:  # which of them it is
                try:
                    self._spans([one])
                except ValueError as again:
                    raise InvalidValueError(
                        f"its segmentation cannot be read: {again}", where=one[0]
                    ) from again
            raise InvalidValueError(str(error), where=raw[0][0]) from error

    def _spans(self, raw: list[Raw]) -> list[Spans]:
        rows, columns = self._plane
        polygons: list[NDArray[np.float64]] = []
        texts: list[bytes] = []
        found: list[Spans] = []
        for _, segmentation in raw:
            if isinstance(segmentation, list):
                polygons += [polygon_points(p, self._plane) for p in segmentation]
                continue
            if segmentation.get("size") != [rows, columns]:
                raise ValueError(
                    f"its size is {segmentation.get('size')}, that of the image "
                    f"{rows} x {columns}"
                )
            counts = segmentation.get("counts")
            if isinstance(counts, str):
                texts.append(counts.encode("latin-1", "replace"))
            elif isinstance(counts, list):
                found.append(run_spans(counts_of(counts, rows * columns)))
            else:
                raise ValueError("it has no counts")
        if polygons:
            found.append(polygon_spans(polygons, self._plane))
        if texts:
            found.append(string_spans(texts, rows * columns))
        return found


def _categories(data: dict[str, Any], path: Path) -> tuple[dict[Any, str], Any]:
    ids: list[Any] = []
    names: list[str] = []
    colors: dict[Any, str] = {}
    for number, each in enumerate(_list(data, "categories", path), 1):
        where = f"{path}, category {number}"
        if not isinstance(each, dict) or not _is_id(each.get("id")):
            raise InvalidValueError("a category without an id", where=where)
        if each["id"] in ids:
            raise InvalidValueError(
                f"two categories have the id {each['id']!r}", where=where
            )
        ids.append(each["id"])
        names.append(as_text(each.get("name"), "name", where))
        color = each.get("color")
        if isinstance(color, list) and len(color) == 3:
            parts = [v for v in color if isinstance(v, int) and 0 <= v < 256]
            if len(parts) == 3:
                colors[each["id"]] = "#{:02X}{:02X}{:02X}".format(*parts)
    return dict(zip(ids, unique_names(names), strict=True)), colors


def _is_id(value: Any) -> bool:
    return isinstance(value, (int, float, str)) and not isinstance(value, bool)


def _list(data: Any, name: str, path: Path) -> list[Any]:
    found = data.get(name) if isinstance(data, dict) else None
    if not isinstance(found, list):
        raise InvalidValueError(
            f"has no list of {name}, as a COCO dataset has", where=path
        )
    return found


def _names(value: Any, where: str) -> tuple[str, ...]:
    if value is None:
        return ()
    if not isinstance(value, list):
        raise InvalidValueError("classes are a list of names", where=where)
    return tuple(as_text(each, "classes", where) for each in value)
