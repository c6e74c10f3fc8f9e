"""Counts of labels, kept answers, and failed log-ins."""

from __future__ import annotations

import json
from collections import Counter

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"

_KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_TIME = sa.DateTime(timezone=True)
_MANY = 1000


def upgrade() -> None:
    """Make them; what is there is counted."""
    op.add_column(
        "annotation",
        sa.Column("label_counts", sa.Text(), nullable=False, server_default="{}"),
    )
    op.create_table(
        "answer",
        sa.Column("account_id", _KEY, nullable=False),
        sa.Column("key", sa.String(length=64), nullable=False),
        sa.Column("asked", sa.String(length=64), nullable=False),
        sa.Column("status", sa.Integer(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("time", _TIME, nullable=False),
        sa.ForeignKeyConstraint(
            ["account_id"], ["account.id"], name=op.f("fk_answer_account_id")
        ),
        sa.PrimaryKeyConstraint("account_id", "key", name=op.f("pk_answer")),
    )
    op.create_index(op.f("ix_answer_time"), "answer", ["time"])
    op.create_table(
        "log_in_failure",
        sa.Column("id", _KEY, autoincrement=True, nullable=False),
        sa.Column("address", sa.String(length=64), nullable=False),
        sa.Column("time", _TIME, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_log_in_failure")),
    )
    op.create_index(
        op.f("ix_log_in_failure_address_time"), "log_in_failure", ["address", "time"]
    )
    op.create_index(op.f("ix_log_in_failure_time"), "log_in_failure", ["time"])
    _count_labels()


def _count_labels() -> None:
    connection = op.get_bind()
    works = sa.table(
        "annotation", sa.column("id"), sa.column("whole"), sa.column("label_counts")
    )
    slices = sa.table("slice", sa.column("annotation_id"), sa.column("document"))
    last = 0
    while True:
        some = connection.execute(
            sa.select(works.c.id, works.c.whole)
            .where(works.c.id > last)
            .order_by(works.c.id)
            .limit(_MANY)
        ).all()
        if not some:
            return
        for number, whole in some:
            counts = Counter(map(str, json.loads(whole).get("case_labels", ())))
            for text in connection.scalars(
                sa.select(slices.c.document).where(
                    slices.c.annotation_id == number, slices.c.document.is_not(None)
                )
            ):
                counts.update(_labels(json.loads(text)))
            connection.execute(
                sa.update(works)
                .where(works.c.id == number)
                .values(label_counts=json.dumps(counts))
            )
        last = some[-1][0]


def _labels(content: dict[str, object]) -> set[str]:
    """Return the labels of a slice, as they counted when this was written."""
    found: set[str] = set()
    if content.get("excluded"):
        return found
    class_labels = content.get("class_labels") or ()
    boxes = content.get("boxes") or ()
    masks = content.get("masks") or {}
    assert isinstance(class_labels, list | tuple)
    assert isinstance(boxes, list | tuple)
    assert isinstance(masks, dict)
    found |= set(map(str, class_labels))
    found |= {str(box["label"]) for box in boxes if not box.get("proposal")}
    for mask in masks.values():
        found |= set(mask["pixels"])
    return found
