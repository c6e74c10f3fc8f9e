"""Flags on cases, and what lists of cases are sorted by."""

from __future__ import annotations

import json
import re
import unicodedata

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"

_KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_TIME = sa.DateTime(timezone=True)
_SORTED = sa.Text(collation="C").with_variant(sa.Text(), "sqlite")
_MANY = 1000


def upgrade() -> None:
    """Make them; what is there is put in order."""
    op.create_table(
        "flag",
        sa.Column("case_id", _KEY, nullable=False),
        sa.Column("account_id", _KEY, nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("time", _TIME, nullable=False),
        sa.ForeignKeyConstraint(["case_id"], ["case.id"], name=op.f("fk_flag_case_id")),
        sa.ForeignKeyConstraint(
            ["account_id"], ["account.id"], name=op.f("fk_flag_account_id")
        ),
        sa.PrimaryKeyConstraint("case_id", "account_id", name=op.f("pk_flag")),
    )
    op.add_column(
        "case", sa.Column("sorted", _SORTED, nullable=False, server_default="")
    )
    op.create_index(op.f("ix_case_project_id_sorted"), "case", ["project_id", "sorted"])
    op.add_column("annotation", sa.Column("touched", _TIME, nullable=True))
    _sort_cases()
    _note_touched()


def _sort_cases() -> None:
    connection = op.get_bind()
    cases = sa.table(
        "case",
        *map(sa.column, ("id", "name", "document", "n_slices", "sorted")),
    )
    last = 0
    while True:
        some = connection.execute(
            sa.select(cases.c.id, cases.c.name, cases.c.document, cases.c.n_slices)
            .where(cases.c.id > last)
            .order_by(cases.c.id)
            .limit(_MANY)
        ).all()
        if not some:
            return
        for number, name, document, n_slices in some:
            connection.execute(
                sa.update(cases)
                .where(cases.c.id == number)
                .values(
                    sorted=_name_key(name),
                    n_slices=n_slices or json.loads(document).get("n_slices"),
                )
            )
        last = some[-1][0]


def _name_key(name: str) -> str:
    """Return what names were sorted by when this was written."""
    folded = unicodedata.normalize("NFC", name).casefold()
    return re.sub("[0-9]+", lambda found: found[0].zfill(20), folded)[:300]


def _note_touched() -> None:
    works = sa.table(
        "annotation", *map(sa.column, ("id", "submitted", "judged", "touched"))
    )
    operations = sa.table("operation", *map(sa.column, ("annotation_id", "time")))
    saved = (
        sa.select(sa.func.max(operations.c.time))
        .where(operations.c.annotation_id == works.c.id)
        .scalar_subquery()
    )
    # What was submitted was saved before, and judged after that.
    op.get_bind().execute(
        sa.update(works).values(
            touched=sa.func.coalesce(works.c.judged, works.c.submitted, saved)
        )
    )
