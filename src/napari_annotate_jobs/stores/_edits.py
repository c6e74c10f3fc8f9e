"""What owners do with a job that exists, as far as all stores do the same."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from napari_annotate_jobs.errors import (
    ExistsError,
    JobChangedError,
    NotFoundError,
    RoleError,
    TransitionError,
)
from napari_annotate_jobs.model import all_ids, document_json, edited_job, validated

from ._contract import JobContents, PersonContents
from ._names import case_folder, check_person, fold

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping, Sequence

    from napari_annotate_jobs.model import Annotation, Case, CaseName, Job, JobEdit

__all__ = [
    "check_owner",
    "contents_of",
    "edited_cases",
    "labels_in",
    "owned_edit",
]


def check_owner(job: Job, person: str) -> None:
    """Raise RoleError unless a person may change a job."""
    if not job.may_edit(person):
        raise RoleError(
            f"{person} is not an owner of this job",
            where=job.name,
            remedy=f"Ask {' or '.join(job.owners[:3])} to do it",
        )


def owned_edit(
    job: Job,
    cases: Sequence[Case],
    edit: JobEdit,
    *,
    person: str,
    used: Callable[[Collection[int]], Mapping[int, str]],
    annotated: Callable[[Collection[str]], Mapping[str, str]],
) -> tuple[Job, list[Case]]:
    """Return a job and its cases after an edit by one of its owners.

    Parameters
    ----------
    job, cases : Job, sequence of Case
        As they are now.
    edit : JobEdit
        What to change.
    person : str
        Who does it.
    used : callable
        Takes ids of labels; returns where those are used that are.
    annotated : callable
        Takes ids of cases; returns by whom those were annotated that were.

    Raises
    ------
    RoleError
        If the person is no owner.
    AnnotateJobsError
        As :meth:`JobStore.edit_job`.
    """
    check_owner(job, person)
    if edit.owners is not None:
        owners = tuple(dict.fromkeys(map(check_person, edit.owners)))
        edit = edit.model_copy(update={"owners": owners})
    done = edited_job(job, edit, used=used)
    if not edit.touches_cases:
        return done, list(cases)
    return done, edited_cases(cases, edit, annotated=annotated, where=job.name)


def edited_cases(
    cases: Sequence[Case],
    edit: JobEdit,
    *,
    annotated: Callable[[Collection[str]], Mapping[str, str]],
    where: object,
) -> list[Case]:
    """Return the cases of a job as they are after an edit.

    Parameters
    ----------
    cases : sequence of Case
        As they are now.
    edit : JobEdit
        What to change.
    annotated : callable
        Takes ids of cases; returns by whom those were annotated that were.
    where : object
        Names the job in messages.

    Raises
    ------
    ExistsError
        If a case is to be added whose id another one has.
    JobChangedError, NotFoundError
        If a case is to be renamed that has another name by now, or is gone.
    TransitionError
        If a case is to be taken away that was annotated.
    """
    drawn = {
        case.id: place if case.draw is None else case.draw
        for place, case in enumerate(cases)
    }
    found = {case.id: case for case in cases}
    for name in edit.rename_cases:
        found[name.id] = _renamed(found.get(name.id), name, where)
    going = [case_id for case_id in edit.remove_cases if case_id in found]
    for case_id, people in annotated(going).items() if going else ():
        raise TransitionError(
            f"{found[case_id].name} was annotated by {people}",
            where=where,
            remedy="Only cases that nobody has begun can be taken away",
        )
    for case_id in going:
        del found[case_id]
    folders = {fold(case_folder(case_id)): case_id for case_id in found}
    for case in edit.add_cases:
        folder = fold(case_folder(case.id))
        if folder in folders:
            raise ExistsError(
                f"there is a case {folders[folder]!r} already",
                where=where,
                remedy="Give each case an id of its own, not only by case of letters",
            )
        folders[folder] = case.id
        found[case.id] = case
        drawn[case.id] = max(drawn.values(), default=-1) + 1
    return [
        case
        if case.draw == (number := None if drawn[case.id] == n else drawn[case.id])
        else case.model_copy(update={"draw": number})
        for n, case in enumerate(found.values())
    ]


def _renamed(case: Case | None, new: CaseName, where: object) -> Case:
    if case is None:
        raise NotFoundError(
            f"there is no case {new.id!r}",
            where=where,
            remedy="Look at the cases as they are now",
        )
    if new.was is not None and case.name not in (new.was, new.name):
        raise JobChangedError(
            f"case {new.was!r} was renamed by somebody else since, to {case.name!r}",
            where=where,
            remedy="Look at it as it is now, and rename it again if that is right",
        )
    fields = {**document_json(case), "name": new.name.strip()}
    return validated(type(case), fields, where=f"{where}, case {case.id}")


def labels_in(annotation: Annotation) -> set[int]:
    """Return the ids of all labels that an annotation names, proposals included."""
    found = {*annotation.case_labels, *annotation.case_attributes}
    for span in annotation.ranges:
        found.update(span.labels)
    for content in annotation.slices.values():
        found.update(all_ids(content))
    return found


def contents_of(cases: int, work: Iterable[tuple[str, bool, int]]) -> JobContents:
    """Return what is in a job.

    Parameters
    ----------
    cases : int
        How many cases it has.
    work : iterable of (str, bool, int)
        Of each case that somebody began: the person, whether something was saved
        since the last submission, and how often it was submitted.
    """
    drafts, submissions = Counter[str](), Counter[str]()
    for person, draft, number in work:
        drafts[person] += draft
        submissions[person] += number
    people = sorted({*drafts, *submissions})
    return JobContents(
        cases=cases,
        people=tuple(
            PersonContents(person=p, drafts=drafts[p], submissions=submissions[p])
            for p in people
            if drafts[p] or submissions[p]
        ),
    )
