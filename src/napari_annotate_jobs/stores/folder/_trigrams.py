"""Search the names of an index by the groups of three letters that they hold."""

from __future__ import annotations

import sqlite3
from contextlib import suppress
from typing import Any

__all__ = ["create", "fill", "search"]

_TABLES = (
    "CREATE VIRTUAL TABLE trigrams "
    "USING fts5(name, content='names', content_rowid='place', tokenize='trigram')",
    "CREATE TABLE grams (term TEXT PRIMARY KEY, n INTEGER NOT NULL) WITHOUT ROWID",
)

_RARE = 20
"""A trigram that more than one in so many names holds helps little."""


def create(db: sqlite3.Connection) -> None:
    """Make the tables; where SQLite was built without them, do without."""
    with suppress(sqlite3.OperationalError):
        for statement in _TABLES:
            db.execute(statement)


def fill(db: sqlite3.Connection) -> None:
    """Read all names, and note in how many each trigram occurs."""
    if not _there(db):
        return
    db.execute("INSERT INTO trigrams(trigrams) VALUES ('rebuild')")
    db.execute("DELETE FROM grams")
    db.execute(
        "CREATE VIRTUAL TABLE temp.terms USING fts5vocab('main', 'trigrams', 'row')"
    )
    db.execute("INSERT INTO grams SELECT term, doc FROM temp.terms")
    db.execute("DROP TABLE temp.terms")


def search(db: sqlite3.Connection, text: str) -> tuple[str, list[Any]]:
    """Return a query for the places of the names that hold `text`, with its values."""
    rare = _rare(db, text) if _there(db) else []
    if not rare:
        return "SELECT place FROM names WHERE instr(name, ?)", [text]
    # A few seldom ones find the candidates; to look for all would cost more.
    match = " AND ".join('"' + term.replace('"', '""') + '"' for term in rare)
    return (
        "SELECT rowid AS place FROM trigrams WHERE trigrams MATCH ? AND instr(name, ?)",
        [match, text],
    )


def _rare(db: sqlite3.Connection, text: str) -> list[str]:
    """Return the trigrams to look for, none if reading all names is faster."""
    terms = sorted({text[i : i + 3] for i in range(len(text) - 2)})
    if not terms:
        return []
    marks = ",".join("?" * len(terms))
    found = db.execute(f"SELECT term, n FROM grams WHERE term IN ({marks})", terms)
    n: dict[str, int] = dict(found.fetchall())
    (all_names,) = db.execute("SELECT max(place) + 1 FROM names").fetchone()
    rare = sorted(terms, key=lambda term: n.get(term, 0))[:3]
    return rare if n.get(rare[0], 0) * _RARE <= (all_names or 0) else []


def _there(db: sqlite3.Connection) -> bool:
    statement = "SELECT 1 FROM sqlite_master WHERE name = 'grams'"
    return db.execute(statement).fetchone() is not None
