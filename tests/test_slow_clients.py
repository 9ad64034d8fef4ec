"""The web process serves whoever is quick, whatever the slow ones do; and speaks HTTP as gunicorn does.

``make slow-clients`` has 200 of each kind for a minute, and the deadlines and the times that shops have.
"""

import json
import os
import random
import re
import resource
import socket
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from pathlib import Path

import pytest

from tests.covered import measured
from tests.kit import raw
from tests.kit.factories import WEBHOOK_SECRET
from tests.kit.processes import Shopper, Stage, eventually
from tests.kit.raw import Raw, ask, besiege, crowd, dribble
from webapp.config import WEBHOOK_PATH
from webapp.serving import limits
from webapp.serving.refusals import HEADERS
from webapp.views.telegram import SECRET_HEADER

IS_FULL = "SLOW_CLIENTS" in os.environ
CLIENTS = int(os.environ.get("SLOW_CLIENTS", "30"))  # of each kind
LOOK_AT_SECONDS = (2, 20, 60) if IS_FULL else (0.5,)
BYTES = int(os.environ.get("FUZZ", "200"))
SEED = os.environ.get("SEED") or str(random.randrange(10**6))
MOST_SECONDS = 1.0 if IS_FULL else 20.0  # for an answer: only a machine of its own is held to the time
WEB = "gunicorn -c python:tests.kit.short_deadlines webapp:create_app()"
ALICE = 5000000101
PAGE = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"
HEALTH = b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"
HALF_A_HEAD = b"GET / HTTP/1.1\r\nHost: x\r\n"
HALF_A_BODY = b"POST /session HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\nabc"
HALF_A_CHUNK = b"POST /session HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n10\r\nabc"
SLOW = (HALF_A_HEAD, HALF_A_BODY, HALF_A_CHUNK)


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """A shop that Telegram pushes to, whose deadlines are short."""
    folder: Path = tmp_path_factory.mktemp("slow")
    one = Stage(folder, f"sqlite:///{folder}/shop.db", BOT_MODE="webhook", WEB_CONCURRENCY="1", **measured())
    if not IS_FULL:
        one.commands["web"] = WEB
    yield one.open("web", "bot")
    one.close()


def update(number: int) -> bytes:
    """Return a delivery of Telegram's."""
    body = json.dumps({"update_id": number, "message": {"text": "hello", "from": {"id": ALICE}}})
    return (
        f"POST {WEBHOOK_PATH} HTTP/1.1\r\nHost: x\r\n{SECRET_HEADER}: {WEBHOOK_SECRET}\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n{body}"
    ).encode()


def serves(stage: Stage, number: int) -> None:
    """Prove that pages, health and deliveries are answered, and in time."""
    for request in (HEALTH, PAGE, update(number)):
        asked_at = time.monotonic()
        assert ask(stage.web_port, request).status == 200
        took = time.monotonic() - asked_at
        assert took < MOST_SECONDS, request[:30]
        if IS_FULL:
            print(f"{took * 1000:5.0f} ms  {request[:24]!r}")


def sells(stage: Stage) -> None:
    """Prove that a sale goes through, which Telegram asks about over the webhook."""
    alice = Shopper(stage, ALICE).sign_in()
    assert alice.pay(alice.order("deep-sky-atlas")["link"])["status"] == "paid"


@pytest.mark.proves("I18", "F57")
def test_1_two_hundred_slow_sockets_stop_nobody(stage):
    begun_at = time.monotonic()
    with ExitStack() as stack:
        slow, quiet = (
            [one for data in kinds for one in stack.enter_context(crowd(stage.web_port, CLIENTS, data))]
            for kinds in (SLOW, (b"", HEALTH))
        )
        quiet += stack.enter_context(crowd(stage.web_port, CLIENTS, PAGE * 20, receive_bytes=1024))
        for number, at in enumerate(LOOK_AT_SECONDS):
            besiege(slow, quiet, begun_at + at)
            serves(stage, 900 + number)
        sells(stage)


@pytest.mark.proves("I18", "F57", "S54")
@pytest.mark.skipif(IS_FULL, reason="its deadlines are a shop's")
def test_1_who_dribbles_is_told_and_cut_off(stage):
    """A byte every now and then moves no deadline, or this would go on for as long as bytes come."""
    port = stage.web_port
    with ExitStack() as stack:
        slow, quiet = ([stack.enter_context(Raw(port, data)) for data in SLOW] for _ in range(2))
        silent = stack.enter_context(Raw(port))
        assert dribble(slow, 0.1)
        for one in slow:
            assert raw.Answer(one.rest()).status in {0, 408}  # a byte after the end can cost the answer
        for one in quiet:
            answer = raw.Answer(one.rest())
            assert (answer.status, answer.headers["connection"]) == (408, "close")
        assert silent.rest() == b""


@pytest.mark.proves("I18", "F57")
@pytest.mark.skipif(IS_FULL, reason="its deadlines are a shop's")
def test_1_who_does_not_read_is_cut_off(stage):
    with Raw(stage.web_port, PAGE * 500, receive_bytes=1024) as deaf:
        eventually(lambda: not deaf.send(b"x"))


@pytest.mark.proves("F57")
@pytest.mark.skipif(IS_FULL, reason="a shop has room for more of them than a test")
def test_1_there_is_always_room_for_one_more(stage):
    """The server of these tests has room for 200 and 4 MiB: who keeps it waiting longest makes way."""
    with crowd(stage.web_port, 250, HALF_A_HEAD):
        serves(stage, 980)
    with crowd(stage.web_port, 250, HEALTH):
        serves(stage, 981)
    large = b"POST /orders HTTP/1.1\r\nHost: x\r\nContent-Length: 999999\r\n\r\n" + b"x" * 900_000
    with crowd(stage.web_port, 12, large):
        serves(stage, 982)


@pytest.mark.proves("F57")
@pytest.mark.skipif(sys.platform != "linux", reason="limits of another process are Linux's")
def test_1_room_is_made_when_the_files_run_out(stage):
    [worker] = children(stage.processes["web"].pid)
    _, hard = resource.prlimit(worker, resource.RLIMIT_NOFILE)
    few = len(list(Path(f"/proc/{worker}/fd").iterdir())) + 20
    before = resource.prlimit(worker, resource.RLIMIT_NOFILE, (few, hard))
    try:
        with crowd(stage.web_port, 60, HEALTH):
            assert ask(stage.web_port, HEALTH).status == 200
    finally:
        resource.prlimit(worker, resource.RLIMIT_NOFILE, before)
    assert children(stage.processes["web"].pid) == [worker]


def children(of: int) -> list[int]:
    """Return the processes right below one."""
    return [int(pid) for pid in Path(f"/proc/{of}/task/{of}/children").read_text().split()]


@pytest.mark.parametrize(("files", "clients"), [(64, 32), (1024, 768), (4096, 3840)])
def test_1_most_files_are_for_clients(files, clients):
    assert limits.room(files) == clients


ANSWERS: dict[str, tuple[bytes, int, str]] = {
    "a malformed chunk": (
        b"POST /session HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nZZ\r\n",
        400,
        "close",
    ),
    "a chunk without its end": (
        b"POST /session HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nabc\r\n0\r\n\r\n",
        400,
        "close",
    ),
    "length and chunks": (
        b"POST /session HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n",
        400,
        "close",
    ),
    "an unknown coding": (b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: br\r\n\r\n", 400, "close"),
    "no HTTP": (b"\x16\x03\x01\x02\x00\x01\r\n\r\n", 400, "close"),
    "a bare line feed": (b"GET / HTTP/1.1\nHost: x\n\n", 400, "close"),
    "no name": (b"GET / HTTP/1.1\r\n: x\r\n\r\n", 400, "close"),
    "another expectation": (b"GET / HTTP/1.1\r\nHost: x\r\nExpect: tea\r\n\r\n", 417, "close"),
    "a long line": (b"GET /" + b"x" * 9000 + b" HTTP/1.1\r\nHost: x\r\n\r\n", 414, "close"),
    "a long field": (b"GET / HTTP/1.1\r\nHost: x\r\nX: " + b"x" * 9000 + b"\r\n\r\n", 431, "close"),
    "a large head": (b"GET / HTTP/1.1\r\nX: " + b"x" * 40_000, 431, "close"),
    "a large length": (b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 9999999\r\n\r\n", 413, "close"),
    "a large body": (
        b"POST /orders HTTP/1.1\r\nHost: x\r\nContent-Length: 70000\r\n\r\n" + b"x" * 70_000,
        413,
        "close",
    ),
    "a path of the server's": (
        b"GET /healthz HTTP/1.1\r\nHost: x\r\nSCRIPT_NAME: /y\r\n\r\n",
        200,
        "keep-alive",
    ),
    "another path of the server's": (
        b"GET /healthz HTTP/1.1\r\nHost: x\r\nSCRIPT-NAME: /healthz\r\nPATH_INFO: /metrics\r\n\r\n",
        200,
        "keep-alive",
    ),
    "schemes that disagree": (
        b"GET /healthz HTTP/1.1\r\nHost: x\r\nX-Forwarded-Proto: https\r\nX-Forwarded-Ssl: off\r\n\r\n",
        200,
        "keep-alive",
    ),
    "an old client": (b"GET /healthz HTTP/1.0\r\n\r\n", 200, "close"),
}


@pytest.mark.proves("S67")
@pytest.mark.parametrize("name", ANSWERS)
def test_3_the_server_refuses_in_its_own_words(stage, name):
    request, status, connection = ANSWERS[name]
    answer = ask(stage.web_port, request)
    assert (answer.status, answer.headers["connection"]) == (status, connection)
    for header, value in HEADERS[3:]:
        assert answer.headers[header.lower()] == value or status in {200, 413}, header
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert no_faults(stage)


def test_1_requests_one_after_another_and_at_once_over_one_connection(stage):
    chunked = update(950).replace(b"Content-Length: ", b"X-Length: ").partition(b"\r\n\r\n")
    chunks = b"%s\r\nTransfer-Encoding: chunked\r\n\r\n%x\r\n%s\r\n0\r\n\r\n" % (
        chunked[0],
        len(chunked[2]),
        chunked[2],
    )
    head, _, body = update(952).partition(b"\r\n\r\n")
    with Raw(stage.web_port, HEALTH + update(951) + chunks + PAGE + HEALTH[:9]) as one:
        assert [one.answer().status for _ in range(4)] == [200] * 4
        one.send(HEALTH[9:])
        assert one.answer().body.startswith(b'{"status":"ok"')
        one.send(head + b"\r\nExpect: 100-continue\r\n\r\n")
        assert one.answer().status == 100
        one.send(body)
        assert one.answer().status == 200
        one.send(b"GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        assert one.answer().headers["connection"] == "close"
        assert one.rest() == b""


MUTATED = (
    HALF_A_HEAD + b"\r\n",
    HALF_A_BODY,
    HALF_A_CHUNK,
    HEALTH,
    PAGE,
    *(one[0] for one in ANSWERS.values()),
)
TOKENS = (
    b"\r\n",
    b"\n",
    b"\r",
    b"\0",
    b":",
    b" ",
    b"\t",
    b"\xff",
    b"%00",
    b"HTTP/1.1",
    b"Host: y\r\n",
    b"0\r\n\r\n",
)
TOKENS += (b"Content-Length: 1\r\n", b"Transfer-Encoding: chunked\r\n", b"Expect: 100-continue\r\n", b"ffff")
TOKENS += (
    b"Connection: upgrade\r\nUpgrade: h2c\r\n",
    b"Content-Length: -1\r\n",
    b"PRI * HTTP/2.0",
    b"//",
    b"*",
    b"?",
)


def mutated(chance: random.Random) -> bytes:
    """Return bytes that are HTTP, but for a few."""
    data = bytearray(chance.choice(MUTATED))
    for _ in range(chance.randint(1, 4)):
        at = chance.randrange(len(data) + 1)
        data[at : at + chance.choice((0, 0, 1, 5))] = chance.choice(TOKENS)
    return bytes(data) + (chance.choice(MUTATED) if chance.random() < 0.2 else b"")


@pytest.mark.proves("I23", "S67")
def test_3_no_bytes_are_the_servers_fault(stage):
    chance = random.Random(SEED)
    for number in range(BYTES):
        data = mutated(chance)
        with Raw(stage.web_port, data) as one:
            with suppress(OSError):
                one.socket.shutdown(socket.SHUT_WR)
            for status in re.findall(rb"HTTP/1\.[01] (\d+) [A-Z][A-Za-z -]+\r\n", one.rest()):
                assert int(status) < 500, (SEED, number, data)
    assert ask(stage.web_port, HEALTH).status == 200
    assert no_faults(stage), SEED


def no_faults(stage: Stage) -> bool:
    said = stage.output("web")
    return "Traceback" not in said and '"level": "ERROR"' not in said


def test_1_a_worker_that_ends_lets_nobody_wait_long(stage):
    """Last of all: who is slow cannot keep a release from replacing the process."""
    with crowd(stage.web_port, 20, HALF_A_HEAD), crowd(stage.web_port, 20, HEALTH):
        assert stage.stop("web") == 0
