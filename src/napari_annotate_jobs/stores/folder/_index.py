"""The index of a job: counts and case tables, derived from the documents.

It is an SQLite file in the user's cache folder, never on a share, and never the
truth: whatever is wrong with it, it is thrown away and made again.

A case table of 100,000 rows must not cost more than one of 1,000. So each case has
a row for each person, found by (person, status, place); the rows of a status are
counted by blocks of 2,048 places, so that a page in the middle is found by adding
up a few dozen numbers; and names are searched by their trigrams.
"""

from __future__ import annotations

import json
import sqlite3
from collections import Counter
from datetime import datetime
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

from napari_annotate_jobs.model import (
    Counts,
    ReviewCounts,
    ReviewStatus,
    Status,
    new_id,
)
from napari_annotate_jobs.stores._names import fold
from napari_annotate_jobs.stores._progress import Progress
from napari_annotate_jobs.stores.folder import _trigrams

from ._index_file import IndexFile, is_damage, marker, tidy

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

__all__ = [
    "Index",
    "IndexRow",
    "ReviewedRow",
    "open_index",
]

_T = TypeVar("_T")

_FILES = 20
_BLOCK = 2048
_STATUSES = tuple(Status)
_REVIEWS = tuple(ReviewStatus)
_OF_PEOPLE = ("progress", "blocks", "people", "reviews", "review_counts")
_NUMBER = {status: number for number, status in enumerate(_STATUSES)}

IndexRow = tuple[int, str, int | None, tuple[str, ...], Progress, bool]
"""Place, case as JSON, slices, warnings, progress, and whether `decided` is known."""


class ReviewedRow(NamedTuple):
    """What one person submitted of a case, as the index knows it."""

    place: int
    doc: str
    n_slices: int | None
    person: str
    progress: Progress


def open_index(folder: Path, name: str) -> Index:
    """Open the first file of this name that nobody found damaged.

    Raises
    ------
    sqlite3.DatabaseError
        If none can be opened.
    """
    for number in range(_FILES):
        path = folder / (f"{name}-{number}.sqlite" if number else f"{name}.sqlite")
        tidy(path)
        if marker(path).exists():
            continue
        try:
            return Index(path)
        except sqlite3.DatabaseError as error:
            if not is_damage(error):
                raise
            marker(path).touch()
    raise sqlite3.DatabaseError("one index after the other is damaged")


class Index(IndexFile):
    """The index of one job folder.

    Every method may be called from any thread, and other processes may use the
    same file. Methods raise sqlite3.DatabaseError if the file is damaged.

    Parameters
    ----------
    path : Path, optional
        The file; None to keep the index in memory.
    """

    def __init__(self, path: Path | None) -> None:
        super().__init__(path)
        # The pages of a long list of hits are asked for one after the other.
        self._found: tuple[tuple[Any, ...], list[int]] | None = None

    # -------------------------------------------------------------------- meta
    def get(self, name: str) -> Any:
        """Return a noted value, None if there is none."""
        row = self._one("SELECT value FROM meta WHERE name = ?", name)
        return None if row is None else json.loads(row[0])

    def put(self, name: str, value: object) -> None:
        """Note a value that can be JSON."""
        with self.writing():
            self._do(
                "INSERT OR REPLACE INTO meta VALUES (?, ?)", name, json.dumps(value)
            )

    def name(self) -> str:
        """Return another name each time when numbers of places or people changed."""
        return str(self.get("name") or "")

    # ---------------------------------------------------------------- building
    def forget(self) -> None:
        """Forget everything."""
        self.fill(())

    def fill(self, cases: Iterable[tuple[str, str, str]]) -> None:
        """Start again with these cases: id, name and JSON, in their order."""
        with self.writing():
            for table in (*_OF_PEOPLE, "names", "cases", "meta"):
                self._db.execute(f"DELETE FROM {table}")
            rows = [(n, *case) for n, case in enumerate(cases)]
            self._db.executemany(
                "INSERT INTO cases (place, id, doc) VALUES (?, ?, ?)",
                ((place, _clean(case_id), doc) for place, case_id, _, doc in rows),
            )
            self._db.executemany(
                "INSERT INTO names VALUES (?, ?)",
                ((place, _clean(fold(name))) for place, _, name, _ in rows),
            )
            _trigrams.fill(self._db)
            self.put("name", new_id())

    def add_person(self, person: str) -> None:
        """Give a person a row for each case, none of them begun."""
        with self.writing():
            self._do("INSERT OR IGNORE INTO people (person) VALUES (?)", person)
            number = self.person(person)
            for table in ("progress", "blocks"):
                self._do(f"DELETE FROM {table} WHERE person = ?", number)
            self._do(
                "INSERT INTO progress (person, place, decided) "
                "SELECT ?, place, 0 FROM cases",
                number,
            )
            self._do(
                "INSERT INTO blocks SELECT ?, 0, place / ?, count(*) FROM cases "
                "GROUP BY place / ?",
                number,
                _BLOCK,
                _BLOCK,
            )

    def forget_people(self) -> None:
        """Forget what everybody did; the cases stay."""
        with self.writing():
            for table in _OF_PEOPLE:
                self._db.execute(f"DELETE FROM {table}")
            self.put("reviews", False)
            self.put("name", new_id())

    def set_progress(
        self, number: int, place: int, progress: Progress, *, known: bool = True
    ) -> None:
        """Set what a person did on a case.

        Parameters
        ----------
        number : int
            The person's.
        place : int
            The case's.
        progress : Progress
            Where it stands.
        known : bool
            False if the decided slices are still to be counted.
        """
        with self.writing():
            status = _NUMBER[progress.status]
            old = self._one(
                "SELECT status FROM progress WHERE person = ? AND place = ?",
                number,
                place,
            )
            if old is None:
                return
            self._do(
                "UPDATE progress SET status = ?, draft = ?, decided = ?, comment = ?, "
                "review = ? WHERE person = ? AND place = ?",
                status,
                progress.draft,
                progress.decided if known else None,
                _clean(progress.comment),
                _review_number(progress.review),
                number,
                place,
            )
            if old[0] != status:
                block = place // _BLOCK
                self._do(
                    "UPDATE blocks SET n = n - 1 "
                    "WHERE person = ? AND status = ? AND block = ?",
                    number,
                    old[0],
                    block,
                )
                self._do(
                    "INSERT INTO blocks VALUES (?, ?, ?, 1) "
                    "ON CONFLICT DO UPDATE SET n = n + 1",
                    number,
                    status,
                    block,
                )

    def set_note(
        self, place: int, n_slices: int | None, warnings: Sequence[str]
    ) -> None:
        """Set what opening a case's images told."""
        with self.writing():
            self._do(
                "UPDATE cases SET n_slices = ?, warnings = ? WHERE place = ?",
                n_slices,
                json.dumps(list(warnings)),
                place,
            )

    # ----------------------------------------------------------------- reading
    def person(self, person: str) -> int | None:
        """Return a person's number, None if there are no rows of theirs."""
        row = self._one("SELECT number FROM people WHERE person = ?", person)
        return None if row is None else int(row[0])

    def place(self, case_id: str) -> int | None:
        """Return a case's place, None if there is no such case."""
        row = self._one("SELECT place FROM cases WHERE id = ?", _clean(case_id))
        return None if row is None else int(row[0])

    def document(self, place: int) -> str | None:
        """Return the case at a place, as JSON; None if there is none."""
        row = self._one("SELECT doc FROM cases WHERE place = ?", place)
        return None if row is None else str(row[0])

    def places(self) -> dict[str, int]:
        """Return the place of every case."""
        return dict(self._all("SELECT id, place FROM cases"))

    def n_cases(self) -> int:
        """Return the number of cases."""
        row = self._one("SELECT max(place) FROM cases")
        return 0 if row is None or row[0] is None else int(row[0]) + 1

    def counts(self, number: int) -> Counts:
        """Return how many cases have which status."""
        found = dict(
            self._all(
                "SELECT status, sum(n) FROM blocks WHERE person = ? GROUP BY status",
                number,
            )
        )
        return Counts(
            **{s.value: int(found.get(n, 0)) for n, s in enumerate(_STATUSES)}
        )

    def rows(self, number: int, places: Sequence[int]) -> list[IndexRow]:
        """Return the rows of cases, in the order of `places`."""
        marks = ",".join("?" * len(places))
        found = {
            row[0]: _row(row)
            for row in self._all(
                "SELECT c.place, c.doc, c.n_slices, c.warnings, p.status, p.draft, "
                "p.decided, p.comment, p.review FROM cases c JOIN progress p "
                f"ON p.person = ? AND p.place = c.place WHERE c.place IN ({marks})",
                number,
                *places,
            )
        }
        return [found[place] for place in places if place in found]

    def page(
        self, number: int, status: Status | None, text: str, offset: int, limit: int
    ) -> tuple[list[int], int]:
        """Return the places of a page of cases, and how many there are in all."""
        if text:
            return self._search(number, status, _clean(fold(text)), offset, limit)
        if status is None:
            total = self.n_cases()
            return list(range(min(offset, total), min(offset + limit, total))), total
        total = self.counts(number).of(status)
        if offset >= total:
            return [], total
        start, skipped = 0, 0
        for block, n in self._all(
            "SELECT block, n FROM blocks WHERE person = ? AND status = ? "
            "ORDER BY block",
            number,
            _NUMBER[status],
        ):
            if skipped + n > offset:
                start = block * _BLOCK
                break
            skipped += n
        rows = self._all(
            "SELECT place FROM progress WHERE person = ? AND status = ? AND place >= ? "
            "ORDER BY place LIMIT ? OFFSET ?",
            number,
            _NUMBER[status],
            start,
            limit,
            offset - skipped,
        )
        return [row[0] for row in rows], total

    def nearest(
        self, number: int, place: int, step: int, statuses: Sequence[Status]
    ) -> int | None:
        """Return the next place after (before) another with one of the statuses."""
        if step > 0:
            value, relation = "min(place)", ">"
        else:
            value, relation = "max(place)", "<"
        found: list[int] = [
            row[0]
            for status in set(statuses)
            for row in self._all(
                f"SELECT {value} FROM progress "
                f"WHERE person = ? AND status = ? AND place {relation} ?",
                number,
                _NUMBER[status],
                place,
            )
            if row[0] is not None
        ]
        if not found:
            return None
        return min(found) if step > 0 else max(found)

    # --------------------------------------------------------------- reviewing
    def set_review(
        self, place: int, person: str, progress: Progress, review: ReviewStatus | None
    ) -> None:
        """Set what became of what a person submitted of a case.

        Parameters
        ----------
        place : int
            The case's.
        person : str
            Who submitted it.
        progress : Progress
            Where it stands.
        review : ReviewStatus, optional
            As its reviewer sees it; None takes it off the list.
        """
        person = _clean(person)
        with self.writing():
            old = self._one(
                "SELECT person, reviewer, status, revised FROM reviews "
                "WHERE place = ? AND person = ?",
                place,
                person,
            )
            if old is not None:
                self._count_review(old, -1)
                self._do(
                    "DELETE FROM reviews WHERE place = ? AND person = ?", place, person
                )
            if review is None:
                return
            revised = progress.number > 1 and review is ReviewStatus.WAITING
            reviewer, status = _clean(progress.reviewer), _review_number(review)
            self._count_review((person, reviewer, status, revised), 1)
            self._do(
                "INSERT INTO reviews VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
                place,
                person,
                status,
                revised,
                progress.number,
                progress.submitted and progress.submitted.isoformat(),
                reviewer,
                progress.judged and progress.judged.isoformat(),
                _clean(progress.comment),
            )

    def _count_review(self, what: tuple[Any, ...], step: int) -> None:
        self._do(
            "INSERT INTO review_counts VALUES (?, ?, ?, ?, ?) "
            "ON CONFLICT DO UPDATE SET n = n + excluded.n",
            *what,
            step,
        )

    def review_counts(self) -> ReviewCounts:
        """Return how many submitted cases have which review status."""
        return _review_counts(
            self._all("SELECT status, n, n * revised FROM review_counts")
        )

    def review_progress(self) -> dict[str, tuple[ReviewCounts, ReviewCounts]]:
        """Return what became of what each person submitted, and their verdicts."""
        found: dict[str, tuple[list[Any], list[Any]]] = {}
        for person, reviewer, status, revised, n in self._all(
            "SELECT * FROM review_counts WHERE n > 0"
        ):
            row = status, n, n * revised
            found.setdefault(person, ([], []))[0].append(row)
            if reviewer:
                found.setdefault(reviewer, ([], []))[1].append(row)
        return {
            person: (_review_counts(submitted), _review_counts(given))
            for person, (submitted, given) in sorted(found.items())
        }

    def reviews(
        self,
        status: ReviewStatus | None,
        revised: bool | None,
        text: str,
        person: str | None,
        offset: int,
        limit: int,
    ) -> tuple[list[ReviewedRow], int]:
        """Return a page of the submitted cases, and how many there are in all."""
        source, values = "reviews r", []
        if text:
            inner, words = _trigrams.search(self._db, _clean(fold(text)))
            source = f"({inner}) f CROSS JOIN reviews r ON r.place = f.place"
            values += words
        where = []
        for name, value in (
            ("status", _review_number(status)),
            ("revised", revised),
            ("person", None if person is None else _clean(person)),
        ):
            if value is not None:
                where.append(f"r.{name} = ?")
                values.append(value)
        tail = f"FROM {source}" + (f" WHERE {' AND '.join(where)}" if where else "")
        if text:
            total = self._one(f"SELECT count(*) {tail}", *values)[0]
        else:
            counted = tail.replace("FROM reviews r", "FROM review_counts r")
            total = self._one(f"SELECT sum(n) {counted}", *values)[0] or 0
        keys = self._all(
            f"SELECT r.place, r.person {tail} ORDER BY r.place, r.person "
            "LIMIT ? OFFSET ?",
            *values,
            limit,
            offset,
        )
        return [row for key in keys for row in self.review(*key)], int(total)

    def review(self, place: int, person: str) -> list[ReviewedRow]:
        """Return what a person submitted of a case, nothing if they did not."""
        return [
            _reviewed(row)
            for row in self._all(
                "SELECT c.place, c.doc, c.n_slices, r.person, r.status, r.number, "
                "r.submitted, r.reviewer, r.judged, r.comment FROM reviews r "
                "JOIN cases c ON c.place = r.place "
                "WHERE r.place = ? AND r.person = ?",
                place,
                _clean(person),
            )
        ]

    def nearest_review(
        self,
        after: tuple[int, str] | None,
        step: int,
        statuses: Sequence[ReviewStatus],
        leave_out: str,
    ) -> tuple[int, str] | None:
        """Return the next submitted case after (before) another, not by `leave_out`."""
        relation, order = (">", "ASC") if step > 0 else ("<", "DESC")
        found: list[tuple[int, str]] = []
        for status in set(statuses):
            bound = "" if after is None else f"AND (place, person) {relation} (?, ?) "
            found += self._all(
                "SELECT place, person FROM reviews WHERE status = ? "
                f"AND person != ? {bound}"
                f"ORDER BY place {order}, person {order} LIMIT 1",
                _review_number(status),
                _clean(leave_out),
                *(after or ()),
            )
        if not found:
            return None
        return min(found) if step > 0 else max(found)

    # ----------------------------------------------------------------- private
    def _search(
        self, number: int, status: Status | None, text: str, offset: int, limit: int
    ) -> tuple[list[int], int]:
        with self._guard:
            version = self._db.total_changes, *self._one("PRAGMA data_version")
            asked = (number, status, text, *version)
            if self._found is None or self._found[0] != asked:
                self._found = asked, self._search_all(number, status, text)
            places = self._found[1]
        return places[offset : offset + limit], len(places)

    def _search_all(self, number: int, status: Status | None, text: str) -> list[int]:
        source, words = _trigrams.search(self._db, text)
        if status is not None:
            # CROSS, or SQLite might search once for each case with the status.
            source = (
                f"SELECT f.place FROM ({source}) f CROSS JOIN progress p "
                "ON p.person = ? AND p.place = f.place AND p.status = ?"
            )
            words += [number, _NUMBER[status]]
        rows = self._all(f"SELECT place FROM ({source}) ORDER BY place", *words)
        return [row[0] for row in rows]


def _review_number(review: ReviewStatus | None) -> int | None:
    return None if review is None else _REVIEWS.index(review)


def _review_counts(rows: Iterable[tuple[int, int, int]]) -> ReviewCounts:
    """Add up rows of status, number and how many of them are revised."""
    counts = Counter[str]()
    for status, n, revised in rows:
        counts[_REVIEWS[status].value.replace(" ", "_")] += n
        counts["revised"] += revised
    return ReviewCounts(**counts)


def _moment(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text)


def _reviewed(row: tuple[Any, ...]) -> ReviewedRow:
    place, doc, n_slices, person, status, number, submitted, reviewer, judged, text = (
        row
    )
    return ReviewedRow(
        place,
        doc,
        n_slices,
        person,
        Progress(
            comment=text,
            number=number,
            review=_REVIEWS[status],
            submitted=_moment(submitted),
            reviewer=reviewer,
            judged=_moment(judged),
        ),
    )


def _clean(text: str) -> str:
    """Return text that SQLite can hold: no half of a surrogate pair."""
    return text.encode("utf-8", "replace").decode()


def _row(row: tuple[Any, ...]) -> IndexRow:
    place, doc, n_slices, warnings, status, draft, decided, comment, review = row
    progress = Progress(
        _STATUSES[status],
        bool(draft),
        decided or 0,
        comment,
        review=None if review is None else _REVIEWS[review],
    )
    return (
        place,
        doc,
        n_slices,
        tuple(json.loads(warnings)),
        progress,
        decided is not None,
    )
