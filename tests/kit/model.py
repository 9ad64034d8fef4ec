"""Telegram's money and what the shop must make of it, said once more in as few words as possible.

Written from what the shop promises and not from its code, so that each can be held against the other.
Times are whole seconds since 1970.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

from webapp.bot_api.client import NotReached, OutcomeUnknown, Refused, RetryAfter

DAY = 86_400
MONTH = 30 * DAY
CONFIRMED_WITHIN = 60  # from Telegram's question to its charge
CLOCKS_DIFFER = 60  # at most: a charge this near to a withdrawal counts
Facts = tuple[Any, ...]


@dataclass(frozen=True)
class Deal:
    """An order: what was agreed on at the tap."""

    id: str
    payload: str
    buyer: int
    slug: str
    stars: int
    keys: tuple[str, ...]
    days: int | None
    is_plan: bool
    is_trial: bool
    grace: int
    window: int  # days for the buyer's own refund
    ends: int  # when the invoice is over


@dataclass(frozen=True)
class Paid:
    """A charge, as Telegram knows it."""

    id: str
    payer: int
    stars: int
    currency: str
    payload: str
    at: int
    until: int | None = None
    plan: str | None = None  # the first charge of the plan that it belongs to
    share: int = 0  # an affiliate's, which the statement's row leaves out


@dataclass
class Plan:
    """A subscription at Telegram, by its first charge."""

    first: Paid
    until: int
    is_off: bool = False
    off_by_bot: bool = False


@dataclass(frozen=True)
class Fact:
    """What the ledger must say."""

    kind: str
    person: int
    charge: str | None
    at: int
    keys: tuple[str, ...] = ()
    days: int | None = None
    until: int | None = None
    grace: int = 0
    stars: int = 0


class Died(BaseException):
    """The process was killed here."""


@dataclass
class Telegram:
    """Takes and gives back Stars, and tells of it in updates and in the statement."""

    now: int
    paid: dict[str, Paid] = field(default_factory=dict)
    returned: dict[str, int] = field(default_factory=dict)
    plans: dict[str, Plan] = field(default_factory=dict)
    rows: list[dict[str, Any]] = field(default_factory=list)
    updates: list[dict[str, Any]] = field(default_factory=list)  # not yet delivered
    answers: list[tuple[str, str, str]] = field(default_factory=list)  # method, charge, what the shop heard
    pages: list[tuple[int, list[dict[str, Any]]]] = field(default_factory=list)  # what was read
    trouble: str | None = None  # of the next refund
    lag: int = 0  # seconds until a row is in the statement
    is_shuffled: bool = False
    repeats: bool = False
    last_id: int = 0

    def charge(self, payload: str, payer: int, stars: int, **more: Any) -> Paid:
        """Take Stars. With a plan's first charge as ``plan`` it is that plan's renewal."""
        period, currency, plan = more.get("period"), more.get("currency", "XTR"), more.get("plan")
        share = more.get("share", 0)
        self.last_id += 1
        charge_id, until = f"stx{self.last_id}", None
        if period:
            until = max(self.plans[plan].until, self.now) + period if plan else self.now + period
            plan = plan or charge_id
        one = Paid(charge_id, payer, stars, currency, payload, self.now, until, plan, share)
        self.paid[one.id] = one
        if plan:
            self.plans.setdefault(plan, Plan(one, self.now)).until = until or 0
        partner = {"subscription_period": period} if period else {}
        if share:
            partner["affiliate"] = {"commission_per_mille": 100, "amount": share}
        self._book(one, "source", stars - share, **partner)
        self.tell(one)
        return one

    def tell(self, one: Paid) -> None:
        facts = {"is_recurring": True, "subscription_expiration_date": one.until} if one.plan else {}
        self._tell(one, "successful_payment", one.at, **facts | first(one))

    def refund(self, charge_id: str) -> None:
        one = self.paid[charge_id]
        self.returned[charge_id] = self.now
        back = {"affiliate": {"commission_per_mille": 100, "amount": -one.share}} if one.share else {}
        self._book(one, "receiver", one.stars - one.share, **back)
        self._tell(one, "refunded_payment", self.now)

    def state(self, plan: Plan, state: str) -> None:
        told = {"user": {"id": plan.first.payer}, "invoice_payload": plan.first.payload, "state": state}
        self._add({"subscription": told})

    def pause_seconds(self, _method: str) -> float:
        return 0.0

    def call(self, method: str, params: dict[str, Any], *, timeout_seconds: float | None = None) -> Any:
        """Answer the shop's call of the Bot API."""
        if method == "getStarTransactions":
            self.pages.append((params["offset"], self._page(params["offset"], params["limit"])))
            return {"transactions": self.pages[-1][1]}
        charge_id = params["telegram_payment_charge_id"]
        trouble, self.trouble = self.trouble, None
        if trouble in {"busy", "unreached", "dies_before"}:
            raise {"busy": RetryAfter("", 3), "unreached": NotReached(""), "dies_before": Died()}[trouble]
        self.answers.append((method, charge_id, self._done(method, charge_id, params, trouble == "refused")))
        if trouble in {"lost", "dies_after"}:
            self.answers.pop()
            raise Died if trouble == "dies_after" else OutcomeUnknown("")
        if self.answers[-1][2].isupper():
            raise Refused(f"Bad Request: {self.answers[-1][2]}")
        return True

    def _done(self, method: str, charge_id: str, params: dict[str, Any], is_refused: bool) -> str:
        plan = self.plans.get(charge_id)
        if method == "editUserStarSubscription":
            if plan is None or plan.first.payer != params["user_id"]:
                return "CHARGE_ID_INVALID"
            plan.off_by_bot = params["is_canceled"]
            plan.is_off = plan.is_off or plan.off_by_bot
            return "done"
        if charge_id in self.returned:
            return "CHARGE_ALREADY_REFUNDED"
        if is_refused:
            return "BALANCE_TOO_LOW"
        self.refund(charge_id)
        return "done"

    def _page(self, offset: int, limit: int) -> list[dict[str, Any]]:
        rows = [row for row in self.rows if row["date"] + self.lag <= self.now]
        rows = rows[:-6] + rows[-6:][::-1] if self.is_shuffled else rows
        return rows[max(0, offset - self.repeats) :][:limit]

    def _book(self, one: Paid, side: str, stars: int, **more: Any) -> None:
        partner = {"type": "user", "transaction_type": "invoice_payment", "user": {"id": one.payer}}
        if one.currency == "XTR":
            row = {"id": one.id, "amount": stars, "date": self.now}
            self.rows.append({**row, side: {**partner, "invoice_payload": one.payload, **more}})

    def _tell(self, one: Paid, kind: str, at: int, **more: Any) -> None:
        facts = {"currency": one.currency, "total_amount": one.stars, "invoice_payload": one.payload}
        facts |= {"telegram_payment_charge_id": one.id, **more}
        person = {"id": one.payer, "type": "private"}
        self._add({"message": {"date": at, "chat": person, "from": {"id": one.payer}, kind: facts}})

    def _add(self, update: dict[str, Any]) -> None:
        self.last_id += 1
        self.updates.append({"update_id": self.last_id, **update})


def first(one: Paid) -> dict[str, bool]:
    return {"is_first_recurring": True} if one.plan == one.id else {}


def moment(seconds: int) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)


def span(access: Any) -> tuple[int, int | None]:
    """Return what the shop says of an access in the model's words."""
    return int(access.since.timestamp()), access.until and int(access.until.timestamp())


def opened(facts: Iterable[Fact], at: float = float("inf")) -> dict[str, tuple[int, int | None]]:
    """Return since when and until when (None: for ever) each key is open, as of a moment."""
    known = [fact for fact in facts if fact.at <= at]
    void = {fact.charge for fact in known if fact.kind == "refund"}
    for charge in {fact.charge for fact in known if fact.kind == "suspension"}:
        kinds = [fact.kind for fact in known if fact.charge == charge]
        if kinds.count("suspension") > kinds.count("restoration"):
            void.add(charge)
    given = [f for f in known if f.kind in {"charge", "grant"} and (f.charge is None or f.charge not in void)]
    stretches = {}
    for key in {key for fact in given for key in fact.keys}:
        taken = [fact.at for fact in known if fact.kind == "revocation" and key in fact.keys]
        mine = [fact for fact in given if key in fact.keys and fact.at > max(taken, default=-1)]
        if mine:
            stretches[key] = _last_stretch(mine)
    return stretches


def _last_stretch(given: list[Fact]) -> tuple[int, int | None]:
    """Walk through time: passes are a meter that runs down, except while a plan is running."""
    plans = [(fact.at, fact.until + fact.grace * DAY) for fact in given if fact.until]
    moments = sorted({moment for plan in plans for moment in plan} | {fact.at for fact in given})
    since, until, meter = 0, -1, 0
    for moment, following in zip(moments, [*moments[1:], None], strict=True):
        new = [fact for fact in given if fact.at == moment and not fact.until]
        meter += sum(fact.days * DAY for fact in new if fact.days)
        is_planned = any(begin <= moment < end for begin, end in plans)
        left = float("inf") if following is None else following - moment
        used = left if is_planned else min(meter, left)
        meter -= 0 if is_planned else int(used)
        is_for_ever = any(not fact.days for fact in new)
        if (used or is_for_ever) and until < moment:
            since = moment
        if is_for_ever:
            return since, None
        until = max(until, moment + int(used)) if used else until
    return since, until


@dataclass
class Books:
    """What the shop must have on its books after what it was told, in the order in which it was told."""

    deals: dict[str, Deal] = field(default_factory=dict)  # by payload
    facts: list[Fact] = field(default_factory=list)
    known: dict[str, Paid] = field(default_factory=dict)
    verdicts: dict[str, str] = field(default_factory=dict)  # gives | void | parked | why it was sent back
    wanted: dict[str, str] = field(default_factory=dict)  # refunds: pending | refused | done
    refused: dict[str, int] = field(default_factory=dict)  # when Telegram last would not give it back
    approved: set[tuple[str, int]] = field(default_factory=set)  # deal and payer
    closed: set[str] = field(default_factory=set)  # deals that were paid or replaced
    held: dict[str, tuple[str, int]] = field(default_factory=dict)  # deal: question and until when
    retired: dict[str, int] = field(default_factory=dict)  # slug: since
    banned: dict[int, int] = field(default_factory=dict)
    news: list[tuple[str, int, str]] = field(default_factory=list)  # what people must have been told

    def charge(self, one: Paid, now: int, *, is_told: bool) -> None:
        """Learn of a charge, from an update (which tells how long it pays for) or from the statement."""
        deal = self.deals.get(one.payload)
        if one.id in self.known:
            if is_told and one.until and self.verdicts[one.id] in {"gives", "void"}:
                self._extend(one, deal)
            return
        verdict = self._verdict(one, deal, is_told)
        self.known[one.id], self.verdicts[one.id] = one, verdict
        gives, stars = verdict in {"gives", "void"}, one.stars if one.currency == "XTR" else 0
        fact = Fact("charge", one.payer, one.id, one.at, stars=stars)
        if gives and deal:
            until = self._until(one, is_told) if deal.is_plan else None
            fact = replace(fact, keys=deal.keys, days=deal.days, until=until, grace=deal.grace)
        self.facts.append(fact)
        if verdict != "void":
            kind = {"gives": "thanks", "parked": "in_review"}.get(verdict, "sent_back")
            self._tell(kind, one, one.at, now)
        if deal and verdict != "parked":
            self.closed.add(deal.id)
        if deal and verdict not in {"gives", "void", "parked"}:
            self.want(one.id, now)

    def refund(self, one: Paid, at: int, now: int) -> None:
        """Learn that a charge was given back."""
        if self.wanted.get(one.id) != "done":
            self.wanted[one.id] = "done"
            self.facts.append(Fact("refund", one.payer, one.id, at, stars=-one.stars))
            self._tell("refunded", one, at, now)

    def read(
        self, rows: Sequence[dict[str, Any]], paid: dict[str, Paid], now: int, *, only_refunds: bool = False
    ) -> None:
        """Learn of what a page of the statement says, its refunds first."""
        for row in rows:
            if "receiver" in row:
                self.refund(paid[row["id"]], row["date"], now)
        for row in rows if not only_refunds else ():
            if "source" in row:
                self.charge(paid[row["id"]], now, is_told=False)

    def want(self, charge_id: str, now: int) -> None:
        """Want a charge given back: what it opens is shut meanwhile."""
        if self.wanted.get(charge_id) not in {"pending", "done"}:
            self.wanted[charge_id] = "pending"
            self.facts.append(Fact("suspension", self.known[charge_id].payer, charge_id, now))

    def refuse(self, charge_id: str, now: int) -> None:
        """Hear that Telegram will not give it back: what it opens is open again."""
        self.wanted[charge_id] = "refused"
        self.refused[charge_id] = now
        self.facts.append(Fact("restoration", self.known[charge_id].payer, charge_id, now))

    def opened(self, person: int, at: float = float("inf")) -> dict[str, tuple[int, int | None]]:
        return opened([fact for fact in self.facts if fact.person == person], at)

    def plan(self, deal: Deal) -> tuple[Paid, int] | None:
        """Return a plan's first charge, and until when it is paid for."""
        paid = [one for one in self.known.values() if self._belongs(one, deal)]
        if not paid:
            return None
        begun = min(paid, key=lambda one: one.at)
        standing = {one.id for one in paid if self.wanted.get(one.id) != "done"}
        return begun, max((f.until for f in self.facts if f.charge in standing and f.until), default=begun.at)

    def plans(self, person: int) -> list[tuple[Deal, Paid, int]]:
        mine = [deal for deal in self.deals.values() if deal.is_plan and deal.buyer == person]
        return [(deal, *plan) for deal in mine if (plan := self.plan(deal))]

    def against_order(self, person: int, deal: Deal, now: int, *, beside_plan: bool) -> set[str]:
        """Return every reason for which this may not be ordered."""
        running = [plan for plan, begun, until in self.plans(person) if _end(plan, begun, until) > now]
        running = [plan for plan in running if set(plan.keys) & set(deal.keys)]
        covered = {key for plan in running for key in plan.keys}
        is_pass = deal.days and not deal.is_trial
        return self._against(person, deal, now) | (
            {"PassBesidePlan"} if is_pass and not beside_plan and set(deal.keys) <= covered else set()
        )

    def against_payment(
        self, deal: Deal, payer: int, stars: int, currency: str, query: str, now: int
    ) -> set[str]:
        """Return every reason for which this payment may not be approved."""
        held_by, held_until = self.held.get(deal.id, (query, 0))
        reasons = {
            "NotYourOrder": payer != deal.buyer,
            "PriceChanged": stars != deal.stars or currency != "XTR",
            "OrderClosed": deal.id in self.closed,
            "OrderExpired": now >= deal.ends,
            "PaymentInProgress": held_by != query and now < held_until,
        }
        return {name for name, holds in reasons.items() if holds} | self._against(deal.buyer, deal, now)

    def _against(self, person: int, deal: Deal, now: int) -> set[str]:
        plans = [(begun, until) for plan, begun, until in self.plans(person) if plan.slug == deal.slug]
        reasons = {
            "OffSale": deal.slug in self.retired,
            "Banned": person in self.banned,
            "AlreadyOwned": not deal.days and self._owns(person, deal.keys),
            "TrialUsed": deal.is_trial and self._tried(person, deal, now),
            "AlreadySubscribed": deal.is_plan and any(now < until for _, until in plans),
        }
        return {name for name, holds in reasons.items() if holds}

    def _verdict(self, one: Paid, deal: Deal | None, is_told: bool) -> str:
        if deal is None or (one.payer, one.stars, one.currency) != (deal.buyer, deal.stars, "XTR"):
            return "parked"
        begun = self.plan(deal) if deal.is_plan else None
        renews = one.plan != one.id if is_told else begun is not None and begun[0].at < one.at
        is_asked = (deal.id, one.payer) in self.approved and not (deal.is_plan and renews)
        if one.at > deal.ends + CONFIRMED_WITHIN and not is_asked and not (deal.is_plan and renews):
            return "parked"
        reasons = {
            "void": self.wanted.get(one.id) == "done",
            "AlreadyOwned": not deal.days and not deal.is_plan and self._owns(one.payer, deal.keys),
            "TrialUsed": deal.is_trial and self._tried(one.payer, deal, one.at),
            "AlreadySubscribed": deal.is_plan and self._is_doubled(one, deal, is_told),
            "Banned": not is_asked and self.banned.get(one.payer, one.at) <= one.at - CLOCKS_DIFFER,
            "OffSale": not is_asked and self.retired.get(deal.slug, one.at) <= one.at - CLOCKS_DIFFER,
        }
        return next((reason for reason, holds in reasons.items() if holds), "gives")

    def _extend(self, one: Paid, deal: Deal | None) -> None:
        ends = [fact.until for fact in self.facts if fact.charge == one.id and fact.until]
        if deal and ends and one.until and one.until > max(ends):
            more = {"keys": deal.keys, "until": one.until, "grace": deal.grace}
            self.facts.append(Fact("grant", one.payer, one.id, one.at, **more))

    def _tell(self, kind: str, one: Paid, at: int, now: int) -> None:
        if now - at < 3 * DAY:
            self.news.append((kind, one.payer, one.id))

    def _belongs(self, one: Paid, deal: Deal) -> bool:
        return one.payload == deal.payload and self.verdicts[one.id] in {"gives", "void"}

    def _owns(self, person: int, keys: tuple[str, ...]) -> bool:
        held = self.opened(person)
        return all(key in held and held[key][1] is None for key in keys)

    def _tried(self, person: int, deal: Deal, by: int) -> bool:
        tried = [
            one
            for one in self.known.values()
            if (other := self.deals.get(one.payload)) and other.is_trial and other.slug == deal.slug
            if one.payer == person and self.verdicts[one.id] in {"gives", "void", "parked"}
        ]
        begun = [first.at for plan, first, _ in self.plans(person) if plan.slug == deal.slug]
        return bool(tried) or any(at <= by for at in begun)

    def _is_doubled(self, one: Paid, deal: Deal, is_told: bool) -> bool:
        is_first = is_told and one.plan == one.id
        mine = self.plan(deal)
        if mine or (is_told and not is_first):
            return bool(is_first and mine and mine[0].at <= one.at)
        ends = one.until if is_told and one.until else one.at + MONTH
        others = [plan for plan in self.plans(one.payer) if plan[0].slug == deal.slug]
        return any(first.at < ends and one.at < until for _, first, until in others)

    def _until(self, one: Paid, is_told: bool) -> int | None:
        """Return what Telegram tells, or what the statement implies: renewal may come early."""
        facts = [fact for fact in self.facts if fact.kind == "charge" and fact.until and fact.at <= one.at]
        before = [f.until for f in facts if f.until and self.known[f.charge or ""].payload == one.payload]
        return one.until if is_told else max([one.at, *before]) + MONTH


def _end(deal: Deal, begun: Paid, until: int) -> int:
    return until + (deal.grace * DAY if until > begun.at else 0)
