"""T11: what happens at once has answers and leaves books as if one thing had happened after the other.

Every history is a handful of questions, deliveries, refunds, walks over the statement and looks of one
person, in four threads. It is sound if they can be put into an order in which the model answers as the shop
did, no later one before an earlier one that had ended before it began, with the model's books the shop's in
the end: linearizability, searched for as Wing and Gong do (1993).
"""

import itertools
import json
import logging
import os
import random
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from copy import copy, deepcopy
from dataclasses import dataclass, field, replace
from threading import BoundedSemaphore
from typing import Any

import pytest
from flask import Flask

from tests.campaigns.machine import CATALOGUE, House, Till, promised, told_of
from tests.kit import arrange
from tests.kit.arrange import ALICE, BOB, NOW
from tests.kit.model import DAY, MONTH, Books, Deal, Paid, Telegram, moment
from webapp import clock
from webapp.db.engine import db
from webapp.db.models import User
from webapp.db.transactions import run_in_transaction, transaction
from webapp.domain.access import entitlements
from webapp.domain.queue import inbox
from webapp.domain.sales import charges, pre_checkouts, refunds, updates
from webapp.errors import ChargeNotFound, ShopError
from webapp.usecases import receiving, statement

HISTORIES = int(os.environ.get("HISTORIES", "25"))  # on each database; make histories: 1,000
THREADS, OPERATIONS = 4, 16
HOLD_SECONDS = 10
ticks = itertools.count()  # whose next value no two threads get


@dataclass
class Operation:
    """Something that is done to the shop, and what the model says of it."""

    name: str
    do: Callable[[Till], Any]
    agrees: Callable[[Books, Any], bool]  # do the same in the model; may the answer have been this?
    begun: int = 0
    ended: int = 0
    answer: Any = None


@dataclass
class History:
    """What Telegram has to tell of some purchases, and what is done with it at once."""

    house: House
    draw: random.Random
    telegram: Telegram = field(default_factory=lambda: Telegram(now=int(NOW.timestamp())))
    books: Books = field(default_factory=Books)

    def prepare(self) -> list[Operation]:
        """Have orders placed and paid for, nothing of which the shop knows yet; return what happens then."""
        slugs = self.draw.sample([one.slug for one in CATALOGUE], 3)
        deals = [self._order(slug) for slug in slugs]
        for _ in range(self.draw.randint(2, 5)):
            self._pay(self.draw.choice(deals))
        charges = list(self.telegram.paid.values())
        for one in self.draw.sample(charges, self.draw.randint(0, 2)):
            self.telegram.now += 1
            self.telegram.refund(one.id)
        told = [self._delivery(update) for update in self.telegram.updates]
        more = [
            lambda: self._question(self.draw.choice(deals)),
            lambda: self._delivery(self.draw.choice(self.telegram.updates)),
            lambda: self._wish(self.draw.choice(charges)),
            self._walk,
            self._look,
        ]
        chosen = self.draw.choices(more, k=OPERATIONS - len(told))
        operations = told + [make() for make in chosen]
        self.draw.shuffle(operations)
        return operations

    def run(self, operations: Sequence[Operation]) -> None:
        """Do everything, each thread its share of it."""
        with ThreadPoolExecutor(THREADS) as pool:
            shares = [operations[number::THREADS] for number in range(THREADS)]
            for done in [pool.submit(self._run, share) for share in shares]:
                done.result()

    def _run(self, share: Sequence[Operation]) -> None:
        with self.house.app.app_context():
            till = replace(self.house.till, slots=BoundedSemaphore(1), telegram=copy(self.telegram))
            for one in share:
                one.begun = next(ticks)
                one.answer = one.do(till)
                one.ended = next(ticks)
            db.session.remove()

    def _order(self, slug: str) -> Deal:
        [one] = [one for one in CATALOGUE if one.slug == slug]
        buyer, now = db.session.get_one(User, ALICE), moment(self.telegram.now)
        made = arrange.order(buyer, slug, now=now, beside_plan=True)
        self.books.deals[made.payload] = Deal(
            id=made.public_id,
            payload=made.payload,
            buyer=ALICE,
            slug=slug,
            stars=one.stars,
            keys=one.keys,
            days=one.pass_days,
            is_plan=one.kind == "subscription",
            is_trial=False,
            grace=one.grace_days,
            window=one.refund_days,
            ends=int(made.expires_at.timestamp()),
        )
        return self.books.deals[made.payload]

    def _pay(self, deal: Deal) -> None:
        self.telegram.now += 1
        begun = [one.id for one in self.telegram.paid.values() if one.payload == deal.payload]
        renewed = begun[0] if begun and deal.is_plan and self.draw.random() < 0.7 else None
        period = MONTH if deal.is_plan else None
        payer = BOB if self.draw.random() < 0.1 else ALICE
        self.telegram.charge(deal.payload, payer, deal.stars, period=period, plan=renewed)

    def _delivery(self, update: dict[str, Any]) -> Operation:
        """Telegram brings an update, perhaps again."""
        message = update["message"]
        told = message.get("successful_payment") or message["refunded_payment"]
        one = self.telegram.paid[told["telegram_payment_charge_id"]]
        body = json.dumps(update).encode()

        def agrees(books: Books, _answer: None) -> bool:
            if "successful_payment" in message:
                books.charge(one, self.telegram.now, is_told=True)
            else:
                books.refund(one, message["date"], self.telegram.now)
            return True

        kind = "charge" if "successful_payment" in message else "refund"
        return Operation(
            f"{kind} of {one.id} told", lambda till: receiving.receive(body, "webhook", till), agrees
        )

    def _question(self, deal: Deal) -> Operation:
        """Telegram asks whether it may charge."""
        query, now = f"q{next(ticks)}", self.telegram.now
        asked = {"id": query, "from": {"id": ALICE}, "currency": "XTR", "total_amount": deal.stars}
        update = {"update_id": next(ticks), "pre_checkout_query": {**asked, "invoice_payload": deal.payload}}

        def do(till: Till) -> str | None:
            kept = updates.question(inbox.describe(update, "webhook", moment(now)))
            refusal = run_in_transaction(lambda: pre_checkouts.decide(kept, keys=till.keys, now=moment(now)))
            return refusal.code if isinstance(refusal, ShopError) else None

        def agrees(books: Books, answer: str | None) -> bool:
            reasons = books.against_payment(deal, ALICE, deal.stars, "XTR", query, now)
            if answer is None and not reasons:
                books.approved.add((deal.id, ALICE))
                books.held[deal.id] = query, now + HOLD_SECONDS
            return answer in (reasons or {None})

        return Operation(f"{query} asks for {deal.slug}", do, agrees)

    def _wish(self, one: Paid) -> Operation:
        """The owner wants a charge given back."""
        now = self.telegram.now

        def wish() -> None:
            refunds.request_refund(charges.get(one.id), "asked", requested_by="owner", now=moment(now))

        def do(_till: Till) -> str | None:
            try:
                run_in_transaction(wish)
            except ChargeNotFound as unknown:
                return unknown.code
            return None

        def agrees(books: Books, answer: str | None) -> bool:
            if one.id not in books.known:
                return answer == ChargeNotFound().code
            books.want(one.id, now)
            return answer is None

        return Operation(f"{one.id} to be given back", do, agrees)

    def _walk(self) -> Operation:
        """The statement is read, which is short enough for one page."""

        def do(till: Till) -> list[dict[str, Any]]:
            till.client.pages = []
            statement.reconcile(till)
            return [row for _, rows in till.client.pages for row in rows]

        def agrees(books: Books, answer: list[dict[str, Any]]) -> bool:
            books.read(answer, self.telegram.paid, self.telegram.now)
            return True

        return Operation("statement read", do, agrees)

    def _look(self) -> Operation:
        """Somebody looks what is open to the buyer."""
        now = self.telegram.now + DAY

        def do(_till: Till) -> set[str]:
            with transaction():
                held = entitlements.of(ALICE)
                return {key for key, one in held.items() if one.is_active(moment(now))}

        def agrees(books: Books, answer: set[str]) -> bool:
            held = books.opened(ALICE)
            return answer == {key for key, (_, until) in held.items() if until is None or until > now}

        return Operation("look", do, agrees)


@pytest.fixture
def house(app: Flask, monkeypatch: pytest.MonkeyPatch) -> Iterator[House]:
    logging.disable(logging.CRITICAL)
    one = House(app)
    monkeypatch.setattr(clock, "now", lambda: moment(one.now))
    yield one
    logging.disable(logging.NOTSET)


@pytest.mark.proves("T11")
def test_everything_at_once_is_as_one_thing_after_the_other(house):
    seed = int(os.environ.get("SEED", random.randrange(10**6)))
    print(f"SEED={seed} HISTORIES={HISTORIES} {house.dialect}")
    overlaps, begun = 0, time.monotonic()
    for number in range(seed, seed + HISTORIES):
        house.clean()
        history = History(house, random.Random(number))
        operations = history.prepare()
        house.now = history.telegram.now
        history.run(operations)
        rows = Counter(map(told_of, house.rows()))

        def is_right(books: Books, rows: Counter[Any] = rows, history: History = history) -> bool:
            return rows == Counter(promised(books, history.telegram.paid))

        assert serial_order(history.books, operations, is_right), "\n".join(
            [f"SEED={number} has no order"]
            + [f"{one.begun}-{one.ended} {one.name}: {one.answer}" for one in operations]
        )
        overlaps += sum(
            one.begun < other.begun < one.ended for one, other in itertools.permutations(operations, 2)
        )
    took = time.monotonic() - begun
    print(f"{HISTORIES} histories, {overlaps / HISTORIES:.1f} overlaps each, {took:.0f} s, each has an order")
    assert overlaps > HISTORIES


def serial_order(
    books: Books,
    left: Sequence[Operation],
    is_right: Callable[[Books], bool],
    hopeless: set[tuple[int, ...]] | None = None,
) -> list[Operation] | None:
    """Return an order in which these operations explain each other and what they left, if there is one.

    :param hopeless: what is left and the books by then, where no order was found before
    """
    hopeless = set() if hopeless is None else hopeless
    place = (hash(repr(books)), *sorted(one.begun for one in left))
    if not left and is_right(books):
        return []
    if place in hopeless:
        return None
    # Whatever ended before another began comes before it.
    first_end = min((one.ended for one in left), default=0)
    for one in sorted((one for one in left if one.begun < first_end), key=lambda one: one.ended):
        after = deepcopy(books)
        if one.agrees(after, one.answer):
            rest = serial_order(after, [other for other in left if other is not one], is_right, hopeless)
            if rest is not None:
                return [one, *rest]
    hopeless.add(place)
    return None
