"""What was annotated, counted by person and label."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from napari_annotate_jobs.model import (
    Decision,
    Method,
    Provenance,
    RangeAction,
    Scope,
    Status,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from numpy.typing import NDArray

    from napari_annotate_jobs.model import (
        Annotation,
        Case,
        Label,
        LabelSet,
        MaskRef,
        SliceAnnotation,
    )

    MaskReader = Callable[[MaskRef], NDArray[np.integer]]

__all__ = [
    "CaseFacts",
    "LabelStatistics",
    "PersonStatistics",
    "Statistics",
    "StatisticsCounter",
]

_TOUCHING = np.ones((3, 3), dtype=bool)
"""Pixels of an object touch at edges or corners."""


@dataclass(frozen=True, kw_only=True, eq=False)
class CaseFacts:
    """What one person said of a case, and what is to be known to count it.

    Parameters
    ----------
    case : Case
        The case.
    person : str
        Who annotated it.
    status : Status
        Where the case stands for this person.
    annotation : Annotation
        What was said.
    n_slices : int
        Of the reference series.
    volumes : ndarray of float64, shape (slices,), optional
        ml of a voxel on each slice, see :func:`voxel_volumes`; None where that is
        not known.
    read_mask : callable, optional
        Gives the label ids of a mask, shape (rows, columns), to count its objects.
    """

    case: Case
    person: str
    status: Status
    annotation: Annotation
    n_slices: int
    volumes: NDArray[np.float64] | None = None
    read_mask: MaskReader | None = None


@dataclass(frozen=True, kw_only=True)
class LabelStatistics:
    """How much there is of one label.

    Excluded slices and proposals count nowhere.

    Parameters
    ----------
    label : Label
        The label.
    cases : int
        Annotations of a case that carry it.
    slices : int
        Slices that carry it.
    share : float, optional
        Part of the slices that were decided (of a label of cases: of the annotations)
        which carry it, 0 to 1; None where nothing was decided.
    objects : int, optional
        Boxes, those of one object followed over slices counted once; parts of masks,
        joined over slices, if they were counted, else None. None for class labels.
    voxels : int
        Of masks.
    volume : float, optional
        Of masks, ml. None for other labels, and where no voxel's size is known.
    unmeasured : int
        Annotations whose masks are left out of `volume`: the size of their voxels is
        not known.
    provenance : mapping of Provenance to int
        How class labels, boxes and masks of slices came about; kinds that do not
        occur are left out.
    """

    label: Label
    cases: int = 0
    slices: int = 0
    share: float | None = None
    objects: int | None = None
    voxels: int = 0
    volume: float | None = None
    unmeasured: int = 0
    provenance: Mapping[Provenance, int] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class PersonStatistics:
    """What one person annotated, or all together.

    Parameters
    ----------
    person : str
        Empty for all together. A case that two people annotated counts twice there.
    statuses : mapping of Status to int
        Annotated cases: finished, returned, and remaining ones, of which there is a
        draft.
    decisions : mapping of Decision to int
        Slices of these cases.
    labels : tuple of LabelStatistics
        One for each label, in the order of the label set.
    """

    person: str
    statuses: Mapping[Status, int]
    decisions: Mapping[Decision, int]
    labels: tuple[LabelStatistics, ...]

    @property
    def cases(self) -> int:
        """Annotated cases."""
        return sum(self.statuses.values())

    @property
    def slices(self) -> int:
        """Slices of annotated cases."""
        return sum(self.decisions.values())


@dataclass(frozen=True, kw_only=True)
class Statistics:
    """The numbers of a job.

    Parameters
    ----------
    job : str
        Its name.
    cases : int
        All cases that were looked through.
    annotated : int
        Those of which anybody said something.
    everybody : PersonStatistics
        All together.
    people : tuple of PersonStatistics
        By name.
    """

    job: str
    cases: int
    annotated: int
    everybody: PersonStatistics
    people: tuple[PersonStatistics, ...]


class StatisticsCounter:
    """Counts annotations one by one, and keeps none of them.

    Parameters
    ----------
    job : str
        Name of the job.
    labels : LabelSet
        Its labels.
    """

    def __init__(self, job: str, labels: LabelSet) -> None:
        self._job, self._labels = job, labels
        self._cases = self._annotated = 0
        self._everybody = _Tally(labels)
        self._people: dict[str, _Tally] = {}

    def add(self, facts: Sequence[CaseFacts]) -> None:
        """Count a case, with what each person said of it; nobody perhaps."""
        self._cases += 1
        self._annotated += bool(facts)
        for each in facts:
            own = self._people.setdefault(each.person, _Tally(self._labels))
            counted = _Counted.of(each, self._labels)
            for tally in (own, self._everybody):
                tally.add(each, counted)

    def result(self) -> Statistics:
        """Return what was counted so far."""
        return Statistics(
            job=self._job,
            cases=self._cases,
            annotated=self._annotated,
            everybody=self._everybody.result(""),
            people=tuple(
                self._people[name].result(name) for name in sorted(self._people)
            ),
        )


@dataclass
class _LabelCount:
    """What one annotation, or many, have of a label."""

    cases: int = 0
    slices: int = 0
    objects: int | None = None
    voxels: int = 0
    volume: float | None = None
    unmeasured: int = 0
    provenance: dict[Provenance, int] = field(default_factory=lambda: defaultdict(int))

    def add(self, other: _LabelCount) -> None:
        self.cases += other.cases
        self.slices += other.slices
        self.voxels += other.voxels
        self.unmeasured += other.unmeasured
        if other.objects is not None:
            self.objects = (self.objects or 0) + other.objects
        if other.volume is not None:
            self.volume = (self.volume or 0.0) + other.volume
        for how, count in other.provenance.items():
            self.provenance[how] += count


class _Tally:
    """The sums of one person."""

    def __init__(self, labels: LabelSet) -> None:
        self._labels = labels
        self._statuses = dict.fromkeys(Status, 0)
        self._decisions = dict.fromkeys(Decision, 0)
        self._counts = {label.id: _LabelCount() for label in labels.labels}

    def add(self, facts: CaseFacts, counted: _Counted) -> None:
        self._statuses[facts.status] += 1
        for decision, count in counted.decisions.items():
            self._decisions[decision] += count
        for label_id, of in counted.labels.items():
            self._counts[label_id].add(of)

    def result(self, person: str) -> PersonStatistics:
        decided = (
            self._decisions[Decision.LABELLED]
            + self._decisions[Decision.NOTHING_TO_LABEL]
        )
        annotated = sum(self._statuses.values())
        found = []
        for label in self._labels.labels:
            count = self._counts[label.id]
            of_case = label.scope is Scope.CASE
            whole = annotated if of_case else decided
            part = count.cases if of_case else count.slices
            found.append(
                LabelStatistics(
                    label=label,
                    cases=count.cases,
                    slices=count.slices,
                    share=part / whole if whole else None,
                    objects=count.objects,
                    voxels=count.voxels,
                    volume=count.volume,
                    unmeasured=count.unmeasured,
                    provenance={
                        how: count.provenance[how]
                        for how in Provenance
                        if count.provenance.get(how)
                    },
                )
            )
        return PersonStatistics(
            person=person,
            statuses=dict(self._statuses),
            decisions=dict(self._decisions),
            labels=tuple(found),
        )


@dataclass
class _Counted:
    """The numbers of one annotation."""

    decisions: dict[Decision, int]
    labels: dict[int, _LabelCount]

    @classmethod
    def of(cls, facts: CaseFacts, labels: LabelSet) -> _Counted:
        annotation = facts.annotation
        decisions = dict.fromkeys(Decision, 0)
        found: dict[int, _LabelCount] = defaultdict(_LabelCount)
        tracks: set[tuple[int, str]] = set()
        followed = _propagated(annotation)
        for key, said in annotation.slices.items():
            decisions[said.decision] += 1
            if said.excluded:
                continue
            for label_id in said.label_ids:
                found[label_id].slices += 1
            for label_id in said.class_labels:
                spread = not followed.isdisjoint(
                    ((key, label_id), (said.index, label_id))
                )
                how = Provenance.PROPAGATED if spread else Provenance.MANUAL
                found[label_id].provenance[how] += 1
            for box in said.boxes:
                if not box.proposal:
                    tracks.add((box.label, box.track or box.id))
                    found[box.label].provenance[box.provenance] += 1
            for ref in said.masks.values():
                for label_id, pixels in ref.pixels.items():
                    count = found[label_id]
                    count.voxels += pixels
                    count.provenance[ref.provenance] += 1
                    if facts.volumes is None:
                        count.unmeasured = 1
                    elif said.index < len(facts.volumes):
                        part = pixels * float(facts.volumes[said.index])
                        count.volume = (count.volume or 0.0) + part
        for label_id in annotation.case_labels:
            found[label_id].provenance[Provenance.MANUAL] += 1
        for label_id, _ in tracks:
            found[label_id].objects = (found[label_id].objects or 0) + 1
        if facts.read_mask is not None:
            for label_id, number in _mask_objects(annotation, facts.read_mask).items():
                found[label_id].objects = number
        said_of_slices = len(annotation.slices)
        decisions[Decision.UNDECIDED] += max(facts.n_slices - said_of_slices, 0)
        # What is no label any more has no row to stand in.
        known = {i: found[i] for i in found if i in labels.by_id}
        for label_id, count in known.items():
            count.cases = 1
            if labels[label_id].method is not Method.SEGMENTATION:
                count.unmeasured = 0
        return cls(decisions, known)


def _propagated(annotation: Annotation) -> set[tuple[str | int, int]]:
    """Return (slice, label) of class labels that a propagation set and still rules.

    Slices go by key, in annotations of version 1 by index.
    """
    return {
        (place, label)
        for each in annotation.ranges
        if each.action is RangeAction.CLASS_LABELS
        for place in each.applied
        if place != each.origin
        for label in each.labels
    }


def _mask_objects(annotation: Annotation, read: MaskReader) -> dict[int, int]:
    """Count the connected parts of each label's masks, two slices at a time.

    Pixels of a slice are connected at edges and corners, slices where a pixel of one
    lies over a pixel of the next.
    """
    found: dict[int, int] = defaultdict(int)
    slices = sorted(
        (said for said in annotation.slices.values() if not said.excluded),
        key=lambda said: said.index,
    )
    groups = {group for said in slices for group in said.masks}
    for group in sorted(groups):
        before: dict[int, tuple[int, NDArray[np.int32]]] = {}
        joined: dict[int, _Joined] = defaultdict(_Joined)
        for said in slices:
            if group in said.masks:
                _join_slice(said, read(said.masks[group]), group, before, joined)
        for label_id, parts in joined.items():
            found[label_id] += parts.count
    return dict(found)


def _join_slice(
    said: SliceAnnotation,
    mask: NDArray[np.integer],
    group: str,
    before: dict[int, tuple[int, NDArray[np.int32]]],
    joined: dict[int, _Joined],
) -> None:
    from scipy import ndimage

    for label_id in said.masks[group].pixels:
        parts, number = ndimage.label(mask == label_id, _TOUCHING)
        whole = joined[label_id]
        parts = np.where(parts > 0, parts + whole.add(number), 0).astype(np.int32)
        last, old = before.get(label_id, (-2, None))
        if old is not None and last == said.index - 1:
            both = (parts > 0) & (old > 0)
            pairs = np.unique(np.stack((old[both], parts[both])), axis=1)
            for one, two in pairs.T.tolist():
                whole.join(one, two)
        before[label_id] = said.index, parts


class _Joined:
    """Numbers from 1, some of which are the same thing."""

    def __init__(self) -> None:
        self._parent = [0]
        self.count = 0

    def add(self, number: int) -> int:
        """Add so many, and return the number before the first of them."""
        base = len(self._parent) - 1
        self._parent.extend(range(base + 1, base + number + 1))
        self.count += number
        return base

    def join(self, one: int, two: int) -> None:
        """Say that two are the same."""
        first, second = self._root(one), self._root(two)
        if first != second:
            self._parent[second] = first
            self.count -= 1

    def _root(self, one: int) -> int:
        while self._parent[one] != one:
            self._parent[one] = self._parent[self._parent[one]]
            one = self._parent[one]
        return one
