"""Launches that somebody logged out of: they sign nobody in any more.

Only adds: code of the release before goes on working on this schema.
"""

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "logouts",
        sa.Column("telegram_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("launched_from", sa.DateTime(timezone=True), nullable=False),
        sa.Column("launched_until", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint(
            "telegram_id", "launched_from", "launched_until", name=op.f("pk_logouts")
        ),
    )


def downgrade() -> None:
    op.drop_table("logouts")
