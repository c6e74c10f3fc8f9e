"""COCO: boxes, polygons and run lengths in one file of JSON."""

from __future__ import annotations

import json
from itertools import chain
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from pydantic import Field

from napari_annotate_jobs.errors import CorruptError
from napari_annotate_jobs.model import Decision, Method, Scope

from ._outline import components, outlines, rle_string, whole
from ._pictures import PictureOptions
from ._planes import PlaneExporter, case_masks, json_line, label_name, planes

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from napari_annotate_jobs.formats._case import AnnotatedCase
    from napari_annotate_jobs.formats._contract import ExportJob, FormatOptions
    from napari_annotate_jobs.formats._incoming import IncomingSlice
    from napari_annotate_jobs.model import LabelSet

    from ._outline import MaskPart
    from ._pictures import Picture
    from ._planes import Written

__all__ = ["CocoExporter", "CocoOptions"]

FILE = "annotations/instances_default.json"


class CocoOptions(PictureOptions):
    """Choices of the COCO export."""

    masks: Literal["polygons", "rle"] = Field(
        default="polygons",
        description="polygons: along the edges of pixels, run lengths where there are "
        "holes; rle: run lengths throughout",
    )
    objects: Literal["components", "labels"] = Field(
        default="components",
        description="What of a mask is one object: each part whose pixels touch, or "
        "all of a label on a slice",
    )


class CocoExporter(PlaneExporter):
    """One ``annotations/instances_default.json`` for all images.

    An image without annotations is a negative. ``iscrowd`` is 0 throughout: an
    annotation is one object, also where its mask is written as run lengths.
    """

    title = "COCO"
    methods = frozenset({Method.DETECTION, Method.SEGMENTATION})
    keeps_answers = True
    Options: ClassVar[type[FormatOptions]] = CocoOptions

    def losses(self, export: ExportJob) -> list[str]:
        """Say what only we read again: COCO has no word for it."""
        said = [
            text
            for text in super().losses(export)
            # Tracks have a field of their own.
            if "which boxes are one object" not in text
        ]
        said = [text for text in said if "classification" not in text]
        if export.labels.of(Method.CLASSIFICATION, Scope.SLICE):
            said.append(
                "COCO has no class labels of images: they are written as the field "
                "'classes' of the images, which other programs pass over"
            )
        return [text for text in said if "whole cases" not in text] + (
            [
                "COCO has no labels of whole cases: they are written as the field "
                "'case_classes' of the images, which other programs pass over"
            ]
            if export.labels.of(Method.CLASSIFICATION, Scope.CASE)
            else []
        )

    def write_plane(
        self, case: AnnotatedCase, picture: Picture, folder: Path
    ) -> tuple[Sequence[str], Any]:
        """Gather the records of an image; their numbers are given at the end."""
        index = picture.index
        said, name = case.said(index), case.header.slices[index]
        image: dict[str, Any] = {
            "file_name": picture.file.removeprefix(f"{self.images}/"),
            "width": picture.columns,
            "height": picture.rows,
            "case": case.case.id,
            "slice": index + 1,
        }
        if name.sop_instance_uid:
            image["sop_instance_uid"] = name.sop_instance_uid
        if name.frame:
            image["frame"] = name.frame
        nothing = case.decision(index) is Decision.NOTHING_TO_LABEL
        image["nothing_to_label"] = nothing
        if said.class_labels:
            image["classes"] = [label_name(case.labels, i) for i in said.class_labels]
        if case.annotation.case_labels:
            whole = [label_name(case.labels, i) for i in case.annotation.case_labels]
            image["case_classes"] = whole
        of_classes = {
            label_name(case.labels, label_id): dict(sorted(answers.items()))
            for label_id in said.class_labels
            if (answers := said.answers(label_id))
        }
        if of_classes:
            image["class_attributes"] = of_classes
        of_case = {
            label_name(case.labels, label.id): found
            for label in case.labels.labels
            if (found := case.case_answers(label.id))
        }
        if of_case:
            image["case_attributes"] = of_case
        return (), {"image": image, "annotations": list(self._annotations(case, index))}

    def _annotations(self, case: AnnotatedCase, index: int) -> Iterator[dict[str, Any]]:
        categories = _categories(case.labels)
        for box in case.boxes(index):
            width, height = box.right - box.left, box.bottom - box.top
            found: dict[str, Any] = {
                "category_id": categories[box.label],
                "bbox": [box.left + 0.5, box.top + 0.5, width, height],
                "area": width * height,
                "segmentation": [],
                "iscrowd": 0,
                "provenance": str(box.provenance),
            }
            if box.attributes:
                found["attributes"] = dict(sorted(box.attributes.items()))
            if box.track:
                found["track"] = box.track
            yield found
        refs = case.said(index).masks
        for label, mask in case_masks(case, index):
            group = case.labels[label].overlap_group
            apart = self.options.objects == "components"
            answers = dict(sorted(case.said(index).answers(label).items()))
            for part in components(mask) if apart else [whole(mask)]:
                height, width = part.pixels.shape
                yield {
                    **({"attributes": answers} if answers else {}),
                    "category_id": categories[label],
                    "bbox": [part.left, part.top, width, height],
                    "area": int(part.pixels.sum()),
                    "segmentation": self._segmentation(part, case.plane),
                    "iscrowd": 0,
                    "provenance": str(refs[group].provenance),
                }

    def _segmentation(self, part: MaskPart, plane: tuple[int, int]) -> Any:
        if self.options.masks == "polygons":
            rings = outlines(*part)
            if not any(holes for _, holes in rings):
                return [[value for xy in ring for value in xy] for ring, _ in rings]
        return {"size": list(plane), "counts": rle_string(*part, plane)}

    def read_plane(
        self, case: AnnotatedCase, picture: Picture, folder: Path, part: Any
    ) -> IncomingSlice:
        """Read the records of an image as the import does."""
        from ._read_coco import incoming_of

        record = {
            "images": [{**part["image"], "id": 1}],
            "annotations": [
                {**each, "id": number, "image_id": 1}
                for number, each in enumerate(part["annotations"], 1)
            ],
            "categories": category_records(case.labels),
        }
        again = json.loads(json_line(record))
        (found,) = incoming_of(again, folder / FILE)
        return found.slices[0]

    def finish_planes(
        self, export: ExportJob, folder: Path, written: Written
    ) -> Sequence[str]:
        """Write the records of all images, one a line."""
        (folder / FILE).parent.mkdir(exist_ok=True)
        with (folder / FILE).open("w", encoding="utf-8") as file:
            file.writelines(f"{line}\n" for line in _lines(export, written))
        return [FILE]

    def verify(self, export: ExportJob, folder: Path, written: Written) -> None:
        """Read the file again, a record at a time, and compare it with the cases'."""
        path = folder / FILE
        wanted = chain(_wanted(written, "image"), _wanted(written, "annotations"))
        frame: list[str] = []
        ids: dict[str, int] = {}
        with path.open(encoding="utf-8") as file:
            for line in file:
                text = line.strip().removesuffix(",")
                if not text.startswith('{"id"'):
                    frame.append(line)
                    continue
                record = json.loads(text)
                name = "annotations" if "image_id" in record else "images"
                ids[name] = ids.get(name, 0) + 1
                number, image = record.pop("id"), record.pop("image_id", None)
                if number != ids[name] or (image, record) != next(wanted, None):
                    raise CorruptError(
                        f"entry {number} of {name} read again is not the one written",
                        where=path,
                    )
        rest = json.loads("".join(frame))
        if next(wanted, None) is not None or rest["images"] or rest["annotations"]:
            raise CorruptError("entries are missing when it is read again", where=path)
        if rest["categories"] != category_records(export.labels):
            raise CorruptError("the categories read again are others", where=path)


def _wanted(written: Written, key: str) -> Iterator[tuple[int | None, Any]]:
    """Give the records as cases have them, with the number of their image."""
    image = 0
    for _, files in written:
        for _, part in planes(files):
            image += 1
            if key == "image":
                yield None, part[key]
            else:
                yield from ((image, each) for each in part[key])


def _categories(labels: LabelSet) -> dict[int, int]:
    """Return the category of every label; labels of one name share theirs."""
    found: dict[int, int] = {}
    first: dict[str, int] = {}
    for method in (Method.DETECTION, Method.SEGMENTATION):
        for label in labels.of(method):
            found[label.id] = first.setdefault(label.name.casefold(), label.id)
    return found


def category_records(labels: LabelSet) -> list[dict[str, Any]]:
    """Return the categories, numbered as the labels are."""
    records = []
    for number in sorted(set(_categories(labels).values())):
        label = labels[number]
        record: dict[str, Any] = {
            "id": number,
            "name": label_name(labels, number),
            "supercategory": "",
            "color": [round(255 * part) for part in label.rgb],
        }
        if label.concept is not None:
            record["concept"] = label.concept.model_dump(
                mode="json", include={"scheme", "value", "meaning"}
            )
        records.append(record)
    return records


def _lines(export: ExportJob, written: Written) -> Iterator[str]:
    """Give the lines of the file, which is read one record at a time."""
    info = {
        "description": export.job.name,
        "version": "1.0",
        "contributor": "napari-annotate-jobs",
    }
    yield f'{{"info":{json_line(info)},"licenses":[],'
    yield f'"categories":{json_line(category_records(export.labels))},'
    yield from _records("images", _images(written), ",")
    yield from _records("annotations", _all_annotations(written), "}")


def _records(name: str, records: Any, last: str) -> Iterator[str]:
    yield f'"{name}":['
    held = None
    for record in records:
        if held is not None:
            yield held + ","
        held = json_line(record)
    if held is not None:
        yield held
    yield f"]{last}"


def _images(written: Written) -> Iterator[dict[str, Any]]:
    number = 0
    for _, files in written:
        for _, part in planes(files):
            number += 1
            yield {"id": number, **part["image"]}


def _all_annotations(written: Written) -> Iterator[dict[str, Any]]:
    image = number = 0
    for _, files in written:
        for _, part in planes(files):
            image += 1
            for each in part["annotations"]:
                number += 1
                yield {"id": number, "image_id": image, **each}
