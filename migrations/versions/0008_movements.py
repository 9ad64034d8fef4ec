"""What moved the bot's Stars beside sales and refunds: affiliates' shares, gifts, withdrawals and the rest.

Only adds: code of the release before goes on working on this schema.
"""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

MOMENT = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "movements",
        sa.Column("row_id", sa.String(length=255), nullable=False),
        sa.Column("direction", sa.String(length=8), nullable=False),
        sa.Column("kind", sa.String(length=64), nullable=False),
        sa.Column("stars", sa.BigInteger(), nullable=False),
        sa.Column("nanostars", sa.BigInteger(), nullable=False),
        sa.Column("occurred_at", MOMENT, nullable=False),
        sa.Column("recorded_at", MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("row_id", "direction", name=op.f("pk_movements")),
    )


def downgrade() -> None:
    op.drop_table("movements")
