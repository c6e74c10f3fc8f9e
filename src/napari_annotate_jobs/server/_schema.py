"""The tables of the database; the migrations make them."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    DateTime,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    TypeDecorator,
    UniqueConstraint,
)

if TYPE_CHECKING:
    from sqlalchemy import Dialect

__all__ = [
    "METADATA",
    "accounts",
    "answers",
    "audit",
    "blob_uses",
    "blobs",
    "cases",
    "chores",
    "combinations",
    "entries",
    "events",
    "exports",
    "flags",
    "label_sets",
    "log_in_failures",
    "members",
    "operations",
    "projects",
    "reads",
    "slices",
    "submissions",
    "tasks",
    "tokens",
    "verdicts",
    "works",
]

METADATA = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)


class UtcTime(TypeDecorator[datetime]):
    """A time with its zone; SQLite keeps none, so that all are in UTC."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(
        self, value: datetime | None, dialect: Dialect
    ) -> datetime | None:
        return None if value is None else value.astimezone(UTC)

    def process_result_value(self, value: Any, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        if value.tzinfo is None:
            return datetime.combine(value.date(), value.time(), UTC)
        return datetime.fromtimestamp(value.timestamp(), UTC)


_Key = BigInteger().with_variant(Integer, "sqlite")
"""SQLite numbers rows by itself only in columns of the type INTEGER."""

_Name = String(120, collation="C").with_variant(String(120), "sqlite")
"""Sorted by code points everywhere, as Python does."""


_Sorted = Text(collation="C").with_variant(Text(), "sqlite")


def _id() -> Column[int]:
    return Column("id", _Key, primary_key=True, autoincrement=True)


def _to(table: str, name: str | None = None, **options: Any) -> Column[int]:
    options.setdefault("nullable", False)
    return Column(name or f"{table}_id", _Key, ForeignKey(f"{table}.id"), **options)


accounts = Table(
    "account",
    METADATA,
    _id(),
    Column("name", _Name, nullable=False, unique=True),
    Column("password", String(255)),
    Column("admin", Boolean, nullable=False, default=False),
    Column("suspended", Boolean, nullable=False, default=False),
    Column("created", UtcTime, nullable=False),
    Column("failures", Integer, nullable=False, default=0),
    Column("locked_until", UtcTime),
)

tokens = Table(
    "token",
    METADATA,
    Column("id", String(32), primary_key=True),
    _to("account"),
    Column("digest", String(64), nullable=False),
    Column("scope", String(40), nullable=False),
    Column("label", String(200), nullable=False, default=""),
    Column("created", UtcTime, nullable=False),
    Column("expires", UtcTime),
    Column("revoked", UtcTime),
    Index(None, "account_id"),
)

projects = Table(
    "project",
    METADATA,
    _id(),
    Column("key", String(120), nullable=False, unique=True),
    Column("document", Text, nullable=False),
    Column("labels", Integer, nullable=False, default=1),
    # Whether all members may annotate, and may review.
    Column("open_annotation", Boolean, nullable=False, default=False),
    Column("open_review", Boolean, nullable=False, default=False),
    Column("blind", Boolean, nullable=False, default=True),
    Column("assignment", String(20), nullable=False, default="everyone"),
    Column("annotators_per_case", Integer, nullable=False, default=1),
    Column("lease", Integer, nullable=False, default=86400),
    Column("base", Text, nullable=False, default=""),
    Column("version", Integer, nullable=False, default=1),
    Column("sequence", BigInteger, nullable=False, default=0),
    Column("created", UtcTime, nullable=False),
    # When it was put into the trash.
    Column("deleted", UtcTime),
)

label_sets = Table(
    "label_set",
    METADATA,
    _to("project", primary_key=True),
    Column("version", Integer, primary_key=True, autoincrement=False),
    Column("document", Text, nullable=False),
    Column("created", UtcTime, nullable=False),
)

members = Table(
    "member",
    METADATA,
    _to("project", primary_key=True),
    _to("account", primary_key=True),
    Column("owner", Boolean, nullable=False, default=False),
    Column("reviewer", Boolean, nullable=False, default=False),
    Column("annotator", Boolean, nullable=False, default=False),
    Column("state", String(12), nullable=False, default="active"),
    Column("joined", UtcTime, nullable=False),
    Index(None, "account_id"),
)

cases = Table(
    "case",
    METADATA,
    _id(),
    _to("project"),
    Column("ordinal", Integer, nullable=False),
    Column("key", String(120), nullable=False),
    Column("name", Text, nullable=False),
    Column("folded", Text, nullable=False),
    # What its name is sorted by.
    Column("sorted", _Sorted, nullable=False, default=""),
    Column("document", Text, nullable=False),
    Column("n_slices", Integer),
    Column("rows", Integer),
    Column("columns", Integer),
    Column("warnings", Text, nullable=False, default="[]"),
    Column("slice_keys", Text),
    Column("geometry", String(64)),
    # Whether it is drawn to be reviewed.
    Column("selected", Boolean, nullable=False, default=True),
    UniqueConstraint("project_id", "key"),
    UniqueConstraint("project_id", "ordinal"),
    Index(None, "project_id", "sorted"),
)

flags = Table(
    "flag",
    METADATA,
    _to("case", primary_key=True),
    _to("account", primary_key=True),
    Column("reason", Text, nullable=False),
    Column("time", UtcTime, nullable=False),
)

tasks = Table(
    "task",
    METADATA,
    _id(),
    _to("project"),
    _to("case"),
    Column("kind", String(12), nullable=False, default="annotate"),
    _to("account", nullable=True),
    Column("claimed", Boolean, nullable=False, default=False),
    Column("lease_until", UtcTime),
    Column("priority", Integer, nullable=False, default=0),
    Column("due", UtcTime),
    UniqueConstraint("case_id", "account_id", "kind"),
    Index(None, "project_id", "account_id"),
    Index(None, "lease_until"),
)

works = Table(
    "annotation",
    METADATA,
    _id(),
    _to("project"),
    _to("case"),
    _to("account"),
    # Whose submission it corrects; 0 for none, so that it can be part of a key.
    Column("of_id", _Key, nullable=False, default=0),
    Column("revision", BigInteger, nullable=False, default=0),
    Column("labels", Integer, nullable=False, default=1),
    # The fields of the whole case, and the revision at which each last changed.
    Column("whole", Text, nullable=False, default="{}"),
    Column("whole_revisions", Text, nullable=False, default="{}"),
    Column("decided", Integer, nullable=False, default=0),
    # Derived, for lists.
    # How many slices carry which label id; of labels of the case, 1.
    Column("label_counts", Text, nullable=False, default="{}"),
    Column("submissions", Integer, nullable=False, default=0),
    Column("status", String(12), nullable=False, default="remaining"),
    Column("review", String(12)),
    Column("submitted_revision", BigInteger, nullable=False, default=0),
    Column("submitted", UtcTime),
    _to("account", "reviewer_id", nullable=True),
    Column("judged", UtcTime),
    Column("touched", UtcTime),
    Column("comment", Text, nullable=False, default=""),
    UniqueConstraint("case_id", "account_id", "of_id"),
    Index(None, "project_id", "account_id", "of_id", "status"),
    Index(None, "project_id", "of_id", "review"),
)

slices = Table(
    "slice",
    METADATA,
    _to("annotation", primary_key=True),
    Column("key", String(300), primary_key=True),
    Column("revision", BigInteger, nullable=False),
    Column("stream", String(64), nullable=False, default=""),
    # None where something was said once, and is no more.
    Column("document", Text),
)

operations = Table(
    "operation",
    METADATA,
    _id(),
    Column("key", String(64), nullable=False, unique=True),
    _to("annotation"),
    Column("sequence", BigInteger, nullable=False),
    Column("base", BigInteger, nullable=False),
    Column("revision", BigInteger, nullable=False),
    Column("line", Text, nullable=False),
    Column("answer", Text, nullable=False),
    Column("time", UtcTime, nullable=False),
    Index(None, "annotation_id", "revision"),
)

blobs = Table(
    "blob",
    METADATA,
    Column("digest", String(64), primary_key=True),
    Column("size", BigInteger, nullable=False),
    Column("rows", Integer, nullable=False),
    Column("columns", Integer, nullable=False),
    # How many pixels have which label id.
    Column("pixels", Text, nullable=False),
    Column("created", UtcTime, nullable=False),
    # When somebody last brought it, or was told that it is here.
    Column("asked", UtcTime),
    # The mask, where it is small; others are on the shelf.
    Column("data", LargeBinary),
    Index(None, "asked"),
)

blob_uses = Table(
    "blob_use",
    METADATA,
    _to("case", primary_key=True),
    Column("digest", String(64), ForeignKey("blob.digest"), primary_key=True),
    _to("account", primary_key=True),
    Index(None, "digest"),
)

submissions = Table(
    "submission",
    METADATA,
    _to("annotation", primary_key=True),
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("digest", String(64), nullable=False),
    Column("time", UtcTime, nullable=False),
    Column("document", Text, nullable=False),
)

verdicts = Table(
    "verdict",
    METADATA,
    _to("annotation", primary_key=True),
    Column("submission", Integer, primary_key=True, autoincrement=False),
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("outcome", String(12), nullable=False),
    Column("time", UtcTime, nullable=False),
    Column("document", Text, nullable=False),
)

entries = Table(
    "thread_entry",
    METADATA,
    _to("annotation", primary_key=True),
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("document", Text, nullable=False),
)

reads = Table(
    "read_mark",
    METADATA,
    _to("annotation", primary_key=True),
    _to("account", primary_key=True),
    Column("thread", String(200), primary_key=True),
    Column("count", Integer, nullable=False),
)

combinations = Table(
    "combination",
    METADATA,
    _to("project", primary_key=True),
    Column("name", String(80), primary_key=True),
    Column("document", Text, nullable=False),
)

events = Table(
    "event",
    METADATA,
    _to("project", primary_key=True),
    Column("sequence", BigInteger, primary_key=True, autoincrement=False),
    Column("kind", String(20), nullable=False),
    _to("case", nullable=True),
    # Whose annotation it is about, and who did it.
    _to("account", "author_id", nullable=True),
    _to("account", "person_id", nullable=True),
    Column("of_id", _Key, nullable=False, default=0),
    Column("reference", Text, nullable=False, default=""),
    Column("time", UtcTime, nullable=False),
)

audit = Table(
    "audit",
    METADATA,
    # The place of the server as a whole is 0, that of a project its id.
    Column("chain", _Key, primary_key=True, autoincrement=False),
    Column("number", BigInteger, primary_key=True, autoincrement=False),
    Column("time", String(40), nullable=False),
    Column("person", String(120), nullable=False),
    Column("action", String(40), nullable=False),
    Column("subject", Text, nullable=False),
    Column("previous", String(64), nullable=False),
    Column("digest", String(64), nullable=False),
)

chores = Table(
    "chore",
    METADATA,
    _id(),
    Column("kind", String(40), nullable=False, unique=True),
    Column("due", UtcTime, nullable=False),
    Column("taken_until", UtcTime),
    Column("payload", Text, nullable=False, default="{}"),
    Index(None, "due"),
)

exports = Table(
    "export",
    METADATA,
    _id(),
    Column("key", String(32), nullable=False, unique=True),
    _to("project"),
    _to("account"),
    Column("form", Text, nullable=False),
    Column("state", String(12), nullable=False, default="waiting"),
    Column("done", Integer, nullable=False, default=0),
    Column("total", Integer, nullable=False, default=0),
    # Why there is none.
    Column("problem", Text, nullable=False, default=""),
    Column("asked", UtcTime, nullable=False),
    Column("ended", UtcTime),
    Column("size", BigInteger, nullable=False, default=0),
    Index(None, "project_id"),
)

answers = Table(
    "answer",
    METADATA,
    _to("account", primary_key=True),
    # As the client names what it asks for.
    Column("key", String(64), primary_key=True),
    Column("asked", String(64), nullable=False),
    Column("status", Integer, nullable=False),
    Column("body", Text, nullable=False),
    Column("time", UtcTime, nullable=False),
    Index(None, "time"),
)

log_in_failures = Table(
    "log_in_failure",
    METADATA,
    _id(),
    # The digest of the address: where people are is nobody's business.
    Column("address", String(64), nullable=False),
    Column("time", UtcTime, nullable=False),
    Index(None, "address", "time"),
    Index(None, "time"),
)
