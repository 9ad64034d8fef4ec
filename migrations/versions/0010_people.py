"""What people and the shop's people write to each other, who asked to be forgotten, and who logged out.

And codes for those whose client keeps showing an old launch. Only adds: code of the release before goes on
working on this schema.
"""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    _add_support()
    _add_forgetting()
    _add_logouts()
    _add_sign_in_codes()


def _add_support() -> None:
    op.create_table(
        "support_threads",
        sa.Column("telegram_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("name", sa.String(length=128), nullable=False),
        sa.Column("open_until", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("telegram_id", name=op.f("pk_support_threads")),
    )
    op.create_table(
        "support_messages",
        sa.Column("chat_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("message_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("telegram_id", sa.BigInteger(), nullable=False),
        sa.Column("answered_by", sa.BigInteger(), nullable=True),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("media", sa.String(length=32), nullable=False),
        sa.Column("written_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("chat_id", "message_id", name=op.f("pk_support_messages")),
    )
    op.create_index("ix_support_messages_telegram_id", "support_messages", ["telegram_id"])
    op.create_table(
        "support_relays",
        sa.Column("chat_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("message_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("telegram_id", sa.BigInteger(), nullable=False),
        sa.Column("relayed_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("chat_id", "message_id", name=op.f("pk_support_relays")),
    )
    op.create_index("ix_support_relays_telegram_id", "support_relays", ["telegram_id"])


def _add_forgetting() -> None:
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


def _add_logouts() -> None:
    op.create_table(
        "logouts",
        sa.Column("telegram_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("launched_from", sa.DateTime(timezone=True), nullable=False),
        sa.Column("launched_until", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint(
            "telegram_id", "launched_from", "launched_until", name=op.f("pk_logouts")
        ),
    )


def _add_sign_in_codes() -> None:
    op.create_table(
        "sign_in_codes",
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("telegram_id", sa.BigInteger(), nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("used_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("launch", sa.String(length=64), nullable=True),
        sa.PrimaryKeyConstraint("digest", name=op.f("pk_sign_in_codes")),
    )
    op.create_index(op.f("ix_sign_in_codes_telegram_id"), "sign_in_codes", ["telegram_id"])


def downgrade() -> None:
    op.drop_table("sign_in_codes")
    op.drop_table("logouts")
    op.drop_table("swept_pre_checkouts")
    for name in ("swept_failed", "swept_sent"):
        op.drop_column("broadcasts", name)
    op.drop_column("users", "forgotten_at")
    op.drop_table("support_relays")
    op.drop_table("support_messages")
    op.drop_table("support_threads")
