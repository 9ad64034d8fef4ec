"""Which update told of a failed renewal, and what the counts of Stars look for.

Only adds: code of the release before goes on working on this schema.
"""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

COUNTED = sa.text("kind IN ('grant', 'refund')")


def upgrade() -> None:
    op.add_column("subscriptions", sa.Column("failed_update_id", sa.BigInteger(), nullable=True))
    op.create_index(
        "ix_ledger_entries_counted",
        "ledger_entries",
        ["recorded_at"],
        sqlite_where=COUNTED,
        postgresql_where=COUNTED,
    )


def downgrade() -> None:
    op.drop_index("ix_ledger_entries_counted", "ledger_entries")
    op.drop_column("subscriptions", "failed_update_id")
