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
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

from napari_annotate_jobs.model import (
    CaseOrder,
    Counts,
    Flag,
    ReviewCounts,
    ReviewStatus,
    Status,
    new_id,
)
from napari_annotate_jobs.stores._flags import STATUSES
from napari_annotate_jobs.stores._names import fold, name_key
from napari_annotate_jobs.stores._progress import Progress
from napari_annotate_jobs.stores.folder import _trigrams

from ._index_file import IndexFile, is_damage, marker, tidy
from ._index_orders import (
    BY_COLUMN,
    EPOCH,
    REVIEW_ORDERS,
    Page,
    clean,
    columns_of,
    flags_of,
    micros,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from napari_annotate_jobs.stores._case_query import Asked, AskedReviews

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

    def fill(self, cases: Iterable[tuple[str, str, str, int | None]]) -> None:
        """Start again with these cases: id, name, JSON and slices, in their order."""
        with self.writing():
            for table in (*_OF_PEOPLE, "flags", "names", "cases", "meta"):
                self._db.execute(f"DELETE FROM {table}")
            rows = [(n, *case) for n, case in enumerate(cases)]
            self._db.executemany(
                "INSERT INTO cases (place, id, doc, sort, n_slices) "
                "VALUES (?, ?, ?, ?, ?)",
                (
                    (place, clean(case_id), doc, clean(name_key(name)), n_slices)
                    for place, case_id, name, doc, n_slices in rows
                ),
            )
            self._db.executemany(
                "INSERT INTO names VALUES (?, ?)",
                ((place, clean(fold(name))) for place, _, name, _, _ in rows),
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
                "review = ?, touched = ? WHERE person = ? AND place = ?",
                status,
                progress.draft,
                progress.decided if known else None,
                clean(progress.comment),
                _review_number(progress.review),
                micros(progress.touched),
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

    def forget_flags(self) -> None:
        """Forget the flags on all cases."""
        with self.writing():
            self._do("DELETE FROM flags")

    def set_flag(self, place: int, person: str, flag: Flag | None) -> None:
        """Set the flag that a person put on a case; None if there is none."""
        person = clean(person)
        with self.writing():
            self._do("DELETE FROM flags WHERE place = ? AND person = ?", place, person)
            if flag is not None:
                self._do(
                    "INSERT INTO flags VALUES (?, ?, ?, ?)",
                    place,
                    person,
                    clean(flag.reason),
                    flag.time.astimezone(UTC).isoformat(timespec="microseconds"),
                )

    # ----------------------------------------------------------------- reading
    def flags(
        self, places: Sequence[int], whose: str | None
    ) -> dict[int, tuple[Flag, ...]]:
        """Return the flags on cases by their places, of one person or of all."""
        marks = ",".join("?" * len(places))
        source, values = flags_of(whose)
        found: dict[int, tuple[Flag, ...]] = {}
        for place, person, reason, time in self._all(
            f"SELECT * FROM {source} WHERE place IN ({marks}) ORDER BY time DESC",
            *values,
            *places,
        ):
            flag = Flag(person=person, reason=reason, time=datetime.fromisoformat(time))
            found[place] = (*found.get(place, ()), flag)
        return found

    def person(self, person: str) -> int | None:
        """Return a person's number, None if there are no rows of theirs."""
        row = self._one("SELECT number FROM people WHERE person = ?", person)
        return None if row is None else int(row[0])

    def place(self, case_id: str) -> int | None:
        """Return a case's place, None if there is no such case."""
        row = self._one("SELECT place FROM cases WHERE id = ?", clean(case_id))
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

    def counts(self, number: int, whose: str | None = None) -> Counts:
        """Return how many cases have which status, and how many are flagged.

        Parameters
        ----------
        number : int
            The person's.
        whose : str, optional
            Whose flags count; everybody's by default.
        """
        found = dict(
            self._all(
                "SELECT status, sum(n) FROM blocks WHERE person = ? GROUP BY status",
                number,
            )
        )
        source, values = flags_of(whose)
        flagged = self._one(f"SELECT count(DISTINCT place) FROM {source}", *values)
        return Counts(
            **{s.value: int(found.get(n, 0)) for n, s in enumerate(_STATUSES)},
            flagged=flagged[0],
        )

    def rows(self, number: int, places: Sequence[int]) -> list[IndexRow]:
        """Return the rows of cases, in the order of `places`."""
        marks = ",".join("?" * len(places))
        found = {
            row[0]: _row(row)
            for row in self._all(
                "SELECT c.place, c.doc, c.n_slices, c.warnings, p.status, p.draft, "
                "p.decided, p.comment, p.review, p.touched "
                "FROM cases c JOIN progress p "
                f"ON p.person = ? AND p.place = c.place WHERE c.place IN ({marks})",
                number,
                *places,
            )
        }
        return [found[place] for place in places if place in found]

    def page(self, number: int, asked: Asked, offset: int, limit: int) -> Page:
        """Return the places of a page of cases, and how many there are in all."""
        if asked.text or asked.flagged:
            return self._search(number, asked, offset, limit)
        total = self.counts(number).of(asked.status)
        if asked.order in BY_COLUMN:
            return self._by_column(number, asked, offset, limit), total
        if not asked.backwards:
            return self._forward(number, asked, offset, limit), total
        end = max(total - offset, 0)
        start = max(end - limit, 0)
        return self._forward(number, asked, start, end - start)[::-1], total

    def _forward(self, number: int, asked: Asked, offset: int, limit: int) -> list[int]:
        """Return places in the job's order, by status, or the flagged ones first."""
        status, places = asked.status, list[int]()
        if asked.order is CaseOrder.FLAG:
            flagged, values = flags_of(asked.whose)
            places = self._search_all(number, asked)
            rest = f"place NOT IN (SELECT place FROM {flagged})"
            if status is not None:
                rest += " AND status = ?"
                values = [*values, _NUMBER[status]]
            rows = self._all(
                f"SELECT place FROM progress WHERE person = ? AND {rest} "
                "ORDER BY place LIMIT ? OFFSET ?",
                number,
                *values,
                max(offset + limit - max(len(places), offset), 0),
                max(offset - len(places), 0),
            )
            return [*places[offset : offset + limit], *(row[0] for row in rows)]
        if asked.order is CaseOrder.STATUS and status is None:
            counts, start = self.counts(number), 0
            for each in STATUSES:
                first, n = max(offset - start, 0), counts.of(each)
                left = limit - len(places)
                if left > 0 and first < n:
                    places += self._of_status(number, each, first, left)
                start += n
            return places
        if status is None:
            total = self.n_cases()
            return list(range(min(offset, total), min(offset + limit, total)))
        return self._of_status(number, status, offset, limit)

    def _of_status(
        self, number: int, status: Status, offset: int, limit: int
    ) -> list[int]:
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
        else:
            return []
        rows = self._all(
            "SELECT place FROM progress WHERE person = ? AND status = ? AND place >= ? "
            "ORDER BY place LIMIT ? OFFSET ?",
            number,
            _NUMBER[status],
            start,
            limit,
            offset - skipped,
        )
        return [row[0] for row in rows]

    def _by_column(
        self, number: int, asked: Asked, offset: int, limit: int
    ) -> list[int]:
        """Return places in the order of a column that has an index."""
        column, values = "place", [number]
        mine = "p.person = ?"
        if asked.status is not None:
            mine += f" AND p.status = {_NUMBER[asked.status]}"
        if asked.order is CaseOrder.TOUCHED:
            source = f"progress p WHERE {mine}"
        elif asked.status is None:
            source, values = "cases c", []
        else:
            # CROSS, or SQLite might sort what the index has in its order.
            source = f"cases c CROSS JOIN progress p ON {mine} AND p.place = c.place"
            column = "c.place"
        rows = self._all(
            f"SELECT {column} FROM {source} ORDER BY "
            f"{columns_of(asked.order, asked.backwards)} LIMIT ? OFFSET ?",
            *values,
            limit,
            offset,
        )
        return [row[0] for row in rows]

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
        person = clean(person)
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
            reviewer, status = clean(progress.reviewer), _review_number(review)
            self._count_review((person, reviewer, status, revised), 1)
            self._do(
                "INSERT INTO reviews VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                place,
                person,
                status,
                revised,
                progress.number,
                progress.submitted and progress.submitted.isoformat(),
                reviewer,
                progress.judged and progress.judged.isoformat(),
                clean(progress.comment),
                micros(progress.judged or progress.submitted or progress.touched),
            )

    def _count_review(self, what: tuple[Any, ...], step: int) -> None:
        self._do(
            "INSERT INTO review_counts VALUES (?, ?, ?, ?, ?) "
            "ON CONFLICT DO UPDATE SET n = n + excluded.n",
            *what,
            step,
        )

    def review_counts(self, whose: str | None = None) -> ReviewCounts:
        """Return how many submitted cases have which review status."""
        found = _review_counts(
            self._all("SELECT status, n, n * revised FROM review_counts")
        )
        flagged, values = flags_of(whose)
        number = self._one(
            f"SELECT count(*) FROM (SELECT DISTINCT place FROM {flagged}) f "
            "CROSS JOIN reviews r ON r.place = f.place",
            *values,
        )
        return found.model_copy(update={"flagged": number[0]})

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
        self, asked: AskedReviews, offset: int, limit: int
    ) -> tuple[list[ReviewedRow], int]:
        """Return a page of the submitted cases, and how many there are in all."""
        source, values = "reviews r", []
        flagged, whose = flags_of(asked.whose)
        if asked.text:
            inner, words = _trigrams.search(self._db, clean(fold(asked.text)))
            source = f"({inner}) f CROSS JOIN reviews r ON r.place = f.place"
            values += words
        where = []
        for name, value in (
            ("status", _review_number(asked.status)),
            ("revised", asked.revised),
            ("person", None if asked.person is None else clean(asked.person)),
        ):
            if value is not None:
                where.append(f"r.{name} = ?")
                values.append(value)
        if asked.flagged:
            where.append(f"r.place IN (SELECT place FROM {flagged})")
            values += whose
        tail = f"FROM {source}" + (f" WHERE {' AND '.join(where)}" if where else "")
        if asked.text or asked.flagged:
            total = self._one(f"SELECT count(*) {tail}", *values)[0]
        else:
            counted = tail.replace("FROM reviews r", "FROM review_counts r")
            total = self._one(f"SELECT sum(n) {counted}", *values)[0] or 0
        first = REVIEW_ORDERS[asked.order]
        if "c." in first:
            joined = f"{source} JOIN cases c ON c.place = r.place"
            tail = tail.replace(source, joined, 1)
        if "FLAG" in first:
            newest = f"SELECT max(time) FROM {flagged} l WHERE l.place = r.place"
            first, values = first.replace("FLAG", f"({newest})"), [*values, *whose]
        columns = [part for part in (first, "r.place", "r.person") if part]
        if asked.backwards:
            columns = [
                part[:-5] if part.endswith(" DESC") else f"{part} DESC"
                for part in columns
            ]
        keys = self._all(
            f"SELECT r.place, r.person {tail} ORDER BY {', '.join(columns)} "
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
                clean(person),
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
                clean(leave_out),
                *(after or ()),
            )
        if not found:
            return None
        return min(found) if step > 0 else max(found)

    # ----------------------------------------------------------------- private
    def _search(self, number: int, asked: Asked, offset: int, limit: int) -> Page:
        with self._guard:
            version = self._db.total_changes, *self._one("PRAGMA data_version")
            question = (number, asked, *version)
            if self._found is None or self._found[0] != question:
                places = self._search_all(number, asked)
                self._found = question, places[::-1] if asked.backwards else places
            places = self._found[1]
        return places[offset : offset + limit], len(places)

    def _search_all(self, number: int, asked: Asked) -> list[int]:
        """Return all places with a text, or of flagged cases, the order not turned."""
        words: list[Any] = []
        flagged, whose = flags_of(asked.whose)
        if asked.text:
            source, words = _trigrams.search(self._db, clean(fold(asked.text)))
            if asked.flagged:
                source += f" INTERSECT SELECT place FROM {flagged}"
                words = [*words, *whose]
        else:
            source, words = f"SELECT DISTINCT place FROM {flagged}", whose
        # CROSS, or SQLite might search once for each case with the status.
        source = (
            f"({source}) f CROSS JOIN progress p ON p.person = ? AND p.place = f.place"
        )
        words = [*words, number]
        if asked.status is not None:
            source += " AND p.status = ?"
            words.append(_NUMBER[asked.status])
        columns = columns_of(asked.order, False)
        if "c." in columns:
            source += " CROSS JOIN cases c ON c.place = f.place"
        if "l.time" in columns:
            newest = f"SELECT place, max(time) AS time FROM {flagged} GROUP BY place"
            source += f" LEFT JOIN ({newest}) l ON l.place = f.place"
            words += whose
        rows = self._all(f"SELECT f.place FROM {source} ORDER BY {columns}", *words)
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


def _row(row: tuple[Any, ...]) -> IndexRow:
    (
        place,
        doc,
        n_slices,
        warnings,
        status,
        draft,
        decided,
        comment,
        review,
        touched,
    ) = row
    progress = Progress(
        _STATUSES[status],
        bool(draft),
        decided or 0,
        comment,
        review=None if review is None else _REVIEWS[review],
        touched=EPOCH + timedelta(microseconds=touched) if touched else None,
    )
    return (
        place,
        doc,
        n_slices,
        tuple(json.loads(warnings)),
        progress,
        decided is not None,
    )
