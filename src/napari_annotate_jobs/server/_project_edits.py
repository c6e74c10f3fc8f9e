"""Edits of projects: what owners change, and what they put into the trash."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from sqlalchemy import delete, func, insert, select, update

from napari_annotate_jobs.errors import NotFoundError
from napari_annotate_jobs.model import (
    Annotation,
    Case,
    Submission,
    document_json,
    edited_job,
    is_selected,
    now,
)
from napari_annotate_jobs.stores._edits import (
    contents_of,
    edited_cases,
    labels_in,
)
from napari_annotate_jobs.stores._names import fold, name_key

from ._accounts import find_account
from ._audit import record
from ._drafts import PersonWork, dumped, tell
from ._permits import job_of
from ._projects import Role, add_member, list_members
from ._schema import (
    accounts,
    blob_uses,
    cases,
    entries,
    events,
    flags,
    label_sets,
    operations,
    projects,
    reads,
    slices,
    submissions,
    tasks,
    works,
)

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence

    from sqlalchemy import Connection, RowMapping

    from napari_annotate_jobs.model import Job, JobEdit
    from napari_annotate_jobs.stores import JobContents

    from ._permits import Permit

__all__ = [
    "contents_here",
    "delete_project",
    "deleted_projects",
    "edit_project",
    "restore_project",
    "used_here",
]

_EVERYBODY = {"annotators": (), "reviewers": (), "owners": ()}
"""Who may do what is in the table of members, not in the document."""


def edit_project(connection: Connection, who: Permit, edit: JobEdit) -> Job:
    """Change a project; see :meth:`JobStore.edit_job`.

    Raises
    ------
    RoleError
        If the person does not run it.
    AnnotateJobsError
        As :meth:`JobStore.edit_job`.
    """
    who.require_owner()
    # Whoever else edits it waits.
    row = (
        connection.execute(
            select(projects).where(projects.c.id == who.id).with_for_update()
        )
        .mappings()
        .one()
    )
    found = job_of(connection, row)
    done = edited_job(found, edit, used=lambda ids: _used(connection, who, ids))
    if edit.touches_cases:
        _edit_cases(connection, who, edit, done)
    values: dict[str, Any] = {}
    if done.project.label_set != found.project.label_set:
        values["labels"] = int(row["labels"]) + 1
        connection.execute(
            insert(label_sets).values(
                project_id=who.id,
                version=values["labels"],
                document=dumped(done.project.label_set),
                created=now(),
            )
        )
    connection.execute(
        update(projects)
        .where(projects.c.id == who.id)
        .values(
            document=dumped(done.model_copy(update=_EVERYBODY)),
            version=projects.c.version + 1,
            **values,
        )
    )
    if edit.owners is not None:
        _set_owners(connection, who, edit.owners)
    record(connection, who.id, who.account.name, "edit", ", ".join(edit.said))
    tell(connection, who, "labels" if values else "edited")
    # Who has just ceased to be a member is still told how it stands.
    row = (
        connection.execute(select(projects).where(projects.c.id == who.id))
        .mappings()
        .one()
    )
    return job_of(connection, row)


def _set_owners(connection: Connection, who: Permit, names: Sequence[str]) -> None:
    wanted = {find_account(connection, name).name for name in names}
    there = {member.name: set(member.roles) for member in list_members(connection, who)}
    # Those who come first: there is an owner at every moment.
    for name in sorted(wanted):
        roles = there.get(name, set())
        if Role.OWNER not in roles:
            add_member(connection, who, name, tuple(roles | {Role.OWNER}))
    for name, roles in there.items():
        if Role.OWNER in roles and name not in wanted:
            add_member(connection, who, name, tuple(roles - {Role.OWNER}))


# -------------------------------------------------------------------------- cases
def _edit_cases(connection: Connection, who: Permit, edit: JobEdit, job: Job) -> None:
    rows = {
        row["key"]: row
        for row in connection.execute(
            select(cases).where(cases.c.project_id == who.id).order_by(cases.c.ordinal)
        ).mappings()
    }
    before = [Case.model_validate_json(row["document"]) for row in rows.values()]
    after = edited_cases(
        before,
        edit,
        annotated=lambda ids: _annotated(connection, who, ids),
        where=job.name,
    )
    kept = {case.id for case in after}
    for key, row in rows.items():
        if key not in kept:
            _drop_case(connection, row["id"])
    moved = [
        (rows[case.id]["id"], place)
        for place, case in enumerate(after)
        if case.id in rows and rows[case.id]["ordinal"] != place
    ]
    # No two have one place, not even on the way.
    for sign in (-1, 1):
        for case_id, place in moved:
            connection.execute(
                update(cases)
                .where(cases.c.id == case_id)
                .values(ordinal=place if sign > 0 else -1 - place)
            )
    known = {case.id: case for case in before}
    for place, case in enumerate(after):
        if case == known.get(case.id):
            continue
        values = {
            "name": case.name.replace("\0", " "),
            "folded": fold(case.name).replace("\0", " "),
            "sorted": name_key(case.name).replace("\0", " "),
            "document": json.dumps(document_json(case)),
        }
        if case.id in rows:
            here = cases.c.id == rows[case.id]["id"]
            connection.execute(update(cases).where(here).values(**values))
        else:
            connection.execute(
                insert(cases).values(
                    project_id=who.id,
                    ordinal=place,
                    key=case.id,
                    selected=is_selected(job, case.drawn_as(place)),
                    n_slices=case.n_slices,
                    **values,
                )
            )


def _drop_case(connection: Connection, case_id: int) -> None:
    """Take a case away that nobody has annotated, with the traces of a look at it."""
    blank = select(works.c.id).where(works.c.case_id == case_id)
    for table in (slices, operations, reads, entries):
        connection.execute(delete(table).where(table.c.annotation_id.in_(blank)))
    for table in (works, blob_uses, flags, tasks):
        connection.execute(delete(table).where(table.c.case_id == case_id))
    connection.execute(
        update(events).where(events.c.case_id == case_id).values(case_id=None)
    )
    connection.execute(delete(cases).where(cases.c.id == case_id))


def _annotated(
    connection: Connection, who: Permit, keys: Collection[str]
) -> dict[str, str]:
    """Return by whom cases were annotated."""
    wanted, found = set(keys), dict[str, set[str]]()
    said = select(entries.c.annotation_id)
    for key, name in connection.execute(
        select(cases.c.key, accounts.c.name)
        .select_from(works)
        .join(cases, cases.c.id == works.c.case_id)
        .join(accounts, accounts.c.id == works.c.account_id)
        .where(
            works.c.project_id == who.id,
            (works.c.revision > 0) | (works.c.submissions > 0) | works.c.id.in_(said),
        )
    ):
        if key in wanted:
            found.setdefault(key, set()).add(name)
    return {key: ", ".join(sorted(names)) for key, names in found.items()}


# ------------------------------------------------------------------------- labels
def _used(connection: Connection, who: Permit, ids: Collection[int]) -> dict[int, str]:
    """Return where labels are used, by their ids."""
    wanted, found = set(ids), dict[int, str]()
    for row in _works(connection, who):
        work = PersonWork(
            connection, who, row, row["account_id"], row["author"], row["of_id"], row
        )
        for annotation in _everything(work):
            for label_id in labels_in(annotation) & wanted:
                found[label_id] = f"{row['name']}, by {row['author']}"
    return found


def _works(connection: Connection, who: Permit) -> list[RowMapping]:
    return list(
        connection.execute(
            select(works, cases.c.key, cases.c.name, accounts.c.name.label("author"))
            .select_from(works)
            .join(cases, cases.c.id == works.c.case_id)
            .join(accounts, accounts.c.id == works.c.account_id)
            .where(works.c.project_id == who.id)
        ).mappings()
    )


def _everything(work: PersonWork) -> Iterator[Annotation]:
    yield work.annotation()
    texts = work.connection.scalars(
        select(submissions.c.document).where(submissions.c.annotation_id == work.id)
    )
    for text in texts.all():
        yield Submission.model_validate_json(text).annotation


# ---------------------------------------------------------------------- the trash
def contents_here(connection: Connection, who: Permit) -> JobContents:
    """Return what is in a project, by whom."""
    who.require_owner()
    number = connection.scalar(
        select(func.count()).select_from(cases).where(cases.c.project_id == who.id)
    )
    return contents_of(
        int(number or 0),
        (
            (
                row["author"],
                row["revision"] > row["submitted_revision"],
                row["submissions"],
            )
            for row in _works(connection, who)
        ),
    )


def used_here(connection: Connection, who: Permit) -> dict[int, str]:
    """Return the ids of labels that are used, and where each is."""
    who.require_owner()
    return _used(connection, who, who.job.project.label_set.by_id)


def delete_project(connection: Connection, who: Permit) -> None:
    """Put a project into the trash: nobody sees it any more, and nothing is deleted."""
    who.require_owner()
    connection.execute(
        update(projects).where(projects.c.id == who.id).values(deleted=now())
    )
    record(connection, who.id, who.account.name, "delete", who.job.id)
    tell(connection, who, "deleted")


def deleted_projects(connection: Connection) -> dict[str, str]:
    """Return the names of the projects in the trash, by their ids."""
    found = connection.execute(
        select(projects.c.key, projects.c.document)
        .where(projects.c.deleted.is_not(None))
        .order_by(projects.c.id)
    )
    return {key: json.loads(text)["project"]["name"] for key, text in found}


def restore_project(connection: Connection, key: str, *, by: str) -> None:
    """Take a project out of the trash.

    Raises
    ------
    NotFoundError
        If there is none of this id in it.
    """
    here = (projects.c.key == key) & projects.c.deleted.is_not(None)
    number = connection.scalar(select(projects.c.id).where(here))
    if number is None:
        raise NotFoundError(
            f"there is no job {key!r} in the trash",
            remedy="See what is in it: napari-annotate-jobs server DIR jobs",
        )
    connection.execute(
        update(projects).where(projects.c.id == number).values(deleted=None)
    )
    record(connection, number, by, "restore", key)
