"""Exports, and when a mask was last asked for."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"

_KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_TIME = sa.DateTime(timezone=True)


def upgrade() -> None:
    """Make the table; masks that are there count as asked for when they came."""
    op.create_table(
        "export",
        sa.Column("id", _KEY, autoincrement=True, nullable=False),
        sa.Column("key", sa.String(length=32), nullable=False),
        sa.Column("project_id", _KEY, nullable=False),
        sa.Column("account_id", _KEY, nullable=False),
        sa.Column("form", sa.Text(), nullable=False),
        sa.Column("state", sa.String(length=12), nullable=False),
        sa.Column("done", sa.Integer(), nullable=False),
        sa.Column("total", sa.Integer(), nullable=False),
        sa.Column("problem", sa.Text(), nullable=False),
        sa.Column("asked", _TIME, nullable=False),
        sa.Column("ended", _TIME, nullable=True),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["project_id"], ["project.id"], name=op.f("fk_export_project_id")
        ),
        sa.ForeignKeyConstraint(
            ["account_id"], ["account.id"], name=op.f("fk_export_account_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_export")),
        sa.UniqueConstraint("key", name=op.f("uq_export_key")),
    )
    op.create_index(op.f("ix_export_project_id"), "export", ["project_id"])
    with op.batch_alter_table("blob") as batch:
        batch.add_column(sa.Column("asked", _TIME, nullable=True))
    op.create_index(op.f("ix_blob_asked"), "blob", ["asked"])
    blobs = sa.table("blob", sa.column("asked"), sa.column("created"))
    op.execute(sa.update(blobs).values(asked=blobs.c.created))
