"""What another process wrote meanwhile is seen, although a session knows the row from before."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select, update

from tests.kit.arrange import ALICE, DAY, NOW, facts, meet, open_shop, order, pay, subscribe
from webapp.db.engine import Model, db
from webapp.db.models import Entitlement, Order, Product, Refund, Shop, Subscription, User
from webapp.db.transactions import transaction
from webapp.domain.access import entitlements
from webapp.domain.catalogue import catalogue
from webapp.domain.owner import notices, reminders, shops
from webapp.domain.people import users as people
from webapp.domain.sales import orders, reconciliation, refunds, rejected_refunds, renewals, subscriptions

LATER = NOW + DAY


@dataclass(frozen=True)
class Known:
    """What a session has read, and keeps in mind."""

    rows: list[Model]
    open: str  # the number of an open order

    @property
    def plan(self) -> Subscription:
        return next(row for row in self.rows if isinstance(row, Subscription))


@pytest.fixture
def known(app: Flask) -> Known:
    """Alice has a plan, an order that is open, and the atlas, which is on its way back."""
    open_shop()
    alice = meet()
    subscribe(alice)
    charge = pay(facts(order(alice)))
    with transaction():
        refunds.request_refund(charge, "asked", requested_by="owner", now=NOW)
    made = order(alice, "notes")
    tables = (User, Order, Product, Subscription, Entitlement, Refund, Shop)
    rows: list[Model] = [row for table in tables for row in db.session.scalars(select(table))]
    db.session.commit()
    return Known(rows, made.public_id)


def change(table: type[Model], **values: Any) -> None:
    """Write as another process does: past this session."""
    with db.engine.begin() as connection:
        connection.execute(update(table).values(values))


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
@pytest.mark.parametrize(
    ("table", "values", "read", "expected"),
    [
        (User, {"first_name": "Alicia"}, lambda _: people.get(ALICE).first_name, "Alicia"),
        (User, {"first_name": "Alicia"}, lambda _: notices._name(ALICE), "Alicia"),
        (Order, {"stars": 9}, lambda known: orders.find(known.open).stars, 9),
        (Product, {"title": "New"}, lambda _: catalogue.get("atlas").title, "New"),
        (Product, {"retired_at": NOW}, lambda known: subscriptions.is_sold(known.plan), False),
        (
            Subscription,
            {"grace_days": 9},
            lambda known: subscriptions.find(known.plan.public_id).grace_days,
            9,
        ),
        (Subscription, {"grace_days": 9}, lambda _: subscriptions.list_for(ALICE)[0].grace_days, 9),
        (
            Subscription,
            {"wish": "cancel", "next_attempt_at": NOW},
            lambda _: [one.wish for one in renewals.due(9, LATER)],
            ["cancel"],
        ),
        (
            Subscription,
            {"canceled_at": NOW},
            lambda _: [
                one.renews
                for one in subscriptions.list_for_product(catalogue.get("plan", include_retired=True))
            ],
            [False],
        ),
        (Entitlement, {"until": NOW}, lambda _: entitlements.of(ALICE)["tonight"].until, NOW),
        (Entitlement, {"until": NOW}, lambda _: entitlements.has(ALICE, "tonight", LATER), False),
        (Entitlement, {"until": NOW}, lambda _: entitlements.differences([ALICE]), [(ALICE, "tonight")]),
        (
            Entitlement,
            {"until": LATER},
            lambda _: [one.until for one in reminders._passes(DAY, NOW)],
            [LATER],
        ),
        (
            Subscription,
            {"paid_until": LATER},
            lambda _: [one.paid_until for one in reminders._plans(DAY, NOW)],
            [LATER],
        ),
        (Refund, {"reason": "new"}, lambda _: refunds.find("charge-1").reason, "new"),
        (Refund, {"reason": "new"}, lambda _: refunds.for_user(ALICE)["charge-1"].reason, "new"),
        (Refund, {"reason": "new"}, lambda _: [one.reason for one in refunds.due(9, LATER)], ["new"]),
        (
            Refund,
            {"refused_at": NOW},
            lambda _: [one.refused_at for one in rejected_refunds.undecided()],
            [NOW],
        ),
        (Shop, {"reconciled_at": NOW}, lambda _: shops.reconciled_at(), NOW),
        (Shop, {"delivery_problem": "shut"}, lambda _: shops.delivery()[1], "shut"),
        (Shop, {"statement_offset": 500}, lambda _: reconciliation.begin(), 400),
    ],
    ids=lambda value: value.__tablename__ if isinstance(value, type) else "",
)
def test_what_was_written_meanwhile_is_seen(
    known: Known, table: type[Model], values: dict[str, Any], read: Callable[[Known], Any], expected: Any
):
    change(table, **values)
    assert read(known) == expected
