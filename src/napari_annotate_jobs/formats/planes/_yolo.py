"""YOLO: a text file of boxes, or of outlines, beside each image."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Literal

import yaml
from pydantic import Field

from napari_annotate_jobs.errors import CorruptError, InvalidValueError
from napari_annotate_jobs.model import Method

from ._outline import outlines, with_slits
from ._pictures import PictureOptions
from ._planes import PlaneExporter, case_masks, label_name

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from napari_annotate_jobs.formats._case import AnnotatedCase
    from napari_annotate_jobs.formats._contract import ExportJob, FormatOptions
    from napari_annotate_jobs.formats._incoming import IncomingSlice
    from napari_annotate_jobs.model import Box, LabelSet

    from ._pictures import Picture
    from ._planes import Corners, Written

__all__ = ["YoloExporter", "YoloSegExporter"]

DATA = "data.yaml"


class YoloExporter(PlaneExporter):
    """A row a box: class, centre, width and height, as parts of the image's size.

    An image with an empty file is a negative.
    """

    title = "YOLO boxes"
    methods = frozenset({Method.DETECTION})

    def losses(self, export: ExportJob) -> list[str]:
        """Say what becomes of boxes that reach beyond the image."""
        text = "Boxes that reach beyond the image are cut to it"
        return [*super().losses(export), text]

    def corners(self, box: Box, plane: tuple[int, int]) -> Corners | None:
        """Return the part of a box that lies within the image; None if nothing."""
        rows, columns = plane
        top, left = max(box.top, -0.5), max(box.left, -0.5)
        bottom, right = min(box.bottom, rows - 0.5), min(box.right, columns - 0.5)
        if top < bottom and left < right:
            return top, left, bottom, right
        return None

    def rows(self, case: AnnotatedCase, picture: Picture) -> Iterator[str]:
        """Give the rows of an image."""
        numbers = _numbers(case.labels, Method.DETECTION)
        for box in case.boxes(picture.index):
            corners = self.corners(box, picture.plane)
            if corners is not None:
                top, left, bottom, right = corners
                x, y = (left + right + 1) / 2, (top + bottom + 1) / 2
                values = [
                    *_parts([x, y], picture),
                    *_parts([right - left, bottom - top], picture),
                ]
                yield " ".join([str(numbers[box.label]), *values])

    def write_plane(
        self, case: AnnotatedCase, picture: Picture, folder: Path
    ) -> tuple[Sequence[str], Any]:
        """Write ``labels/<image>.txt``; empty if there is nothing."""
        file = f"labels/{picture.stem}.txt"
        (folder / "labels").mkdir(exist_ok=True)
        text = "".join(f"{row}\n" for row in self.rows(case, picture))
        (folder / file).write_text(text, encoding="utf-8")
        return [file], None

    def read_plane(
        self, case: AnnotatedCase, picture: Picture, folder: Path, part: Any
    ) -> IncomingSlice:
        """Read the file as the import does."""
        from ._read_yolo import read_label_file

        (method,) = self.methods
        names = _names(case.labels, method)
        path = folder / "labels" / f"{picture.stem}.txt"
        return read_label_file(path, picture.plane, names)

    def finish_planes(
        self, export: ExportJob, folder: Path, written: Written
    ) -> Sequence[str]:
        """Write the names of the classes."""
        (method,) = self.methods
        names = dict(enumerate(_names(export.labels, method)))
        text = yaml.safe_dump(
            {"train": "images", "val": "images", "names": names},
            sort_keys=False,
            allow_unicode=True,
            width=1000,
        )
        # Without a path the folders are looked for beside the file.
        note = "# train and val name the same images: divide them, by cases.\n"
        (folder / DATA).write_text(note + text, encoding="utf-8")
        return [DATA]

    def verify(self, export: ExportJob, folder: Path, written: Written) -> None:
        """Read the names of the classes again."""
        from ._read_yolo import class_names

        (method,) = self.methods
        if class_names(folder / DATA) != _names(export.labels, method):
            raise CorruptError(
                "the names of classes read again are others", where=folder / DATA
            )


class YoloSegOptions(PictureOptions):
    """Choices of the YOLO segment export."""

    holes: Literal["refuse", "fill", "slit"] = Field(
        default="refuse",
        description="Masks with holes, which an outline cannot have: refuse them, "
        "fill the holes, or join each hole to the outline by a slit of no width",
    )


class YoloSegExporter(YoloExporter):
    """A row an outline: class and points, as parts of the image's size.

    Outlines run along the edges of pixels. Parts of a mask whose pixels touch at
    corners only are outlines of their own.
    """

    title = "YOLO segments"
    methods = frozenset({Method.SEGMENTATION})
    Options: ClassVar[type[FormatOptions]] = YoloSegOptions

    def losses(self, export: ExportJob) -> list[str]:
        """Say what becomes of holes."""
        said = [
            text for text in super().losses(export) if not text.startswith("Boxes that")
        ]
        policy = {
            "refuse": "Masks with holes are refused (option holes)",
            "fill": "Holes in masks are filled",
            "slit": "Holes in masks are joined to the outline by slits: programs that "
            "paint the outline itself show them as lines",
        }
        return [*said, policy[self.options.holes]]

    def rows(self, case: AnnotatedCase, picture: Picture) -> Iterator[str]:
        """Give the rows of an image."""
        numbers = _numbers(case.labels, Method.SEGMENTATION)
        for label, mask in case_masks(case, picture.index):
            for ring, holes in outlines(mask):
                if holes and self.options.holes == "refuse":
                    raise InvalidValueError(
                        f"the mask of {label_name(case.labels, label)} on slice "
                        f"{picture.index + 1} has a hole, which YOLO cannot hold",
                        where=case.summary,
                        remedy="Choose holes=fill or holes=slit, or the format coco",
                    )
                if holes and self.options.holes == "slit":
                    ring = with_slits(ring, holes)
                values = _parts([value for xy in ring for value in xy], picture)
                yield " ".join([str(numbers[label]), *values])

    def verify_case(self, case: AnnotatedCase, folder: Path, written: Any) -> None:
        """Compare with the masks as the policy for holes leaves them."""
        if self.options.holes == "fill":
            case = _filled(case)
        super().verify_case(case, folder, written)


def _filled(case: AnnotatedCase) -> AnnotatedCase:
    """Return the case with each label in a group of its own, and its holes filled."""
    from scipy import ndimage

    labels = case.labels.model_copy(
        update={
            "labels": tuple(
                label.model_copy(update={"overlap_group": f"{label.id}"})
                if label.method is Method.SEGMENTATION
                else label
                for label in case.labels.labels
            )
        }
    )

    def read(index: int, group: str) -> Any:
        for label, mask in case_masks(case, index):
            if str(label) == group:
                return ndimage.binary_fill_holes(mask, [[1] * 3] * 3) * label
        return None

    slices = {}
    for key, said in case.annotation.slices.items():
        masks = {str(label): ref for ref in said.masks.values() for label in ref.pixels}
        slices[key] = said.model_copy(update={"masks": masks})
    annotation = case.annotation.model_copy(update={"slices": slices})
    return case.evolve(labels=labels, annotation=annotation, read_mask=read)


def _numbers(labels: LabelSet, method: Method) -> dict[int, int]:
    """Return the number of each class, from 0."""
    return {label.id: number for number, label in enumerate(labels.of(method))}


def _names(labels: LabelSet, method: Method) -> list[str]:
    return [label_name(labels, label.id) for label in labels.of(method)]


def _parts(values: Sequence[float], picture: Picture) -> Iterator[str]:
    """Give x and y in turn as parts of the width and height, 0 to 1."""
    sizes = picture.columns, picture.rows
    for at, value in enumerate(values):
        text = f"{value / sizes[at % 2]:.9f}".rstrip("0")
        yield text + "0" if text.endswith(".") else text
