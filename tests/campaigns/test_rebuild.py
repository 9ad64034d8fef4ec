"""T9: everything lost but Telegram."""

import os
import random
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.kit.arrange import (
    ATLAS,
    DAY,
    KEYS,
    MONTH,
    NOW,
    facts,
    meet,
    open_shop,
    order,
    pay,
    renew,
    settle,
    subscribe,
)
from tests.kit.factories import make_config
from webapp import create_app
from webapp.db.engine import db
from webapp.db.models import Charge, LedgerEntry, OutboxMessage, Refund, Subscription
from webapp.db.transactions import transaction
from webapp.domain.access import entitlements, ledger
from webapp.domain.catalogue import catalogue, catalogue_files
from webapp.domain.owner import shops
from webapp.domain.sales import reconciliation

CHARGES = int(os.environ.get("CHARGES", "80"))
LATER = NOW + 400 * DAY


def sell(count: int, draw: random.Random) -> list[dict[str, Any]]:
    """Sell, renew and give back, and return Telegram's statement of it, in the order it happened."""
    rows: list[dict[str, Any]] = []
    person = 0
    while sum("source" in row for row in rows) < count:
        person += 1
        buyer = meet(person)
        slug = draw.choice(["atlas", "notes", "week", "whole-sky", "plan"])
        if slug == "plan":
            made = subscribe(buyer, charge_id=f"{person}-0")
            charged = [f"{person}-0"]
            for month in range(1, draw.randint(1, 4)):
                at = NOW + month * MONTH
                renew(made, f"{person}-{month}", at=at)
                charged.append(f"{person}-{month}")
        else:
            made = order(buyer, slug)
            charged = [f"{person}-0", f"{person}-1"] if slug == "week" else [f"{person}-0"]
            for charge_id in charged:
                pay(facts(made, charge_id))
        for charge_id in charged:
            charge = db.session.scalars(
                db.select(Charge).where(Charge.telegram_payment_charge_id == charge_id)
            ).one()
            rows.append(row(charge, "source", made.period_seconds))
            if draw.random() < 0.1:
                settle(charge, at=charge.charged_at + DAY)
                rows.append(row(charge, "receiver", made.period_seconds, later=DAY))
    return sorted(rows, key=lambda one: one["date"])


def row(charge: Charge, side: str, period: int | None, *, later: timedelta = timedelta()) -> dict[str, Any]:
    partner = {
        "type": "user",
        "transaction_type": "invoice_payment",
        "user": {"id": charge.telegram_id},
        "invoice_payload": charge.payload,
        **({"subscription_period": period} if period else {}),
    }
    date = int((charge.charged_at + later).timestamp())
    return {
        "id": charge.telegram_payment_charge_id,
        "amount": charge.stars,
        "date": date,
        side: partner,
    }


def books() -> dict[str, Any]:
    """Return everything that must be the same again."""
    db.session.rollback()
    people = sorted(set(db.session.scalars(db.select(LedgerEntry.telegram_id))))
    return {
        "access": {one: ledger.fold(ledger.of(one)) for one in people},
        "charges": sorted(
            db.session.execute(
                db.select(
                    Charge.telegram_payment_charge_id, Charge.telegram_id, Charge.stars, Charge.charged_at
                )
            ).all()
        ),
        "refunds": sorted(db.session.scalars(db.select(Refund.charge_id).where(Refund.done_at.is_not(None)))),
        "plans": sorted(
            db.session.execute(
                db.select(Subscription.public_id, Subscription.first_charge_id, Subscription.paid_until)
            ).all()
        ),
    }


def restore(statement: list[dict[str, Any]]) -> None:
    """Have on the ledger what Telegram's statement tells, its refunds first."""
    pages = [(at, statement[at : at + 100]) for at in range(0, len(statement), 100)]
    for _, rows in pages:
        with transaction():
            reconciliation.apply_refunds(rows, keys=KEYS, now=LATER)
    for at, rows in pages:
        with transaction():
            reconciliation.apply_page(rows, at, keys=KEYS, now=LATER)


@pytest.fixture
def anew(empty_sqlite: Path, tmp_path: Path) -> Callable[[], AbstractContextManager[None]]:
    """A way to be the shop on a database that knows nothing."""
    file = tmp_path / "anew.db"
    file.write_bytes(empty_sqlite.read_bytes())
    app = create_app(make_config(database_url=f"sqlite:///{file}"))

    @contextmanager
    def inside() -> Iterator[None]:
        with app.app_context():
            yield
            db.session.remove()
            db.engine.dispose()

    return inside


@pytest.mark.proves("F31", "T9")
def test_t9_a_lost_database_comes_back_from_telegram_alone(app, anew):
    seed = int(os.environ.get("SEED", random.randrange(10**6)))
    print(f"SEED={seed} CHARGES={CHARGES}")
    open_shop()
    statement = sell(CHARGES, random.Random(seed))
    before = books()
    db.session.rollback()  # PostgreSQL gives up who holds a transaction and does nothing in it
    with anew():
        open_shop()
        begun = time.monotonic()
        restore(statement)
        took = time.monotonic() - begun
        assert books() == before
        assert entitlements.differences() == []
        # What is long past is news to nobody.
        assert db.session.scalars(db.select(OutboxMessage)).all() == []
    print(f"{len(statement)} rows applied in {took:.1f} s")


def test_what_is_no_longer_sold_comes_back_by_the_catalogue_that_was_exported(app, anew):
    open_shop()
    statement = sell(10, random.Random(9))
    open_shop(ATLAS, now=NOW + 300 * DAY)
    before = books()
    exported = app.test_cli_runner().invoke(args=["catalog", "export"]).output
    with anew():
        # Off sale from now on: what was paid before counts.
        open_shop(*catalogue_files.read(exported), now=LATER)
        assert [product.slug for product in catalogue.on_sale()] == ["atlas"]
        restore(statement)
        assert books() == before


def test_nothing_is_rebuilt_without_a_catalogue(app):
    config = app.config["STARFRONT"]
    with transaction():
        shops.claim(config.bot_id, "starfront_bot", config.bot_environment)
    said = app.test_cli_runner().invoke(args=["reconcile", "--rebuild"])
    assert said.exit_code == 1
    assert "catalogue is empty" in said.output
    assert db.session.scalars(db.select(Charge)).all() == []
