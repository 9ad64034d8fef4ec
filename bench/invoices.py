"""64 buyers open invoices at once while the Bot API takes 100 ms: which server, and how many threads?

    python -m bench.invoices [rounds]

Every server runs the same application on the same PostgreSQL, by turns within one run; the ratio to
gunicorn with 2 workers of 4 threads counts, not the rate. granian joins in when it is installed.
"""

import asyncio
import os
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import aiohttp
from sqlalchemy import create_engine, text

from tests.kit.factories import SECRET_KEY, TERMS_VERSION
from tests.kit.postgres import start as postgres_server
from tests.kit.processes import TOKEN, Stage, free_port
from webapp.config import database_url
from webapp.domain.people import sessions
from webapp.domain.people.keys import KeyRing

BUYERS = 64
LATENCY_SECONDS = 0.1
SECONDS_A_TURN = 4.0
MOST_A_TURN = 6000
FORM = {"product": "tonight-week", "terms": TERMS_VERSION}


@dataclass
class Server:
    """A way to serve the application."""

    name: str
    command: list[str]
    environment: dict[str, str]


def servers() -> list[Server]:
    """Return the servers to compare; the first is what the others are measured by."""
    gunicorn = ["gunicorn", "-c", "python:webapp.gunicorn", "webapp:create_app()"]
    found = [
        Server(f"gunicorn 2 x {threads}", gunicorn, {"WEB_CONCURRENCY": "2", "WEB_THREADS": str(threads)})
        for threads in (4, 16, 32, 40, 64)
    ]
    if shutil.which("granian"):
        granian = ["granian", "--interface", "wsgi", "--workers", "2", "--factory", "webapp:create_app"]
        found.append(Server("granian 2 x 40", [*granian, "--blocking-threads", "40"], {}))
    return found


def main() -> None:
    """Print invoices per second of each server, and the ratio to the first."""
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 5
    with tempfile.TemporaryDirectory() as folder:
        postgres = postgres_server(folder)
        postgres.psql("CREATE DATABASE shop")
        url = postgres.get_uri("shop")
        work = Path(folder) / "work"
        work.mkdir(mode=0o777)
        stage = Stage(work, url).open("sandbox")
        stage.control("PUT", "troubles", api={"createInvoiceLink": {"latency_seconds": LATENCY_SECONDS}})
        try:
            report(compare(stage, url, rounds))
        finally:
            stage.close()
            postgres.cleanup()


def compare(stage: Stage, url: str, rounds: int) -> dict[str, list[float]]:
    rates: dict[str, list[float]] = {}
    people = iter(range(10**9, 2 * 10**9))
    for _ in range(rounds):
        for server in servers():
            buyers = [next(people) for _ in range(MOST_A_TURN)]
            remember(url, buyers)
            with_port = {**stage.environment, **server.environment, "PORT": str(free_port())}
            rates.setdefault(server.name, []).append(turn(server, with_port, buyers))
    return rates


def remember(url: str, buyers: list[int]) -> None:
    """Have these people known to the shop."""
    engine = create_engine(database_url(url))
    row = (
        "INSERT INTO users "
        "(telegram_id, first_name, last_name, is_premium, session_epoch, created_at, seen_at) "
        "VALUES (:id, 'Buyer', '', false, 0, now(), now())"
    )
    with engine.begin() as connection:
        connection.execute(text(row), [{"id": buyer} for buyer in buyers])
    engine.dispose()


def turn(server: Server, environment: dict[str, str], buyers: list[int]) -> float:
    """Return a server's invoices per second."""
    port = ["--port", environment["PORT"], "--host", "127.0.0.1"] if "granian" in server.name else []
    process = subprocess.Popen(
        [*server.command, *port],
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        return asyncio.run(storm(f"http://127.0.0.1:{environment['PORT']}", buyers))
    finally:
        os.killpg(process.pid, signal.SIGTERM)
        process.wait(20)


async def storm(address: str, buyers: list[int]) -> float:
    """Keep 64 buyers at it for some seconds; refused ones come back when they were told to."""
    waiting = iter(buyers)
    tokens = KeyRing.of(SECRET_KEY)
    now = datetime.now(UTC)
    bot_id = int(TOKEN.partition(":")[0])
    opened = refused = 0
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as http:
        await until_up(http, address)
        begun = time.perf_counter()

        async def buy() -> None:
            nonlocal opened, refused
            while time.perf_counter() - begun < SECONDS_A_TURN:
                buyer = next(waiting)
                token = sessions.mint(buyer, 0, bot_id=bot_id, auth_at=now, keys=tokens, now=now)
                headers = {"Authorization": f"Bearer {token}", "HX-Request": "true"}
                async with http.post(f"{address}/orders", data=FORM, headers=headers) as answer:
                    await answer.read()
                    opened += answer.status == 200
                    refused += answer.status == 503

        await asyncio.gather(*(buy() for _ in range(BUYERS)))
        rate = opened / (time.perf_counter() - begun)
    if refused:
        print(f"   {refused} refused at the gate, {opened} opened", flush=True)
    return rate


async def until_up(http: aiohttp.ClientSession, address: str) -> None:
    for _ in range(400):
        try:
            async with http.get(f"{address}/healthz") as answer:
                if answer.status == 200:
                    return
        except aiohttp.ClientError:
            await asyncio.sleep(0.05)
    raise RuntimeError("the server did not come up")


def report(rates: dict[str, list[float]]) -> None:
    base = statistics.median(next(iter(rates.values())))
    for name, found in rates.items():
        rate = statistics.median(found)
        print(f"{name:<16} {rate:7.1f} invoices/s  {rate / base:5.2f}x", flush=True)


if __name__ == "__main__":
    main()
