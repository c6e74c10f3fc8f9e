"""Projects in the trash."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"

_TIME = sa.DateTime(timezone=True)


def upgrade() -> None:
    """Note when one was put there."""
    with op.batch_alter_table("project") as batch:
        batch.add_column(sa.Column("deleted", _TIME, nullable=True))
