"""Who asked to be forgotten, and what was counted of rows that are swept away.

Only adds: code of the release before goes on working on this schema.
"""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("users", sa.Column("forgotten_at", sa.DateTime(timezone=True), nullable=True))
    for name in ("swept_sent", "swept_failed"):
        op.add_column("broadcasts", sa.Column(name, sa.Integer(), server_default="0", nullable=False))
    op.create_table(
        "swept_pre_checkouts",
        sa.Column("declined_because", sa.String(length=64), nullable=False),
        sa.Column("place", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("count", sa.BigInteger(), nullable=False),
        sa.Column("total_seconds", sa.Float(), nullable=False),
        sa.PrimaryKeyConstraint("declined_because", "place", name=op.f("pk_swept_pre_checkouts")),
    )


def downgrade() -> None:
    op.drop_table("swept_pre_checkouts")
    for name in ("swept_failed", "swept_sent"):
        op.drop_column("broadcasts", name)
    op.drop_column("users", "forgotten_at")
