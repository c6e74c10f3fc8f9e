"""The SQLite file of an index: how it is opened, read, written and given up."""

from __future__ import annotations

import sqlite3
import threading
import time
import weakref
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any

from napari_annotate_jobs.stores.folder import _trigrams

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

__all__ = [
    "IndexFile",
    "MustWrite",
    "is_damage",
    "is_out_of_reach",
    "marker",
    "tidy",
]

_SCHEMA = 3

_TABLES = f"""
CREATE TABLE meta (name TEXT PRIMARY KEY, value TEXT) WITHOUT ROWID;
CREATE TABLE cases (
    place INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, doc TEXT NOT NULL,
    sort TEXT NOT NULL, n_slices INTEGER, warnings TEXT NOT NULL DEFAULT '[]'
);
CREATE INDEX by_name ON cases (sort, place);
CREATE INDEX by_slices ON cases (coalesce(n_slices, 0), place);
CREATE TABLE names (place INTEGER PRIMARY KEY, name TEXT NOT NULL);
CREATE TABLE people (number INTEGER PRIMARY KEY, person TEXT NOT NULL UNIQUE);
CREATE TABLE progress (
    person INTEGER, place INTEGER, status INTEGER NOT NULL DEFAULT 0,
    draft INTEGER NOT NULL DEFAULT 0, decided INTEGER,
    comment TEXT NOT NULL DEFAULT '', review INTEGER,
    touched INTEGER NOT NULL DEFAULT 0, PRIMARY KEY (person, place)
) WITHOUT ROWID;
CREATE INDEX by_touched ON progress (person, touched DESC, place);
CREATE TABLE flags (
    place INTEGER, person TEXT, reason TEXT NOT NULL, time TEXT NOT NULL,
    PRIMARY KEY (place, person)
) WITHOUT ROWID;
CREATE TABLE reviews (
    place INTEGER, person TEXT, status INTEGER NOT NULL, revised INTEGER NOT NULL,
    number INTEGER NOT NULL, submitted TEXT, reviewer TEXT NOT NULL, judged TEXT,
    comment TEXT NOT NULL, touched INTEGER NOT NULL, PRIMARY KEY (place, person)
) WITHOUT ROWID;
CREATE TABLE review_counts (
    person TEXT, reviewer TEXT, status INTEGER, revised INTEGER, n INTEGER NOT NULL,
    PRIMARY KEY (person, reviewer, status, revised)
) WITHOUT ROWID;
CREATE INDEX by_review ON reviews (status, place, person, revised);
CREATE INDEX by_status ON progress (person, status, place);
CREATE TABLE blocks (
    person INTEGER, status INTEGER, block INTEGER, n INTEGER NOT NULL,
    PRIMARY KEY (person, status, block)
) WITHOUT ROWID;
PRAGMA user_version = {_SCHEMA};
"""

_KEPT = 30 * 24 * 3600.0
"""Seconds that a damaged file stays."""


def is_damage(error: sqlite3.DatabaseError) -> bool:
    """Return whether the file itself is damaged, or no database at all."""
    return _code(error) in {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB}


def is_out_of_reach(error: sqlite3.DatabaseError) -> bool:
    """Return whether the disk, or what another program does, is in the way."""
    if getattr(error, "sqlite_errorcode", 0) == sqlite3.SQLITE_READONLY_DBMOVED:
        return False  # someone tidied the cache: there is room for another
    return _code(error) in {
        sqlite3.SQLITE_BUSY,
        sqlite3.SQLITE_CANTOPEN,
        sqlite3.SQLITE_FULL,
        sqlite3.SQLITE_IOERR,
        sqlite3.SQLITE_LOCKED,
        sqlite3.SQLITE_PERM,
        sqlite3.SQLITE_PROTOCOL,
        sqlite3.SQLITE_READONLY,
    }


def _code(error: sqlite3.DatabaseError) -> int:
    # The rest of the bits tells more, as which kind of reading failed.
    return int(getattr(error, "sqlite_errorcode", 0)) & 0xFF


def marker(path: Path) -> Path:
    """Return the file beside an index that says that it is damaged."""
    return path.with_suffix(".damaged")


def tidy(path: Path) -> None:
    """Remove a file that was found damaged so long ago that nobody has it open."""
    with suppress(OSError):
        if marker(path).stat().st_mtime < time.time() - _KEPT:
            for ending in ("", "-wal", "-shm"):
                path.with_name(path.name + ending).unlink(missing_ok=True)
            marker(path).unlink()


class MustWrite(Exception):
    """A question that was asked to read only has to write."""


class IndexFile:
    """The file of an index, with empty tables when it is new.

    Parameters
    ----------
    path : Path, optional
        The file; None to keep it in memory.
    """

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self._guard = threading.RLock()
        self._db = self._open()
        self._read_only = False
        # Nobody has to close an index that was only read.
        closing = weakref.finalize(self, self._db.close)
        # When the process ends a thread may still be writing: closing would crash it.
        closing.atexit = False

    # --------------------------------------------------------------- life-cycle
    def _open(self) -> sqlite3.Connection:
        db = sqlite3.connect(
            ":memory:" if self._path is None else str(self._path),
            isolation_level=None,
            check_same_thread=False,
            timeout=60.0,
            cached_statements=64,
        )
        try:
            db.execute("PRAGMA journal_mode = WAL")
            db.execute("PRAGMA synchronous = NORMAL")
            if db.execute("PRAGMA user_version").fetchone()[0] != _SCHEMA:
                self._create(db, again=False)
        except BaseException:
            db.close()
            raise
        return db

    @staticmethod
    def _create(db: sqlite3.Connection, *, again: bool) -> None:
        """Make the tables, unless another program just did or `again` is true."""
        db.execute("BEGIN IMMEDIATE")
        try:
            if again or db.execute("PRAGMA user_version").fetchone()[0] != _SCHEMA:
                found = db.execute(
                    "SELECT type, name FROM sqlite_master WHERE type IN "
                    "('table', 'view') AND name NOT LIKE 'sqlite_%' "
                    "AND name NOT LIKE 'trigrams_%'"
                ).fetchall()
                for kind, name in found:
                    db.execute(f'DROP {kind} "{name}"')
                for statement in _TABLES.split(";")[:-1]:
                    db.execute(statement)
                _trigrams.create(db)
            db.execute("COMMIT")
        except BaseException:
            db.execute("ROLLBACK")
            raise

    def create_again(self) -> None:
        """Empty the file, for whoever else has it open too."""
        with self._guard:
            self._create(self._db, again=True)

    def close(self) -> None:
        """Close the file."""
        with self._guard:
            self._db.close()

    def abandon(self) -> None:
        """Have nobody open this file again: it is damaged.

        It stays: others may have it open, and a file that takes its place would
        get what they still write.
        """
        if self._path is not None:
            with suppress(OSError):
                marker(self._path).touch()

    @contextmanager
    def reading(self) -> Iterator[None]:
        """See the file as it is at one moment, whatever others write."""
        with self._guard:
            self._db.execute("BEGIN")
            self._read_only = True
            try:
                yield
            finally:
                self._read_only = False
                self._db.rollback()

    @contextmanager
    def writing(self) -> Iterator[None]:
        """Make all changes inside become one, for other processes too.

        Raises
        ------
        MustWrite
            Inside :meth:`reading`.
        """
        with self._guard:
            if self._read_only:
                raise MustWrite
            if self._db.in_transaction:
                yield
                return
            self._db.execute("BEGIN IMMEDIATE")
            try:
                yield
                self._db.execute("COMMIT")
            except BaseException:
                self._db.rollback()
                raise

    def _do(self, statement: str, *values: Any) -> None:
        with self._guard:
            self._db.execute(statement, values)

    def _one(self, statement: str, *values: Any) -> Any:
        with self._guard:
            return self._db.execute(statement, values).fetchone()

    def _all(self, statement: str, *values: Any) -> list[Any]:
        with self._guard:
            return self._db.execute(statement, values).fetchall()
