"""What becomes of a subscription after its first charge: renewal, failure, and who turned it off."""

import contextlib
from typing import Any

from sandbox.books import Invoice, Subscription
from sandbox.clock import Clock
from sandbox.errors import ControlError, bad_request
from sandbox.events import Events
from sandbox.payments import Payments
from sandbox.people import Person


class Subscriptions:
    """Charges again when a period ends, as long as nobody turned that off."""

    def __init__(self, clock: Clock, payments: Payments, events: Events) -> None:
        self.clock = clock
        self.payments = payments
        self.events = events
        self.busy: set[str] = set()

    def shown(self) -> list[dict[str, Any]]:
        now = self.clock.now()
        return [one.shown(now) for one in self.payments.books.subscriptions.values()]

    def get(self, subscription_id: str) -> Subscription:
        """Return a subscription.

        :raise ControlError: there is none of this id
        """
        if subscription_id not in self.payments.books.subscriptions:
            raise ControlError("no such subscription", 404)
        return self.payments.books.subscriptions[subscription_id]

    async def settle(self) -> None:
        """Renew what has run out; what failed, once the person has more Stars than at that time."""
        for one in list(self.payments.books.subscriptions.values()):
            if self._is_due(one):
                # It may be off, or under way, or turned off while the bot is asked.
                with contextlib.suppress(ControlError):
                    await self.renew(one)

    async def renew(self, one: Subscription) -> dict[str, Any]:
        """Charge for the next period, or tell the bot that it failed.

        :raise ControlError: renewal is off, or under way
        """
        if one.id in self.busy:
            raise ControlError("this renewal is under way")
        self.busy.add(one.id)
        try:
            refusal = await self._hindrance(one)
        finally:
            self.busy.discard(one.id)
        if refusal is not None:
            self.fail(one)
            return {"status": "failed", "error": refusal}
        return {"status": "paid", "charge_id": self._charge(one), "paid_until": one.paid_until}

    def fail(self, one: Subscription) -> None:
        """Have a renewal fail.

        :raise ControlError: renewal is off
        """
        self._check(one)
        one.failed_with = self._person(one).stars
        self._tell(one, "failed")

    def cancel(self, one: Subscription) -> None:
        """Have the person turn renewal off in Telegram's settings.

        :raise ControlError: it is off
        """
        self._check(one)
        one.canceled = True
        self._tell(one, "canceled")

    def resume(self, one: Subscription) -> None:
        """Have the person turn renewal on again.

        :raise ControlError: it is on, the bot has forbidden it, or the period has ended
        """
        if not one.canceled:
            raise ControlError("renewal of this subscription is on")
        if one.canceled_by_bot:
            raise ControlError("the bot has canceled this subscription")
        if one.paid_until <= self.clock.now():
            raise ControlError("this subscription has ended; subscribe again")
        one.canceled = False
        self._tell(one, "active")

    def edit(self, person: int, charge_id: str, is_canceled: bool) -> None:
        """Have the bot forbid renewal, or leave it to the person again; no update tells of it.

        The first charge is documented; in Telegram's test environment a renewal's is taken as well.

        :raise ApiError: that is no charge of a subscription of this person, or it has ended
        """
        books = self.payments.books
        charge = books.charges.get(charge_id)
        one = books.subscriptions.get(charge.subscription or "") if charge else None
        if one is None or one.person != person:
            raise bad_request("CHARGE_ID_INVALID")
        if one.state(self.clock.now()) == "ended":
            raise bad_request("SUBSCRIPTION_NOT_ACTIVE")
        one.canceled = one.canceled or is_canceled
        one.canceled_by_bot = is_canceled
        self.events.add("subscription", **one.shown(self.clock.now()))

    def _is_due(self, one: Subscription) -> bool:
        if one.paid_until > self.clock.now():
            return False
        return one.failed_with is None or self._person(one).stars > max(one.failed_with, one.stars - 1)

    def _check(self, one: Subscription) -> None:
        # Everything may have been reset while the bot was asked.
        if self.get(one.id) is not one or one.canceled:
            raise ControlError("renewal of this subscription is off")

    async def _hindrance(self, one: Subscription) -> str | None:
        self._check(one)
        person = self._person(one)
        refusal = None
        # Whether Telegram asks before it renews is written nowhere.
        if self.payments.troubles.now["ask_on_renewal"] and person.stars >= one.stars:
            refusal = await self.payments.ask(_bill(one), person)
            self._check(one)
        return refusal or ("BALANCE_TOO_LOW" if person.stars < one.stars else None)

    def _charge(self, one: Subscription) -> str:
        one.paid_until = max(one.paid_until, self.clock.seconds()) + one.period_seconds
        one.failed_with = None
        charge = self.payments.charge(_bill(one), self._person(one), renewed=one)
        self.events.add("subscription", **one.shown(self.clock.now()))
        return charge.id

    def _tell(self, one: Subscription, state: str) -> None:
        told = {"user": self._person(one).as_user(), "invoice_payload": one.payload, "state": state}
        self.payments.updates.add({"subscription": told})
        self.events.add("subscription", **one.shown(self.clock.now()))

    def _person(self, one: Subscription) -> Person:
        return self.payments.chats.people.by_id[one.person]


def _bill(one: Subscription) -> Invoice:
    return Invoice(one.slug, one.title, "", one.payload, one.stars, one.photo_url, one.period_seconds)
