"""Leaving labels out, on the way out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from napari_annotate_jobs.errors import InvalidValueError
from napari_annotate_jobs.model import LabelSet, Value

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from napari_annotate_jobs.model import Answers, SliceAnnotation

    from ._case import AnnotatedCase

__all__ = ["LabelChoice"]


class LabelChoice(Value):
    """Labels that are exported, while the others are left out; a CaseTransform.

    A slice or case all of whose labels are left out was looked at, and has none of
    those that are exported: it becomes one with nothing to label.

    Parameters
    ----------
    ids : tuple of int
        Of the labels that stay.
    """

    ids: tuple[int, ...]

    def describe(self) -> dict[str, Any]:
        """Return what it does, as JSON values for the manifest."""
        return {"labels": sorted(self.ids)}

    def labels(self, labels: LabelSet) -> LabelSet:
        """Return the labels that stay.

        Raises
        ------
        InvalidValueError
            If none does, or one does not exist.
        """
        for label_id in self.ids:
            labels[label_id]
        out = tuple(label for label in labels.labels if label.id in self.ids)
        if not out:
            raise InvalidValueError(
                "no label is chosen", remedy="Choose at least one label to export"
            )
        used = {label.group for label in out}
        groups = tuple(group for group in labels.groups if group.name in used)
        return LabelSet(labels=out, groups=groups)

    def mapping(self, labels: LabelSet) -> dict[int, int]:
        """Return the id of every label that stays."""
        return {label.id: label.id for label in labels.labels if label.id in self.ids}

    def case(self, case: AnnotatedCase) -> AnnotatedCase:
        """Return the case without the labels that are left out."""
        chosen = self.labels(case.labels)
        said = case.annotation
        case_labels = tuple(i for i in said.case_labels if i in self.ids)
        annotation = said.model_copy(
            update={
                "slices": {k: self._slice(each) for k, each in said.slices.items()},
                "case_labels": case_labels,
                "case_attributes": self._answers(said.case_attributes),
                "case_nothing_to_label": said.case_nothing_to_label
                or bool(said.case_labels and not case_labels),
                "ranges": (),
            }
        )
        read, ids = case.read_mask, np.array(self.ids)

        def read_chosen(index: int, group: str) -> NDArray[np.integer] | None:
            mask = read(index, group)
            return None if mask is None else np.where(np.isin(mask, ids), mask, 0)

        return case.evolve(labels=chosen, annotation=annotation, read_mask=read_chosen)

    def _answers(self, answers: Answers) -> Answers:
        return {i: found for i, found in answers.items() if i in self.ids}

    def _slice(self, said: SliceAnnotation) -> SliceAnnotation:
        masks = {}
        for group, ref in said.masks.items():
            pixels = {i: count for i, count in ref.pixels.items() if i in self.ids}
            if pixels:
                masks[group] = ref.model_copy(update={"pixels": pixels})
        left = said.model_copy(
            update={
                "class_labels": tuple(i for i in said.class_labels if i in self.ids),
                "boxes": tuple(box for box in said.boxes if box.label in self.ids),
                "masks": masks,
                "proposals": {},
                "attributes": self._answers(said.attributes),
            }
        )
        if said.has_labels and not left.has_labels:
            return left.model_copy(update={"nothing_to_label": True})
        return left
