"""The whole box: everything that Telegram knows, and one call of the Bot API upon it."""

import asyncio
import secrets
from dataclasses import asdict
from typing import Any

from sandbox.chats import Chats
from sandbox.clock import Clock
from sandbox.errors import ApiError
from sandbox.events import Events
from sandbox.launches import Signer
from sandbox.methods import METHODS
from sandbox.payments import Books, Charge, Invoice, Payments
from sandbox.people import People, Person
from sandbox.troubles import Garbage, LostAnswer, Troubles
from sandbox.updates import Updates
from sandbox.webhooks import Webhook

CALLBACK_SECONDS = 10
MOST_CALLS_KEPT = 5000


class Telegram:
    """Telegram with one bot."""

    def __init__(self, token: str, web_app: str, username: str, seed: bytes | None = None) -> None:
        self.token = token
        self.web_app = web_app
        self.seed = seed or secrets.token_bytes(32)
        self.bot: dict[str, Any] = {
            "id": int(token.partition(":")[0]),
            "username": username,
            "name": "Starfront",
            "menu_button": {"type": "web_app", "text": "Open Shop", "web_app": {"url": web_app}},
            "commands": [],
            "description": "",
            "short_description": "",
        }
        self.clock = Clock()
        self.events = Events()
        self.troubles = Troubles()
        self.people = People()
        self.updates = Updates(self.clock, self.troubles, self.events)
        self.chats = Chats(self.clock, self.people, self.events, self.bot)
        self.payments = Payments(self.clock, self.updates, self.chats, self.events)
        self.webhook = Webhook(self.clock, self.updates)
        self.webhook.call = self.call
        self.signer = Signer(token, self.seed)
        self.calls: list[dict[str, Any]] = []
        self.callbacks: dict[str, asyncio.Future[dict[str, Any]]] = {}

    async def call(self, name: str, params: dict[str, Any]) -> Any:
        """Return the result of a method, in good times and bad.

        :raise ApiError: Telegram says no
        :raise Garbage: the answer is to be no JSON
        :raise LostAnswer: it was done, but nobody is to hear of it
        """
        record: dict[str, Any] = {"method": name, "params": params, "at": self.clock.now()}
        try:
            work = METHODS.get(name.lower())
            if work is None:
                raise ApiError(404, "Not Found")
            trouble = await self.troubles.before(name)
            record["result"] = await work(self, params)
            if trouble.get("lost_answer"):
                record["lost"] = True
                raise LostAnswer
            return record["result"]
        except ApiError as error:
            record |= {"error": error.description, "status": error.code}
            raise
        except Garbage:
            record |= {"error": "garbage", "status": 200}
            raise
        finally:
            self.calls.append(record)
            del self.calls[:-MOST_CALLS_KEPT]
            self.events.add("call", **record)

    async def press(self, person: Person, message_id: int, data: str) -> dict[str, Any]:
        """Have a person press a callback button, and return what the bot answers."""
        query_id = str(secrets.randbits(62))
        answer: asyncio.Future[dict[str, Any]] = asyncio.get_running_loop().create_future()
        self.callbacks[query_id] = answer
        message = person.find(message_id)
        query: dict[str, Any] = {
            "id": query_id,
            "from": person.as_user(),
            "chat_instance": str(person.id),
            "data": data,
        }
        query |= {"message": self.chats.as_message(person, message)} if message else {}
        self.updates.add({"callback_query": query})
        try:
            return await asyncio.wait_for(answer, CALLBACK_SECONDS)
        except TimeoutError:
            return {}
        finally:
            self.callbacks.pop(query_id, None)

    def answer_callback(self, query_id: str, params: dict[str, Any]) -> None:
        """Take the bot's answer to a pressed button.

        :raise ApiError: nobody waits for it any more
        """
        answer = self.callbacks.pop(query_id, None)
        if answer is None or answer.done():
            raise ApiError(
                400, "Bad Request: query is too old and response timeout expired or query ID is invalid"
            )
        answer.set_result({key: params[key] for key in ("text", "show_alert", "url") if key in params})

    def snapshot(self) -> dict[str, Any]:
        """Return what has to outlive a restart."""
        books = self.payments.books
        return {
            "token": self.token,
            "seed": self.seed.hex(),
            "people": [asdict(person) for person in self.people.by_id.values()],
            "invoices": [asdict(invoice) for invoice in books.invoices.values()],
            "charges": [asdict(charge) for charge in books.charges.values()],
            "statement": books.statement,
            "pending": [one.body for one in self.updates.pending()],
            "next_update_id": self.updates.next_id,
        }

    def restore(self, kept: dict[str, Any]) -> None:
        """Go on from a snapshot."""
        self.seed = bytes.fromhex(kept["seed"])
        self.signer = Signer(self.token, self.seed)
        self.people.by_id = {one["id"]: Person(**one) for one in kept["people"]}
        self.payments.books = Books(
            {one["slug"]: Invoice(**one) for one in kept["invoices"]},
            {one["id"]: Charge(**one) for one in kept["charges"]},
            kept["statement"],
        )
        self.updates.next_id = kept["next_update_id"]

    def reset(self) -> None:
        """Begin anew: the first people, no purchases, no troubles."""
        self.people.reset()
        self.payments.books = Books()
        self.updates.clear()
        self.troubles.set({})
        self.calls.clear()
        self.clock.offset_seconds = 0.0
        self.events.add("reset")
