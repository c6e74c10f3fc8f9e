"""LabelMe: a file of JSON beside each image."""

from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import numpy as np
from pydantic import Field

from napari_annotate_jobs.errors import InvalidValueError
from napari_annotate_jobs.formats._contract import answered_labels
from napari_annotate_jobs.model import Method, Scope, encode_png

from ._outline import outlines
from ._pictures import PictureOptions
from ._planes import KNOWN, PlaneExporter, case_masks, label_name

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from napari_annotate_jobs.formats._case import AnnotatedCase
    from napari_annotate_jobs.formats._contract import ExportJob, FormatOptions
    from napari_annotate_jobs.formats._incoming import IncomingSlice
    from napari_annotate_jobs.model import Box

    from ._pictures import Picture

__all__ = ["LabelMeExporter", "LabelMeOptions"]

VERSION = "5.5.0"
"""Of LabelMe, whose format this is."""


class LabelMeOptions(PictureOptions):
    """Choices of the LabelMe export."""

    masks: Literal["masks", "polygons"] = Field(
        default="masks",
        description="masks: as LabelMe 5.3 and later have them; polygons: along the "
        "edges of pixels, refused where there are holes",
    )


class LabelMeExporter(PlaneExporter):
    """``<image>.json`` beside each image; class labels are its flags."""

    title = "LabelMe"
    methods = frozenset({Method.CLASSIFICATION, Method.DETECTION, Method.SEGMENTATION})
    keeps_answers = True
    Options: ClassVar[type[FormatOptions]] = LabelMeOptions

    def losses(self, export: ExportJob) -> list[str]:
        """Say what is kept in fields that are ours."""
        said = super().losses(export)
        kept = [text for text in said if "one object" not in text]
        if kept != said or answered_labels(export):
            kept.append(
                "LabelMe has no attributes and tracks: they are written as the fields "
                "'attributes' and 'track' of shapes, which it keeps and does not show, "
                "and 'attributes' of images"
            )
        return kept

    def write_plane(
        self, case: AnnotatedCase, picture: Picture, folder: Path
    ) -> tuple[Sequence[str], Any]:
        """Write the file of an image."""
        said = case.said(picture.index)
        flags = {
            label_name(case.labels, label.id): label.id in said.class_labels
            for label in case.labels.of(Method.CLASSIFICATION, Scope.SLICE)
            if case.truth(picture.index, Method.CLASSIFICATION, label.group) in KNOWN
        }
        data: dict[str, Any] = {
            "version": VERSION,
            "flags": flags,
            "shapes": list(self._shapes(case, picture)),
            "imagePath": picture.name,
            "imageData": None,
            "imageHeight": picture.rows,
            "imageWidth": picture.columns,
        }
        whole = case.annotation.case_labels
        answers = {
            label_name(case.labels, label_id): found
            for label_id in (*said.class_labels, *whole)
            if (found := case.answers(picture.index, label_id))
        }
        if answers:
            data["attributes"] = answers
        file = f"{self.images}/{picture.stem}.json"
        text = json.dumps(data, ensure_ascii=False, indent=1)
        (folder / file).write_text(text + "\n", encoding="utf-8")
        return [file], None

    def _shapes(
        self, case: AnnotatedCase, picture: Picture
    ) -> Iterator[dict[str, Any]]:
        for box in case.boxes(picture.index):
            answered = box.evolve(attributes=case.box_answers(box))
            yield _rectangle(label_name(case.labels, box.label), answered)
        for label, mask in case_masks(case, picture.index):
            name = label_name(case.labels, label)
            answers = case.answers(picture.index, label)
            own = {"attributes": answers} if answers else {}
            if self.options.masks == "masks":
                rows, columns = np.nonzero(mask)
                top, left = int(rows.min()), int(columns.min())
                bottom, right = int(rows.max()), int(columns.max())
                part = mask[top : bottom + 1, left : right + 1]
                png = encode_png(part.astype(np.uint8) * np.uint8(255))
                shape = _shape(name, "mask", [[left, top], [right, bottom]])
                # LabelMe names the first and the last pixel of a mask.
                yield {**shape, "mask": base64.b64encode(png).decode("ascii"), **own}
                continue
            for ring, holes in outlines(mask):
                if holes:
                    raise InvalidValueError(
                        f"the mask of {name} on slice {picture.index + 1} has a hole, "
                        "which a polygon cannot hold",
                        where=case.summary,
                        remedy="Leave the option masks as it is",
                    )
                points = [[float(x), float(y)] for x, y in ring]
                yield {**_shape(name, "polygon", points), **own}

    def read_plane(
        self, case: AnnotatedCase, picture: Picture, folder: Path, part: Any
    ) -> IncomingSlice:
        """Read the file as the import does."""
        from napari_annotate_jobs.formats._foreign import Names

        from ._read_labelme import read_labelme_file

        path = folder / self.images / f"{picture.stem}.json"
        return read_labelme_file(path, Names()).slice


def _shape(name: str, kind: str, points: list[list[float]]) -> dict[str, Any]:
    return {
        "label": name,
        "points": points,
        "group_id": None,
        "description": "",
        "shape_type": kind,
        "flags": {},
        "mask": None,
    }


def _rectangle(name: str, box: Box) -> dict[str, Any]:
    # LabelMe counts from the outer corner of the first pixel.
    corners = [[box.left + 0.5, box.top + 0.5], [box.right + 0.5, box.bottom + 0.5]]
    shape = _shape(name, "rectangle", corners)
    if box.attributes:
        shape["attributes"] = dict(sorted(box.attributes.items()))
    if box.track:
        shape["track"] = box.track
    return shape
