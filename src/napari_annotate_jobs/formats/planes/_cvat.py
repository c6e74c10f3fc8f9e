"""CVAT for images 1.1: all images in one XML file."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree

import numpy as np

from napari_annotate_jobs.errors import CorruptError
from napari_annotate_jobs.model import Method, Provenance, Scope

from ._planes import PlaneExporter, case_masks, label_name, planes, printable
from ._read_cvat import SCOPE, read_image
from ._voc import xml_text

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from napari_annotate_jobs.formats._case import AnnotatedCase
    from napari_annotate_jobs.formats._contract import ExportJob
    from napari_annotate_jobs.formats._incoming import IncomingSlice
    from napari_annotate_jobs.model import Label, LabelSet

    from ._pictures import Picture
    from ._planes import Written

__all__ = ["TRACK", "CvatExporter"]

FILE = "annotations.xml"
TRACK = "object track"
"""Attribute that joins the boxes of one object."""
_SOURCES = {
    Provenance.MANUAL: "manual",
    Provenance.IMPORTED: "file",
    Provenance.PREDICTED: "auto",
}


class CvatExporter(PlaneExporter):
    """``annotations.xml``: boxes, masks, and class labels as tags.

    An image without annotations is a negative. Labels of a whole case stand on each
    of its images, with the attribute ``scope``.
    """

    title = "CVAT for images"
    methods = frozenset({Method.CLASSIFICATION, Method.DETECTION, Method.SEGMENTATION})
    keeps_answers = True

    def losses(self, export: ExportJob) -> list[str]:
        """Say what single images cannot hold; cases and objects have their place."""
        held = ("one object", "whole cases")
        return [
            text
            for text in super().losses(export)
            if not any(word in text for word in held)
        ]

    def write_plane(
        self, case: AnnotatedCase, picture: Picture, folder: Path
    ) -> tuple[Sequence[str], Any]:
        """Gather the element of an image; its number is given at the end."""
        index, labels = picture.index, case.labels
        image = ElementTree.Element(
            "image",
            name=picture.name,
            width=str(picture.columns),
            height=str(picture.rows),
        )
        for box in case.boxes(index):
            shape = _shape(image, "box", labels, box.label, box.provenance)
            # CVAT counts from the outer corner of the first pixel.
            shape.set("xtl", _number(box.left + 0.5))
            shape.set("ytl", _number(box.top + 0.5))
            shape.set("xbr", _number(box.right + 0.5))
            shape.set("ybr", _number(box.bottom + 0.5))
            shape.set("z_order", "0")
            answers = case.box_answers(box)
            if box.track:
                answers[TRACK] = box.track
            _answer(shape, answers, case)
        refs = case.said(index).masks
        for label, mask in case_masks(case, index):
            group = labels[label].overlap_group
            shape = _shape(image, "mask", labels, label, refs[group].provenance)
            for name, text in _mask(mask).items():
                shape.set(name, text)
            shape.set("z_order", str(labels.overlap_groups.index(group)))
            _answer(shape, case.answers(index, label), case)
        for label in case.said(index).class_labels:
            tag = _shape(image, "tag", labels, label, Provenance.MANUAL)
            _answer(tag, case.answers(index, label), case)
        for label in case.annotation.case_labels:
            tag = _shape(image, "tag", labels, label, Provenance.MANUAL)
            item = ElementTree.SubElement(tag, "attribute", name=SCOPE)
            item.text = str(Scope.CASE)
            _answer(tag, case.case_answers(label), case)
        return (), xml_text(image, indent=False).strip()

    def read_plane(
        self, case: AnnotatedCase, picture: Picture, folder: Path, part: Any
    ) -> IncomingSlice:
        """Read the element of an image as the import does."""
        from napari_annotate_jobs.formats._foreign import Names

        element = ElementTree.fromstring(part)
        return read_image(element, Names(), str(folder / picture.file)).slice

    def finish_planes(
        self, export: ExportJob, folder: Path, written: Written
    ) -> Sequence[str]:
        """Write the file: what the labels are, then image by image."""
        meta = ElementTree.Element("meta")
        task = ElementTree.SubElement(meta, "task")
        job = "".join(c for c in export.job.name if c.isprintable())
        ElementTree.SubElement(task, "name").text = job
        ElementTree.SubElement(task, "mode").text = "annotation"
        listed = ElementTree.SubElement(task, "labels")
        for label in _labels(export.labels):
            listed.append(_label(export.labels, label))
        ElementTree.indent(meta, " ", 1)
        with (folder / FILE).open("w", encoding="utf-8") as file:
            file.write('<?xml version="1.0" encoding="utf-8"?>\n<annotations>\n')
            file.write(" <version>1.1</version>\n ")
            file.write(xml_text(meta, indent=False))
            for number, part in enumerate(_parts(written)):
                file.write(f' <image id="{number}"{part.removeprefix("<image")}\n')
            file.write("</annotations>\n")
        return [FILE]

    def verify(self, export: ExportJob, folder: Path, written: Written) -> None:
        """Read the file again, image by image, and compare it with the cases' parts."""
        path = folder / FILE
        wanted = _parts(written)
        number = 0
        names: list[str | None] = []
        for _, element in ElementTree.iterparse(path):
            if element.tag == "label":
                names.append(element.findtext("name"))
            if element.tag != "image":
                continue
            part = next(wanted, None)
            same = element.attrib.pop("id", "") == str(number) and part is not None
            again = _values(ElementTree.fromstring(part or "<image/>"))
            if not same or _values(element) != again:
                raise CorruptError(
                    f"image {number} read again is not the one written", where=path
                )
            number += 1
            element.clear()
        if next(wanted, None) is not None:
            raise CorruptError("images are missing when it is read again", where=path)
        if names != [label_name(export.labels, x.id) for x in _labels(export.labels)]:
            raise CorruptError("the labels read again are others", where=path)


def _parts(written: Written) -> Iterator[str]:
    for _, files in written:
        for _, part in planes(files):
            yield part


def _values(element: ElementTree.Element) -> Any:
    """Return all that an element says."""
    text = (element.text or "") if not len(element) else ""
    children = [_values(child) for child in element]
    return element.tag, element.attrib, text, children


def _shape(
    image: ElementTree.Element,
    tag: str,
    labels: LabelSet,
    label: int,
    provenance: Provenance,
) -> ElementTree.Element:
    source = _SOURCES.get(provenance, "semi-auto")
    shape = ElementTree.SubElement(image, tag, label=label_name(labels, label))
    shape.set("source", source)
    if tag != "tag":
        shape.set("occluded", "0")
    return shape


def _answer(
    shape: ElementTree.Element, answers: Mapping[str, str], case: AnnotatedCase
) -> None:
    """Write answers to attributes of a shape, or a tag."""
    for name, value in answers.items():
        item = ElementTree.SubElement(shape, "attribute")
        item.set("name", printable(name, case, "an attribute's name"))
        item.text = printable(value, case, "an attribute")


def _mask(mask: NDArray[np.bool_]) -> dict[str, str]:
    """Return a mask as run lengths along the rows of the box around it."""
    rows, columns = np.nonzero(mask)
    top, left = int(rows.min()), int(columns.min())
    part = mask[top : rows.max() + 1, left : columns.max() + 1]
    flat = part.ravel().astype(np.int8)
    edges = np.flatnonzero(np.diff(flat, prepend=np.int8(0))).tolist()
    counts = np.diff([0, *edges, flat.size]).tolist()
    return {
        "rle": ", ".join(str(count) for count in counts),
        "left": str(left),
        "top": str(top),
        "width": str(part.shape[1]),
        "height": str(part.shape[0]),
    }


def _labels(labels: LabelSet) -> list[Label]:
    """Return the labels, one of each name."""
    found: dict[str, Label] = {}
    for label in labels.labels:
        found.setdefault(label_name(labels, label.id), label)
    return list(found.values())


def _label(labels: LabelSet, label: Label) -> ElementTree.Element:
    """Return what CVAT is to know of a label."""
    name = label_name(labels, label.id)
    same = [x for x in labels.labels if label_name(labels, x.id) == name]
    element = ElementTree.Element("label")
    ElementTree.SubElement(element, "name").text = name
    ElementTree.SubElement(element, "color").text = label.color.lower()
    ElementTree.SubElement(element, "type").text = "any"
    attributes = ElementTree.SubElement(element, "attributes")
    asked = {a.name: a.choices for each in same for a in each.attributes}
    if any(each.method is Method.DETECTION for each in same):
        asked[TRACK] = ()
    if any(each.scope is Scope.CASE for each in same):
        asked[SCOPE] = (str(Scope.SLICE), str(Scope.CASE))
    for question, choices in asked.items():
        attribute = ElementTree.SubElement(attributes, "attribute")
        values = "\n".join(choices)
        for tag, text in (
            ("name", question),
            ("mutable", "False"),
            ("input_type", "select" if choices else "text"),
            ("default_value", choices[0] if choices else ""),
            ("values", values),
        ):
            ElementTree.SubElement(attribute, tag).text = text
    return element


def _number(value: float) -> str:
    return f"{value:.4f}".rstrip("0").rstrip(".")
