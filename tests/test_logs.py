"""What logs hold and never hold; S60 and T31 are names of the failure model."""

import html
import json
import logging
import os
import pty
import re
from base64 import b64encode, urlsafe_b64encode
from typing import Any
from urllib.parse import quote, urlencode

import httpx
import jwt
import pytest

from tests.kit.factories import (
    BOT_TOKEN,
    METRICS_TOKEN,
    SECRET_KEY,
    WEBHOOK_SECRET,
    make_config,
    make_init_data,
)
from tests.kit.played import ALICE
from tests.kit.processes import Shopper, Stage, eventually
from webapp import config
from webapp.bot_api.client import BotApi, NotReached
from webapp.ops import logs
from webapp.ops.log_lines import HIDDEN, JSONFormatter, TextFormatter

PASSWORD = "Pw7Rk1WbXq9Lm3VnC5hYd8JpGf2SaUe4"
PREVIOUS_KEYS = ("Pk7Rk1WbXq9Lm3VnC5hYd8JpGf2SaUe4", "Po7Rk1WbXq9Lm3VnC5hYd8JpGf2SaUe4")
PREVIOUS_WEBHOOK = "Ph7Rk1WbXq9Lm3VnC5hYd8JpGf2SaUe4"
OURS = {
    "the token": BOT_TOKEN,
    "the secret key": SECRET_KEY,
    "a key before": PREVIOUS_KEYS[0],
    "the first key of all": PREVIOUS_KEYS[1],
    "the webhook secret": WEBHOOK_SECRET,
    "the webhook secret before": PREVIOUS_WEBHOOK,
    "the metrics token": METRICS_TOKEN,
    "the database's password": PASSWORD,
}
JWT = jwt.encode({"sub": "1001"}, SECRET_KEY, "HS256")
LAUNCH = make_init_data({"id": 1001, "first_name": "Alice"}, 1_700_000_000, query_id="AAF9", signature="s1g")
HASH = LAUNCH.rpartition("=")[2]
# Secrets of others, or of a setting that nobody told us of: text, and what of it may not be printed.
SHAPES = {
    "another bot's token": (
        "https://api.telegram.org/bot123456789:AAF-x_0123456789abcdefghij0123/getMe",
        "AAF-x",
    ),
    "a session": (f"token={JWT} and more", JWT),
    "a session cut short": (JWT[:-20], JWT[:60]),
    "a bearer": ("Authorization: Bearer abcdef0123456789+/==", "abcdef0123456789"),
    "a small bearer": ("authorization: bearer abcdef0123456789", "abcdef0123456789"),
    "a launch": (LAUNCH, HASH),
    "a launch in JSON": (json.dumps({"init_data": LAUNCH}), HASH),
    "a launch in a dictionary": (str({"init_data": LAUNCH}), HASH),
    "a launch in an address": (f"https://shop.test/#tgWebAppData={LAUNCH}&tgWebAppVersion=9.1", HASH),
    "a launch in a form": (f"init_data={LAUNCH}", HASH),
    "a launch escaped twice": (f"tgWebAppData={LAUNCH.replace('&', '%26').replace('=', '%3D')}", HASH),
    "a database's address": ("postgresql+psycopg://shop:hunter2hunter2@db.test/shop", "hunter2"),
    "an address without a user": ("redis://:hunter2hunter2@db.test", "hunter2"),
}


@pytest.fixture
def formatter() -> JSONFormatter:
    config = make_config(
        database_url=f"postgres://shop:{PASSWORD}@db.test/shop",
        previous_secret_keys=PREVIOUS_KEYS,
        previous_webhook_secret=PREVIOUS_WEBHOOK,
    )
    return JSONFormatter(config.secrets)


def told(formatter: JSONFormatter, message: Any, *args: Any, error: Any = None, **extra: Any) -> str:
    """Return the line that a record becomes."""
    info = (type(error), error, error.__traceback__) if error else None
    record = logging.LogRecord("shop", logging.INFO, __file__, 1, message, args, info)
    vars(record).update(extra)
    return formatter.format(record)


def raised(text: str) -> Exception:
    """Return an error as it is caught: with a traceback, and a cause that holds the text too."""
    try:
        try:
            raise ValueError(f"inner {text}")
        except ValueError as error:
            raise RuntimeError(f"outer {text}") from error
    except RuntimeError as error:
        error.add_note(f"note {text}")
        return error


class Speaking:
    """An object whose words hold a secret."""

    def __init__(self, text: str) -> None:
        self.text = text

    def __repr__(self) -> str:
        return f"Bot[{self.text}]"


def everywhere(formatter: JSONFormatter, text: str) -> list[str]:
    """Return lines that hold a text in each place a record has."""
    with logs.bind(correlation_id=text):
        bound = told(formatter, "hello")
    return [
        bound,
        told(formatter, text),
        told(formatter, "%s", text),
        told(formatter, "%r", Speaking(text)),
        told(formatter, Speaking(text)),
        told(formatter, "%(a)s", {"a": text}),
        told(formatter, "hello", facts=text),
        told(formatter, "hello", facts=[text], more={"a": {"b": text}}, thing=Speaking(text)),
        told(formatter, "hello", raw=text.encode()),
        told(formatter, "hello", error=raised(text)),
        told(formatter, "hello", exc_text=text),
        told(formatter, "hello", stack_info=text),
        told(formatter, "hello", **{text: 1}),
        told(formatter, "%s and %s", text, text),
    ]


@pytest.mark.proves("I17", "S60")
@pytest.mark.parametrize("secret", OURS.values(), ids=OURS.keys())
def test_s60_none_of_our_secrets_is_printed(formatter, secret):
    for line in everywhere(formatter, f"before{secret}after"):
        assert secret not in line
        json.loads(line)


SPECIAL = 'p@ss/w"ö+rd &7'
FORMS = {
    "as it is": SPECIAL,
    "in an address": quote(SPECIAL, safe=""),
    "in an address in small letters": quote(SPECIAL, safe="").lower(),
    "in a form": urlencode({"password": SPECIAL}),
    "in JSON": json.dumps({"password": SPECIAL}),
    "in a dictionary": str({"password": SPECIAL}),
    "in a page": html.escape(SPECIAL),
    "in base64": b64encode(SPECIAL.encode()).decode(),
    **{
        f"in a header of {user}": b64encode(f"{user}:{SPECIAL}".encode()).decode()
        for user in ("s", "sh", "sho", "shop")
    },
    "in a token": urlsafe_b64encode(SPECIAL.encode() + b" and more").decode(),
}


@pytest.mark.proves("S60")
@pytest.mark.parametrize("form", FORMS.values(), ids=FORMS.keys())
def test_s60_a_secret_is_known_in_every_form_in_which_programs_write_it(form):
    [line] = {told(JSONFormatter((SPECIAL,)), f"before {form} after")}
    message = json.loads(line)["message"]
    assert HIDDEN in message
    left = message.removeprefix("before ").removesuffix(" after").replace(HIDDEN, "")
    # What base64 mixes with the neighbours of a secret may stay, and the name that stands before it.
    assert len(left) <= max(8, len("{'password': ''}"))


@pytest.mark.proves("S60")
def test_s60_a_short_secret_is_hidden_where_it_stands_alone_and_words_stay_words():
    formatter = JSONFormatter(("x",))
    line = json.loads(told(formatter, "unexpected: password=x, next x_y, -x- and 'x'"))
    assert line["message"] == f"unexpected: password={HIDDEN}, next {HIDDEN}_y, -{HIDDEN}- and '{HIDDEN}'"


@pytest.mark.proves("S60")
@pytest.mark.parametrize("shape", SHAPES)
def test_s60_nothing_is_printed_that_looks_like_a_secret(formatter, shape):
    text, secret = SHAPES[shape]
    for line in everywhere(formatter, text):
        assert secret not in line
    assert HIDDEN in told(formatter, text)


@pytest.mark.parametrize(
    "text",
    [
        "order kp3x: 250 Stars for 1001",
        "2026-05-01T12:00:00 +00:00 12:34:56",
        "GET /orders/kp3x 200 in 12.5 ms",
        "https://shop.test:8443/products/atlas?from=menu",
        "bearers of news",
        "query_id=AAF9 without a hash",
        "update 123456789: handled",
        "Ärger, 星, 🌌",
        "one\ntwo",
    ],
)
def test_what_is_no_secret_is_printed_as_it_is(formatter, text):
    assert json.loads(told(formatter, text))["message"] == text
    assert json.loads(told(formatter, "x", error=raised(text)))["traceback"].count(text) >= 2


@pytest.mark.parametrize(
    "mark", ["\x00", "\x1b[31m", "\r", "\x07", "\x7f", "\x9b", "\u202e", "\u2066", "\u200f"]
)
def test_no_line_can_be_made_to_look_like_another(formatter, mark):
    line = told(formatter, f"name {mark}evil", facts=mark, error=raised(mark))
    assert mark[0] not in line
    assert mark[0] not in json.loads(line)["message"] + json.loads(line)["traceback"]


@pytest.mark.parametrize(
    "ending", ["\n", "\r\n", "\r", "\x0b", "\x0c", "\x85", "\u2028", "\u2029"], ids=ascii
)
def test_a_record_is_one_line(formatter, ending):
    for line in everywhere(formatter, f'x{ending}{{"level": "CRITICAL"}}'):
        assert len(line.splitlines()) == 1
        assert json.loads(line)["level"] == "INFO"


def test_a_line_says_when_where_and_what(formatter):
    with logs.bind(correlation_id="abc", update_id=7):
        line = json.loads(told(formatter, "sold %d", 3, event="sale", stars=250, ok=True, none=None))
    time = line.pop("time")
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}\+00:00", time)
    assert line == {
        "level": "INFO",
        "logger": "shop",
        "message": "sold 3",
        "correlation_id": "abc",
        "update_id": 7,
        "event": "sale",
        "stars": 250,
        "ok": True,
        "none": None,
    }


def test_what_cannot_be_formatted_is_logged_still(formatter):
    class Unspeakable:
        def __str__(self) -> str:
            raise ValueError("no words")

    for line in (
        told(formatter, "%d stars", "many"),
        told(formatter, "%s %s", "one"),
        told(formatter, "hello", thing=Unspeakable()),
        told(formatter, "\udcff lone"),
    ):
        json.loads(line).items()


def test_what_was_bound_ends_with_its_block():
    with logs.bind(correlation_id="outer"):
        with logs.bind(correlation_id="inner"):
            assert logs.correlation_id() == "inner"
        assert logs.correlation_id() == "outer"
    assert re.fullmatch("[0-9a-f]{16}", logs.correlation_id())


@pytest.fixture
def lines(capsys: pytest.CaptureFixture[str]) -> Any:
    """What was printed since; the process's logging is put back afterwards."""
    root = logging.getLogger()
    before, level = root.handlers[:], root.level
    yield lambda: capsys.readouterr().out
    root.handlers[:] = before
    root.setLevel(level)
    for name in logs.NOISY:
        logging.getLogger(name).setLevel(logging.WARNING)


@pytest.mark.proves("S60")
def test_s60_httpx_prints_addresses_without_the_token(lines):
    logs.init(make_config(log_level="DEBUG"))
    with httpx.Client(transport=httpx.MockTransport(lambda _: httpx.Response(200, json={}))) as http:
        http.get(f"https://api.telegram.org/bot{BOT_TOKEN}/getMe")
    printed = lines()
    assert "HTTP Request" in printed
    assert "api.telegram.org" in printed
    assert BOT_TOKEN not in printed


@pytest.mark.proves("I17", "S60")
def test_s60_a_call_that_fails_names_no_token(lines):
    logs.init(make_config(log_level="DEBUG"))
    client = BotApi("http://127.0.0.1:9/bot", BOT_TOKEN)
    try:
        with pytest.raises(NotReached) as caught:
            client.call("getMe")
    finally:
        client.close()
    logging.getLogger("shop").error("failed", exc_info=caught.value)
    printed = lines()
    assert "ConnectError" in printed
    assert BOT_TOKEN not in printed
    assert BOT_TOKEN not in f"{caught.value!r} {caught.value.__cause__!r} {caught.value.__context__!r}"


def test_starting_twice_prints_once(lines):
    logs.init(make_config(log_level="DEBUG"))
    logs.init(make_config(log_level="DEBUG"))
    logging.getLogger("shop").info("once")
    assert lines().count('"once"') == 1


def test_a_command_prints_its_answer_without_the_log(lines, capsys, monkeypatch):
    monkeypatch.setenv("FLASK_RUN_FROM_CLI", "true")
    logs.init(make_config(log_level="INFO"))
    logging.getLogger("shop").info("beside it")
    printed = capsys.readouterr()
    assert printed.out == ""
    assert json.loads(printed.err)["message"] == "beside it"


def test_servers_print_through_us(lines):
    for name in ("gunicorn.error", "werkzeug", "alembic"):
        logging.getLogger(name).addHandler(logging.StreamHandler())
    logs.init(make_config(log_level="INFO"))
    for name in ("gunicorn.error", "werkzeug", "alembic"):
        logging.getLogger(name).warning("hello from %s", name)
    assert [json.loads(line)["message"] for line in lines().splitlines()] == [
        "hello from gunicorn.error",
        "hello from werkzeug",
        "hello from alembic",
    ]


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
@pytest.mark.parametrize("mode", ["polling", "webhook"])
def test_one_id_leads_from_the_tap_to_the_grant(tmp_path, database_url, mode):
    stage = Stage(tmp_path, database_url, BOT_MODE=mode).open()
    try:
        alice = Shopper(stage, ALICE).sign_in()
        alice.pay(alice.order("deep-sky-atlas")["link"])
        eventually(lambda: alice.has("/pages/atlas"))
        web, bot = ([json.loads(line) for line in stage.output(name).splitlines()] for name in ("web", "bot"))
    finally:
        stage.close()
    [tap] = [line for line in web if line.get("route") == "/orders" and line["method"] == "POST"]
    [asked] = [line for line in bot if line.get("event") == "pre_checkout"]
    [granted] = [line for line in [*web, *bot] if line.get("event") == "successful_payment"]
    assert tap["correlation_id"] == asked["correlation_id"] == granted["correlation_id"]
    others = {line.get("correlation_id") for line in web if line not in (tap, granted)}
    assert tap["correlation_id"] not in others


def printed(
    config: Any, message: Any, *args: Any, level: int = logging.INFO, error: Any = None, **extra: Any
) -> str:
    """Return what a person reads of a record; the time is left out."""
    info = (type(error), error, error.__traceback__) if error else None
    record = logging.LogRecord("shop", level, __file__, 1, message, args, info)
    vars(record).update(extra)
    time, _, rest = TextFormatter(config.secrets).format(record).partition("  ")
    assert re.fullmatch(r"\d\d:\d\d:\d\d", time)
    return rest


@pytest.mark.proves("S60")
@pytest.mark.parametrize("secret", OURS.values(), ids=OURS.keys())
def test_s60_people_read_no_secret_either(formatter, secret):
    text = TextFormatter()
    text.ours = formatter.ours
    for line in everywhere(text, f"before{secret}after"):
        assert secret not in line


@pytest.mark.proves("S60")
@pytest.mark.parametrize("shape", SHAPES)
def test_s60_people_read_nothing_that_looks_like_a_secret(shape):
    text, secret = SHAPES[shape]
    for line in everywhere(TextFormatter(), text):
        assert secret not in line


def test_a_person_reads_the_message_and_what_is_useful():
    config = make_config()
    assert printed(config, "at work", event="started", mode="polling") == "at work  mode=polling"
    assert printed(config, "no %s", "way", level=logging.ERROR) == "ERROR  no way"
    assert printed(config, "x", said="a b", nothing=None, empty="") == 'x  said="a b" empty=""'
    with logs.bind(correlation_id="0123", order="kp3x"):
        assert printed(config, "x") == "x  order=kp3x"
    assert printed(config, "Listening at: %s (%s)", "http://127.0.0.1:8080", 7) == (
        "Listening at: http://127.0.0.1:8080 (7)"
    )


def test_no_text_can_look_like_another_line():
    lines = printed(make_config(), "hello\n12:00:00  CRITICAL  all lost\r\x1b[2Jx").splitlines()
    assert lines == ["hello", "    12:00:00  CRITICAL  all lost[2Jx"]


def test_a_traceback_is_set_in_below_its_message():
    first, *steps = printed(make_config(), "broke", level=logging.ERROR, error=raised("x")).splitlines()
    assert first == "ERROR  broke"
    assert steps[0] == "    Traceback (most recent call last):"
    assert all(step.startswith("    ") for step in steps)
    assert steps[-1] == "    note x"


@pytest.mark.parametrize(
    ("settings", "kind"),
    [
        ({"APP_ENV": "production"}, "json"),
        ({"APP_ENV": "development"}, "text"),
        ({"APP_ENV": "production", "LOG_FORMAT": "text"}, "text"),
        ({"APP_ENV": "development", "LOG_FORMAT": "json"}, "json"),
    ],
    ids=str,
)
def test_programs_read_a_server_and_people_their_own_machine(settings, kind):
    needed = {"BOT_TOKEN": BOT_TOKEN, "PUBLIC_URL": "https://shop.test", "SECRET_KEY": SECRET_KEY}
    assert config.load({**needed, **settings}).log_format == kind


def test_a_format_that_nobody_knows_is_refused():
    needed = {"BOT_TOKEN": BOT_TOKEN, "PUBLIC_URL": "https://shop.test", "SECRET_KEY": SECRET_KEY}
    with pytest.raises(config.ConfigError, match="LOG_FORMAT must be json or text"):
        config.load({**needed, "LOG_FORMAT": "xml"})


@pytest.mark.parametrize(
    ("environ", "on_a_terminal", "has_colours"),
    [
        ({}, True, True),
        ({}, False, False),
        ({"FORCE_COLOR": "1"}, False, True),
        ({"FORCE_COLOR": "1", "NO_COLOR": "1"}, True, False),
        ({"NO_COLOR": "1"}, True, False),
    ],
    ids=str,
)
def test_colours_are_for_people_who_want_them(monkeypatch, environ, on_a_terminal, has_colours):
    for name in ("NO_COLOR", "FORCE_COLOR"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environ.items():
        monkeypatch.setenv(name, value)
    ours, terminal = pty.openpty()
    with open(terminal, "w") as screen, open(os.devnull, "w") as nowhere:
        stream = screen if on_a_terminal else nowhere
        line = told(logs._formatter(make_config(log_format="text"), stream), "x")
    os.close(ours)
    assert ("\033[" in line) is has_colours
