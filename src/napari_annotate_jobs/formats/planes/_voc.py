"""Pascal VOC: an XML file of boxes beside each image."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar
from xml.etree import ElementTree

from pydantic import Field

from napari_annotate_jobs.errors import CorruptError
from napari_annotate_jobs.model import Method

from ._pictures import PictureOptions
from ._planes import PlaneExporter, label_name, planes, printable

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from napari_annotate_jobs.formats._case import AnnotatedCase
    from napari_annotate_jobs.formats._contract import ExportJob, FormatOptions
    from napari_annotate_jobs.formats._incoming import IncomingSlice
    from napari_annotate_jobs.model import Box

    from ._pictures import Picture
    from ._planes import Corners, Written

__all__ = ["VocExporter", "VocOptions", "xml_text"]

LIST = "ImageSets/Main/default.txt"
LABELS = "labelmap.txt"


class VocOptions(PictureOptions):
    """Choices of the Pascal VOC export."""

    whole: bool = Field(
        default=False,
        description="Widen boxes to whole pixels, for programs that read whole "
        "numbers only",
    )


class VocExporter(PlaneExporter):
    """``Annotations/<image>.xml`` for each image; without objects it is a negative.

    VOC counts pixels from 1 and means the first and the last one of a box: a box
    around the first pixel alone is 1, 1, 1, 1.
    """

    title = "Pascal VOC"
    methods = frozenset({Method.DETECTION})
    keeps_answers = True
    images = "JPEGImages"
    Options: ClassVar[type[FormatOptions]] = VocOptions

    def losses(self, export: ExportJob) -> list[str]:
        """Say what becomes of parts of pixels."""
        said = super().losses(export)
        if self.options.whole:
            said.append("Boxes are widened to whole pixels")
        return said

    def corners(self, box: Box, plane: tuple[int, int]) -> Corners | None:
        """Return a box, widened to whole pixels where that is asked for."""
        if not self.options.whole:
            return box.corners
        from math import ceil, floor

        # Places that are whole but for rounding stay where they are.
        return (
            floor(box.top + 0.5 + 1e-6) - 0.5,
            floor(box.left + 0.5 + 1e-6) - 0.5,
            ceil(box.bottom + 0.5 - 1e-6) - 0.5,
            ceil(box.right + 0.5 - 1e-6) - 0.5,
        )

    def write_plane(
        self, case: AnnotatedCase, picture: Picture, folder: Path
    ) -> tuple[Sequence[str], Any]:
        """Write the XML file of an image."""
        root = ElementTree.Element("annotation")
        for tag, text in (("folder", self.images), ("filename", picture.name)):
            _child(root, tag, text)
        size = _child(root, "size")
        _child(size, "width", picture.columns)
        _child(size, "height", picture.rows)
        _child(size, "depth", picture.channels)
        _child(root, "segmented", 0)
        for box in case.boxes(picture.index):
            corners = self.corners(box, picture.plane)
            assert corners is not None
            top, left, bottom, right = corners
            item = _child(root, "object")
            _child(item, "name", label_name(case.labels, box.label))
            _child(item, "pose", "Unspecified")
            _child(item, "truncated", 0)
            _child(item, "difficult", 0)
            place = _child(item, "bndbox")
            # Of the first pixel the centre is 0 here and 1 there; an edge lies half
            # a pixel from the centre of the pixel that is named.
            _child(place, "xmin", _number(left + 1.5))
            _child(place, "ymin", _number(top + 1.5))
            _child(place, "xmax", _number(right + 0.5))
            _child(place, "ymax", _number(bottom + 0.5))
            said = case.box_answers(box)
            if said:
                answers = _child(item, "attributes")
                for name, value in said.items():
                    answer = _child(answers, "attribute")
                    _child(answer, "name", printable(name, case, "an attribute's name"))
                    _child(answer, "value", printable(value, case, "an attribute"))
        file = f"Annotations/{picture.stem}.xml"
        (folder / "Annotations").mkdir(exist_ok=True)
        (folder / file).write_text(xml_text(root), encoding="utf-8")
        return [file], None

    def read_plane(
        self, case: AnnotatedCase, picture: Picture, folder: Path, part: Any
    ) -> IncomingSlice:
        """Read the file as the import does."""
        from napari_annotate_jobs.formats._foreign import Names

        from ._read_voc import read_voc_file

        path = folder / "Annotations" / f"{picture.stem}.xml"
        return read_voc_file(path, Names())[2]

    def finish_planes(
        self, export: ExportJob, folder: Path, written: Written
    ) -> Sequence[str]:
        """Write the list of all images."""
        path = folder / LIST
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("w", encoding="utf-8") as file:
            for _, files in written:
                file.writelines(f"{picture.stem}\n" for picture, _ in planes(files))
        lines = ["# label:color_rgb:parts:actions", "background:0,0,0::"]
        for label in export.labels.of(Method.DETECTION):
            name = label_name(export.labels, label.id)
            color = ",".join(str(round(255 * part)) for part in label.rgb)
            # The table has no way to write a colon.
            if ":" not in name and not name.startswith("#"):
                lines.append(f"{name}:{color}::")
        (folder / LABELS).write_text("\n".join(lines) + "\n", encoding="utf-8")
        return [LIST, LABELS]

    def verify(self, export: ExportJob, folder: Path, written: Written) -> None:
        """Compare the list with the files there are."""
        there = {path.stem for path in (folder / "Annotations").glob("*.xml")}
        named = (folder / LIST).read_text(encoding="utf-8").split()
        if set(named) != there or len(named) != len(there):
            raise CorruptError("it does not list the images", where=folder / LIST)


def _child(
    parent: ElementTree.Element, tag: str, text: object = None
) -> ElementTree.Element:
    child = ElementTree.SubElement(parent, tag)
    if text is not None:
        child.text = str(text)
    return child


def _number(value: float) -> str:
    return f"{value:.4f}".rstrip("0").rstrip(".")


def xml_text(root: ElementTree.Element, indent: bool = True) -> str:
    """Return an element as text of a file; the same element gives the same text."""
    if indent:
        ElementTree.indent(root, " ")
    return ElementTree.tostring(root, encoding="unicode") + "\n"
