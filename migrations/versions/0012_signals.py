"""Signals for the owner's plug-in, kept until it has taken them.

Only adds: code of the release before goes on working on this schema.
"""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

ROW_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
STANDING = "failed_at IS NULL"


def upgrade() -> None:
    moment = sa.DateTime(timezone=True)
    op.create_table(
        "signals",
        sa.Column("id", ROW_ID, nullable=False),
        sa.Column("dedupe_key", sa.String(length=400), nullable=False),
        sa.Column("name", sa.String(length=32), nullable=False),
        sa.Column("telegram_id", sa.BigInteger(), nullable=False),
        sa.Column("facts", sa.JSON(), nullable=False),
        sa.Column("created_at", moment, nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("next_attempt_at", moment, nullable=False),
        sa.Column("taken_by", sa.JSON(), nullable=False),
        sa.Column("failed_at", moment, nullable=True),
        sa.Column("error", sa.String(length=255), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_signals")),
        sa.UniqueConstraint("dedupe_key", name=op.f("uq_signals_dedupe_key")),
    )
    op.create_index("ix_signals_telegram_id", "signals", ["telegram_id", "id"])
    where = {"sqlite_where": sa.text(STANDING), "postgresql_where": sa.text(STANDING)}
    op.create_index("ix_signals_due", "signals", ["next_attempt_at"], **where)


def downgrade() -> None:
    op.drop_table("signals")
