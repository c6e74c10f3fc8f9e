"""What is said of one case, to look at."""

from __future__ import annotations

from typing import TYPE_CHECKING

from napari_annotate_jobs.formats import decode_mask
from napari_annotate_jobs.model import Annotation, Decision, SliceAnnotation

from ._state import Cell, SubmitCheck

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    import numpy as np
    from numpy.typing import NDArray

    from napari_annotate_jobs.model import Project, SliceId

__all__ = ["CaseView"]


class CaseView:
    """An annotation, looked at by slice index.

    Parameters
    ----------
    annotation : Annotation
        What was said.
    slices : sequence of SliceId
        The slices of the reference series.
    project : Project
        The project, with its label set.
    read_blob : callable
        Returns an encoded mask by its digest.
    """

    def __init__(
        self,
        annotation: Annotation,
        slices: Sequence[SliceId],
        project: Project,
        *,
        read_blob: Callable[[str], bytes],
    ) -> None:
        self.annotation = annotation
        self.slices = tuple(slices)
        self.project = project
        self.labels = project.label_set
        self._keys = tuple(slice_id.key for slice_id in slices)
        self._index = {key: index for index, key in enumerate(self._keys)}
        self._read_blob = read_blob
        self._blobs: dict[str, bytes] = {}

    @property
    def n_slices(self) -> int:
        """Number of slices of the reference series."""
        return len(self.slices)

    def content(self, index: int) -> SliceAnnotation:
        """Return what was said of a slice."""
        found = self.annotation.slices.get(self._keys[index])
        return SliceAnnotation(index=index) if found is None else found

    def decision(self, index: int) -> Decision:
        """Return the decision of a slice."""
        return self.content(index).decision

    def cell(self, index: int) -> Cell:
        """Return what the slice strip shows of a slice."""
        comment = any(c.index == index for c in self.annotation.comments)
        content = self.annotation.slices.get(self._keys[index])
        if content is None:
            return Cell(index, comment=comment)
        ids = set(content.label_ids)
        shown = [label for label in self.labels.labels if label.id in ids]
        return Cell(
            index=index,
            decision=content.decision,
            colors=tuple(label.color for label in shown),
            names=tuple(label.name for label in shown),
            proposals=content.has_proposals,
            boxes=bool(content.boxes),
            masks=bool(content.masks),
            comment=comment,
        )

    def undecided(self) -> tuple[int, ...]:
        """Return the indices of the slices without a decision."""
        slices = self.annotation.slices
        return tuple(
            index
            for index, key in enumerate(self._keys)
            if key not in slices or slices[key].decision is Decision.UNDECIDED
        )

    def next_where(self, start: int, step: int, wanted: Callable[[int], bool]) -> int:
        """Return the nearest index in a direction that is `wanted`, else -1.

        The search goes on at the other end; `start` itself comes last.
        """
        for offset in range(1, self.n_slices + 1):
            index = (start + step * offset) % self.n_slices
            if wanted(index):
                return index
        return -1

    def with_labels(self, indices: Iterable[int]) -> list[int]:
        """Return those of the slices that nothing-to-label would clear."""
        return [
            i
            for i in indices
            if self.content(i).has_labels or self.content(i).has_proposals
        ]

    def submit_check(self) -> SubmitCheck:
        """Return what stands between the case and its submission."""
        return SubmitCheck(
            blank=self.annotation.is_blank,
            undecided=self.undecided(),
            proposals=tuple(
                i for i in range(self.n_slices) if self.content(i).has_proposals
            ),
            every_slice=self.project.options.every_slice,
        )

    def mask(
        self, index: int, group: str = "", *, proposal: bool = False
    ) -> NDArray[np.integer] | None:
        """Return a slice's mask of label ids (rows, columns); None if empty."""
        content = self.content(index)
        ref = (content.proposals if proposal else content.masks).get(group)
        return None if ref is None else decode_mask(self.blob(ref.digest))

    def blob(self, digest: str) -> bytes:
        """Return an encoded mask."""
        if digest not in self._blobs:
            self._blobs[digest] = self._read_blob(digest)
        return self._blobs[digest]
