"""Subscriptions, refunds that stop a renewal first, and windows for the buyer's own refund.

Only adds: code of the release before goes on working on this schema.
"""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

MOMENT = sa.DateTime(timezone=True)


def upgrade() -> None:
    # Columns first: SQLite makes a table with a new check anew, and takes them along.
    op.add_column("products", sa.Column("trial_stars", sa.Integer(), nullable=True))
    op.add_column("products", sa.Column("trial_days", sa.Integer(), nullable=True))
    op.add_column("products", _days("grace_days"))
    op.add_column("products", _days("refund_days"))
    with op.batch_alter_table("products", schema=None) as batch_op:
        batch_op.drop_constraint(op.f("ck_products_kind_known"), type_="check")
        batch_op.create_check_constraint(
            op.f("ck_products_kind_known"), "kind IN ('unlock', 'pass', 'bundle', 'subscription')"
        )
        batch_op.create_check_constraint(
            op.f("ck_products_trial_whole"), "(trial_stars IS NULL) = (trial_days IS NULL)"
        )

    op.add_column("orders", sa.Column("period_seconds", sa.Integer(), nullable=True))
    op.add_column("orders", sa.Column("is_trial", sa.Boolean(), server_default=sa.false(), nullable=False))
    op.add_column("orders", _days("grace_days"))
    op.add_column("orders", _days("refund_days"))
    op.add_column("charges", sa.Column("paid_until", MOMENT, nullable=True))
    op.add_column("charges", sa.Column("slug", sa.String(length=32), nullable=True))
    op.add_column("charges", sa.Column("is_trial", sa.Boolean(), server_default=sa.false(), nullable=False))
    op.add_column("ledger_entries", sa.Column("paid_until", MOMENT, nullable=True))
    op.add_column("ledger_entries", _days("grace_days"))
    op.add_column("refunds", sa.Column("stops_charge_id", sa.String(length=255), nullable=True))
    op.add_column("refunds", sa.Column("stopped_at", MOMENT, nullable=True))
    op.add_column("shop", sa.Column("full_pass_at", MOMENT, nullable=True))
    op.add_column("shop", sa.Column("drift_stars", sa.Integer(), nullable=True))
    op.create_index("ix_entitlements_until", "entitlements", ["until"])

    op.create_table(
        "subscriptions",
        sa.Column("public_id", sa.String(length=16), nullable=False),
        sa.Column("telegram_id", sa.BigInteger(), nullable=False),
        sa.Column("product_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("payload", sa.Text(), nullable=False),
        sa.Column("title", sa.String(length=64), nullable=False),
        sa.Column("stars", sa.Integer(), nullable=False),
        sa.Column("keys", sa.JSON(), nullable=False),
        sa.Column("first_charge_id", sa.String(length=255), nullable=False),
        sa.Column("started_at", MOMENT, nullable=False),
        sa.Column("paid_until", MOMENT, nullable=False),
        sa.Column("grace_days", sa.Integer(), nullable=False),
        sa.Column("canceled_at", MOMENT, nullable=True),
        sa.Column("locked_at", MOMENT, nullable=True),
        sa.Column("failed_at", MOMENT, nullable=True),
        sa.Column("stated_update_id", sa.BigInteger(), nullable=True),
        sa.Column("stated_at", MOMENT, nullable=True),
        sa.Column("wish", sa.String(length=16), nullable=True),
        sa.Column("wished_by", sa.String(length=16), nullable=True),
        sa.Column("wished_at", MOMENT, nullable=True),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("next_attempt_at", MOMENT, nullable=True),
        sa.Column("refused_because", sa.String(length=255), nullable=True),
        sa.CheckConstraint("wish IN ('cancel', 'resume')", name=op.f("ck_subscriptions_wish_known")),
        sa.ForeignKeyConstraint(["product_id"], ["products.id"], name=op.f("fk_subscriptions_product_id")),
        sa.PrimaryKeyConstraint("public_id", name=op.f("pk_subscriptions")),
    )
    op.create_index("ix_subscriptions_telegram_id", "subscriptions", ["telegram_id"])
    op.create_index("ix_subscriptions_paid_until", "subscriptions", ["paid_until"])
    op.create_index(
        "ix_subscriptions_wished",
        "subscriptions",
        ["next_attempt_at"],
        sqlite_where=sa.text("wish IS NOT NULL"),
        postgresql_where=sa.text("wish IS NOT NULL"),
    )


def _days(name: str) -> sa.Column:
    return sa.Column(name, sa.Integer(), server_default="0", nullable=False)


def downgrade() -> None:
    raise RuntimeError("What people paid for stands in these columns: restore a backup instead.")
