"""What a person may see and do in a project."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from sqlalchemy import and_, bindparam, case, func, or_, select

from napari_annotate_jobs.errors import NotFoundError, RoleError
from napari_annotate_jobs.model import Job

from ._schema import accounts, members, projects, works

if TYPE_CHECKING:
    from sqlalchemy import ColumnElement, Connection, RowMapping, ScalarSelect

    from ._accounts import Account

__all__ = ["OF_PROJECT", "Permit", "job_of", "permit", "permit_of", "permits"]

_ROLES = 3
"""Letters before the name, one for each role."""


@dataclass(frozen=True)
class Permit:
    """A person in a project.

    Parameters
    ----------
    account : Account
        Who.
    project : RowMapping
        The row of the project.
    job : Job
        As it stands, with the names of its people.
    owner, reviewer, annotator : bool
        What the person is there.
    """

    account: Account
    project: RowMapping
    job: Job
    owner: bool = False
    reviewer: bool = False
    annotator: bool = False

    @property
    def id(self) -> int:
        """Of the project in the database."""
        return int(self.project["id"])

    @property
    def sees_all(self) -> bool:
        """True for who need not be kept from the work of others."""
        return (
            self.account.admin
            or self.owner
            or self.reviewer
            or not self.project["blind"]
        )

    @property
    def has_all_cases(self) -> bool:
        """True for who works on every case, or oversees those who do."""
        return (
            self.project["assignment"] == "everyone"
            or self.account.admin
            or self.owner
            or self.reviewer
        )

    def require_owner(self) -> None:
        """Raise RoleError unless the person runs the project."""
        if not (self.owner or self.account.admin):
            raise RoleError(
                f"{self.account.name} is not an owner of this project",
                where=self.job.name,
                remedy="Ask an owner of the project to do it",
            )

    def require_part(self) -> None:
        """Raise RoleError for who only looks on."""
        name = self.account.name
        works = self.job.may_annotate(name) or self.job.may_review(name)
        if not (works or self.owner or self.account.admin):
            raise RoleError(
                f"{name} looks on in this project",
                where=self.job.name,
                remedy="Ask an owner of the project to make you an annotator",
            )

    def may_see(self, connection: Connection, case_id: int, author_id: int) -> bool:
        """Return whether the person may see what somebody else said of a case.

        Who annotates blind sees it once both have submitted.
        """
        if author_id == self.account.id or self.sees_all:
            return True
        done = connection.scalars(
            select(works.c.account_id).where(
                works.c.case_id == case_id,
                works.c.of_id == 0,
                works.c.account_id.in_((author_id, self.account.id)),
                works.c.review.is_not(None),
            )
        )
        return set(done) == {author_id, self.account.id}

    def require_sight(
        self, connection: Connection, case_id: int, author_id: int, where: object
    ) -> None:
        """Raise RoleError unless :meth:`may_see`."""
        if not self.may_see(connection, case_id, author_id):
            raise RoleError(
                "what others said of the case is shown once both have submitted it",
                where=where,
                remedy="Submit the case first",
            )

    def visible(self) -> ColumnElement[bool] | None:
        """Return the condition for annotations that may be seen; None for all."""
        if self.sees_all:
            return None
        own = works.alias()
        mine_done = select(own.c.case_id).where(
            own.c.project_id == self.id,
            own.c.account_id == self.account.id,
            own.c.of_id == 0,
            own.c.review.is_not(None),
        )
        return or_(
            works.c.account_id == self.account.id,
            and_(
                works.c.review.is_not(None),
                works.c.case_id.in_(mine_done),
            ),
        )


def permit(connection: Connection, account: Account, key: str) -> Permit:
    """Return what a person may do in a project.

    Raises
    ------
    NotFoundError
        If there is none, or it is none of theirs: nobody learns which.
    RoleError
        If they were suspended there.
    """
    asked = {"account": account.id, "key": key}
    row = connection.execute(_PROJECT, asked).mappings().first()
    return permit_of(account, row, key)


def permit_of(account: Account, row: RowMapping | None, key: str) -> Permit:
    """Return what a person may do in the project of a row; see :func:`permit`.

    Parameters
    ----------
    account : Account
        Who.
    row : RowMapping, optional
        The columns of :data:`OF_PROJECT`, empty where there is no such project.
    key : str
        What was asked for.
    """
    state = None if row is None else row["member_state"]
    missing = row is None or row["id"] is None
    if row is None or missing or (state in {None, "removed"} and not account.admin):
        raise NotFoundError(
            f"there is no job {key!r}",
            remedy="Look at My Jobs again, or ask its owner to add you",
        )
    if state == "suspended" and not account.admin:
        raise RoleError(
            f"{account.name} is suspended in this project",
            where=_job(row, row["people"]).name,
            remedy="Ask an owner of the project",
        )
    return _permit(account, row)


def permits(connection: Connection, account: Account) -> list[Permit]:
    """Return all projects of a person, in the order in which they were made."""
    query = _PROJECTS
    if not account.admin:
        query = query.where(members.c.state == "active")
    asked = {"account": account.id}
    rows = connection.execute(query.order_by(projects.c.id), asked).mappings().all()
    return [_permit(account, row) for row in rows]


def _people() -> ScalarSelect[str]:
    """Return the question for the people of a project, with their roles, as a text.

    The database puts it together: with every request, a row for each of a few hundred
    members would cost more than all the rest. No name holds the end of a line.
    """
    one, by = accounts.alias(), members.alias()
    roles = (by.c.owner, by.c.reviewer, by.c.annotator)
    letters = [case((role, "x"), else_="-") for role in roles]
    line = letters[0] + letters[1] + letters[2] + one.c.name
    return (
        select(func.aggregate_strings(line, "\n"))
        .select_from(by.join(one, one.c.id == by.c.account_id))
        .where(by.c.project_id == projects.c.id, by.c.state == "active")
        .correlate(projects)
        .scalar_subquery()
    )


_PEOPLE = _people()
OF_PROJECT = (
    *projects.c,
    members.c.owner.label("is_owner"),
    members.c.reviewer.label("is_reviewer"),
    members.c.annotator.label("is_annotator"),
    members.c.state.label("member_state"),
    _PEOPLE.label("people"),
)
"""What is asked of a project, and of a person's part in it."""
_PROJECTS = (
    select(*OF_PROJECT)
    .select_from(projects)
    .outerjoin(
        members,
        and_(
            members.c.project_id == projects.c.id,
            members.c.account_id == bindparam("account"),
        ),
    )
    .where(projects.c.deleted.is_(None))
)
_PROJECT = _PROJECTS.where(projects.c.key == bindparam("key"))
_PEOPLE_OF = select(_PEOPLE).where(projects.c.id == bindparam("project"))


def _permit(account: Account, row: RowMapping) -> Permit:
    return Permit(
        account,
        row,
        _job(row, row["people"]),
        bool(row["is_owner"]),
        bool(row["is_reviewer"]),
        bool(row["is_annotator"]),
    )


def job_of(connection: Connection, project: RowMapping) -> Job:
    """Return the job as clients see it: who may do what is among its fields.

    Where a project is not open to all its members, nobody annotates or reviews but who
    is named; as long as nobody is, that is the owners.
    """
    people = connection.scalar(_PEOPLE_OF, {"project": project["id"]})
    return _job(project, people)


def _job(project: RowMapping, people: str | None) -> Job:
    return _parsed(
        project["document"],
        people or "",
        open_review=bool(project["open_review"]),
        open_annotation=bool(project["open_annotation"]),
    )


# Jobs by the text of their document and the people in them: parsing a label set at
# every request would take longer than all the rest.
@lru_cache(maxsize=256)
def _parsed(
    document: str, people: str, *, open_review: bool, open_annotation: bool
) -> Job:
    lines = people.split("\n") if people else []

    def named(role: int) -> list[str]:
        return sorted(line[_ROLES:] for line in lines if line[role] == "x")

    owners = named(0)
    fields: dict[str, Any] = {**json.loads(document), "owners": owners}
    if not open_review:
        fields["reviewers"] = named(1) or owners
    if not open_annotation:
        fields["annotators"] = named(2) or owners
    return Job.model_validate(fields)
