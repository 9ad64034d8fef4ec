"""Invoices, the moments of a payment, refunds, and Telegram's own statement of it all."""

import asyncio
import secrets
from dataclasses import dataclass, field
from typing import Any

from sandbox.chats import Chats
from sandbox.clock import Clock
from sandbox.errors import ControlError, bad_request
from sandbox.events import Events
from sandbox.people import Person
from sandbox.updates import Updates

ANSWER_SECONDS = 10  # Bot API: answerPreCheckoutQuery
QUERY_TOO_OLD = "query is too old and response timeout expired or query ID is invalid"


@dataclass
class Invoice:
    """What a link or an invoice message asks for; anybody may pay it, any number of times."""

    slug: str
    title: str
    description: str
    payload: str
    stars: int
    photo_url: str | None = None
    subscription_period: int | None = None
    paid_count: int = 0

    def shown(self) -> dict[str, Any]:
        facts = dict(vars(self))
        del facts["payload"]
        return {key: value for key, value in facts.items() if value is not None}


@dataclass
class Charge:
    """Stars taken from a person for the bot."""

    id: str
    person: int
    stars: int
    payload: str
    date: int
    refunded: bool = False
    is_canceled: bool = False
    subscription_period: int | None = None


@dataclass
class Books:
    """Everything about money that has to outlive a restart."""

    invoices: dict[str, Invoice] = field(default_factory=dict)
    charges: dict[str, Charge] = field(default_factory=dict)
    statement: list[dict[str, Any]] = field(default_factory=list)


class Payments:
    """Moves Stars the way Telegram does, and tells the bot."""

    def __init__(self, clock: Clock, updates: Updates, chats: Chats, events: Events) -> None:
        self.clock = clock
        self.updates = updates
        self.chats = chats
        self.events = events
        self.books = Books()
        self.questions: dict[str, asyncio.Future[str | None]] = {}

    @property
    def balance(self) -> int:
        """Return the bot's Stars; refunds of what was spent elsewhere may make it negative."""
        return sum(row["amount"] * (1 if "source" in row else -1) for row in self.books.statement)

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
        if person.stars < invoice.stars:
            return {"status": "failed", "error": "BALANCE_TOO_LOW"}
        refusal = await self._ask(invoice, person)
        if refusal is not None:
            return {"status": "failed", "error": refusal}
        # Somebody may have confirmed on two devices at once.
        if person.stars < invoice.stars:
            return {"status": "failed", "error": "BALANCE_TOO_LOW"}
        charge = self._charge(invoice, person)
        return {"status": "paid", "charge_id": charge.id}

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

    def refund(self, charge_id: str, person: int | None = None) -> Charge:
        """Give a charge back and tell the bot.

        :raise ApiError: no such charge of this person, or given back already
        """
        charge = self.books.charges.get(charge_id)
        if charge is None or (person is not None and charge.person != person):
            raise bad_request("CHARGE_NOT_FOUND")
        if charge.refunded:
            raise bad_request("CHARGE_ALREADY_REFUNDED")
        charge.refunded = True
        payer = self.chats.people.by_id[charge.person]
        payer.stars += charge.stars
        self._book("receiver", charge, payer)
        facts = self._facts(charge) | {"telegram_payment_charge_id": charge.id}
        self._tell(payer, "refunded_payment", facts)
        return charge

    async def _ask(self, invoice: Invoice, person: Person) -> str | None:
        """Return why the payment is declined, or None for a yes."""
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
            return await asyncio.wait_for(answer, ANSWER_SECONDS)
        except TimeoutError:
            return "BOT_PRECHECKOUT_TIMEOUT"
        finally:
            self.questions.pop(query_id, None)

    def _charge(self, invoice: Invoice, person: Person) -> Charge:
        charge = Charge(
            # As long, and of the same alphabet, as Telegram's.
            id=f"stx{secrets.token_urlsafe(60)}",
            person=person.id,
            stars=invoice.stars,
            payload=invoice.payload,
            date=self.clock.seconds(),
            subscription_period=invoice.subscription_period,
        )
        self.books.charges[charge.id] = charge
        person.stars -= charge.stars
        invoice.paid_count += 1
        self._book("source", charge, person)
        facts = self._facts(charge)
        if charge.subscription_period:
            facts["subscription_expiration_date"] = charge.date + charge.subscription_period
            facts |= {"is_recurring": True, "is_first_recurring": True}
        facts["telegram_payment_charge_id"] = charge.id
        facts["provider_payment_charge_id"] = f"{person.id}_0"
        self._tell(person, "successful_payment", facts, title=invoice.title)
        return charge

    def _facts(self, charge: Charge) -> dict[str, Any]:
        return {"currency": "XTR", "total_amount": charge.stars, "invoice_payload": charge.payload}

    def _book(self, side: str, charge: Charge, person: Person) -> None:
        partner = {
            "type": "user",
            "transaction_type": "invoice_payment",
            "user": person.as_user(),
            "invoice_payload": charge.payload,
        }
        if charge.subscription_period:
            partner["subscription_period"] = charge.subscription_period
        row = {"id": charge.id, "amount": charge.stars, "date": self.clock.seconds(), side: partner}
        self.books.statement.append(row)
        self.events.add("balance", person=person.id, stars=person.stars)

    def _tell(self, person: Person, kind: str, facts: dict[str, Any], **shown: Any) -> None:
        message = self.chats.add(person, "person", shown=shown, **{kind: facts})
        self.updates.add({"message": self.chats.as_message(person, message)})
