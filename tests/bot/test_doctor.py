"""Each thing that can be wrong with a shop: planted, found in words, with what to do about it."""

import json
import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

import pytest
from flask import Flask
from sqlalchemy import event, select, text
from werkzeug.serving import make_server

from tests.kit import arrange
from tests.kit.arrange import set_up
from tests.kit.commands import run
from tests.kit.factories import BRAND, SHOP, WEBHOOK_SECRET, make_config
from tests.kit.hands import on_sqlite
from tests.kit.played import ALICE, BOB, CARMEN, trouble
from tests.kit.processes import ROOT, TOKEN, Stage, eventually
from webapp import __version__, clock
from webapp.bot_api import registration
from webapp.bot_api.client import BotApi, BotApiError
from webapp.bot_api.registration import ALLOWED_UPDATES
from webapp.config import Config
from webapp.db import patience
from webapp.db.engine import db
from webapp.db.models import Entitlement, InboxItem, Order, Shop, Signal, User
from webapp.db.transactions import transaction
from webapp.domain.access import signals
from webapp.domain.catalogue import catalogue, catalogue_files
from webapp.domain.owner import shops
from webapp.domain.people import retired_secrets
from webapp.domain.people.keys import KeyRing
from webapp.domain.queue import inbox, leases
from webapp.domain.sales import payloads, refunds, subscriptions
from webapp.host import disks
from webapp.ops.doctor import Finding, database, examine, proxies
from webapp.ops.doctor import telegram as diagnosis
from webapp.ops.doctor import work as doctor_of_work
from webapp.shop import openings
from webapp.shop.destinations import Chat
from webapp.shop.folder import Folder
from webapp.shop.openings import Opening
from webapp.usecases import entitlements as everybodys
from webapp.usecases import statement

on_postgresql = pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
DOCUMENT = (ROOT / "docs" / "operating.md").read_text(encoding="utf-8")
SECOND = timedelta(seconds=1)


class Site:
    """Whatever answers at PUBLIC_URL: the shop, unless something else is put in its place."""

    def __init__(self) -> None:
        self.wsgi: Any = None
        self.server = make_server("127.0.0.1", 0, lambda *request: self.wsgi(*request))
        self.address = f"http://127.0.0.1:{self.server.server_port}"
        self.thread = threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.01})
        self.thread.start()

    def answer(self, status: str, body: bytes = b"hello", **headers: str) -> None:
        """Have something else answer everything alike."""

        def wsgi(_environ: Any, start_response: Any) -> list[bytes]:
            start_response(status, [*headers.items()])
            return [body]

        self.wsgi = wsgi

    def close(self) -> None:
        self.server.shutdown()
        self.thread.join()
        self.server.server_close()


@pytest.fixture(scope="module")
def site() -> Iterator[Site]:
    made = Site()
    yield made
    made.close()


@pytest.fixture
def config(telegram: Stage, database_url: str, site: Site) -> Config:
    return make_config(
        bot_token=TOKEN,
        bot_api_url=f"{telegram.sandbox}/bot",
        telegram_js_url="http://127.0.0.1:9/telegram-web-app.js",  # nobody else tells the time
        database_url=database_url,
        public_url=site.address,
        owner_ids=frozenset({CARMEN}),
        support_contact="@stargazer",
    )


@pytest.fixture
def app(app: Flask, site: Site) -> Flask:
    """The shop, and where it says that it is."""
    site.wsgi = app.wsgi_app
    return app


@pytest.fixture
def shop(
    app: Flask, open_shop: None, api: BotApi, config: Config, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Flask:
    """A shop with which all is well: released, its bot at work, its statement read."""
    items = list(map(catalogue.Item.of, catalogue.everything()))
    keys = {key for item in items for key in item.keys}
    opened = openings.write(Opening(key, key, "hero.svg", Chat()) for key in sorted(keys))
    (tmp_path / "catalog.toml").write_text(f"{catalogue_files.write(items)}\n{opened}")
    shutil.copytree(SHOP.pictures, tmp_path / "pictures")
    for item in items:
        shutil.copy(SHOP.pictures / "hero.svg", tmp_path / "pictures" / item.picture)
    monkeypatch.setitem(app.config, "STARFRONT", replace(config, shop=Folder(tmp_path)))
    with transaction():
        db.session.execute(text("DELETE FROM shop"))
        shops.claim(config.bot_id, "starfront_demo_bot", config.bot_environment)
        leases.hold("outbox", "bot", 300, clock.now())
        leases.hold("polling", "bot", 300, clock.now())
    registration.register(api, config, BRAND)
    api.call("getUpdates", {"timeout": 0, "allowed_updates": list(ALLOWED_UPDATES)})
    statement.reconcile(app.extensions["context"])
    return app


def looked_at(app: Flask, **changes: Any) -> dict[str, Finding]:
    """Return what is found, by name."""
    db.session.rollback()
    config = replace(app.config["STARFRONT"], **changes)
    found = examine(app.extensions["context"].client, config, clock.now())
    db.session.rollback()
    assert len({one.name for one in found}) == len(found)
    for one in found:
        assert f"**{one.name}**" in DOCUMENT, one.name
        assert one.sentence.endswith("."), one.sentence
        assert one.is_well == (not one.remedy)
        assert one.is_well or one.remedy.endswith("."), one.remedy
    return {one.name: one for one in found}


def wrong(app: Flask, **changes: Any) -> dict[str, tuple[str, str]]:
    """Return what is not well: severity and words by name."""
    found = looked_at(app, **changes)
    return {name: (one.severity, one.words) for name, one in found.items() if not one.is_well}


def only(app: Flask, **changes: Any) -> tuple[str, str, str]:
    """Return the name, the severity and the words of the one thing that is wrong."""
    found = wrong(app, **changes)
    assert len(found) == 1, found
    [(name, (severity, words))] = found.items()
    return name, severity, words


def write(statement: str) -> None:
    db.session.rollback()
    with transaction():
        db.session.execute(text(statement))


def test_with_a_healthy_shop_nothing_is_found(shop):
    assert wrong(shop) == {}
    has_connections = db.engine.dialect.name == "postgresql"
    assert set(looked_at(shop)) == {
        *(["connections", "encryption"] if has_connections else []),
        *("token", "clock", "webhook", "update kinds", "deliveries", "menu button"),
        *("address", "help pages", "proxies", "owners", "support", "owners' chats", "example"),
        *("database", "migrations", "durability", "append-only", "disk"),
        *("identity", "catalogue", "bot", "poller", "statement", "books", "inbox", "set aside", "quarantine"),
        *("translations", "plans", "webhook secret", "refunds", "signals", "entitlements"),
    }


# Telegram


@on_sqlite
@pytest.mark.parametrize("status", [401, 404])
def test_a_token_telegram_does_not_know(telegram, shop, status):
    trouble(telegram, "getMe", status=status)
    name, severity, words = only(shop)
    assert (name, severity) == ("token", "problem")
    assert words.startswith("Telegram does not know this BOT_TOKEN. Copy all of it again from @BotFather")


@on_sqlite
@pytest.mark.parametrize("method", ["getMe", "getWebhookInfo", "getChatMenuButton"])
@pytest.mark.parametrize("what", [{"status": 500}, {"garbage": True}, {"status": 429}], ids=str)
def test_telegram_that_cannot_be_asked_hinders_no_other_check(telegram, shop, method, what):
    trouble(telegram, method, **what)
    write("UPDATE shop SET reconciled_at = NULL")
    found = wrong(shop)
    assert set(found) == {"telegram", "statement"}
    assert found["telegram"][0] == "problem"
    assert found["telegram"][1].startswith("Telegram could not be asked (")
    assert "it checked everything else" in found["telegram"][1]


@on_sqlite
def test_what_the_bot_noted_is_told_while_telegram_is_away(telegram, shop):
    with transaction():
        shops.note_delivery("No webhook is set. Run it.", clock.now())
    assert wrong(shop) == {}  # Telegram itself says otherwise
    trouble(telegram, "getMe", status=500)
    found = wrong(shop)
    assert set(found) == {"telegram", "delivery"}
    assert found["delivery"][1].endswith("UTC. No webhook is set. Run it.")


@pytest.mark.proves("F52")
@on_sqlite
@pytest.mark.parametrize(
    ("ahead", "severity", "words"),
    [
        (15, "warning", "seconds ahead of Telegram's. Sync it with NTP"),
        (-15, "warning", "seconds behind Telegram's. Sync it with NTP"),
        (3600, "problem", "seconds ahead of Telegram's."),
        (-3600, "problem", "seconds behind Telegram's."),
    ],
)
def test_f52_a_clock_that_is_off(telegram, shop, ahead, severity, words):
    telegram.control("POST", "clock", offset_seconds=-ahead)
    name, told, sentence = only(shop)
    assert (name, told) == ("clock", severity)
    assert words in sentence


@pytest.mark.proves("F52")
@pytest.mark.parametrize(
    ("skew", "severity"),
    [(0, "ok"), (5, "ok"), (-5, "ok"), (5.1, "warning"), (-60, "warning"), (60.1, "problem")],
)
def test_f52_a_clock_is_judged(skew, severity):
    assert diagnosis.clock(skew, ALONE).severity == severity


@pytest.mark.proves("F52")
def test_f52_a_clock_that_could_not_be_compared_is_no_good_clock():
    assert diagnosis.clock(None, ALONE).severity == "warning"


@pytest.mark.proves("F8")
@on_sqlite
def test_a_webhook_while_polling(telegram, shop, api, config):
    set_up(api, config.webhook_url)
    assert only(shop) == (
        "webhook",
        "problem",
        "The shop's webhook is still set, so nothing can be polled. Run flask --app webapp release.",
    )
    set_up(api, "https://elsewhere.test/hook")
    name, severity, words = only(shop)
    assert (name, severity) == ("webhook", "problem")
    assert words.startswith(
        "A webhook is set for elsewhere.test, so nothing can be polled. Stop whatever uses it"
    )


@pytest.mark.proves("F55")
@on_sqlite
def test_a_webhook_that_is_not_this_shops(telegram, shop, api, config):
    name, severity, words = only(shop, bot_mode="webhook")
    assert (name, severity) == ("webhook", "problem")
    assert words == "No webhook is set, so no update arrives. Run flask --app webapp release."
    set_up(api, "https://elsewhere.test/hook")
    name, severity, words = only(shop, bot_mode="webhook")
    assert words.startswith("The webhook is set for another address (elsewhere.test). Run flask")
    set_up(api, config.webhook_url)
    assert wrong(shop, bot_mode="webhook") == {}


@on_sqlite
def test_update_kinds_that_do_not_come(shop, api):
    wanted = [kind for kind in ALLOWED_UPDATES if kind not in {"subscription", "pre_checkout_query"}]
    api.call("getUpdates", {"timeout": 0, "allowed_updates": wanted})
    name, severity, words = only(shop)
    assert (name, severity) == ("update kinds", "problem")
    assert words.startswith("Telegram does not send pre_checkout_query, subscription. Start bot.py")


@on_sqlite
def test_a_server_of_the_owners_that_is_too_old_is_no_reason_to_call_the_shop_ill(shop, api):
    wanted = [kind for kind in ALLOWED_UPDATES if kind != "subscription"]
    api.call("getUpdates", {"timeout": 0, "allowed_updates": wanted})
    name, severity, words = only(shop)
    assert (name, severity) == ("update kinds", "warning")
    assert "is too old for these updates: subscription" in words
    info = api.call("getWebhookInfo")
    assert diagnosis.delivery_problem(info, shop.config["STARFRONT"], clock.now()) is None


@on_sqlite
def test_a_webhook_whose_secret_is_another(telegram, shop, api, config):
    """As after WEBHOOK_SECRET was changed without a release: our own web process says 401."""
    hook = {"url": config.webhook_url, "secret_token": f"{WEBHOOK_SECRET}-before"}
    eventually(lambda: _set(api, hook))
    telegram.control("POST", f"people/{ALICE}/messages", text="hello")
    eventually(lambda: "last_error_message" in api.call("getWebhookInfo"))
    name, severity, words = only(shop, bot_mode="webhook")
    assert (name, severity) == ("deliveries", "problem")
    assert "401" in words
    assert "different WEBHOOK_SECRET" in words


def _set(api: BotApi, hook: dict[str, str]) -> bool:
    try:
        return bool(api.call("setWebhook", hook))
    except BotApiError:
        return False


@on_sqlite
def test_many_updates_that_wait(telegram, shop):
    for _ in range(101):
        telegram.control("POST", f"people/{ALICE}/messages", text="hello")
    name, severity, words = only(shop)
    assert (name, severity) == ("deliveries", "warning")
    assert words.startswith("101 updates wait at Telegram. Check that only bot.py runs")


@on_sqlite
@pytest.mark.parametrize(
    "button",
    [{"type": "default"}, {"type": "web_app", "text": "Shop", "web_app": {"url": "https://old.test/"}}],
    ids=["none", "old"],
)
def test_a_menu_button_that_opens_something_else(shop, api, button):
    api.call("setChatMenuButton", {"menu_button": button})
    name, severity, words = only(shop)
    assert (name, severity) == ("menu button", "warning")
    assert words.endswith("Run flask --app webapp release.")


WEBHOOK = make_config(bot_mode="webhook")
ALONE = make_config(telegram_js_url="http://127.0.0.1:9/telegram-web-app.js")
WELL = {"url": WEBHOOK.webhook_url, "allowed_updates": list(ALLOWED_UPDATES), "pending_update_count": 0}
NOW = arrange.NOW


@pytest.mark.parametrize(
    ("mode", "changes", "problem"),
    [
        ("webhook", {}, None),
        ("webhook", {"url": ""}, "No webhook is set"),
        ("webhook", {"url": "https://evil.test/"}, "The webhook is set for another address (evil.test)."),
        (
            "webhook",
            {"url": "https://a:b@evil.test/hook-a7Kq"},
            "The webhook is set for another address (evil.test).",
        ),
        ("webhook", {"allowed_updates": ["message"]}, "Telegram does not send callback_query, my_chat"),
        ("webhook", {"allowed_updates": []}, None),
        ("webhook", {"last_error_date": 1, "pending_update_count": 5}, None),
        ("polling", {"url": ""}, None),
        ("polling", {}, "The shop's webhook is still set"),
        ("polling", {"url": "https://evil.test/"}, "A webhook is set for evil.test"),
    ],
)
def test_what_telegram_says_of_its_webhook_is_understood(mode, changes, problem):
    told = diagnosis.delivery_problem({**WELL, **changes}, make_config(bot_mode=mode), NOW)
    assert told is None if problem is None else told.startswith(problem)


def test_a_delivery_that_failed_just_now_is_a_problem_while_something_waits():
    failed = {"last_error_date": NOW.timestamp() - 60, "last_error_message": "Wrong response: 503"}
    waiting = {**WELL, **failed, "pending_update_count": 3}
    assert "503" in diagnosis.delivery_problem(waiting, WEBHOOK, NOW)
    assert diagnosis.delivery_problem({**WELL, **failed}, WEBHOOK, NOW) is None
    assert diagnosis.delivery_problem(waiting, WEBHOOK, NOW + timedelta(hours=1)) is None


@pytest.mark.parametrize(
    ("reason", "remedy"),
    [
        ("Wrong response from the webhook: 401 Unauthorized", "different WEBHOOK_SECRET"),
        ("Wrong response from the webhook: 301 Moved Permanently", "PUBLIC_URL redirects"),
        ("Wrong response from the webhook: 404 Not Found", "Something other than this shop"),
        ("Wrong response from the webhook: 503 Service Unavailable", "The web process is failing"),
        ("SSL error {error:0A000086:SSL routines::certificate verify failed}", "valid certificate"),
        ("Connection timed out", "can be reached from the internet"),
        ("Connection refused at port 4010", "can be reached from the internet"),
    ],
)
def test_why_telegram_could_not_deliver_is_explained(reason, remedy):
    failed = {"last_error_date": NOW.timestamp(), "last_error_message": reason, "pending_update_count": 1}
    told = diagnosis.delivery_problem({**WELL, **failed}, WEBHOOK, NOW)
    assert reason in told
    assert remedy in told


# The address


@on_sqlite
@pytest.mark.parametrize(
    ("to", "end"),
    [
        ("https://www.shop.test/", "https://www.shop.test."),
        ("//shop.test/x?y=z", "http://shop.test."),
        ("https://user:password@shop.test/", "https://shop.test."),
    ],
)
@pytest.mark.parametrize("status", ["301 Moved", "302 Found", "308 Permanent"])
def test_an_address_that_redirects(shop, site, status, to, end):
    site.answer(status, Location=to)
    name, severity, words = only(shop)
    assert (name, severity) == ("address", "problem")
    assert words.startswith(
        f"{site.address} redirects to {end} Set PUBLIC_URL, and the address at @BotFather"
    )


@on_sqlite
@pytest.mark.parametrize(
    ("status", "body"),
    [
        ("200 OK", b"Welcome to nginx"),
        ("200 OK", b'{"status": "fine", "version": "0.2.0"}'),
        ("200 OK", b'{"status": "ok"}'),
        ("200 OK", b'["status", "version"]'),
        ("200 OK", b"\xff\x00"),
        ("404 Not Found", b'{"status": "ok"}'),
        ("502 Bad Gateway", b""),
    ],
    ids=str,
)
def test_an_address_where_something_else_answers(shop, site, status, body):
    site.answer(status, body)
    name, severity, words = only(shop)
    assert (name, severity) == ("address", "problem")
    assert words.startswith(f"Something other than this shop answers at {site.address} (HTTP {status[:3]}).")


@on_sqlite
@pytest.mark.parametrize("public_url", ["http://127.0.0.1:9", "http://nobody.invalid", "https://127.0.0.1:9"])
def test_an_address_where_nobody_answers(shop, api, public_url):
    # The button opens the address that was told at the release.
    registration.register(api, make_config(public_url=public_url), BRAND)
    name, severity, words = only(shop, public_url=public_url)
    assert (name, severity) == ("address", "problem")
    assert words.startswith(f"Nothing answers at {public_url} (")


def behind(site: Site, *hops: str) -> None:
    """Have requests come through proxies that note whom they had them from."""
    inner = site.wsgi

    def proxied(environ: dict[str, Any], start_response: Any) -> Any:
        forwarded = ", ".join(filter(None, [environ.get("HTTP_X_FORWARDED_FOR", ""), *hops]))
        return inner({**environ, "HTTP_X_FORWARDED_FOR": forwarded}, start_response)

    site.wsgi = proxied


@on_sqlite
@pytest.mark.parametrize(
    ("hops", "told", "harm"),
    [
        (("198.51.100.7", "10.0.0.1"), 1, "everyone counts as one person"),
        (("198.51.100.7",), 2, "anyone who fakes an address escapes every limit"),
        ((), 1, "anyone who fakes an address escapes every limit"),
    ],
)
def test_16_proxies_that_were_counted_wrong(shop, site, hops, told, harm):
    behind(site, *hops)
    name, severity, words = only(shop, proxy_hops=told)
    assert (name, severity) == ("proxies", "problem")
    assert words.startswith(f"PROXY_HOPS is {told}, but a request comes through {len(hops)}: {harm}")
    assert wrong(shop, proxy_hops=len(hops)) == {}


@on_sqlite
def test_16_proxies_are_told_to_nobody_but_the_doctor(shop):
    client, config, now = shop.test_client(), shop.config["STARFRONT"], clock.now()

    def status(told: str) -> int:
        return client.get("/proxies", headers={"Authorization": f"Bearer {told}"}).status_code

    good = proxies.proof(config, now)
    assert status(good) == 200
    old = proxies.proof(config, now - 2 * arrange.MINUTE)
    foreign = proxies.proof(replace(config, secret_key="Zt7Rk1WbXq9Lm3VnC5hYd8JpGf2SaUe4"), now)
    assert {status(told) for told in ("", "x", ".", "9" * 20, f"{good}0", old, foreign)} == {404}


@on_sqlite
def test_16_a_web_process_of_another_release_cannot_tell_its_proxies(shop, site):
    inner = site.wsgi

    def older(environ: dict[str, Any], start_response: Any) -> Any:
        path = "/nothing" if environ["PATH_INFO"] == proxies.PATH else environ["PATH_INFO"]
        return inner({**environ, "PATH_INFO": path}, start_response)

    site.wsgi = older
    name, severity, words = only(shop)
    assert (name, severity) == ("proxies", "warning")
    assert words.startswith("The web process doesn't say how many proxies")


@on_sqlite
@pytest.mark.parametrize("path", ["/terms", "/support"])
def test_help_that_cannot_be_opened(shop, site, path):
    def broken(environ: dict[str, Any], start_response: Any) -> Any:
        if environ["PATH_INFO"] != path:
            return shop.wsgi_app(environ, start_response)
        start_response("500 Broken", [])
        return [b""]

    site.wsgi = broken
    name, severity, words = only(shop)
    assert (name, severity) == ("help pages", "problem")
    assert words.startswith(f"{path} cannot be opened. Read the web process's log")


# Settings


@on_sqlite
@pytest.mark.parametrize(
    ("changes", "name", "remedy"),
    [
        ({"owner_ids": frozenset()}, "owners", "Set OWNER_IDS to your Telegram id"),
    ],
    ids=["owners"],
)
def test_settings_that_nothing_insists_on(shop, changes, name, remedy):
    assert only(shop, **changes)[:2] == (name, "warning")
    assert remedy in only(shop, **changes)[2]


# The database


@pytest.fixture
def broken(shop: Flask, database_url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A database that can no longer be read."""
    monkeypatch.setattr(patience, "WAKING_SECONDS", 0)
    db.session.remove()
    db.engine.dispose()
    if database_url.startswith("sqlite"):
        with open(urlsplit(database_url).path, "r+b") as file:
            file.write(b"no database" * 20)
        yield
        return
    name = db.engine.url.database
    admin = db.engine.url.set(database="postgres")
    engine = db.create_engine(admin, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.execute(text(f"ALTER DATABASE {name} ALLOW_CONNECTIONS false"))
        yield
        connection.execute(text(f"ALTER DATABASE {name} ALLOW_CONNECTIONS true"))
    engine.dispose()


def test_a_database_that_is_away_hinders_no_other_check(shop, broken):
    found = wrong(shop, owner_ids=frozenset())
    assert set(found) == {"database", "owners", "address"}  # whose pages need the database
    severity, words = found["database"]
    assert severity == "problem"
    assert words.startswith("The database cannot be read (")
    assert words.endswith("Check DATABASE_URL, and that the database is running and lets the shop in.")


def test_a_table_that_is_gone(shop):
    write("DROP TABLE refunds")
    found = wrong(shop)
    assert set(found) == {"database"}
    assert found["database"][1].startswith("The database cannot be read (")


def test_tables_of_another_release(shop):
    write("DELETE FROM alembic_version")
    assert only(shop) == (
        "migrations",
        "problem",
        "The database is not migrated. Run flask --app webapp release.",
    )
    assert "statement" not in looked_at(shop)


@on_sqlite
@pytest.mark.parametrize(
    ("pragma", "told"),
    [("synchronous = NORMAL", "synchronous is 1"), ("journal_mode = MEMORY", "journal_mode is memory")],
)
def test_sqlite_that_may_lose_commits(shop, pragma, told):
    def weaken(connection: Any, _record: Any) -> None:
        connection.execute(f"PRAGMA {pragma}")

    db.session.remove()
    db.engine.dispose()
    event.listen(db.engine, "connect", weaken)
    found = {one.name: one for one in database.examine()}["durability"]
    event.remove(db.engine, "connect", weaken)
    assert found.severity == "problem"
    assert found.sentence == f"A power cut can lose committed payments: {told}."


@pytest.mark.parametrize(
    ("address", "is_encrypted", "is_well"),
    [
        ("", False, True),
        ("127.0.0.1", False, True),
        ("10.1.2.3", False, True),
        ("fd12::1", False, True),
        ("93.184.216.34", True, True),
        ("93.184.216.34", False, False),
        ("2606:2800:220:1::1", False, False),
    ],
)
def test_14_a_database_over_the_internet_wants_tls(address, is_encrypted, is_well):
    found = database.encryption(address, is_encrypted=is_encrypted)
    assert found.is_well == is_well
    assert is_well or "sslmode=require" in found.remedy
    assert f"**{found.name}**" in DOCUMENT


@pytest.mark.proves("F32")
@on_postgresql
def test_postgresql_that_may_lose_commits(shop):
    write(f"ALTER DATABASE {db.engine.url.database} SET synchronous_commit = off")
    db.session.remove()
    db.engine.dispose()
    name, severity, words = only(shop)
    assert (name, severity) == ("durability", "problem")
    assert "committed payments: synchronous_commit is off. On PostgreSQL, turn" in words


@on_postgresql
def test_postgresql_that_does_not_wait_for_its_disk(shop, postgres):
    postgres.psql("ALTER SYSTEM SET fsync = off")
    try:
        postgres.psql("SELECT pg_reload_conf()")
        eventually(lambda: wrong(shop))
        assert "fsync is off" in only(shop)[2]
    finally:
        postgres.psql("ALTER SYSTEM RESET fsync")
        postgres.psql("SELECT pg_reload_conf()")


@pytest.mark.proves("I9")
@pytest.mark.parametrize("table", ["ledger_entries", "charges"])
def test_a_ledger_that_can_be_changed(shop, table):
    on_pg = db.engine.dialect.name == "postgresql"
    trigger = f"{table}_no_{'change' if on_pg else 'delete'}"
    write(f"DROP TRIGGER {trigger}" + (f" ON {table}" if on_pg else ""))
    name, severity, words = only(shop)
    assert (name, severity) == ("append-only", "problem")
    assert words.startswith(f"The ledger can be changed: {trigger} is missing or off.")


@on_postgresql
@pytest.mark.parametrize("how", ["DISABLE TRIGGER ALL", "ENABLE REPLICA TRIGGER charges_no_change"])
def test_a_ledger_whose_guard_sleeps(shop, how):
    write(f"ALTER TABLE charges {how}")
    assert only(shop)[:2] == ("append-only", "problem")


@pytest.mark.proves("I9")
def test_every_table_with_a_guard_is_looked_at(shop):
    """One that a later migration adds must be named in APPEND_ONLY."""
    names = set(db.session.scalars(text(database.TRIGGERS[db.engine.dialect.name])))
    guarded = {name.partition("_no_")[0] for name in names if "_no_" in name}
    assert guarded == set(database.APPEND_ONLY)
    assert guarded <= set(db.metadata.tables)


@pytest.mark.proves("F14")
@on_sqlite
def test_a_disk_that_is_almost_full(shop, monkeypatch):
    monkeypatch.setattr(database, "LEAST_FREE_BYTES", 2**60)
    name, severity, words = only(shop)
    assert (name, severity) == ("disk", "problem")
    assert words.endswith("MiB is free. Free up space before payments are refused.")


@on_sqlite
def test_a_file_in_production_wants_proof_that_its_disk_lasts(shop, monkeypatch):
    def without_word() -> tuple[str, str]:
        return wrong(shop, sqlite_disk_is_kept=False).get("kept disk", ("", ""))

    file = disks.file_of(shop.config["STARFRONT"].database_url)
    severity, words = without_word()
    assert severity == "warning"
    assert "Set SQLITE_DISK_IS_KEPT=1 if it is your own machine's" in words
    assert wrong(shop, sqlite_disk_is_kept=False, app_env="development") == {}
    monkeypatch.setattr("socket.gethostname", lambda: "container-1")
    for _ in range(2):  # a restart of the same container, whose disk goes with it all the same
        disks.note_release(file)
        assert without_word() == (severity, words)
    monkeypatch.setattr("socket.gethostname", lambda: "container-2")
    assert without_word() == (severity, words)
    disks.note_release(file)
    assert without_word() == ("", "")


@on_postgresql
def test_a_server_needs_no_proof(shop):
    assert wrong(shop, sqlite_disk_is_kept=False) == {}


@on_sqlite
@pytest.mark.parametrize(
    ("begun", "missing"), [("web", "No bot has started"), ("bot", "No web process has started")]
)
def test_web_and_bot_with_a_file_each_are_noticed(shop, begun, missing):
    file = disks.file_of(shop.config["STARFRONT"].database_url)
    disks.note_process(file, begun)
    assert wrong(shop) == {}  # the other one has its time to begin
    at = clock.now().timestamp() - disks.ALONE_SECONDS - 1
    os.utime(file.with_name(f"{file.name}.{begun}"), (at, at))
    name, severity, words = only(shop)
    assert (name, severity) == ("shared disk", "problem")
    assert words.startswith(missing)
    for each in disks.PROCESSES:
        disks.note_process(file, each)
    assert wrong(shop) == {}


# The shop's work


def test_a_database_of_another_bot(shop):
    write("UPDATE shop SET bot_id = 42")
    name, severity, words = only(shop)
    assert (name, severity) == ("identity", "problem")
    assert "belongs to bot 42 (production), but BOT_TOKEN is of bot 7000000002" in words


@on_sqlite
def test_a_database_of_telegrams_other_environment(shop):
    assert only(shop, bot_environment="test")[:2] == ("identity", "problem")


def test_a_database_of_nobody(shop):
    write("DELETE FROM shop")
    found = wrong(shop)
    assert set(found) == {"identity", "statement"}
    assert found["identity"][1] == "The database belongs to no bot yet. Run flask --app webapp release."


def test_a_bot_that_is_not_at_work(shop):
    with transaction():
        leases.release_all("bot", clock.now())
    assert only(shop) == ("bot", "problem", "No bot process is running. Start bot.py.")


def test_a_second_bot_that_stands_by_is_no_trouble(shop):
    with transaction():
        leases.hold("refunds", "another", 300, clock.now())
    assert wrong(shop) == {}


@pytest.mark.proves("F7")
def test_bots_of_which_none_polls(shop):
    with transaction():
        leases.release("polling", "bot", clock.now())
    assert only(shop) == (
        "poller",
        "problem",
        "Bot processes are running, but none of them polls. Restart the bot: it runs an earlier "
        "release, or was started with another BOT_MODE.",
    )
    assert "poller" not in wrong(shop, bot_mode="webhook")


@pytest.mark.parametrize(("minutes", "is_old"), [(0, False), (14, False), (16, True), (None, True)])
def test_a_statement_that_was_not_read(shop, minutes, is_old):
    read_at = None if minutes is None else clock.now() - timedelta(minutes=minutes)
    with transaction():
        db.session.execute(db.update(Shop).values(reconciled_at=read_at))
    found = wrong(shop)
    assert ("statement" in found) is is_old
    if is_old:
        severity, words = found["statement"]
        assert severity == "problem"
        assert ("statement yet." in words) is (minutes is None)
        assert "flask --app webapp reconcile" in words


@pytest.mark.parametrize(("drift", "words"), [(5, "show 5 Stars more"), (-7, "show 7 Stars less")])
def test_books_that_do_not_agree(shop, drift, words):
    write(f"UPDATE shop SET drift_stars = {drift}")
    name, severity, told = only(shop)
    assert (name, severity) == ("books", "problem")
    assert told.startswith(f"They {words} than the statement. Compare the charges")


@pytest.mark.parametrize(
    ("seconds", "severity"), [(59, None), (61, "warning"), (359, "warning"), (361, "problem")]
)
def test_an_update_that_waits_for_long(shop, seconds, severity):
    receive({"message": {"text": "hello"}}, ago=seconds)
    found = wrong(shop)
    assert found == {} if severity is None else found["inbox"][0] == severity
    if severity:
        assert "flask --app webapp inbox list" in found["inbox"][1]
        assert f"has waited for {round(seconds / 60)} minutes" in found["inbox"][1]


@pytest.mark.parametrize(
    ("update", "severity"),
    [
        ({"message": {"text": "hello"}}, "warning"),
        ({"pre_checkout_query": {}}, "warning"),
        ({"message": {"successful_payment": {}}}, "problem"),
        ({"message": {"refunded_payment": {}}}, "problem"),
        ({"subscription": {}}, "problem"),
        (b"no update", "warning"),
    ],
    ids=str,
)
def test_an_update_that_was_set_aside(shop, update, severity):
    item = receive(update)
    with transaction():
        inbox.quarantine(item, "bad", clock.now())
    name, told, words = only(shop)
    assert (name, told) == ("set aside", severity)
    assert words.startswith(f"Updates are quarantined (1 {item.kind}).")
    assert "inbox list --quarantined" in words
    receive({"message": {"successful_payment": {}}, "update_id": 9})
    assert only(shop)[1] == severity  # one that only waits is not set aside


def receive(update: dict[str, Any] | bytes, *, ago: float = 0) -> InboxItem:
    with transaction():
        body = {"update_id": 1, **update} if isinstance(update, dict) else update
        item_id = inbox.receive(body, "polling", clock.now() - ago * SECOND)
    return db.session.get_one(InboxItem, item_id)


@pytest.fixture
def order(shop: Flask, alice: User) -> Order:
    return arrange.order(alice, "atlas", now=clock.now())


def test_a_payment_that_was_not_understood(shop, order):
    charge = arrange.pay(arrange.facts(order, stars=1))
    name, severity, words = only(shop)
    assert (name, severity) == ("quarantine", "problem")
    assert words.startswith("1 payments were not understood and are waiting for you.")
    with transaction():
        refunds.request_refund(charge, "asked", requested_by="owner", now=clock.now())
    assert "quarantine" not in wrong(shop)


@pytest.mark.proves("F53")
def test_a_plan_begun_under_a_key_that_is_gone(shop, alice):
    arrange.subscribe(alice, at=clock.now())
    foreign = KeyRing.of("Zt7Rk1WbXq9Lm3VnC5hYd8JpGf2SaUe4")
    with transaction():
        [plan] = subscriptions.list_for(alice.telegram_id)
        plan.payload = payloads.seal(payloads.unseal(plan.payload, arrange.KEYS), foreign)
    name, severity, words = only(shop)
    assert (name, severity) == ("plans", "problem")
    assert "SECRET_KEY_PREVIOUS" in words
    with transaction():
        subscriptions.list_for(alice.telegram_id)[0].canceled_at = clock.now()
    assert wrong(shop) == {}


@pytest.mark.parametrize(("minutes", "is_over"), [(9, False), (11, True)])
def test_13_a_webhook_secret_that_has_ended_is_to_be_taken_out(shop, minutes, is_over):
    settings = replace(shop.config["STARFRONT"], previous_webhook_secret="Pr7Rk1WbXq9Lm3VnC5hYd8JpGf2SaUe4")
    with transaction():
        retired_secrets.note(settings.previous_webhook_secret, clock.now())
    [found] = [
        one
        for one in doctor_of_work.examine(settings, clock.now() + minutes * arrange.MINUTE)
        if one.name == "webhook secret"
    ]
    assert (found.is_well, "Remove WEBHOOK_SECRET_PREVIOUS" in found.words) == (not is_over, is_over)


def test_a_refund_that_telegram_has_not_confirmed(shop, order):
    charge = arrange.pay(arrange.facts(order))
    with transaction():
        refund = refunds.request_refund(charge, "asked", requested_by="owner", now=clock.now())
    assert wrong(shop) == {}
    with transaction():
        refunds.mark_attempted(refund, clock.now())
    name, severity, words = only(shop)
    assert (name, severity) == ("refunds", "warning")
    assert words.startswith("Refunds that Telegram hasn't confirmed yet: 1.")
    with transaction():
        refunds.mark_rejected(refund, "no", clock.now())
    assert wrong(shop) == {}


DAMAGE: dict[str, Callable[[], Any]] = {
    "lost": lambda: db.session.execute(db.delete(Entitlement)),
    "given away": lambda: db.session.add(Entitlement(telegram_id=BOB, key="atlas", since=clock.now())),
    "shortened": lambda: db.session.execute(db.update(Entitlement).values(until=clock.now())),
}


@pytest.mark.parametrize("damage", DAMAGE)
def test_entitlements_that_the_ledger_does_not_give(shop, order, damage):
    arrange.pay(arrange.facts(order))
    assert wrong(shop) == {}
    with transaction():
        DAMAGE[damage]()
    name, severity, words = only(shop)
    assert (name, severity) == ("entitlements", "problem")
    assert words.startswith("1 entitlements don't match the ledger. flask --app webapp entitlements")
    everybodys.rebuild()
    assert wrong(shop) == {}


# The command


def test_a_healthy_shop_is_told_well(shop):
    code, said = run(shop, "doctor")
    assert code == 0
    assert said.splitlines()[:2] == [f"Starfront {__version__}", ""]
    assert said.splitlines()[2] == "ok       token: Telegram knows it as @starfront_demo_bot."
    assert "To do" not in said
    assert said.splitlines()[-1] == f"0 problems, 0 warnings, {len(looked_at(shop))} well."


@on_sqlite
def test_warnings_alone_are_no_failure(shop, api):
    api.call("setChatMenuButton", {"menu_button": {"type": "default"}})
    code, said = run(shop, "doctor")
    assert code == 0
    assert "\nwarning  menu button: The button beside" in said
    assert "\n         To do: Run flask --app webapp release." in said
    assert said.splitlines()[-1].startswith("0 problems, 1 warnings, ")


@on_sqlite
def test_a_problem_is_a_failure(shop):
    with transaction():
        leases.release_all("bot", clock.now())
    code, said = run(shop, "doctor")
    assert code == 1
    assert "\nproblem  bot: No bot process is running.\n         To do: Start bot.py.\n" in said


@on_sqlite
def test_programs_are_told_the_same(shop):
    with transaction():
        leases.release_all("bot", clock.now())
    code, said = run(shop, "doctor", "--json")
    assert code == 1
    assert {one["name"]: Finding(**one) for one in json.loads(said)} == looked_at(shop)


@on_sqlite
def test_programs_read_findings_and_nothing_else(shop, tmp_path, config):
    """What is logged meanwhile, here that there is no database yet, goes elsewhere."""
    environment = {
        **os.environ,
        "BOT_TOKEN": TOKEN,
        "BOT_API_URL": config.bot_api_url,
        "PUBLIC_URL": config.public_url,
        "SECRET_KEY": config.secret_key,
        "DATABASE_URL": f"sqlite:///{tmp_path}/none.db",
        "LOG_LEVEL": "DEBUG",
    }
    command = [sys.executable, "-m", "flask", "--app", "webapp", "doctor", "--json"]
    answer = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    found = {one["name"]: one["severity"] for one in json.loads(answer.stdout)}
    assert found["migrations"] == "problem"
    assert "cannot be read yet" in answer.stderr
    assert answer.returncode == 1
    assert TOKEN not in answer.stdout + answer.stderr


@pytest.mark.parametrize("args", [("x",), ("--jason",), ("--json=1",), ("--fix",), ("--json", "x")], ids=str)
@on_sqlite
def test_what_nobody_can_ask_of_the_doctor_is_refused(shop, args):
    code, said = run(shop, "doctor", *args)
    assert code == 2
    assert "Error: " in said


def test_the_doctor_changes_nothing(telegram, shop, order):
    arrange.pay(arrange.facts(order))
    receive({"message": {"text": "hello"}}, ago=600)
    before, called = everything(), len(telegram.control("GET", "calls"))
    run(shop, "doctor")
    assert everything() == before
    made = [call["method"] for call in telegram.control("GET", "calls")[called:]]
    assert made == ["getMe", "getWebhookInfo", "getChatMenuButton"]


def everything() -> dict[str, list[Any]]:
    db.session.rollback()
    tables = db.metadata.sorted_tables
    return {table.name: [tuple(row) for row in db.session.execute(select(table))] for table in tables}


@pytest.mark.proves("S60")
@on_sqlite
def test_s60_the_doctor_tells_no_secret(telegram, shop, api, config):
    set_up(api, f"https://elsewhere.test/{TOKEN}/{WEBHOOK_SECRET}")
    with transaction():
        shops.note_delivery(f"bot{TOKEN} and {config.secret_key}", clock.now())
    said = [run(shop, "doctor", *options)[1] for options in ([], ["--json"])]
    trouble(telegram, "getMe", status=400, description=f"Bad Request: {TOKEN} {config.metrics_token}")
    said += [run(shop, "doctor")[1]]
    trouble(telegram, "getMe", status=400, description=f"Bad Request: {TOKEN} {config.metrics_token}")
    said += [run(shop, "doctor", "--json")[1]]
    assert "elsewhere.test" in said[0]
    assert "[hidden]" in said[2]
    for secret in config.secrets:
        assert all(secret not in one for one in said)


@pytest.mark.proves("S56")
@on_sqlite
def test_s56_the_doctor_prints_what_others_said_in_plain_characters(telegram, shop):
    for options in ([], ["--json"]):
        trouble(telegram, "getMe", status=400, description="Bad Request: \x1b[2J\u202e\x9b")
        said = run(shop, "doctor", *options)[1]
        assert all(one.isprintable() or one == "\n" for one in said)
        assert "u001b[2J" in said


def test_a_catalogue_that_differs_from_the_file_is_named(shop):
    with transaction():
        db.session.execute(text("UPDATE products SET stars = 7 WHERE slug = 'atlas'"))
    differ = "What the shop sells differs from catalog.toml: catalog diff shows how."
    assert only(shop) == ("catalogue", "warning", f"{differ} Run flask --app webapp release.")
    name, severity, words = only(shop, catalogue="database")
    assert (name, severity) == ("catalogue", "warning")
    assert "catalog export > catalog.toml" in words
    assert "CATALOGUE=file" in words


def test_a_catalogue_file_that_is_gone_is_named(shop):
    file = shop.config["STARFRONT"].shop.catalogue
    file.unlink()
    name, severity, words = only(shop)
    assert (name, severity) == ("catalogue", "warning")
    assert words.startswith(f"There is no {file}, so the shop sells what it sold before.")


def test_a_catalogue_file_that_stops_the_next_release_is_named(shop):
    shop.config["STARFRONT"].shop.catalogue.write_bytes(b"products = 3")
    name, severity, words = only(shop)
    assert (name, severity) == ("catalogue", "problem")
    assert words.startswith("catalog.toml, line 1: products: ")


# The plug-in


def test_signals_that_nobody_takes(shop, alice):
    signals.listen({"refunded"})
    now = clock.now()
    for name, age, error, failed_at in (
        ("purchase_granted", 0, "plugin.welcome: KeyError: 'room'", None),
        ("purchase_granted", 0, "plugin.welcome: KeyError: 'room'", None),
        ("refunded", 10, None, None),
    ):
        at = now - age * arrange.MINUTE
        facts = {"name": name, "telegram_id": ALICE, "facts": {}, "attempts": 1, "taken_by": []}
        moments = {"created_at": at, "next_attempt_at": at, "failed_at": failed_at}
        with transaction():
            db.session.add(Signal(dedupe_key=str(uuid4()), error=error, **facts, **moments))
    name, severity, words = only(shop)
    assert (name, severity) == ("signals", "warning")
    assert f"since {now - 10 * arrange.MINUTE:%Y-%m-%d %H:%M} UTC" in words
    assert (
        "2 purchase_granted (nothing receives it any more), 1 refunded (no bot process hands it over)"
        in words
    )
    signals.listen({"purchase_granted"})
    write("UPDATE signals SET failed_at = created_at WHERE name = 'purchase_granted'")
    name, severity, words = only(shop)
    assert (name, severity) == ("signals", "problem")
    assert "2 purchase_granted (plugin.welcome: KeyError: 'room', given up)" in words
