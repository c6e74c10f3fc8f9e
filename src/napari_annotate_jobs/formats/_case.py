"""One annotated case as an exporter sees it."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import TYPE_CHECKING

import numpy as np

from napari_annotate_jobs.errors import InvalidValueError
from napari_annotate_jobs.model import (
    Annotation,
    Case,
    Decision,
    LabelSet,
    Method,
    SliceAnnotation,
    decode_mask,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from datetime import datetime

    from numpy.typing import NDArray

    from napari_annotate_jobs.imaging import Series, SeriesHeader
    from napari_annotate_jobs.model import Box

    MaskReader = Callable[[int, str], NDArray[np.integer] | None]

__all__ = ["AnnotatedCase", "CaseSummary", "Truth"]


class Truth(StrEnum):
    """What a training set may take from a slice, for one question asked of it."""

    POSITIVE = "positive"
    """It carries an answer."""
    NEGATIVE = "negative"
    """It was looked at, and there is nothing of that kind."""
    UNKNOWN = "unknown"
    """Nobody said anything, or the answer is none of those offered."""
    EXCLUDED = "excluded"
    """It is not to be used."""


@dataclass(frozen=True, kw_only=True)
class CaseSummary:
    """What is known of an annotated case before its images are opened.

    Parameters
    ----------
    case : Case
        The case.
    person : str
        Who annotated it.
    annotation : Annotation
        What was said; of a submitted case the frozen copy.
    stem : str
        Its name in files: the case's own, made safe, unique in the export.
    submission : int, optional
        Number of the submission; None for a draft.
    digest : str
        Digest of the content.
    time : datetime, optional
        When it was submitted.
    review : str
        What became of it, as ``"passed"``; empty for a draft.
    reviewer : str
        Who gave the verdict; empty if nobody did.
    corrected : bool
        True if the reviewer corrected it: the content is the reviewer's copy.
    flags : str
        Why the case is flagged, and by whom; empty if it is not.
    """

    case: Case
    person: str
    annotation: Annotation
    stem: str
    submission: int | None = None
    digest: str = ""
    time: datetime | None = None
    review: str = ""
    reviewer: str = ""
    corrected: bool = False
    flags: str = ""

    def __str__(self) -> str:
        return f"{self.case.name} by {self.person}"


@dataclass(frozen=True, kw_only=True, eq=False)
class AnnotatedCase:
    """One annotation of one case, beside its images.

    Parameters
    ----------
    summary : CaseSummary
        Whose case it is, and what was said of it.
    labels : LabelSet
        The labels that `annotation` names, after combining and converting.
    annotation : Annotation
        What was said, after combining and converting.
    series : Series
        The reference series; its pixels are read when they are asked for.
    read_mask : callable
        Gives the confirmed mask of a slice by index and overlap group: label ids,
        shape (rows, columns), or None.
    open_series : callable, optional
        Opens another series of the case by its number; None if there is no other.
    """

    summary: CaseSummary
    labels: LabelSet
    annotation: Annotation
    series: Series
    read_mask: MaskReader
    open_series: Callable[[int], Series] | None = None
    _said: dict[int, SliceAnnotation] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_said", {})

    @classmethod
    def of(
        cls,
        summary: CaseSummary,
        labels: LabelSet,
        series: Series,
        read_blob: Callable[[str], bytes],
        open_series: Callable[[int], Series] | None = None,
    ) -> AnnotatedCase:
        """Make one of what a store keeps.

        Parameters
        ----------
        summary : CaseSummary
            What was said.
        labels : LabelSet
            The project's.
        series : Series
            The reference series.
        read_blob : callable
            Gives the encoded bytes of a mask by its digest.
        open_series : callable, optional
            Opens another series of the case by its number.
        """
        shape = series.header.shape[1], series.header.shape[2]
        slices = series.header.slices

        def read(index: int, group: str) -> NDArray[np.integer] | None:
            said = summary.annotation.slices.get(slices[index].key)
            ref = None if said is None else said.masks.get(group)
            if ref is None:
                return None
            return decode_mask(read_blob(ref.digest), shape=shape)

        return cls(
            summary=summary,
            labels=labels,
            annotation=summary.annotation,
            series=series,
            read_mask=read,
            open_series=open_series,
        )

    # ---------------------------------------------------------------- the case
    @property
    def case(self) -> Case:
        """The case."""
        return self.summary.case

    @property
    def stem(self) -> str:
        """Its name in files, unique in the export."""
        return self.summary.stem

    @property
    def header(self) -> SeriesHeader:
        """What is known of the reference series."""
        return self.series.header

    def all_series(self) -> Iterator[Series]:
        """Give the reference series, then the others; each is opened then."""
        yield self.series
        if self.open_series is not None:
            for number in range(len(self.case.series)):
                if number != self.case.reference:
                    yield self.open_series(number)

    @property
    def n_slices(self) -> int:
        """Number of slices."""
        return self.header.shape[0]

    @property
    def plane(self) -> tuple[int, int]:
        """(rows, columns) of a slice."""
        return self.header.shape[1], self.header.shape[2]

    def evolve(
        self,
        *,
        labels: LabelSet | None = None,
        annotation: Annotation | None = None,
        read_mask: MaskReader | None = None,
    ) -> AnnotatedCase:
        """Return the case with other labels, content or masks."""
        return replace(
            self,
            labels=labels or self.labels,
            annotation=annotation or self.annotation,
            read_mask=read_mask or self.read_mask,
        )

    # -------------------------------------------------------------- its slices
    def said(self, index: int) -> SliceAnnotation:
        """Return what is confirmed of a slice; blank where it is excluded."""
        known = self._said.get(index)
        if known is None:
            known = self._said[index] = self._confirmed(index)
        return known

    def _confirmed(self, index: int) -> SliceAnnotation:
        found = self.annotation.slices.get(self.header.slices[index].key)
        if found is None or found.excluded:
            return SliceAnnotation(index=index)
        boxes = tuple(box for box in found.boxes if not box.proposal)
        return found.evolve(index=index, boxes=boxes, proposals={})

    def decision(self, index: int) -> Decision:
        """Return the decision of a slice."""
        found = self.annotation.slices.get(self.header.slices[index].key)
        return Decision.UNDECIDED if found is None else found.decision

    def decided(self) -> Iterator[int]:
        """Give the indices of the slices that are labelled, or verified negatives."""
        wanted = {Decision.LABELLED, Decision.NOTHING_TO_LABEL}
        return (i for i in range(self.n_slices) if self.decision(i) in wanted)

    def boxes(self, index: int) -> Sequence[Box]:
        """Return the confirmed boxes of a slice; none where it is excluded."""
        return self.said(index).boxes

    def answers(self, index: int, label_id: int) -> dict[str, str]:
        """Return what was answered of a label of a slice, and of it for the case."""
        whole = self.annotation.case_attributes.get(label_id, {})
        return dict(sorted({**whole, **self.said(index).answers(label_id)}.items()))

    def case_answers(self, label_id: int) -> dict[str, str]:
        """Return what was answered of a label once for the case."""
        return dict(sorted(self.annotation.case_attributes.get(label_id, {}).items()))

    def box_answers(self, box: Box) -> dict[str, str]:
        """Return what was answered of an object, and of its label for the case."""
        whole = self.annotation.case_attributes.get(box.label, {})
        return dict(sorted({**whole, **box.attributes}.items()))

    def mask(self, index: int, group: str = "") -> NDArray[np.integer] | None:
        """Return the confirmed mask of a slice; None if empty or excluded."""
        if group not in self.said(index).masks:
            return None
        return self.read_mask(index, group)

    def truth(self, index: int, method: Method, group: str = "") -> Truth:
        """Return what a training set may take from a slice.

        Parameters
        ----------
        index : int
            The slice.
        method : Method
            Which method is asked for.
        group : str
            The group of class labels that is asked for.

        Notes
        -----
        In a single-choice group a slice with nothing to label carries none of the
        classes offered, which is no class to learn: it is unknown. In multi-choice
        groups, for boxes and for masks it is a negative. So is a slice that is
        labelled, where the label is of another kind.
        """
        decision = self.decision(index)
        if decision is Decision.EXCLUDED:
            return Truth.EXCLUDED
        if decision is Decision.UNDECIDED:
            return Truth.UNKNOWN
        said = self.said(index)
        if method is Method.DETECTION:
            return Truth.POSITIVE if said.boxes else Truth.NEGATIVE
        if method is Method.SEGMENTATION:
            return Truth.POSITIVE if said.masks else Truth.NEGATIVE
        if any(self.labels[i].group == group for i in said.class_labels):
            return Truth.POSITIVE
        single = any(g.name == group and g.exclusive for g in self.labels.groups)
        return Truth.UNKNOWN if single else Truth.NEGATIVE

    # -------------------------------------------------------------- label maps
    def groups(self) -> tuple[str, ...]:
        """Return the overlap groups that have a mask on any slice."""
        used = {g for i in range(self.n_slices) for g in self.said(i).masks}
        return tuple(g for g in self.labels.overlap_groups if g in used)

    def label_map(self, index: int, priority: Sequence[int] = ()) -> NDArray[np.uint16]:
        """Return the masks of a slice as one map of label ids.

        Parameters
        ----------
        index : int
            The slice.
        priority : sequence of int
            Label ids, the one that wins where masks overlap first; ids that are
            not named come last.

        Returns
        -------
        ndarray of uint16, shape (rows, columns)
            0 is background.

        Raises
        ------
        InvalidValueError
            If masks overlap and `priority` is empty.
        """
        masks = [self.mask(index, group) for group in self.said(index).masks]
        found = [mask for mask in masks if mask is not None]
        out = np.zeros(self.plane, np.uint16)
        if len(found) == 1:
            out[...] = found[0]
            return out
        if len(found) > 1 and not priority:
            if (np.sum([mask > 0 for mask in found], axis=0) > 1).any():
                raise InvalidValueError(
                    f"masks overlap on slice {index + 1}, which the format cannot hold",
                    where=self.summary,
                    remedy="Give the order in which labels win (priority), or choose "
                    "a format that keeps overlap: dicom-seg, seg-nrrd",
                )
        rank = {label: place for place, label in enumerate(priority)}
        ids = sorted(
            {int(i) for mask in found for i in np.unique(mask) if i},
            key=lambda i: (rank.get(i, len(rank)), i),
        )
        for label in reversed(ids):
            for mask in found:
                out[mask == label] = label
        return out
