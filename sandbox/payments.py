"""The moments of a payment: the question, the charge, and the ways in which Stars come back."""

import asyncio
import secrets
from typing import Any

from sandbox.books import Books, Charge, Invoice, Subscription
from sandbox.chats import Chats
from sandbox.clock import Clock
from sandbox.errors import ControlError, bad_request
from sandbox.events import Events
from sandbox.people import Person
from sandbox.statement import Statement
from sandbox.troubles import Troubles
from sandbox.updates import Updates

ANSWER_SECONDS = 10  # Bot API: answerPreCheckoutQuery
QUERY_TOO_OLD = "query is too old and response timeout expired or query ID is invalid"


class Payments:
    """Moves Stars the way Telegram does, and tells the bot."""

    def __init__(
        self, clock: Clock, updates: Updates, chats: Chats, events: Events, troubles: Troubles
    ) -> None:
        self.clock = clock
        self.updates = updates
        self.chats = chats
        self.events = events
        self.troubles = troubles
        self.books = Books()
        self.statement = Statement(clock, troubles)
        self.questions: dict[str, asyncio.Future[str | None]] = {}

    def make(self, facts: dict[str, Any]) -> Invoice:
        """Have an invoice, and its slug in Telegram's alphabet."""
        invoice = Invoice(slug=secrets.token_urlsafe(12), **facts)
        self.books.invoices[invoice.slug] = invoice
        return invoice

    def invoice(self, slug: str) -> Invoice:
        """Return an invoice.

        :raise ControlError: no such link
        """
        if slug not in self.books.invoices:
            raise ControlError("SLUG_INVALID", 404)
        return self.books.invoices[slug]

    async def pay(self, slug: str, person: Person) -> dict[str, Any]:
        """Have a person confirm the invoice: ask the bot, and charge only on its yes."""
        invoice = self.invoice(slug)
        refusal = self._hindrance(invoice, person)
        if refusal is None:
            refusal = await self.ask(invoice, person)
        # Somebody may have confirmed on two devices at once.
        if refusal is None:
            refusal = self._hindrance(invoice, person)
        if refusal is not None:
            return {"status": "failed", "error": refusal}
        return {"status": "paid", "charge_id": self.charge(invoice, person).id}

    async def ask(self, invoice: Invoice, person: Person) -> str | None:
        """Return why the bot declines the payment, or None for a yes."""
        query_id = str(secrets.randbits(62))
        answer: asyncio.Future[str | None] = asyncio.get_running_loop().create_future()
        self.questions[query_id] = answer
        query = {
            "id": query_id,
            "from": person.as_user(),
            "currency": "XTR",
            "total_amount": invoice.stars,
            "invoice_payload": invoice.payload,
        }
        self.updates.add({"pre_checkout_query": query})
        try:
            refusal: str | None = await self.clock.wait_for(answer, ANSWER_SECONDS)
            return refusal
        except TimeoutError:
            return "BOT_PRECHECKOUT_TIMEOUT"
        finally:
            self.questions.pop(query_id, None)

    def answer(self, query_id: str, ok: bool, error_message: str) -> None:
        """Take the bot's answer to a pre-checkout query.

        :raise ApiError: it came too late, or says no without a word
        """
        if not ok and not error_message:
            raise bad_request("error_message must be non-empty")
        question = self.questions.pop(query_id, None)
        if question is None or question.done():
            raise bad_request(QUERY_TOO_OLD)
        question.set_result(None if ok else error_message)

    def charge(
        self,
        invoice: Invoice,
        person: Person,
        *,
        currency: str = "XTR",
        renewed: Subscription | None = None,
        silent: bool = False,
    ) -> Charge:
        """Move the Stars of an invoice to the bot, and tell it unless that is to be silent.

        :param renewed: the subscription that this is not the first charge of
        """
        charge = Charge(
            # As long, and of the same alphabet, as Telegram's.
            id=f"stx{secrets.token_urlsafe(60)}",
            person=person.id,
            stars=invoice.stars,
            payload=invoice.payload,
            date=self.clock.seconds(),
            title=invoice.title,
            currency=currency,
            subscription_period=invoice.subscription_period,
        )
        self.books.charges[charge.id] = charge
        if invoice.subscription_period:
            subscription = renewed or self.books.subscribe(charge, invoice, invoice.subscription_period)
            charge.subscription, charge.paid_until = subscription.id, subscription.paid_until
        person.stars -= charge.stars
        if invoice.slug in self.books.invoices:
            self.books.invoices[invoice.slug].paid_count += 1
        self._book("source", charge, person)
        if not silent:
            self.tell(charge)
        return charge

    def tell(self, charge: Charge) -> int | None:
        """Tell the bot of a charge, once more if it was told before; return the update's id."""
        facts = self._facts(charge)
        if charge.paid_until:
            facts |= {"subscription_expiration_date": charge.paid_until, "is_recurring": True}
            facts |= {"is_first_recurring": True} if charge.subscription == charge.id else {}
        facts["telegram_payment_charge_id"] = charge.id
        facts["provider_payment_charge_id"] = f"{charge.person}_0"
        return self._tell(charge, "successful_payment", facts, title=charge.title)

    def find(self, charge_id: str) -> Charge:
        """Return a charge.

        :raise ApiError: there is none of this id
        """
        charge = self.books.charges.get(charge_id)
        if charge is None:
            raise bad_request("CHARGE_NOT_FOUND")
        return charge

    def refund(self, charge_id: str, person: int | None = None) -> Charge:
        """Give a charge back and tell the bot.

        :param person: the payer, where it is the bot that refunds
        :raise ApiError: no such charge of this person, given back already, or the bot is short of Stars
        """
        charge = self.books.charges.get(charge_id) if person is not None else self.find(charge_id)
        # Measured in Telegram's test environment: this is what an unknown charge is told, too.
        if charge is None or person not in (None, charge.person):
            raise bad_request("CHARGE_ID_EMPTY")
        if person is not None and self.troubles.now["balance_too_low"] and not charge.refunded:
            raise bad_request("BALANCE_TOO_LOW")
        self._give_back(charge, returned=True, silent=False)
        return charge

    def charge_back(self, charge_id: str, *, returned: bool, silent: bool) -> Charge:
        """Take a charge from the bot because a store took the money back; the Stars need not return.

        :raise ApiError: no such charge, or given back already
        """
        charge = self.find(charge_id)
        self._give_back(charge, returned=returned, silent=silent)
        return charge

    def _hindrance(self, invoice: Invoice, person: Person) -> str | None:
        now = self.clock.now()
        if invoice.subscription_period and self.books.running(person.id, invoice.slug, now):
            return "SUBSCRIPTION_ALREADY_ACTIVE"
        return "BALANCE_TOO_LOW" if person.stars < invoice.stars else None

    def _give_back(self, charge: Charge, *, returned: bool, silent: bool) -> None:
        if charge.refunded:
            raise bad_request("CHARGE_ALREADY_REFUNDED")
        charge.refunded = True
        payer = self.chats.people.by_id[charge.person]
        payer.stars += charge.stars if returned else 0
        self._book("receiver", charge, payer)
        if not silent:
            self._tell(
                charge, "refunded_payment", self._facts(charge) | {"telegram_payment_charge_id": charge.id}
            )

    def _facts(self, charge: Charge) -> dict[str, Any]:
        return {
            "currency": charge.currency,
            "total_amount": charge.stars,
            "invoice_payload": charge.payload,
        }

    def _book(self, side: str, charge: Charge, person: Person) -> None:
        partner: dict[str, Any] = {
            "type": "user",
            "transaction_type": "invoice_payment",
            "user": person.as_user(),
            "invoice_payload": charge.payload,
        }
        if charge.subscription_period:
            partner["subscription_period"] = charge.subscription_period
        self.statement.add({"id": charge.id, "amount": charge.stars, side: partner})
        self.events.add("balance", person=person.id, stars=person.stars)

    def _tell(self, charge: Charge, kind: str, facts: dict[str, Any], **shown: Any) -> int | None:
        person = self.chats.people.by_id[charge.person]
        message = self.chats.add(person, "person", shown=shown, **{kind: facts})
        return self.updates.add({"message": self.chats.as_message(person, message)})
