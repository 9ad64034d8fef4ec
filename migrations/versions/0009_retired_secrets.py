"""When a webhook secret that was replaced was first seen: it ends ten minutes later.

Only adds: code of the release before goes on working on this schema.
"""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "retired_secrets",
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("retired_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("digest", name=op.f("pk_retired_secrets")),
    )


def downgrade() -> None:
    op.drop_table("retired_secrets")
