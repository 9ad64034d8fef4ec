"""Of which facts the owners have heard, since when updates do not arrive, and how many wait at Telegram.

Only adds: code of the release before goes on working on this schema. What happened before this release is
taken as told.
"""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

UNTOLD = (
    "owners_told_at IS NULL AND kind IN ("
    "'receipt', 'subscribed', 'renewed', 'refunded', 'renewal_stopped', 'renewal_failed', 'renewal_off')"
)


def upgrade() -> None:
    op.add_column("outbox", sa.Column("owners_told_at", sa.DateTime(timezone=True), nullable=True))
    op.execute("UPDATE outbox SET owners_told_at = created_at")
    where = {"sqlite_where": sa.text(UNTOLD), "postgresql_where": sa.text(UNTOLD)}
    op.create_index("ix_outbox_untold", "outbox", ["id"], **where)
    for name in ("delivery_failing_since", "pending_growing_since"):
        op.add_column("shop", sa.Column(name, sa.DateTime(timezone=True), nullable=True))
    op.add_column("shop", sa.Column("pending_updates", sa.Integer(), nullable=True))


def downgrade() -> None:
    for name in ("pending_updates", "pending_growing_since", "delivery_failing_since"):
        op.drop_column("shop", name)
    op.drop_index("ix_outbox_untold", table_name="outbox")
    op.drop_column("outbox", "owners_told_at")
