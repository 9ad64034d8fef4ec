"""Indexes of what every scrape of the metrics looks for, so that it reads no history.

Only adds: code of the release before goes on working on this schema.
"""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    _index("ix_charges_quarantined", "charges", "charged_at", "quarantined_because IS NOT NULL")
    _index("ix_inbox_quarantined", "inbox", "quarantined_at", "quarantined_at IS NOT NULL")
    _index("ix_refunds_open", "refunds", "requested_at", "done_at IS NULL AND refused_at IS NULL")


def _index(name: str, table: str, column: str, where: str) -> None:
    op.create_index(name, table, [column], sqlite_where=sa.text(where), postgresql_where=sa.text(where))


def downgrade() -> None:
    op.drop_index("ix_refunds_open", "refunds")
    op.drop_index("ix_inbox_quarantined", "inbox")
    op.drop_index("ix_charges_quarantined", "charges")
