"""A shop to which anything happens in any order, and whose books a model keeps a second time."""

import functools
import itertools
import json
import sqlite3
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial
from threading import BoundedSemaphore
from types import SimpleNamespace
from typing import Any, ClassVar

import psycopg
from flask import Flask
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, precondition, rule
from sqlalchemy import event

from tests.kit import arrange
from tests.kit.arrange import ALICE, BOB, NOW, item
from tests.kit.factories import SECRET_KEY, TERMS_VERSION
from tests.kit.model import DAY, MONTH, Books, Deal, Died, Paid, Plan, Telegram, moment, span
from webapp.bot.worker import Worker
from webapp.db.engine import db
from webapp.db.models import User
from webapp.db.transactions import run_in_transaction
from webapp.domain.access import ledger
from webapp.domain.catalogue import catalogue
from webapp.domain.owner import withdrawals
from webapp.domain.owner.audit import Decision
from webapp.domain.people.keys import KeyRing
from webapp.domain.queue import inbox
from webapp.domain.sales import orders, pre_checkouts, subscriptions, updates
from webapp.errors import OffSale, RateLimited, ShopError
from webapp.usecases import owner, receiving, refunds, renewals, statement
from webapp.usecases.context import Context

HOUR = 3600
CATALOGUE = (
    item("atlas", refund_days=3),
    item("notes", stars=120),
    item("sky", kind="bundle", stars=320, keys=("atlas", "notes")),
    item("week", kind="pass", stars=25, pass_days=7, keys=("tonight",), refund_days=1),
    item("plan", kind="subscription", stars=90, keys=("tonight",), trial_stars=9, trial_days=5, grace_days=1),
    item("tier", kind="subscription", stars=150, keys=("tonight", "maps"), grace_days=3, refund_days=2),
)
TABLES = (
    *("ledger_entries", "entitlements", "refunds", "subscriptions", "outbox", "inbox", "pre_checkouts"),
    *("audit_entries", "charges", "terms_acceptances", "orders", "rate_limits", "users", "products", "shop"),
)
# Everything that was promised, in one look: a kind of row and up to nine texts.
LOOK = """
SELECT 'fact', kind, telegram_id, charge_id, {occurred_at}, CAST(keys AS TEXT), pass_days, {paid_until},
    grace_days, stars, id FROM ledger_entries
UNION ALL SELECT 'open', "key", telegram_id, NULL, {since}, NULL, NULL, {until}, NULL, NULL, 0
    FROM entitlements
UNION ALL SELECT 'charge', telegram_payment_charge_id, telegram_id, NULL, {charged_at}, NULL, NULL, NULL,
    CASE WHEN quarantined_because IS NULL THEN 0 ELSE 1 END, NULL, 0 FROM charges
UNION ALL SELECT 'refund', charge_id, telegram_id, NULL, NULL, NULL, NULL, NULL,
    CASE WHEN done_at IS NOT NULL THEN 2 WHEN refused_at IS NOT NULL THEN 1 ELSE 0 END, NULL, 0 FROM refunds
UNION ALL SELECT 'plan', public_id, telegram_id, first_charge_id, {started_at}, NULL, NULL, {paid_until},
    grace_days, stars, 0 FROM subscriptions
UNION ALL SELECT 'order', public_id, telegram_id, NULL, NULL, CAST(keys AS TEXT), pass_days, {expires_at},
    grace_days, stars, 0 FROM orders
UNION ALL SELECT 'told', dedupe_key, telegram_id, NULL, NULL, NULL, NULL, NULL, NULL, NULL, 0 FROM outbox
    WHERE kind IN ('receipt', 'subscribed', 'renewed', 'in_review', 'sent_back', 'refunded')
ORDER BY 11
"""
THANKS = ("receipt", "subscribed", "renewed")
MOMENTS = ("occurred_at", "paid_until", "since", "until", "charged_at", "started_at", "expires_at")
EPOCH = {
    "sqlite": "CAST(strftime('%s', {}) AS INTEGER)",
    "postgresql": "CAST(extract(epoch FROM {}) AS bigint)",
}
Row = tuple[Any, ...]
ASKED = Decision("shell", "asked")


@dataclass(frozen=True)
class Till(Context):
    """What the use cases share, with the model for Telegram."""

    telegram: Any = None

    @property
    def client(self) -> Any:
        return self.telegram


class House:
    """A database that is as on the first day again before each history, and a clock."""

    def __init__(self, app: Flask) -> None:
        self.app = app
        self.now = int(NOW.timestamp())
        self.fuse: int | None = None  # statements until the process dies
        self.dialect = db.engine.dialect.name
        self.till = Till(app.config["STARFRONT"], app.extensions["keys"], BoundedSemaphore(4))
        self.worker = Worker(app)
        self.worker.context = self.till
        arrange.open_shop(*CATALOGUE)
        for person, name in ((ALICE, "Alice"), (BOB, "Bob")):
            arrange.meet(person, first_name=name)
        if self.dialect == "sqlite":
            event.listen(db.engine, "before_cursor_execute", self._burn)
        else:
            # The hottest statements go past SQLAlchemy.
            event.listen(db.engine, "connect", self._watch)
            db.engine.dispose()
        self.look = LOOK.format(**{name: EPOCH[self.dialect].format(name) for name in MOMENTS})
        self._keep()

    def change(self, **facts: Any) -> None:
        """Have other keys, or another model of Telegram."""
        self.till = self.worker.context = replace(self.till, **facts)

    def clean(self) -> None:
        """Have the database as it was kept."""
        db.session.remove()
        self.fuse = None
        raw = db.engine.raw_connection()
        if self.dialect == "sqlite":
            self.kept.backup(raw.driver_connection)
        else:
            # Triggers would refuse: nothing is ever deleted from a ledger.
            deletes = "; ".join(f"DELETE FROM {table}" for table in TABLES)
            inserts = "; ".join(f"INSERT INTO {table} SELECT * FROM kept.{table}" for table in TABLES[::-1])
            with raw.cursor() as cursor:
                cursor.execute(f"SET session_replication_role = replica; {deletes}; {inserts}; RESET ALL")
            raw.commit()
        raw.close()

    def rows(self) -> list[Row]:
        """Return everything that was promised."""
        with db.engine.connect() as connection:
            return [tuple(row) for row in connection.exec_driver_sql(self.look)]

    def _keep(self) -> None:
        db.session.remove()
        raw = db.engine.raw_connection()
        if self.dialect == "sqlite":
            self.kept = sqlite3.connect(":memory:")
            raw.driver_connection.backup(self.kept)
        else:
            tables = "; ".join(f"CREATE TABLE kept.{table} AS TABLE {table}" for table in TABLES)
            with raw.cursor() as cursor:
                cursor.execute(f"CREATE SCHEMA kept; {tables}")
            raw.commit()
        raw.close()

    def _watch(self, connection: Any, _record: Any) -> None:
        house = self

        class Cursor(psycopg.Cursor[Any]):
            def execute(self, *args: Any, **options: Any) -> Any:
                house._burn()
                return super().execute(*args, **options)

        connection.cursor_factory = Cursor

    def _burn(self, *_event: Any) -> None:
        if self.fuse is not None:
            self.fuse -= 1
            if self.fuse < 0:
                self.fuse = None
                raise Died


def step(when: Callable[["Machine"], Any] | None = None, **drawn: st.SearchStrategy[Any]) -> Any:
    """Make a rule of a method, with the invariants checked behind it; one that returns False did nothing."""

    def wrap(method: Callable[..., Any]) -> Any:
        @functools.wraps(method)
        def run(self: "Machine", **given: Any) -> None:
            self.is_sound = False
            if method(self, **given) is not False:
                self.note(method.__name__)
            self.check()
            self.is_sound = True

        made = rule(**drawn)(run)
        return precondition(when)(made) if when else made

    return wrap


PICK = st.integers(0, 255)
PEOPLE = st.sampled_from((ALICE, BOB))
SLUGS = st.sampled_from([one.slug for one in CATALOGUE])


class Machine(RuleBasedStateMachine):
    """Rules are what people, Telegram, the owner and the machine room may do."""

    house: ClassVar[House]
    pairs: ClassVar[Counter[tuple[str, str]]]
    steps: ClassVar[int] = 0

    def __init__(self) -> None:
        super().__init__()
        self.house.clean()
        self.telegram = Telegram(now=int(NOW.timestamp()))
        self.house.now = self.telegram.now
        self.books = Books()
        self.items = {one.slug: one for one in CATALOGUE}
        self.versions: Counter[str] = Counter()
        self.secrets = [SECRET_KEY]
        self.house.change(keys=KeyRing.of(SECRET_KEY), telegram=self.telegram)
        self.approvals: list[tuple[Deal, int]] = []
        self.answered: dict[str, tuple[dict[str, Any], str | None]] = {}
        self.delivered: list[dict[str, Any]] = []
        self.by_buyer: set[str] = set()
        self.revived: set[str] = set()  # plans that were turned on again
        self.ordered: dict[str, int] = {}  # deal: version of the product
        self.history: list[Row] = []
        self.last_rule = ""
        self.numbers = itertools.count(1)
        self.is_sound = True
        self.is_touched = False
        self.fuse: int | None = None
        self.listed = {one.slug: (place, one) for place, one in enumerate(CATALOGUE)}

    # What people do.

    @step(
        person=PEOPLE,
        slug=SLUGS,
        trial=st.booleans(),
        beside=st.booleans(),
        share=st.sampled_from((0, 0, 0, 1)),
    )
    def buy(self, person: int, slug: str, trial: bool, beside: bool, share: int) -> bool:
        """Order, be asked about, and pay."""
        deal = self.order_(person, slug, trial, beside)
        if deal is None or self.ask_(deal, deal.buyer, deal.stars, "XTR", self.query()) is not None:
            return False
        self.charge(deal, share=share)
        return True

    @step(person=PEOPLE, slug=SLUGS, trial=st.booleans(), beside=st.booleans())
    def order(self, person: int, slug: str, trial: bool, beside: bool) -> None:
        self.order_(person, slug, trial, beside)

    @step(lambda self: self.books.deals, pick=PICK)
    def ask(self, pick: int) -> None:
        """Telegram asks whether it may charge what was agreed on."""
        deal = self.one_of(list(self.books.deals.values()), pick)
        if self.ask_(deal, deal.buyer, deal.stars, "XTR", self.query()) is None:
            self.approvals.append((deal, self.telegram.now))

    @step(
        lambda self: self.books.deals,
        pick=PICK,
        wrong=st.sampled_from(("payer", "stars", "currency", "late")),
    )
    def ask_wrongly(self, pick: int, wrong: str) -> None:
        deal = self.one_of(list(self.books.deals.values()), pick)
        payer = ALICE + BOB - deal.buyer if wrong == "payer" else deal.buyer
        stars = deal.stars - 1 if wrong == "stars" else deal.stars
        currency = "EUR" if wrong == "currency" else "XTR"
        assert self.ask_(deal, payer, stars, currency, self.query(), ago=7 * (wrong == "late"))

    @step(lambda self: self.answered, pick=PICK)
    def ask_again(self, pick: int) -> None:
        """A question is delivered twice: the answer is the same, or too late."""
        query = self.one_of(sorted(self.answered), pick)
        asked, answer = self.answered[query]
        code = self.decide(asked, received=self.telegram.now)
        assert code in {answer, DIED}

    @step(lambda self: self.approvals, pick=PICK)
    def pay(self, pick: int) -> bool:
        """Telegram charges what it was allowed to, if that was just now."""
        deal, approved = self.approvals.pop(pick % len(self.approvals))
        if self.telegram.now - approved > 60:
            return False
        self.charge(deal)
        return True

    @step(lambda self: self.books.deals, pick=PICK)
    def pay_unasked(self, pick: int) -> None:
        """Somebody's invoice is charged for without our yes: again, or after a database was set back."""
        self.charge(self.one_of(list(self.books.deals.values()), pick))

    @step(lambda self: self.books.deals, pick=PICK)
    def pay_for_another(self, pick: int) -> None:
        deal = self.one_of(list(self.books.deals.values()), pick)
        self.charge(deal, payer=ALICE + BOB - deal.buyer)

    @step(lambda self: self.books.deals, pick=PICK, wrong=st.sampled_from(("stars", "currency", "payload")))
    def pay_wrongly(self, pick: int, wrong: str) -> None:
        deal = self.one_of(list(self.books.deals.values()), pick)
        if wrong == "payload":
            self.telegram.charge(deal.payload[:-1], deal.buyer, deal.stars)
        else:
            stars = deal.stars + 1 if wrong == "stars" else deal.stars
            self.telegram.charge(
                deal.payload, deal.buyer, stars, currency="EUR" if wrong == "currency" else "XTR"
            )

    @step(lambda self: self.returnable(), pick=PICK, stranger=st.integers(0, 9))
    def give_back(self, pick: int, stranger: int) -> None:
        """A buyer wants their own charge given back, or somebody else's."""
        one = self.one_of(list(self.books.known.values()), pick)
        asker = ALICE + BOB - one.payer if not stranger else one.payer
        expected = self.against_giving_back(one, asker)
        is_new = self.books.wanted.get(one.id) not in {"pending", "done"}
        try:
            self.shop(lambda: refunds.refund_own(self.house.till, SimpleNamespace(telegram_id=asker), one.id))
        except ShopError as refusal:
            assert refusal.code in expected | {"RateLimited"}  # noqa: PT017
            return
        assert not expected
        if is_new and one.id not in self.books.wanted:
            self.by_buyer.add(one.id)
        self.books.want(one.id, self.telegram.now)
        self.hear()

    @step(lambda self: self.books_plans(), pick=PICK)
    def cancel(self, pick: int) -> None:
        """A buyer stops a plan in the shop."""
        self.wish(pick, partial(renewals.cancel_renewal, self.house.till))

    @step(lambda self: self.books_plans(), pick=PICK)
    def resume(self, pick: int) -> None:
        """A buyer wants a plan to go on: in the shop, and then in Telegram."""
        deal = self.wish(pick, partial(renewals.allow_renewal, self.house.till))
        for plan in self.telegram.plans.values():
            if plan.first.payload == deal.payload:
                self.turn_on(plan)

    @step(lambda self: self.telegram.plans, pick=PICK)
    def cancel_in_telegram(self, pick: int) -> None:
        self.turn_off(self.one_of(list(self.telegram.plans.values()), pick))

    @step(lambda self: self.telegram.plans, pick=PICK)
    def resume_in_telegram(self, pick: int) -> None:
        self.turn_on(self.one_of(list(self.telegram.plans.values()), pick))

    # What Telegram does.

    @step(lambda self: self.telegram.plans, pick=PICK, late=st.sampled_from((-HOUR, 0, 0, DAY, 4 * DAY)))
    def renew(self, pick: int, late: int) -> bool:
        """Telegram charges for a plan's next month; one that was just turned off may be charged as well."""
        plan = self.one_of(list(self.telegram.plans.values()), pick)
        if plan.is_off and pick % 4:
            return False
        self.telegram.now = max(self.telegram.now, plan.until + late)
        one = plan.first
        self.telegram.charge(one.payload, one.payer, one.stars, period=MONTH, plan=one.id)
        return True

    @step(lambda self: self.telegram.plans, pick=PICK)
    def fail_renewal(self, pick: int) -> None:
        plan = self.one_of(list(self.telegram.plans.values()), pick)
        self.telegram.state(plan, "failed")

    @step(lambda self: self.telegram.plans, pick=PICK)
    def swap_states(self, pick: int) -> None:
        """A plan is turned off and on, and the two updates overtake each other."""
        plan = self.one_of(list(self.telegram.plans.values()), pick)
        count = len(self.telegram.updates)
        self.turn_off(plan)
        self.turn_on(plan)
        self.telegram.updates[count:] = self.telegram.updates[count:][::-1]

    @step(lambda self: self.telegram.updates, most=st.integers(1, 4))
    def deliver(self, most: int) -> None:
        for _ in range(min(most, len(self.telegram.updates))):
            self.receive(self.telegram.updates.pop(0))

    @step(lambda self: len(self.telegram.updates) > 1, pick=PICK)
    def deliver_out_of_order(self, pick: int) -> None:
        self.receive(self.telegram.updates.pop(1 + pick % (len(self.telegram.updates) - 1)))

    @step(lambda self: self.delivered, pick=PICK, is_new=st.booleans())
    def deliver_twice(self, pick: int, is_new: bool) -> None:
        """An update comes once more, as it was or under another update id."""
        update = self.one_of(self.delivered, pick)
        self.receive(update | ({"update_id": 10**6 + next(self.numbers)} if is_new else {}))

    @step(lambda self: self.delivered, pick=PICK)
    def forward(self, pick: int) -> bool:
        """Somebody forwards a message about a payment to the bot, or Telegram makes a copy of it."""
        update = self.one_of(self.delivered, pick)
        if "message" not in update:
            return False
        copy = {**update["message"], "forward_date": self.telegram.now, "from": {"id": BOB}}
        self.hand_over({"update_id": 10**6 + next(self.numbers), "message": copy})
        return True

    @step(lambda self: self.telegram.updates, pick=PICK)
    def drop(self, pick: int) -> None:
        """An update is lost: after 24 hours Telegram keeps it no longer."""
        self.telegram.updates.pop(pick % len(self.telegram.updates))

    @step(lag=st.sampled_from((0, 0, 60, 2 * HOUR)), is_shuffled=st.booleans(), repeats=st.booleans())
    def trouble_the_statement(self, lag: int, is_shuffled: bool, repeats: bool) -> None:
        self.telegram.lag, self.telegram.is_shuffled, self.telegram.repeats = lag, is_shuffled, repeats

    @step(lambda self: self.givable(), pick=PICK)
    def refund_at_telegram(self, pick: int) -> None:
        """Telegram's support gives a charge back, or somebody else with the bot's token."""
        self.telegram.refund(self.one_of(self.givable(), pick).id)

    # What the owner does.

    @step(lambda self: self.returnable(), pick=PICK)
    def refund(self, pick: int) -> None:
        self.refund_(pick)

    @step(lambda self: self.returnable(), pick=PICK, trouble=st.sampled_from(("lost", "unreached", "busy")))
    def refund_unanswered(self, pick: int, trouble: str) -> None:
        self.refund_(pick, trouble)

    @step(lambda self: self.returnable(), pick=PICK)
    def refund_refused(self, pick: int) -> None:
        self.refund_(pick, "refused")

    @step(lambda self: self.returnable(), pick=PICK, trouble=st.sampled_from(("dies_before", "dies_after")))
    def refund_and_die(self, pick: int, trouble: str) -> None:
        self.refund_(pick, trouble)

    @step(lambda self: self.returnable(), pick=PICK)
    def refund_what_went_back(self, pick: int) -> bool:
        """The owner refunds what Telegram's support refunded a moment before."""
        one = self.one_of(self.returnable(), pick)
        if one.id in self.telegram.returned:
            return False
        self.telegram.refund(one.id)
        self.refund_(pick)
        return True

    @step(lambda self: BOB not in self.books.banned)
    def ban(self) -> bool:
        if (
            self.shop(lambda: run_in_transaction(lambda: withdrawals.ban(BOB, moment(self.telegram.now))))
            is DIED
        ):
            return False
        self.books.banned[BOB] = self.telegram.now
        return True

    @step(slug=SLUGS, stars=st.integers(5, 400))
    def change_price(self, slug: str, stars: int) -> bool:
        if self.items[slug].stars == stars:
            return False
        return self.list_({**self.items, slug: replace(self.items[slug], stars=stars)})

    @step(slug=SLUGS)
    def retire(self, slug: str) -> bool:
        if slug in self.books.retired or not self.list_(self.items, without=slug):
            return False
        self.books.retired[slug] = self.telegram.now
        return True

    @step(lambda self: self.books.retired, pick=PICK)
    def put_back(self, pick: int) -> bool:
        slug = self.one_of(sorted(self.books.retired), pick)
        since = self.books.retired.pop(slug)
        if self.list_(self.items):
            return True
        self.books.retired[slug] = since
        return False

    # What the machine room does.

    @step()
    def reconcile(self) -> None:
        self.reconcile_(full=False)

    @step()
    def reconcile_fully(self) -> None:
        self.reconcile_(full=True)

    @step()
    def work(self) -> None:
        """The bot does what waits: updates that were kept, wishes, refunds."""
        self.work_quietly()

    @step(seconds=st.sampled_from((1, 20, 70, 14 * 60 + 10, 16 * 60, 5 * HOUR, DAY, 6 * DAY, 31 * DAY)))
    def jump(self, seconds: int) -> None:
        self.telegram.now += seconds

    @step(after=st.integers(0, 25))
    def die_soon(self, after: int) -> None:
        """The next transaction is cut off in its middle, and everything starts afresh."""
        self.fuse = after

    @step()
    def rotate_keys(self) -> None:
        self.secrets.insert(0, f"{next(self.numbers):0>32}")
        self.house.change(keys=KeyRing.of(self.secrets[0], tuple(self.secrets[1:])))

    @step(lambda self: self.books.facts, pick=PICK, seconds=st.integers(-1, DAY))
    def look_back(self, pick: int, seconds: int) -> None:
        """What was open at an earlier moment is a question that the ledger answers, too."""
        at = self.one_of(self.books.facts, pick).at + seconds
        for person in (ALICE, BOB):
            entries = [entry_of(row) for row in self.history if row[2] == person]
            access = {key: span(one) for key, one in ledger.fold(entries, moment(at)).items()}
            assert access == self.books.opened(person, at)

    def teardown(self) -> None:
        """Have everything heal, as it must by itself when troubles are over, and check the rest."""
        if not self.is_sound:
            return
        self.fuse = None
        self.telegram.trouble, self.telegram.lag = None, 0
        self.telegram.is_shuffled = self.telegram.repeats = False
        while self.telegram.updates:
            self.receive(self.telegram.updates.pop(0))
        self.telegram.now += 2 * HOUR
        self.reconcile_(full=True)
        self.work_quietly()
        self.check()
        told = {one.id for one in self.telegram.paid.values() if one.currency == "XTR"}
        assert told <= self.books.known.keys()
        assert {one for one, state in self.books.wanted.items() if state == "done"} == set(
            self.telegram.returned
        )
        assert "pending" not in self.books.wanted.values()
        sums = [row["amount"] * (1 if "source" in row else -1) for row in self.telegram.rows]
        shares = [
            one.share * (0 if one.id in self.telegram.returned else 1) for one in self.telegram.paid.values()
        ]
        assert sum(fact.stars for fact in self.books.facts) == sum(sums) + sum(shares)

        self.check_that_plans_ended()

    # How it is done.

    def work_quietly(self) -> None:
        self.shop(self.house.worker.settle_money)
        self.shop(lambda: renewals.carry_out_due(self.house.till))
        self.shop(lambda: refunds.carry_out_due(self.house.till))
        self.hear()

    def note(self, name: str) -> None:
        if self.last_rule:
            type(self).pairs[self.last_rule, name] += 1
        self.last_rule = name
        Machine.steps += 1

    def shop(self, work: Callable[[], Any], *, is_mortal: bool = False) -> Any:
        """Have the shop do something, in a process that may die over it."""
        db.session.remove()
        self.is_touched = True
        self.house.now = self.telegram.now
        self.house.fuse, self.fuse = self.fuse if is_mortal else None, None
        try:
            return work()
        except Died:
            return DIED
        finally:
            self.house.fuse = None

    def order_(self, person: int, slug: str, trial: bool, beside: bool) -> Deal | None:
        wanted = self.wanted(person, slug, trial)
        expected = self.books.against_order(person, wanted, self.telegram.now, beside_plan=beside)
        try:
            made = self.shop(lambda: self.place(wanted, beside), is_mortal=True)
        except ShopError as refusal:
            assert refusal.code in expected, f"{refusal.code} is none of {expected}"  # noqa: PT017
            return None
        if made is DIED:
            return None
        assert not expected
        still_open = self.still_open(wanted)
        if made.payload in self.books.deals:
            assert still_open == [self.books.deals[made.payload]]
        else:
            assert still_open == []
            mine = [one for one in self.books.deals.values() if (one.buyer, one.slug) == (person, slug)]
            self.books.closed |= {one.id for one in mine}
            self.books.deals[made.payload] = replace(wanted, id=made.public_id, payload=made.payload)
            self.ordered[made.public_id] = self.versions[slug]
        return self.books.deals[made.payload]

    def wanted(self, person: int, slug: str, trial: bool) -> Deal:
        one = self.items[slug]
        trial = trial and one.trial_stars is not None
        return Deal(
            id="",
            payload="",
            buyer=person,
            slug=slug,
            stars=one.trial_stars if trial and one.trial_stars else one.stars,
            keys=one.keys,
            days=one.trial_days if trial else one.pass_days,
            is_plan=one.kind == "subscription" and not trial,
            is_trial=trial,
            grace=one.grace_days,
            window=one.refund_days,
            ends=self.telegram.now + 15 * 60,
        )

    def still_open(self, wanted: Deal) -> list[Deal]:
        """Return the deals that a second tap must lead back to."""
        return [
            one
            for one in self.books.deals.values()
            if (one.buyer, one.slug, one.is_trial) == (wanted.buyer, wanted.slug, wanted.is_trial)
            and one.id not in self.books.closed
            and self.telegram.now < one.ends - 60
            and self.ordered[one.id] == self.versions[one.slug]
        ]

    def place(self, wanted: Deal, beside: bool) -> Any:
        def work() -> Any:
            return orders.place(
                db.session.get_one(User, wanted.buyer),
                wanted.slug,
                terms_version=TERMS_VERSION,
                current_terms=TERMS_VERSION,
                correlation_id="tap",
                keys=self.house.till.keys,
                now=moment(self.telegram.now),
                trial=wanted.is_trial,
                beside_plan=beside,
            )

        return run_in_transaction(work)

    def query(self) -> str:
        return f"q{next(self.numbers)}"

    def ask_(
        self, deal: Deal, payer: int, stars: int, currency: str, query: str, *, ago: int = 0
    ) -> str | None:
        now = self.telegram.now
        asked = {"id": query, "from": {"id": payer}, "currency": currency, "total_amount": stars}
        update = {
            "update_id": next(self.numbers),
            "pre_checkout_query": {**asked, "invoice_payload": deal.payload},
        }
        expected = (
            {"CheckoutTooLate"}
            if ago
            else self.books.against_payment(deal, payer, stars, currency, query, now)
        )
        code = self.decide(update, received=now - ago)
        if code is DIED:
            return code
        self.answered[query] = update, code
        if code:
            assert code in expected
        else:
            assert not expected
            self.books.approved.add((deal.id, payer))
            self.books.held[deal.id] = query, now + 10
        return code

    def decide(self, update: dict[str, Any], *, received: int) -> str | None:
        kept = inbox.describe(update, "webhook", moment(received))

        def work() -> Any:
            asked = updates.question(kept)
            return pre_checkouts.decide(asked, keys=self.house.till.keys, now=moment(self.telegram.now))

        refusal = self.shop(lambda: run_in_transaction(work), is_mortal=True)
        return refusal.code if isinstance(refusal, ShopError) else refusal

    def charge(self, deal: Deal, *, payer: int = 0, share: int = 0) -> None:
        period = MONTH if deal.is_plan else None
        share = deal.stars // 10 if share else 0
        self.telegram.charge(deal.payload, payer or deal.buyer, deal.stars, period=period, share=share)

    def receive(self, update: dict[str, Any]) -> None:
        if self.hand_over(update) is DIED:
            # Not acknowledged, so it comes again.
            self.telegram.updates.insert(0, update)
            return
        self.delivered.append(update)
        message = update.get("message", {})
        if "successful_payment" in message:
            one = self.telegram.paid[message["successful_payment"]["telegram_payment_charge_id"]]
            self.books.charge(one, self.telegram.now, is_told=True)
        elif "refunded_payment" in message:
            one = self.telegram.paid[message["refunded_payment"]["telegram_payment_charge_id"]]
            self.books.refund(one, message["date"], self.telegram.now)

    def hand_over(self, update: dict[str, Any]) -> Any:
        body = json.dumps(update).encode()
        return self.shop(lambda: receiving.receive(body, "webhook", self.house.till), is_mortal=True)

    def reconcile_(self, *, full: bool) -> None:
        self.telegram.pages.clear()
        report = self.shop(lambda: statement.reconcile(self.house.till, full=full), is_mortal=True)
        pages = self.telegram.pages
        if report is DIED:
            pages = pages if self.is_kept(pages[-1:]) else pages[:-1]
        again = [number for number, (offset, _) in enumerate(pages) if number and not offset]
        before_charges = (again[0] if again else len(pages)) if full else 0
        for number, (_, rows) in enumerate(pages):
            only_refunds = number < before_charges
            self.books.read(rows, self.telegram.paid, self.telegram.now, only_refunds=only_refunds)
        if report is not DIED and full and self.telegram.lag < HOUR:
            assert report.drift_stars == 0

    def is_kept(self, pages: Sequence[tuple[int, list[dict[str, Any]]]]) -> bool:
        """Tell whether all that a page tells of is on the books, rather than nothing of it."""
        rows = [row for _, page in pages for row in page]
        look = self.house.rows()
        charges = {row[1] for row in look if row[0] == "charge"}
        refunds = {row[1] for row in look if row[0] == "refund" and row[8] == 2}
        return all(row["id"] in (charges if "source" in row else refunds) for row in rows)

    def refund_(self, pick: int, trouble: str | None = None) -> None:
        one = self.one_of(self.returnable(), pick)
        self.telegram.trouble = trouble
        self.shop(lambda: owner.refund(self.house.till, one.id, ASKED))
        self.telegram.trouble = None
        self.books.want(one.id, self.telegram.now)
        self.hear()

    def hear(self) -> None:
        """Know what Telegram said to the shop about refunds."""
        for method, charge_id, answer in self.telegram.answers:
            if method == "refundStarPayment":
                if answer in {"done", "CHARGE_ALREADY_REFUNDED"}:
                    self.books.refund(self.telegram.paid[charge_id], self.telegram.now, self.telegram.now)
                else:
                    self.books.refuse(charge_id, self.telegram.now)
        self.telegram.answers.clear()

    def wish(self, pick: int, do: Callable[..., Any]) -> Deal:
        deal = self.one_of(self.books_plans(), pick)
        with suppress(OffSale, RateLimited):
            self.shop(lambda: do(subscriptions.find(deal.id), by="buyer"))
        return deal

    def turn_off(self, plan: Plan) -> None:
        if not plan.is_off:
            plan.is_off = True
            self.telegram.state(plan, "canceled")

    def turn_on(self, plan: Plan) -> None:
        if plan.is_off and not plan.off_by_bot and self.telegram.now < plan.until:
            plan.is_off = False
            self.revived.add(plan.first.id)
            self.telegram.state(plan, "active")

    def list_(self, items: dict[str, catalogue.Item], *, without: str = "") -> bool:
        listed = {
            slug: one for slug, one in items.items() if slug not in self.books.retired and slug != without
        }

        def work() -> None:
            withdrawals.replace_catalogue(listed.values(), moment(self.telegram.now))

        if self.shop(lambda: run_in_transaction(work), is_mortal=True) is DIED:
            return False
        self.items = items
        # A product's place in the list is part of its version.
        places = {slug: (place, one) for place, (slug, one) in enumerate(listed.items())}
        for slug in self.items:
            self.versions[slug] += self.listed.get(slug) != places.get(slug)
        self.listed = places
        return True

    def against_giving_back(self, one: Paid, asker: int) -> set[str]:
        deal = self.books.deals.get(one.payload)
        if asker != one.payer:
            return {"ChargeNotFound"}
        if self.books.wanted.get(one.id) in {"pending", "done"}:
            return set()
        is_set_aside = self.books.verdicts[one.id] in {"parked", "OffSale", "Banned"}
        days = 0 if is_set_aside or deal is None else deal.window
        earlier = [
            self.books.known[other] for other in self.by_buyer if self.books.wanted[other] != "refused"
        ]
        slugs = [self.books.deals[other.payload].slug for other in earlier if other.payer == asker]
        refused_at = self.books.refused.get(one.id)
        reasons = {
            "RefundRefused": refused_at is not None and self.telegram.now < refused_at + HOUR,
            "RefundWindowOver": self.telegram.now >= one.at + days * DAY,
            "RefundedBefore": deal is not None and deal.slug in slugs,
        }
        return {name for name, holds in reasons.items() if holds}

    def returnable(self) -> list[Paid]:
        return [one for one in self.books.known.values() if one.currency == "XTR"]

    def givable(self) -> list[Paid]:
        known = self.telegram.paid.values()
        return [one for one in known if one.currency == "XTR" and one.id not in self.telegram.returned]

    def books_plans(self) -> list[Deal]:
        return [deal for deal in self.books.deals.values() if deal.is_plan and self.books.plan(deal)]

    @staticmethod
    def one_of(things: Sequence[Any], pick: int) -> Any:
        return things[pick % len(things)]

    def check_that_plans_ended(self) -> None:
        """A plan of which a charge was sent back is charged for no more, but for what was turned on since."""
        arrived = list(self.books.known)
        # Of one invoice that began two plans, nothing tells which of them is renewed.
        payloads = Counter(plan.first.payload for plan in self.telegram.plans.values())
        for one in self.books.known.values():
            is_sent_back = self.books.verdicts[one.id] in {"AlreadySubscribed", "Banned", "OffSale"}
            is_clear = payloads[one.payload] == 1 or self.books.verdicts[one.id] == "AlreadySubscribed"
            if is_sent_back and is_clear and one.plan in arrived[: arrived.index(one.id) + 1]:
                assert self.telegram.plans[one.plan].is_off or one.plan in self.revived

    # What must hold after each step.

    def check(self) -> None:
        if not self.is_touched:
            return
        self.is_touched = False
        rows = self.house.rows()
        facts = [row for row in rows if row[0] == "fact"]
        assert facts[: len(self.history)] == self.history, "the ledger was changed"
        self.history = facts
        have, meant = Counter(map(told_of, rows)), Counter(promised(self.books, self.telegram.paid))
        too_much, missing = sorted(have - meant, key=str), sorted(meant - have, key=str)
        assert [too_much, missing] == [[], []]
        for person in (ALICE, BOB):
            entries = [entry_of(row) for row in facts if row[2] == person]
            access = {key: span(one) for key, one in ledger.fold(entries).items()}
            assert access == self.books.opened(person)
        done = {charge_id for charge_id, state in self.books.wanted.items() if state == "done"}
        assert done <= self.telegram.returned.keys()


DIED: Any = "died"


def promised(books: Books, paid: dict[str, Paid]) -> list[Row]:
    """Return what has to be in the database, as the look at it shows.

    :param paid: every charge that Telegram made
    """
    rows: list[Row] = [
        ("fact", f.kind, f.person, f.charge, f.at, json.dumps(f.keys), f.days, f.until, f.grace, f.stars)
        for f in books.facts
    ]
    for person in (ALICE, BOB):
        for key, (since, until) in books.opened(person).items():
            rows.append(("open", key, person, None, since, None, None, until, None, None))
    for one in books.known.values():
        is_set_aside = books.verdicts[one.id] in {"parked", "OffSale", "Banned"}
        rows.append(("charge", one.id, one.payer, None, one.at, None, None, None, int(is_set_aside), None))
    for charge_id, state in books.wanted.items():
        status = ["pending", "refused", "done"].index(state)
        rows.append(("refund", charge_id, paid[charge_id].payer, None, None, None, None, None, status, None))
    for deal in books.deals.values():
        terms_ = (json.dumps(deal.keys), deal.days, deal.ends, deal.grace, deal.stars)
        rows.append(("order", deal.id, deal.buyer, None, None, *terms_))
        if plan := books.plan(deal) if deal.is_plan else None:
            first, until = plan
            span_ = (first.id, first.at, None, None, until)
            rows.append(("plan", deal.id, deal.buyer, *span_, deal.grace, deal.stars))
    rows += [("told", kind, person, charge_id) for kind, person, charge_id in books.news]
    return rows


def told_of(row: Row) -> Row:
    """Return a row without its number, a message as what it tells."""
    if row[0] != "told":
        return row[:10]
    kind, _, charge_id = row[1].partition(":")
    return "told", "thanks" if kind in THANKS else kind, row[2], charge_id


def entry_of(row: Row) -> Any:
    _, kind, person, charge_id, at, keys, days, until, grace, *_ = row
    return SimpleNamespace(
        kind=kind,
        telegram_id=person,
        charge_id=charge_id,
        occurred_at=moment(at),
        keys=json.loads(keys),
        pass_days=days,
        paid_until=until and moment(until),
        grace_days=grace,
        cause="",
    )
