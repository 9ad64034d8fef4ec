"""People at the shop's pages, so many looks a second."""

import itertools
import random
import re
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import ClassVar

import aiohttp

from tests.campaigns.crowds import DONE, Crowd, Try
from tests.kit.factories import TERMS_VERSION
from tests.kit.processes import Process, Shopper, Stage

AT_ONCE = 400
PEOPLE_TO_RATE = 5  # signed in, for each look a second
SLUGS = ("deep-sky-atlas", "night-photography", "tonight-week", "tonight-month", "whole-sky")
LANGUAGES = ("en", "ru", "es", "fa")
INVOICE = "/orders"  # posted; all else is looked at


class Visitors(Crowd):
    """People who are signed in, and open pages, fragments and invoices as the shop's own pages do."""

    # How often each is asked for, of a hundred times.
    LOOKS: ClassVar[dict[str, int]] = {
        **{"/": 30, "/products/{slug}": 20, "/shelf": 15, "/products/{slug}/offer": 12},
        **{"/upgrades": 10, "/purchases": 5, "/pages/atlas": 4, INVOICE: 4},
    }
    ANONYMOUS: ClassVar = frozenset({"/", "/products/{slug}"})

    def __init__(self, stage: Stage, *, rate: float, seed: int) -> None:
        """Have so many people signed in that none orders faster than a person may."""
        super().__init__(rate=rate, at_once=AT_ONCE)
        self.web = stage.web
        self.draw = random.Random(seed)
        with ThreadPoolExecutor(8) as pool:
            self.tokens = list(pool.map(lambda _: _newcomer(stage), range(int(rate * PEOPLE_TO_RATE))))
        self.orders = itertools.count()
        self.refused: Counter[tuple[str, int]] = Counter()

    def _next(self) -> tuple[str, float]:
        [look] = self.draw.choices(list(self.LOOKS), self.LOOKS.values())
        return look, time.time()

    async def _do(self, http: aiohttp.ClientSession, what: tuple[str, float]) -> None:
        look, due_at = what
        slug = self.draw.choice(SLUGS)
        headers = {"Accept-Encoding": "gzip, br", "Accept-Language": self.draw.choice(LANGUAGES)}
        if look not in self.ANONYMOUS:
            who = next(self.orders) if look == INVOICE else self.draw.randrange(len(self.tokens))
            headers |= {
                "Authorization": f"Bearer {self.tokens[who % len(self.tokens)]}",
                "HX-Request": "true",
            }
        form = {"product": slug, "terms": TERMS_VERSION} if look == INVOICE else None
        method = "POST" if form else "GET"
        async with self.places:
            status = await self._status(http, method, self.web + look.format(slug=slug), headers, form)
        # From when it was due: a shop that keeps its visitors waiting keeps the next ones waiting, too.
        self.tries.append(Try(due_at, time.time(), status))
        if status != DONE:
            self.refused[look, status] += 1

    async def _status(
        self,
        http: aiohttp.ClientSession,
        method: str,
        address: str,
        headers: dict[str, str],
        form: dict[str, str] | None,
    ) -> int:
        try:
            async with http.request(method, address, headers=headers, data=form) as answer:
                await answer.read()
                return answer.status
        except (aiohttp.ClientError, TimeoutError):
            return 0


def _newcomer(stage: Stage) -> str:
    person = stage.control("POST", "people", first_name="Dora")["id"]
    shopper = Shopper(stage, person).sign_in()
    shopper.http.close()
    return shopper.token


def resident_bytes(process: Process) -> int:
    """Return the memory that a server's workers hold, what they share counted once."""
    workers = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
    held = [Path(f"/proc/{worker}/smaps_rollup").read_text() for worker in workers]
    return sum(int(re.search(r"(?m)^Pss: +(\d+) kB", one)[1]) * 1024 for one in held)
