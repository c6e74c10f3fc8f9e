"""What is said of one case, to look at."""

from __future__ import annotations

from typing import TYPE_CHECKING

from napari_annotate_jobs.errors import InvalidValueError
from napari_annotate_jobs.model import (
    Annotation,
    Decision,
    Scope,
    SliceAnnotation,
    decode_mask,
)

from ._asked import answers_text
from ._cells import Cell, SubmitCheck, Unanswered
from ._open_range import OpenRange

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    import numpy as np
    from numpy.typing import NDArray

    from napari_annotate_jobs.model import (
        Comment,
        Label,
        MaskRef,
        Project,
        SliceId,
        SliceRange,
    )

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
    shape : sequence of int, optional
        Rows and columns of the slices: masks of another size are refused.
    """

    def __init__(
        self,
        annotation: Annotation,
        slices: Sequence[SliceId],
        project: Project,
        *,
        read_blob: Callable[[str], bytes],
        shape: Sequence[int] | None = None,
    ) -> None:
        self.shape = None if shape is None else (shape[0], shape[1])
        self.slices = tuple(slices)
        self.project = project
        self.labels = project.label_set
        self._keys = tuple(slice_id.key for slice_id in slices)
        self._index = {key: index for index, key in enumerate(self._keys)}
        self.annotation = annotation.with_keys(self._keys)
        self._read_blob = read_blob
        self._blobs: dict[str, bytes] = {}
        self._blanks: dict[int, SliceAnnotation] = {}

    def use_project(self, project: Project) -> None:
        """Go on with a project that its owners have changed; ids mean what they did."""
        self.project = project
        self.labels = project.label_set

    @property
    def n_slices(self) -> int:
        """Number of slices of the reference series."""
        return len(self.slices)

    def content(self, index: int) -> SliceAnnotation:
        """Return what was said of a slice.

        Raises
        ------
        InvalidValueError
            If there is no such slice.
        """
        found = self.annotation.slices.get(self.key(index))
        if found is None:
            return self._blank(index)
        # Slices were added to, or taken from, the series since: the name counts.
        return found if found.index == index else found.evolve(index=index)

    def _blank(self, index: int) -> SliceAnnotation:
        """Return the content of a slice of which nothing was said; made once."""
        blank = self._blanks.get(index)
        if blank is None:
            blank = self._blanks[index] = SliceAnnotation(index=index)
        return blank

    def contents(self) -> dict[int, SliceAnnotation]:
        """Return what was said of slices, by index; the others are left out."""
        return {
            self._index[key]: content
            for key, content in self.annotation.slices.items()
            if key in self._index
        }

    def key(self, index: int) -> str:
        """Return the name of a slice in documents.

        Raises
        ------
        InvalidValueError
            If there is no such slice.
        """
        if not 0 <= index < self.n_slices:
            raise InvalidValueError(
                f"there is no slice {index + 1} of {self.n_slices}",
                where=self.annotation.case_id,
            )
        return self._keys[index]

    def keys(self, indices: Iterable[int]) -> tuple[str, ...]:
        """Return the names of slices in documents; see :meth:`key`."""
        return tuple(self.key(index) for index in indices)

    def place(self, key: str | int) -> int | None:
        """Return the index of a slice by its key, if it is in the series."""
        return self._index.get(str(key))

    def open_range(self, span: SliceRange) -> OpenRange | None:
        """Return where a range lies in the series, if a slice of it is there."""
        return OpenRange.of(span, self._index)

    def open_ranges(self) -> tuple[OpenRange, ...]:
        """Return the ranges, as far as they lie in the series."""
        found = map(self.open_range, self.annotation.ranges)
        return tuple(span for span in found if span is not None)

    def index_of(self, comment: Comment) -> int | None:
        """Return the slice a comment is pinned to, if it is in the series."""
        if comment.slice_key is not None:
            return self._index.get(comment.slice_key)
        here = comment.index is not None and comment.index < self.n_slices
        return comment.index if here else None

    def decision(self, index: int) -> Decision:
        """Return the decision of a slice."""
        return self.content(index).decision

    def cell(self, index: int, content: SliceAnnotation | None = None) -> Cell:
        """Return what the slice strip shows of a slice.

        Parameters
        ----------
        index : int
            The slice.
        content : SliceAnnotation, optional
            What it would hold; by default what it holds now.
        """
        comment = any(self.index_of(c) == index for c in self.annotation.comments)
        if content is None:
            content = self.annotation.slices.get(self.key(index))
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
            answers=tuple(answers_text(content.answers(label.id)) for label in shown)
            if content.attributes
            else (),
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

    def next_undecided(self, start: int, step: int) -> int:
        """Return the nearest undecided slice; see :meth:`next_where`."""
        return self.next_where(
            start, step, lambda i: self.decision(i) is Decision.UNDECIDED
        )

    def next_change(self, start: int, step: int) -> int:
        """Return the nearest slice that says something else; see :meth:`next_where`."""

        def said(index: int) -> tuple[object, ...]:
            cell = self.cell(index)
            return cell.decision, cell.names, cell.proposals, cell.answers

        here = said(start)
        return self.next_where(start, step, lambda i: said(i) != here)

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
            twins=self._twins(),
            unanswered=self._unanswered(),
            single=self.n_slices == 1,
        )

    def label_ids(self) -> frozenset[int]:
        """Return the labels that the case, or a slice of it, has confirmed."""
        slices = (content.label_ids for content in self.contents().values())
        return frozenset(self.annotation.case_labels).union(*slices)

    def case_answers(self, label_id: int) -> Mapping[str, str]:
        """Return what was answered of a label once for the case."""
        return self.annotation.case_attributes.get(label_id, {})

    def _unanswered(self) -> tuple[Unanswered, ...]:
        """Return what has to be answered, and was not."""
        asking = [
            x for x in self.labels.labels if any(a.required for a in x.attributes)
        ]
        if not asking:
            return ()
        kept = {i: c for i, c in sorted(self.contents().items()) if not c.excluded}
        here = {i: set(content.label_ids) for i, content in kept.items()}
        there = set(self.annotation.case_labels).union(*here.values())
        single = self.n_slices == 1
        found = [
            Unanswered(None, label, name)
            for label in asking
            if label.id in there
            for name in _missing(label, Scope.CASE, self.case_answers(label.id))
        ]
        for index, content in kept.items():
            for label in asking:
                if label.id not in here[index]:
                    continue
                said = content.answers(label.id)
                missing = _missing(label, Scope.SLICE, said)
                found += [Unanswered(index, label, n, "", single) for n in missing]
                for box in content.boxes:
                    if box.label == label.id and not box.proposal:
                        missing = _missing(label, None, box.attributes)
                        found += [
                            Unanswered(index, label, n, box.id, single) for n in missing
                        ]
        return tuple(found)

    def _twins(self) -> tuple[tuple[int, int], ...]:
        """Return slice and label of boxes that lie exactly on another one."""
        found = []
        for index, content in sorted(self.contents().items()):
            seen = set()
            for box in content.boxes if not content.excluded else ():
                place = box.label, box.corners
                if place in seen and not box.proposal:
                    found.append((index, box.label))
                seen.add(place)
        return tuple(found)

    def mask(
        self, index: int, group: str = "", *, proposal: bool = False
    ) -> NDArray[np.integer] | None:
        """Return a slice's mask of label ids (rows, columns); None if empty."""
        content = self.content(index)
        ref = (content.proposals if proposal else content.masks).get(group)
        return None if ref is None else self.decoded(ref)

    def decoded(self, ref: MaskRef) -> NDArray[np.integer]:
        """Return the mask of label ids (rows, columns) that a reference names.

        Raises
        ------
        CorruptError
            If it has not the size of the slices.
        """
        return decode_mask(self.blob(ref.digest), shape=self.shape)

    def blob(self, digest: str) -> bytes:
        """Return an encoded mask."""
        if digest not in self._blobs:
            self._blobs[digest] = self._read_blob(digest)
        return self._blobs[digest]


def _missing(
    label: Label, of: Scope | None, answers: Mapping[str, str]
) -> tuple[str, ...]:
    """Return the names of required attributes that have no answer."""
    return tuple(
        a.name for a in label.asked(of) if a.required and not answers.get(a.name)
    )
