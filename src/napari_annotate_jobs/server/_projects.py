"""Projects: made, staffed, and their cases given out."""

from __future__ import annotations

import json
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from pydantic import AwareDatetime, Field
from sqlalchemy import and_, delete, func, insert, select, update

from napari_annotate_jobs.errors import (
    ExistsError,
    InvalidValueError,
    NotFoundError,
    TransitionError,
)
from napari_annotate_jobs.model import (
    Case,
    Job,
    LabelSet,
    Value,
    document_json,
    is_selected,
    now,
    validated,
)
from napari_annotate_jobs.stores._names import check_file_name, fold, name_key

from ._accounts import Account, add_account, find_account
from ._audit import record
from ._drafts import dumped, insert_or_ignore, tell
from ._schema import (
    accounts,
    cases,
    combinations,
    events,
    label_sets,
    members,
    projects,
)
from ._tasks import Assignment, hand_on

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from sqlalchemy import Connection

    from ._permits import Permit

__all__ = [
    "Change",
    "Member",
    "NewProject",
    "Role",
    "add_member",
    "add_project",
    "change_labels",
    "changes_since",
    "labels_of",
    "list_members",
    "save_combination",
    "set_member",
]


class Role(StrEnum):
    """What a member of a project is; one may be several."""

    OWNER = "owner"
    REVIEWER = "reviewer"
    ANNOTATOR = "annotator"


class NewProject(Value):
    """What a project begins with.

    Parameters
    ----------
    job : Job
        What is to be done. The people it names become members; where it names
        nobody, all members may annotate, or review.
    cases : tuple of Case
        In the order they are worked through.
    blind : bool
        Whether annotators see nothing of each other's work before both submitted.
    assignment : Assignment
        How the cases come to the annotators.
    annotators_per_case : int
        How many people annotate each case, where they are given out or claimed.
    lease : int
        Seconds after which a claim lapses.
    """

    job: Job
    cases: tuple[Case, ...] = ()
    blind: bool = True
    assignment: Assignment = Assignment.EVERYONE
    annotators_per_case: int = Field(default=1, ge=1, le=5)
    lease: int = Field(default=86400, ge=60, le=31_536_000)


class Member(Value):
    """A person in a project.

    Parameters
    ----------
    name : str
        Who.
    roles : tuple of Role
        What they are there; none of them may look on.
    state : str
        ``active`` or ``suspended``.
    """

    name: str
    roles: tuple[Role, ...] = ()
    state: str = "active"


class Change(Value):
    """What happened in a project.

    Parameters
    ----------
    sequence : int
        Its number; they go up by 1, but those of what a person may not see are left
        out.
    kind : str
        ``saved``, ``submitted``, ``judged``, ``said``, ``task``, ``lapsed``,
        ``members``, ``labels``.
    case : str, optional
        In which case.
    author : str, optional
        On whose annotation.
    of : str, optional
        Whose submission that corrects.
    person : str, optional
        Who did it.
    reference : str
        The id of the operation, the number of the submission, ...
    time : datetime
        When.
    """

    sequence: int
    kind: str
    case: str | None = None
    author: str | None = None
    of: str | None = None
    person: str | None = None
    reference: str = ""
    time: AwareDatetime


# ----------------------------------------------------------------------- projects
def add_project(
    connection: Connection, account: Account, new: NewProject, *, base: str = ""
) -> None:
    """Make a project; who makes it owns it, unless others are named or all may do all.

    Parameters
    ----------
    connection : Connection
        Of the transaction.
    account : Account
        Who makes it.
    new : NewProject
        What it begins with.
    base : str
        The folder of the server that relative paths of the cases start at.

    Raises
    ------
    ExistsError
        If there is one with the id of the job, or two cases have one id.
    RoleError
        If this person may make none.
    """
    account.require_admin()
    job, key = new.job, new.job.id
    same = select(projects.c.id, projects.c.deleted).where(projects.c.key == key)
    there = connection.execute(same).first()
    if there is not None:
        in_trash = " in the trash" if there[1] is not None else ""
        raise ExistsError(
            f"there is a job {key!r} already{in_trash}",
            remedy="Take it out of there: napari-annotate-jobs server DIR restore-job"
            if in_trash
            else "Give the job another id",
        )
    seen: dict[str, str] = {}
    for case in new.cases:
        if (name := fold(case.id)) in seen:
            raise ExistsError(
                f"two cases have the id {seen[name]!r}",
                where=job.name,
                remedy="Give each case an id of its own, not only by case of letters",
            )
        seen[name] = case.id
    open_to_all = {"annotators": (), "reviewers": (), "owners": ()}
    result = connection.execute(
        insert(projects).values(
            key=key,
            document=dumped(job.model_copy(update=open_to_all)),
            open_annotation=not job.annotators,
            open_review=not job.reviewers,
            blind=new.blind,
            assignment=new.assignment.value,
            annotators_per_case=new.annotators_per_case,
            lease=new.lease,
            base=base,
            created=now(),
        )
    )
    assert result.inserted_primary_key is not None
    number = int(result.inserted_primary_key[0])
    connection.execute(
        insert(label_sets).values(
            project_id=number,
            version=1,
            document=dumped(job.project.label_set),
            created=now(),
        )
    )
    if new.cases:
        connection.execute(
            insert(cases),
            [
                {
                    "project_id": number,
                    "ordinal": place,
                    "key": case.id,
                    "name": case.name.replace("\0", " "),
                    "folded": fold(case.name).replace("\0", " "),
                    "sorted": name_key(case.name).replace("\0", " "),
                    "n_slices": case.n_slices,
                    "document": json.dumps(document_json(case)),
                    "selected": is_selected(job, case.drawn_as(place)),
                }
                for place, case in enumerate(new.cases)
            ],
        )
    named = {
        Role.OWNER: job.owners,
        Role.REVIEWER: job.reviewers,
        Role.ANNOTATOR: job.annotators,
    }
    if not job.owners and (job.annotators or job.reviewers):
        named[Role.OWNER] = (account.name,)
    for role, people in named.items():
        for person in people:
            try:
                member = find_account(connection, person)
            except NotFoundError:
                member = add_account(connection, person, by=account.name)
            _join(connection, number, member.id, [role])
    record(connection, number, account.name, "make project", key)


_MEANING = ("method", "scope", "group", "overlap_group", "attributes")


def change_labels(connection: Connection, permit: Permit, labels: LabelSet) -> int:
    """Give a project another version of its label set; earlier ones stay as they are.

    Labels can be added, and be named and coloured anew. What is annotated keeps its
    meaning: a case that is open goes on being saved.

    Returns
    -------
    int
        The number of the version.

    Raises
    ------
    InvalidValueError
        If a label is missing, or means something else.
    """
    permit.require_owner()
    # Whoever else changes them waits.
    row = (
        connection.execute(
            select(projects).where(projects.c.id == permit.id).with_for_update()
        )
        .mappings()
        .one()
    )
    document = json.loads(row["document"])
    old = LabelSet.model_validate(document["project"]["label_set"])
    where = permit.job.name
    for label in old.labels:
        new = labels.by_id.get(label.id)
        if new is None or any(
            getattr(new, name) != getattr(label, name) for name in _MEANING
        ):
            what = "is missing" if new is None else "would mean something else"
            raise InvalidValueError(
                f"label {label.id} ({label.name}) {what}",
                where=where,
                remedy="Keep id, method, scope, groups and attributes of each label",
            )
    exclusive = {group.name: group.exclusive for group in labels.groups}
    for label in old.labels:
        was = next((g.exclusive for g in old.groups if g.name == label.group), False)
        if label.group and exclusive.get(label.group, False) != was:
            raise InvalidValueError(
                f"the choice in group {label.group!r} would change",
                where=where,
                remedy="Make a new group",
            )
    if labels == old:
        return int(row["labels"])
    document["project"]["label_set"] = document_json(labels)
    job = validated(Job, document, where=where)
    version = int(row["labels"]) + 1
    connection.execute(
        update(projects)
        .where(projects.c.id == permit.id)
        .values(document=dumped(job), labels=version)
    )
    connection.execute(
        insert(label_sets).values(
            project_id=permit.id,
            version=version,
            document=dumped(labels),
            created=now(),
        )
    )
    record(connection, permit.id, permit.account.name, "change labels", f"to {version}")
    tell(connection, permit, "labels", reference=str(version))
    return version


def labels_of(connection: Connection, permit: Permit, version: int) -> LabelSet:
    """Return a version of the label set.

    Raises
    ------
    NotFoundError
        If there is none of this number.
    """
    text = connection.scalar(
        select(label_sets.c.document).where(
            label_sets.c.project_id == permit.id, label_sets.c.version == version
        )
    )
    if text is None:
        raise NotFoundError(
            f"there is no version {version} of the labels", where=permit.job.name
        )
    return LabelSet.model_validate_json(text)


def _join(
    connection: Connection, project: int, account: int, roles: Iterable[Role]
) -> None:
    connection.execute(
        insert_or_ignore(connection, members).values(
            project_id=project, account_id=account, state="active", joined=now()
        )
    )
    values: dict[str, Any] = {role.value: True for role in roles}
    connection.execute(
        update(members)
        .where(members.c.project_id == project, members.c.account_id == account)
        .values(state="active", **values)
    )


# ------------------------------------------------------------------------ members
def list_members(connection: Connection, permit: Permit) -> list[Member]:
    """Return who is in a project."""
    found = connection.execute(
        select(members, accounts.c.name)
        .join(accounts, accounts.c.id == members.c.account_id)
        .where(members.c.project_id == permit.id, members.c.state != "removed")
        .order_by(accounts.c.name)
    ).mappings()
    return [
        Member(
            name=row["name"],
            roles=tuple(role for role in Role if row[role.value]),
            state=row["state"],
        )
        for row in found
    ]


def add_member(
    connection: Connection, permit: Permit, name: str, roles: Sequence[Role]
) -> None:
    """Add a person to a project, or say anew what they are there.

    Who is suspended stays so: see :func:`set_member`.
    """
    permit.require_owner()
    account = find_account(connection, name)
    here = members.c.project_id == permit.id, members.c.account_id == account.id
    state = connection.scalar(select(members.c.state).where(*here))
    _join(connection, permit.id, account.id, ())
    values: dict[str, Any] = {role.value: role in roles for role in Role}
    if state == "suspended":
        values["state"] = state
    connection.execute(update(members).where(*here).values(**values))
    _require_an_owner(connection, permit)
    said = ", ".join(roles) or "looks on"
    record(connection, permit.id, permit.account.name, "add member", f"{name}: {said}")
    tell(connection, permit, "members")


def set_member(
    connection: Connection,
    permit: Permit,
    name: str,
    state: str,
    *,
    hand_to: Sequence[str] = (),
) -> int:
    """Suspend or remove a member, or let them in again.

    Parameters
    ----------
    connection : Connection
        Of the transaction.
    permit : Permit
        Of who does it.
    name : str
        The member.
    state : str
        ``active``, ``suspended`` or ``removed``.
    hand_to : sequence of str
        Who gets the cases that they have not submitted, evenly; nobody by default:
        then others can claim them.

    Returns
    -------
    int
        How many cases were handed on.
    """
    permit.require_owner()
    if state not in {"active", "suspended", "removed"}:
        raise InvalidValueError(
            f"a member cannot be {state!r}",
            remedy="Use active, suspended or removed",
        )
    account = find_account(connection, name)
    done = connection.execute(
        update(members)
        .where(members.c.project_id == permit.id, members.c.account_id == account.id)
        .values(state=state)
    )
    if not done.rowcount:
        raise NotFoundError(f"{name} is not in this project", where=permit.job.name)
    _require_an_owner(connection, permit)
    handed = 0
    if state != "active":
        takers = [find_account(connection, taker) for taker in hand_to]
        handed = hand_on(connection, permit, account.id, takers)
    record(connection, permit.id, permit.account.name, f"member {state}", name)
    tell(connection, permit, "members")
    return handed


def _require_an_owner(connection: Connection, permit: Permit) -> None:
    if permit.project["open_annotation"] and permit.project["open_review"]:
        return
    left = connection.scalar(
        select(func.count())
        .select_from(members)
        .where(
            members.c.project_id == permit.id,
            members.c.owner,
            members.c.state == "active",
        )
    )
    if not left:
        raise TransitionError(
            "the project would have no owner",
            where=permit.job.name,
            remedy="Make somebody else an owner first",
        )


# -------------------------------------------------------------------------- other
def save_combination(
    connection: Connection, permit: Permit, name: str, text: str | None
) -> None:
    """Keep combined classes; see :meth:`JobStore.save_combination`."""
    permit.require_part()
    name = check_file_name(name)
    here = and_(combinations.c.project_id == permit.id, combinations.c.name == name)
    connection.execute(delete(combinations).where(here))
    if text is not None:
        connection.execute(
            insert(combinations).values(
                project_id=permit.id, name=name, document=json.dumps(text)
            )
        )


def changes_since(
    connection: Connection, permit: Permit, since: int, limit: int
) -> tuple[list[Change], int]:
    """Return what happened after a number, as far as a person may see it.

    Returns
    -------
    (list of Change, int)
        The number to ask with the next time comes second: it may be larger than that
        of the last change.
    """
    author, of, person = (accounts.alias(n) for n in ("author", "corrected", "doer"))
    found = connection.execute(
        select(
            events.c.sequence,
            events.c.kind,
            cases.c.key,
            author.c.name,
            of.c.name,
            person.c.name,
            events.c.reference,
            events.c.time,
            events.c.case_id,
            events.c.author_id,
        )
        .outerjoin(cases, cases.c.id == events.c.case_id)
        .outerjoin(author, author.c.id == events.c.author_id)
        .outerjoin(of, of.c.id == events.c.of_id)
        .outerjoin(person, person.c.id == events.c.person_id)
        .where(events.c.project_id == permit.id, events.c.sequence > since)
        .order_by(events.c.sequence)
        .limit(limit)
    ).all()
    names = ("sequence", "kind", "case", "author", "of", "person", "reference", "time")
    changes, known = [], dict[tuple[int, int], bool]()
    for *fields, case_id, author_id in found:
        if author_id is not None and case_id is not None:
            place = case_id, author_id
            if place not in known:
                known[place] = permit.may_see(connection, *place)
            if not known[place]:
                continue
        changes.append(Change(**dict(zip(names, fields, strict=True))))
    return changes, found[-1][0] if found else since
