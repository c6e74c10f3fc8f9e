"""Projects in the trash, flags of cases, and when drafts were last touched."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

_KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_TIME = sa.DateTime(timezone=True)


def upgrade() -> None:
    """Make room for them."""
    with op.batch_alter_table("project") as batch:
        batch.add_column(sa.Column("deleted", _TIME, nullable=True))
    with op.batch_alter_table("annotation") as batch:
        batch.add_column(sa.Column("touched", _TIME, nullable=True))
    op.create_table(
        "flag",
        sa.Column("case_id", _KEY, nullable=False),
        sa.Column("account_id", _KEY, nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("time", _TIME, nullable=False),
        sa.ForeignKeyConstraint(
            ["account_id"], ["account.id"], name=op.f("fk_flag_account_id_account")
        ),
        sa.ForeignKeyConstraint(
            ["case_id"], ["case.id"], name=op.f("fk_flag_case_id_case")
        ),
        sa.PrimaryKeyConstraint("case_id", "account_id", name=op.f("pk_flag")),
    )
