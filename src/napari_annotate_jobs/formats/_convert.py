"""Turning masks into boxes or classes, and boxes into classes, on the way out."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy import ndimage

from napari_annotate_jobs.errors import InvalidValueError
from napari_annotate_jobs.model import Box, Label, LabelSet, Method, Value

if TYPE_CHECKING:
    from collections.abc import Iterator

    from napari_annotate_jobs.model import SliceAnnotation

    from ._case import AnnotatedCase

__all__ = ["Conversion", "Convert"]


class Convert(StrEnum):
    """What becomes of what."""

    COMPONENTS_TO_BOXES = "components to boxes"
    LABELS_TO_BOXES = "labels to boxes"
    MASKS_TO_CLASSES = "masks to classes"
    BOXES_TO_CLASSES = "boxes to classes"

    @property
    def source(self) -> Method:
        """The method that is converted."""
        boxes = self is Convert.BOXES_TO_CLASSES
        return Method.DETECTION if boxes else Method.SEGMENTATION

    @property
    def target(self) -> Method:
        """The method it becomes."""
        boxes = self in (Convert.COMPONENTS_TO_BOXES, Convert.LABELS_TO_BOXES)
        return Method.DETECTION if boxes else Method.CLASSIFICATION


class Conversion(Value):
    """A conversion of all cases; a :class:`CaseTransform`.

    Parameters
    ----------
    convert : Convert
        What becomes of what. The labels change their method and keep their ids; one
        that has the name of a label of the new method becomes that label.
    """

    convert: Convert

    def describe(self) -> dict[str, Any]:
        """Return what it does, as JSON values for the manifest."""
        return {"convert": str(self.convert)}

    def labels(self, labels: LabelSet) -> LabelSet:
        """Return the labels there are afterwards.

        Raises
        ------
        InvalidValueError
            If there is nothing to convert.
        """
        joined = self._joined(labels)
        out = []
        for label in labels.labels:
            if label.method is not self.convert.source:
                out.append(label)
            elif joined[label.id] == label.id:
                changes = {"method": self.convert.target, "overlap_group": ""}
                out.append(Label.model_validate({**label.model_dump(), **changes}))
        return LabelSet(labels=tuple(out), groups=labels.groups)

    def mapping(self, labels: LabelSet) -> dict[int, int]:
        """Return the new id of every label."""
        same = {label.id: label.id for label in labels.labels}
        return {**same, **self._joined(labels)}

    def _joined(self, labels: LabelSet) -> dict[int, int]:
        """Return the id each converted label has afterwards."""
        there = {
            label.name.casefold(): label.id for label in labels.of(self.convert.target)
        }
        found = {
            label.id: there.get(label.name.casefold(), label.id)
            for label in labels.of(self.convert.source)
        }
        if not found:
            raise InvalidValueError(
                f"there are no labels for {self.convert.source} to convert",
                remedy="Leave the conversion out",
            )
        return found

    def case(self, case: AnnotatedCase) -> AnnotatedCase:
        """Return the case with its content converted."""
        ids = self._joined(case.labels)
        labels = self.labels(case.labels)
        slices = {}
        for index, name in enumerate(case.header.slices):
            said = case.annotation.slices.get(name.key)
            if said is not None:
                slices[name.key] = self._slice(case, index, said, ids)
        annotation = case.annotation.model_copy(update={"slices": slices, "ranges": ()})
        return case.evolve(
            labels=labels,
            annotation=annotation,
            read_mask=case.read_mask
            if self.convert.source is Method.DETECTION
            else lambda index, group: None,
        )

    def _slice(
        self,
        case: AnnotatedCase,
        index: int,
        said: SliceAnnotation,
        ids: dict[int, int],
    ) -> SliceAnnotation:
        boxes = tuple(box for box in said.boxes if not box.proposal)
        if self.convert is Convert.BOXES_TO_CLASSES:
            classes = {ids[box.label] for box in boxes}
            changes: dict[str, Any] = {
                "class_labels": tuple(sorted({*said.class_labels, *classes})),
                "boxes": (),
            }
        elif self.convert is Convert.MASKS_TO_CLASSES:
            classes = {ids[i] for ref in said.masks.values() for i in ref.pixels}
            changes = {
                "class_labels": tuple(sorted({*said.class_labels, *classes})),
                "masks": {},
            }
        else:
            made = tuple(self._boxes(case, index, ids))
            changes = {"boxes": (*boxes, *made), "masks": {}}
        if self.convert is not Convert.BOXES_TO_CLASSES:
            changes["attributes"] = {
                ids.get(i, i): a for i, a in said.attributes.items()
            }
        return said.model_copy(update={**changes, "proposals": {}}).settled()

    def _boxes(
        self, case: AnnotatedCase, index: int, ids: dict[int, int]
    ) -> Iterator[Box]:
        """Give the boxes around masks; they end at the outer edges of pixels."""
        for group, ref in case.said(index).masks.items():
            mask = case.mask(index, group)
            if mask is None:
                continue
            for label in np.unique(mask[mask > 0]):
                one = mask == label
                if self.convert is Convert.COMPONENTS_TO_BOXES:
                    parts, _ = ndimage.label(one, np.ones((3, 3)))
                else:
                    parts = one.astype(np.int32)
                for number, found in enumerate(ndimage.find_objects(parts)):
                    rows, columns = found
                    yield Box(
                        id=f"{index}-{int(label)}-{number}",
                        label=ids[int(label)],
                        top=rows.start - 0.5,
                        bottom=rows.stop - 0.5,
                        left=columns.start - 0.5,
                        right=columns.stop - 0.5,
                        attributes=dict(case.said(index).answers(int(label))),
                        provenance=ref.provenance,
                    )
