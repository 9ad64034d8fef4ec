"""What the sandbox does not play is written down, and refused in words."""

import inspect
import re
import subprocess
import sys

import pytest
from telegram import Bot as Client

from sandbox.control import routes
from sandbox.methods import METHODS
from sandbox.unplayed import SUBJECTS, UNPLAYED
from tests.kit.played import ALICE
from tests.kit.processes import ROOT

PAGE = (ROOT / "docs" / "sandbox.md").read_text()


def methods_of_a_client() -> list[str]:
    """Return the Bot API's methods as a public client has them."""
    names = [name for name, _ in inspect.getmembers(Client, inspect.isfunction)]
    return [name for name in names if re.fullmatch("[a-z]+([A-Z][A-Za-z]+)+", name)]


@pytest.mark.parametrize("method", methods_of_a_client())
def test_42_every_method_of_the_bot_api_is_played_or_refused_in_words(method):
    assert (method.lower() in METHODS) != (method.lower() in SUBJECTS)


@pytest.mark.parametrize("subject", UNPLAYED)
def test_42_what_is_not_played_is_refused_in_words(bot, subject):
    for method in (UNPLAYED[subject][0], UNPLAYED[subject][-1].upper()):
        refused = bot.refusal(method, chat_id=ALICE)
        assert refused == f"Bad Request: the sandbox does not play {subject} ({method})"


@pytest.mark.parametrize(
    ("name", "subject"),
    [
        ("business_connection_id", "business accounts"),
        ("message_thread_id", "topics"),
        ("direct_messages_topic_id", "topics"),
        ("inline_message_id", "inline mode"),
    ],
)
def test_42_a_call_for_more_than_is_played_is_refused_in_words(telegram, bot, name, subject):
    telegram.control("PATCH", f"people/{ALICE}", started=True)
    refused = bot.refusal("sendMessage", chat_id=ALICE, text="x", **{name: "7"})
    assert refused == f"Bad Request: the sandbox does not play {subject} ({name})"
    assert telegram.messages(ALICE) == []


@pytest.mark.parametrize(
    "change", [{"currency": "USD"}, {"currency": "USD", "provider_token": "1:TEST:2"}], ids=str
)
def test_42_other_money_than_stars_is_refused_in_words(bot, change):
    told = {"title": "A", "description": "B", "payload": "C", "prices": [{"label": "A", "amount": 500}]}
    refused = bot.refusal("createInvoiceLink", **told, **change)
    assert refused.startswith("Bad Request: PAYMENT_PROVIDER_INVALID: the sandbox sells for Stars alone")


def test_42_the_page_names_what_is_played_and_what_is_not():
    for subject in UNPLAYED:
        assert subject in PAGE, f"docs/sandbox.md does not say that {subject} are not played"
    named = set(re.findall(r"`(close|[a-z]+[A-Z]\w+)`", PAGE))
    unknown = [name for name in named if name.lower() not in METHODS and name.lower() not in SUBJECTS]
    assert unknown == []
    silent = METHODS.keys() - {name.lower() for name in named}
    assert not silent, f"docs/sandbox.md does not name {sorted(silent)}"


def test_42_the_page_names_every_address_of_the_control_api():
    for route in routes:
        path = re.sub(r"\{(\w+)(:[^}]*)?\}", r"{\1}", route.path)
        assert f"`{route.method} {path}`" in PAGE, f"docs/sandbox.md does not name {route.method} {path}"


def test_42_the_page_names_every_option():
    told = subprocess.run(
        [sys.executable, "-m", "sandbox", "--help"], cwd=ROOT, capture_output=True, check=True
    )
    options = set(re.findall(r"--[a-z-]+", told.stdout.decode())) - {"--help"}
    assert len(options) > 8
    missing = [one for one in sorted(options) if f"`{one}`" not in PAGE]
    assert missing == []
