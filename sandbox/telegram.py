"""The whole box: everything that Telegram knows, and one call of the Bot API upon it."""

import asyncio
import secrets
from dataclasses import asdict, fields
from typing import Any, TypeVar

from sandbox.books import Books, Charge, Invoice, Subscription
from sandbox.chats import Chats
from sandbox.clock import Clock
from sandbox.commands import DEFAULT, CommandLists
from sandbox.errors import ApiError, bad_request
from sandbox.events import Events
from sandbox.files import Files
from sandbox.launches import Signer
from sandbox.methods import METHODS
from sandbox.parameters import Upload
from sandbox.payments import QUERY_TOO_OLD, Payments
from sandbox.people import People, Person
from sandbox.reading import flag, text
from sandbox.subscriptions import Subscriptions
from sandbox.troubles import Garbage, LostAnswer, Troubles
from sandbox.unplayed import check_played, unplayed
from sandbox.updates import Updates
from sandbox.webhooks import Webhook

CALLBACK_SECONDS = 10
LONGEST_NOTICE = 200  # Bot API: answerCallbackQuery, text
PREPARED_SECONDS = 3600  # not documented; Telegram says when it ends in each answer
MOST_CALLS_KEPT = 5000
Kept = TypeVar("Kept", Charge, Invoice, Person, Subscription)


class Telegram:
    """Telegram with one bot."""

    def __init__(
        self, token: str, web_app: str, username: str, seed: bytes | None = None, *, name: str = "Starfront"
    ) -> None:
        self.token = token
        self.web_app = web_app
        self.has_own_seed = seed is not None
        self.seed = seed or secrets.token_bytes(32)
        self.bot: dict[str, Any] = {
            "id": int(token.partition(":")[0]),
            "username": username,
            "name": name,
            "menu_button": _menu_button(web_app),
            "description": "",
            "short_description": "",
            "faces": {},  # language code → the texts that people of that language see instead
            "buttons": {},  # chat → a menu button of its own
        }
        self.commands = CommandLists()
        self.clock = Clock()
        self.events = Events(self.clock)
        self.troubles = Troubles()
        self.people = People()
        self.files = Files()
        self.updates = Updates(self.clock, self.troubles, self.events)
        self.chats = Chats(self.clock, self.people, self.events, self.bot)
        self.payments = Payments(self.clock, self.updates, self.chats, self.events, self.troubles)
        self.subscriptions = Subscriptions(self.clock, self.payments, self.events)
        self.webhook = Webhook(self.clock, self.updates)
        self.webhook.call = self.call
        self.signer = Signer(token, self.seed)
        self.calls: list[dict[str, Any]] = []
        self.prepared: dict[str, dict[str, Any]] = {}
        self.callbacks: dict[str, asyncio.Future[dict[str, Any]]] = {}

    def prepare(self, person: int, result: dict[str, Any]) -> dict[str, Any]:
        """Keep a message that one person may send to chats of their choice, for an hour."""
        prepared, ends_at = f"prep{secrets.token_urlsafe(12)}", self.clock.seconds() + PREPARED_SECONDS
        self.prepared[prepared] = {"person": person, "result": result, "expires": ends_at}
        return {"id": prepared, "expiration_date": ends_at}

    async def call(self, name: str, params: dict[str, Any]) -> Any:
        """Return the result of a method, in good times and bad.

        :raise ApiError: Telegram says no
        :raise Garbage: the answer is to be no JSON
        :raise LostAnswer: it was done, but nobody is to hear of it
        """
        record: dict[str, Any] = {"method": name, "params": _told(params), "at": self.clock.now()}
        try:
            work = METHODS.get(name.lower())
            if work is None:
                raise unplayed(name)
            check_played(params)
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
            pressed: dict[str, Any] = await self.clock.wait_for(answer, CALLBACK_SECONDS)
            return pressed
        except TimeoutError:
            return {}
        finally:
            self.callbacks.pop(query_id, None)

    def answer_callback(self, query_id: str, params: dict[str, Any]) -> None:
        """Take the bot's answer to a pressed button.

        :raise ApiError: nobody waits for it any more
        """
        if len(text(params, "text")) > LONGEST_NOTICE:
            raise bad_request("MESSAGE_TOO_LONG")
        answer = self.callbacks.pop(query_id, None)
        if answer is None or answer.done():
            raise bad_request(QUERY_TOO_OLD)
        told = {"text": text(params, "text"), "url": text(params, "url")}
        shown = {name: value for name, value in told.items() if value}
        answer.set_result(shown | {"show_alert": flag(params, "show_alert")} if shown else {})

    async def jump(self, offset_seconds: float) -> None:
        """Move the clock, and have happen what has come due."""
        self.clock.set(offset_seconds)
        self.events.add("clock", **self.clock.shown())
        await self.subscriptions.settle()

    def bot_shown(self) -> dict[str, Any]:
        """Return what the phone needs to know of the bot."""
        faces = {code: dict(face) for code, face in self.bot["faces"].items()}
        for code, commands in self.commands.of_languages().items():
            faces.setdefault(code, {})["commands"] = commands
        return {**self.bot, "commands": self.commands.get(DEFAULT, ""), "faces": faces}

    def people_shown(self) -> list[dict[str, Any]]:
        """Return what the phone needs to know of everybody."""
        return [
            {**person.shown(), "commands": self.commands.seen_by(person)}
            for person in self.people.by_id.values()
        ]

    def snapshot(self) -> dict[str, Any]:
        """Return what has to outlive a restart."""
        books = self.payments.books
        return {
            "token": self.token,
            "seed": self.seed.hex(),
            "clock_offset_seconds": self.clock.offset_seconds,
            "people": [asdict(person) for person in self.people.by_id.values()],
            "invoices": [asdict(invoice) for invoice in books.invoices.values()],
            "charges": [asdict(charge) for charge in books.charges.values()],
            "subscriptions": [asdict(one) for one in books.subscriptions.values()],
            "statement": self.payments.statement.rows,
            "files": self.files.snapshot(),
            "updates": self.updates.snapshot(),
            "next_update_id": self.updates.next_id,
        }

    def restore(self, kept: dict[str, Any]) -> None:
        """Go on from a snapshot; an older one has less in it."""
        if not self.has_own_seed:
            self.seed = bytes.fromhex(kept["seed"])
            self.signer = Signer(self.token, self.seed)
        self.clock.set(kept.get("clock_offset_seconds", 0.0))
        self.people.by_id = {one["id"]: _made(Person, one) for one in kept["people"]}
        self.payments.books = Books(
            {one["slug"]: _made(Invoice, one) for one in kept["invoices"]},
            {one["id"]: _made(Charge, one) for one in kept["charges"]},
            {one["id"]: _made(Subscription, one) for one in kept.get("subscriptions", [])},
        )
        self.payments.statement.rows = kept["statement"]
        self.files.restore(kept.get("files", []))
        if "updates" in kept:
            self.updates.restore(kept["updates"])
        self.updates.next_id = kept["next_update_id"]

    def reset(self) -> None:
        """Begin anew: the first people, no purchases, no troubles, the machine's time."""
        self.people.reset()
        self.payments.books = Books()
        self.payments.statement.rows = []
        self.updates.clear()
        self.updates.allowed = None  # what a bot asked for would go on without it
        self.troubles.set({})
        self.calls.clear()
        self.prepared.clear()
        self.files.clear()
        self.clock.set(0.0)
        self.events.clear()
        self.events.add("reset")


def _menu_button(web_app: str) -> dict[str, Any]:
    if not web_app:
        return {"type": "commands"}
    return {"type": "web_app", "text": "Open Shop", "web_app": {"url": web_app}}


def _told(params: dict[str, Any]) -> dict[str, Any]:
    """Return what a call said, with the names of its files in the place of what is in them."""
    return {name: f"<{value.name}>" if isinstance(value, Upload) else value for name, value in params.items()}


def _made(kind: type[Kept], facts: dict[str, Any]) -> Kept:
    """Return what a snapshot tells of, without facts that nobody keeps any more."""
    known = {one.name for one in fields(kind)}
    return kind(**{key: value for key, value in facts.items() if key in known})
