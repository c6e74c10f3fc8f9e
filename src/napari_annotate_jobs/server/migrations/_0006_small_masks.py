"""Small masks beside what is known of them."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    """Make room for them; those that are on the shelf stay there."""
    op.add_column("blob", sa.Column("data", sa.LargeBinary(), nullable=True))
