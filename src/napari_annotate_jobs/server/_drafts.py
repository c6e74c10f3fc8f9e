"""One person's work on one case, as it lies in the database."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import TYPE_CHECKING, Any

from sqlalchemy import bindparam, func, insert, select, update
from sqlalchemy.dialects.postgresql import insert as insert_postgresql
from sqlalchemy.dialects.sqlite import insert as insert_sqlite

from napari_annotate_jobs.errors import NotFoundError
from napari_annotate_jobs.model import (
    Annotation,
    Case,
    Submission,
    ThreadEntry,
    Verdict,
    document_json,
    now,
    threads_of,
)
from napari_annotate_jobs.stores import _rules

from ._schema import (
    accounts,
    cases,
    entries,
    events,
    projects,
    reads,
    slices,
    submissions,
    tasks,
    verdicts,
    works,
)

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

    from sqlalchemy import Connection, RowMapping, Table

    from napari_annotate_jobs.model import Comment, SliceAnnotation, Thread

    from ._permits import Permit

__all__ = [
    "PersonWork",
    "SavedSlice",
    "case_of",
    "count_labels",
    "dumped",
    "find_case",
    "find_work",
    "insert_or_ignore",
    "parts_of",
    "tell",
    "tell_of",
]

_MOST = 10_000
"""Of what is asked for at once: SQLite takes 32,766 values, PostgreSQL 65,535."""
_OWN = ("case_id", "person", "revision", "slices")


def dumped(value: object) -> str:
    """Return JSON as it is kept: no database minds any letter of it."""
    return json.dumps(document_json(value), separators=(",", ":"))


def count_labels(
    contents: Iterable[SliceAnnotation | None], case_labels: Iterable[int] = ()
) -> Counter[str]:
    """Count slices by the labels they carry; excluded ones and proposals do not.

    Returns
    -------
    Counter of str
        By id; labels of the case count once.
    """
    counts = Counter(map(str, case_labels))
    for content in contents:
        if content is not None and not content.excluded:
            counts.update(map(str, content.label_ids))
    return counts


def insert_or_ignore(connection: Connection, table: Table) -> Any:
    """Return an INSERT that does nothing where there is such a row already."""
    return _insert_or_ignore(connection.dialect.name, table)


@cache
def _insert_or_ignore(dialect: str, table: Table) -> Any:
    insert_into = insert_sqlite if dialect == "sqlite" else insert_postgresql
    return insert_into(table).on_conflict_do_nothing()


def parts_of(values: Collection[str]) -> Iterator[list[str]]:
    """Give values in parts that a database takes in one question."""
    every = list(values)
    for start in range(0, len(every), _MOST):
        yield every[start : start + _MOST]


# What every save asks and says is made once, and not put together each time.
_CASE = select(cases).where(
    cases.c.project_id == bindparam("project"), cases.c.key == bindparam("key")
)
_WORK = select(works).where(
    works.c.case_id == bindparam("case"),
    works.c.account_id == bindparam("account"),
    works.c.of_id == bindparam("of"),
)
_WORK_LOCKED = _WORK.with_for_update()
_SLICES = select(slices.c.key, slices.c.document).where(
    slices.c.annotation_id == bindparam("annotation"), slices.c.document.is_not(None)
)
_EVERY_SLICE = _SLICES.order_by(slices.c.key)
_SLICES_AT = select(
    slices.c.key, slices.c.revision, slices.c.stream, slices.c.document
).where(
    slices.c.annotation_id == bindparam("annotation"),
    slices.c.key.in_(bindparam("keys", expanding=True)),
)
_NEXT_NUMBER = (
    update(projects)
    .where(projects.c.id == bindparam("project"))
    .values(sequence=projects.c.sequence + 1)
    .returning(projects.c.sequence)
)
_ADD_EVENT = insert(events)


def find_case(connection: Connection, permit: Permit, key: str) -> RowMapping:
    """Return the row of a case that a person may work on.

    Raises
    ------
    NotFoundError
        If there is none, or it is for others.
    """
    asked = {"project": permit.id, "key": key}
    row = connection.execute(_CASE, asked).mappings().first()
    if row is not None and not permit.has_all_cases:
        mine = permit.account.id
        begun = select(works.c.id).where(
            works.c.case_id == row["id"],
            works.c.account_id == mine,
            works.c.revision > 0,
        )
        given = select(tasks.c.id).where(
            tasks.c.case_id == row["id"], tasks.c.account_id == mine
        )
        if connection.scalar(begun.limit(1)) is None:
            if connection.scalar(given.limit(1)) is None:
                row = None
    if row is None:
        raise NotFoundError(f"there is no case {key!r}", where=permit.job.name)
    return row


def case_of(row: RowMapping, *, sized: bool = True) -> Case:
    """Return the case of a row, with what opening its images told."""
    case = _parsed(row["document"])
    changes: dict[str, Any] = {}
    if row["n_slices"] is not None:
        changes["n_slices"] = row["n_slices"]
    if sized and row["rows"] is not None and case.size is None:
        changes["size"] = (row["rows"], row["columns"])
    return case.model_copy(update=changes) if changes else case


@lru_cache(maxsize=1024)
def _parsed(document: str) -> Case:
    return Case.model_validate_json(document)


@dataclass(frozen=True)
class SavedSlice:
    """What is kept of one slice.

    Parameters
    ----------
    revision : int
        At which it last changed.
    stream : str
        Of the operation that changed it.
    document : str, optional
        What is said of it, as JSON; None for nothing.
    """

    revision: int = 0
    stream: str = ""
    document: str | None = None


@dataclass
class PersonWork:
    """One person's work on one case.

    Parameters
    ----------
    connection : Connection
        Of the transaction.
    permit : Permit
        Who looks at it, and in which project.
    case : RowMapping
        The case.
    author_id : int
        Whose work.
    author : str
        The name.
    of_id : int
        Whose submission it corrects; 0 for none.
    row : RowMapping, optional
        None as long as nothing was saved.
    locked : bool
        Whether it is nobody else's until this transaction is done.
    """

    connection: Connection
    permit: Permit
    case: RowMapping
    author_id: int
    author: str
    of_id: int = 0
    row: RowMapping | None = None
    locked: bool = False

    @property
    def id(self) -> int:
        """In the database; only of one that is there."""
        assert self.row is not None
        return int(self.row["id"])

    @property
    def revision(self) -> int:
        """How many changes were saved."""
        return 0 if self.row is None else int(self.row["revision"])

    # ----------------------------------------------------------------- reading
    def annotation(self, saved: Mapping[str, SavedSlice] | None = None) -> Annotation:
        """Return the draft, or of its slices only those that :meth:`saved` gave."""
        return Annotation.model_validate(self.document(saved))

    def saved(self, keys: Collection[str]) -> dict[str, SavedSlice]:
        """Return what is kept of some slices, by their keys; not of all of them."""
        if self.row is None:
            return {}
        return {
            key: SavedSlice(revision, stream, document)
            for part in parts_of(keys)
            for key, revision, stream, document in self.connection.execute(
                _SLICES_AT, {"annotation": self.id, "keys": part}
            )
        }

    def document(self, saved: Mapping[str, SavedSlice] | None = None) -> dict[str, Any]:
        """Return the draft as JSON values; see :meth:`annotation`."""
        own = {"case_id": self.case["key"], "person": self.author}
        if self.row is None:
            return own
        texts: Iterable[tuple[str, str | None]]
        if saved is None:
            texts = self.connection.execute(_EVERY_SLICE, {"annotation": self.id})
        else:
            texts = ((key, saved[key].document) for key in sorted(saved))
        found = {key: json.loads(text) for key, text in texts if text is not None}
        whole = json.loads(self.row["whole"])
        return {**own, **whole, "revision": self.revision, "slices": found}

    def stamp(self) -> str:
        """Return a text that is another one once the draft, or its standing, is."""
        if self.row is None:
            return f"nothing {self.permit.id} {self.case['id']} {self.author}"
        of = ("id", "revision", "submissions", "status", "review", "judged", "comment")
        counted = self.connection.scalar(
            select(func.count())
            .select_from(verdicts)
            .where(verdicts.c.annotation_id == self.id)
        )
        return json.dumps([str(self.row[name]) for name in of] + [counted])

    def verdicts(self, submission: int | None = None) -> list[Verdict]:
        """Return the verdicts, or those on one submission."""
        if self.row is None:
            return []
        query = select(verdicts.c.document).where(verdicts.c.annotation_id == self.id)
        if submission is not None:
            query = query.where(verdicts.c.submission == submission)
        query = query.order_by(verdicts.c.submission, verdicts.c.number)
        texts = self.connection.scalars(query)
        return [Verdict.model_validate_json(text) for text in texts]

    def standing(self) -> _rules.Standing:
        """Return where it stands."""
        last = 0 if self.row is None else int(self.row["submissions"])
        return _rules.Standing(last, tuple(self.verdicts(last)) if last else ())

    def submissions(self) -> list[Submission]:
        """Return all submissions in their order."""
        if self.row is None:
            return []
        texts = self.connection.scalars(
            select(submissions.c.document)
            .where(submissions.c.annotation_id == self.id)
            .order_by(submissions.c.number)
        )
        return [Submission.model_validate_json(text) for text in texts]

    def last_submission(self) -> Submission | None:
        """Return the last submission, None if there is none."""
        if self.row is None or not self.row["submissions"]:
            return None
        text = self.connection.scalar(
            select(submissions.c.document).where(
                submissions.c.annotation_id == self.id,
                submissions.c.number == self.row["submissions"],
            )
        )
        assert text is not None
        return Submission.model_validate_json(text)

    def entries(self) -> list[ThreadEntry]:
        """Return all that was said in threads."""
        if self.row is None:
            return []
        texts = self.connection.scalars(
            select(entries.c.document)
            .where(entries.c.annotation_id == self.id)
            .order_by(entries.c.number)
        )
        return [ThreadEntry.model_validate_json(text) for text in texts]

    def own_comments(self) -> Sequence[Comment]:
        """Return the annotator's comments that this person may see."""
        draft = self.annotation({})
        reader = self.permit.account.name
        last = self.last_submission() if reader != self.author else None
        return _rules.own_comments(draft, last, reader=reader)

    def threads(self) -> tuple[Thread, ...]:
        """Return the threads as this person sees them."""
        reader, read = self.permit.account, {}
        if self.row is not None:
            found = self.connection.execute(
                select(reads.c.thread, reads.c.count).where(
                    reads.c.annotation_id == self.id, reads.c.account_id == reader.id
                )
            )
            read = {row[0]: row[1] for row in found}
        return threads_of(
            self.own_comments(),
            self.verdicts(),
            self.entries(),
            reader=reader.name,
            read=read,
        )

    # ----------------------------------------------------------------- writing
    def make(self) -> None:
        """See that it has a row, which is nobody else's until this is done."""
        if self.row is None:
            self.connection.execute(
                insert_or_ignore(self.connection, works).values(
                    project_id=self.permit.id,
                    case_id=self.case["id"],
                    account_id=self.author_id,
                    of_id=self.of_id,
                    labels=self.permit.project["labels"],
                )
            )
        elif self.locked:
            return
        self.read(lock=True)

    def read(self, *, lock: bool = False) -> None:
        """Read its row again."""
        asked = {
            "case": self.case["id"],
            "account": self.author_id,
            "of": self.of_id,
        }
        query = _WORK_LOCKED if lock else _WORK
        self.row = self.connection.execute(query, asked).mappings().first()
        self.locked = self.locked or (lock and self.row is not None)

    def set(self, **values: Any) -> None:
        """Change its row."""
        self.connection.execute(
            update(works).where(works.c.id == self.id).values(**values)
        )

    def set_whole(self, annotation: Annotation) -> str:
        """Return the text of all but the slices."""
        # Those of a slice each are kept by themselves, and may be hundreds.
        fields = document_json(annotation.model_copy(update={"slices": {}}))
        return dumped({k: v for k, v in fields.items() if k not in _OWN})

    def settle(self) -> None:
        """Derive what lists show from submissions and verdicts."""
        self.read()
        standing, last = self.standing(), self.last_submission()
        verdict = standing.verdict
        reviewer = None
        if verdict is not None:
            reviewer = self.connection.scalar(
                select(accounts.c.id).where(accounts.c.name == verdict.person)
            )
        times = [
            self.row and self.row["touched"],
            last and last.time,
            verdict and verdict.time,
        ]
        self.set(
            touched=max((time for time in times if time), default=None),
            status=standing.status.value,
            review=None if standing.review is None else standing.review.value,
            submitted_revision=0 if last is None else last.annotation.revision,
            submitted=None if last is None else last.time,
            reviewer_id=reviewer,
            judged=None if verdict is None else verdict.time,
            comment="" if verdict is None else dumped(verdict.text),
        )

    def add_submission(self, submission: Submission) -> None:
        """Keep the next submission."""
        self.connection.execute(
            insert(submissions).values(
                annotation_id=self.id,
                number=submission.number,
                digest=submission.digest,
                time=submission.time,
                document=dumped(submission),
            )
        )
        self.set(submissions=submission.number)
        self.settle()

    def add_verdict(self, verdict: Verdict) -> None:
        """Keep a verdict."""
        self.connection.execute(
            insert(verdicts).values(
                annotation_id=self.id,
                submission=verdict.submission,
                number=verdict.number,
                outcome=verdict.outcome.value,
                time=verdict.time,
                document=dumped(verdict),
            )
        )
        self.settle()

    def add_entry(self, entry: ThreadEntry) -> None:
        """Keep what was said in a thread."""
        self.connection.execute(
            insert(entries).values(
                annotation_id=self.id, number=entry.number, document=dumped(entry)
            )
        )
        before = self.row and self.row["touched"]
        self.set(touched=max(filter(None, (before, entry.time))))

    def tell(self, kind: str, reference: str = "") -> int:
        """Tell of it to who follows the project; see :func:`tell`."""
        return tell(
            self.connection,
            self.permit,
            kind,
            case_id=self.case["id"],
            author_id=self.author_id,
            of_id=self.of_id,
            reference=reference,
        )


def find_work(
    connection: Connection,
    permit: Permit,
    key: str,
    *,
    person: str | None = None,
    of: str | None = None,
    lock: bool = False,
) -> PersonWork:
    """Return somebody's work on a case, as a person sees it.

    Parameters
    ----------
    connection : Connection
        Of the transaction.
    permit : Permit
        Who asks.
    key : str
        Id of the case.
    person : str, optional
        Whose work; that of who asks by default.
    of : str, optional
        Whose submission it corrects.
    lock : bool
        Have everybody else wait who wants to change it.

    Raises
    ------
    NotFoundError
        If there is no such case or person.
    RoleError
        If it is not to be seen yet.
    """
    from ._accounts import find_account

    case = find_case(connection, permit, key)
    account = permit.account
    if person is not None and person != account.name:
        account = find_account(connection, person)
    of_id = 0 if of is None else find_account(connection, of).id
    permit.require_sight(connection, case["id"], account.id, key)
    if of_id:
        permit.require_sight(connection, case["id"], of_id, key)
    work = PersonWork(connection, permit, case, account.id, account.name, of_id)
    work.read(lock=lock)
    return work


def tell(
    connection: Connection,
    permit: Permit,
    kind: str,
    *,
    case_id: int | None = None,
    author_id: int | None = None,
    of_id: int = 0,
    reference: str = "",
) -> int:
    """Put what happened at the end of the project's events; return its number.

    Whoever else tells of the project waits: so that nobody who asks for what came
    after a number ever misses one. It is the last thing a transaction does.
    """
    return tell_of(
        connection,
        permit.id,
        kind,
        person_id=permit.account.id,
        case_id=case_id,
        author_id=author_id,
        of_id=of_id,
        reference=reference,
    )


def tell_of(
    connection: Connection,
    project: int,
    kind: str,
    *,
    person_id: int | None = None,
    case_id: int | None = None,
    author_id: int | None = None,
    of_id: int = 0,
    reference: str = "",
) -> int:
    """Tell of something that nobody did, or somebody; see :func:`tell`."""
    sequence = connection.scalar(_NEXT_NUMBER, {"project": project})
    assert sequence is not None
    event = {
        "project_id": project,
        "sequence": sequence,
        "kind": kind,
        "case_id": case_id,
        "author_id": author_id,
        "person_id": person_id,
        "of_id": of_id,
        "reference": reference,
        "time": now(),
    }
    connection.execute(_ADD_EVENT, event)
    return int(sequence)
