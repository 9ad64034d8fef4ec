"""What the bot is called: the name of a shop whose owner gave it none.

Only adds: code of the release before goes on working on this schema.
"""

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("shop", sa.Column("bot_name", sa.String(length=256), nullable=False, server_default=""))


def downgrade() -> None:
    op.drop_column("shop", "bot_name")
