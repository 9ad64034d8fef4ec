"""The owner's commands, with a Telegram to talk to."""

import os
import re
import shutil
import threading
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import delete, inspect, select, text

from tests.kit import arrange
from tests.kit.arrange import set_up
from tests.kit.commands import run
from tests.kit.factories import SHOP, TERMS_VERSION, make_config
from tests.kit.hands import on_sqlite
from tests.kit.played import ALICE, BOB, trouble
from tests.kit.processes import TOKEN, Stage, eventually
from webapp import clock, create_app
from webapp.bot.duties import Duties
from webapp.bot_api import client as bot_api
from webapp.cli.commands import UNKNOWN_TOKEN
from webapp.db.engine import db
from webapp.db.models import (
    AuditEntry,
    Charge,
    Entitlement,
    LedgerEntry,
    Movement,
    Product,
    Refund,
    Shop,
    User,
)
from webapp.db.transactions import transaction
from webapp.domain.access import entitlements
from webapp.domain.catalogue import catalogue, catalogue_files
from webapp.domain.sales import refunds
from webapp.shop import catalogue_file
from webapp.shop.destinations import Chat
from webapp.shop.folder import Folder
from webapp.usecases import invoices

ROOT = Path(__file__).parent.parent.parent
SHIPPED = SHOP.catalogue.read_text(encoding="utf-8")
OPENED = SHIPPED[SHIPPED.index("\n[[entitlements]]\n") :]
COUNT = len(catalogue_files.read(SHIPPED))


def counts(answer: tuple[int, str]) -> str:
    """Return how much an import changed, after the lines that say what."""
    code, said = answer
    assert code == 0, said
    return said.splitlines()[-1]


def on_sale() -> dict[str, int]:
    db.session.rollback()
    return {product.slug: product.stars for product in catalogue.on_sale()}


# The catalogue


def test_the_catalogue_that_comes_along_is_good(app):
    assert run(app, "catalog", "check") == (0, f"catalog.toml: {COUNT} products, no problems.")
    assert on_sale() == {}


def test_the_catalogue_is_sold_once_imported(app):
    assert counts(run(app, "catalog", "import")) == f"{COUNT} added, 0 changed, 0 retired"
    assert on_sale()["deep-sky-atlas"] == 250
    assert counts(run(app, "catalog", "import")) == "0 added, 0 changed, 0 retired"


def test_what_changed_in_the_file_changes_in_the_shop(app, tmp_path):
    run(app, "catalog", "import")
    first = SHIPPED.split("\n[[products]]")[1].replace("stars = 250", "stars = 300")
    file = tmp_path / "new.toml"
    file.write_text(f"[[products]]{first}\n{OPENED}", encoding="utf-8")
    assert counts(run(app, "catalog", "import", str(file))) == f"0 added, 1 changed, {COUNT - 1} retired"
    assert on_sale() == {"deep-sky-atlas": 300}


BAD = {
    "stars = 250": ("stars = 0", "stars: must be a whole number from 1 to 100000"),
    'kind = "unlock"': ('kind = "gift"', "kind: must be one of"),
    'slug = "deep-sky-atlas"': ('slug = "Deep Sky"', "slug: may hold"),
    "\n[[products]]": ("\n[[products]", "TOML"),
}


@pytest.mark.proves("F67")
@on_sqlite
@pytest.mark.parametrize("good", BAD)
@pytest.mark.parametrize("command", ["check", "import"])
def test_a_bad_catalogue_changes_nothing_and_says_where(app, tmp_path, good, command):
    run(app, "catalog", "import")
    before = on_sale()
    bad, words = BAD[good]
    file = tmp_path / "bad.toml"
    file.write_text(SHIPPED.replace(good, bad, 1), encoding="utf-8")
    code, said = run(app, "catalog", command, str(file))
    assert code == 1
    assert said.startswith("Error: bad.toml, line ")
    assert words in said
    assert said.endswith("Nothing was changed.")
    assert on_sale() == before


@on_sqlite
@pytest.mark.parametrize("body", [b"", b"\xff\xfe\x00", b"\x00" * 10, b"products = 3"], ids=ascii)
def test_a_file_that_is_no_catalogue_is_refused(app, tmp_path, body):
    file = tmp_path / "bad.toml"
    file.write_bytes(body)
    code, said = run(app, "catalog", "import", str(file))
    assert (code, on_sale()) == (1, {})
    assert said.startswith("Error: bad.toml")


@on_sqlite
@pytest.mark.parametrize("path", ["no-such-file.toml", "."])
def test_a_file_that_is_not_there_is_refused(app, path):
    code, said = run(app, "catalog", "check", path)
    assert code == 2
    assert "Invalid value for '[FILE]'" in said


def test_what_is_exported_imports_as_the_same(app, tmp_path):
    run(app, "catalog", "import")
    code, exported = run(app, "catalog", "export")
    file = tmp_path / "export.toml"
    file.write_text(exported, encoding="utf-8")
    assert code == 0
    assert counts(run(app, "catalog", "import", str(file))) == "0 added, 0 changed, 0 retired"
    assert run(app, "catalog", "export") == (0, exported)


def test_what_is_no_longer_sold_is_exported_and_imported_into_an_empty_shop(app, tmp_path):
    run(app, "catalog", "import")
    kept, gone = tmp_path / "kept.toml", tmp_path / "gone.toml"
    _, first, *others = SHIPPED.split("\n[[products]]")
    opened = others[-1].partition("[[entitlements]]")
    kept.write_text("[[products]]" + first + opened[1] + opened[2], encoding="utf-8")
    assert counts(run(app, "catalog", "import", str(kept))) == f"0 added, 0 changed, {COUNT - 1} retired"
    gone.write_text(run(app, "catalog", "export")[1] + "\n", encoding="utf-8")
    before = {item.slug: item for item in map(catalogue.Item.of, catalogue.everything())}
    assert len(before) == COUNT
    with transaction():
        db.session.execute(delete(Product))
    assert counts(run(app, "catalog", "import", str(gone))) == f"{COUNT} added, 0 changed, 0 retired"
    assert {item.slug: item for item in map(catalogue.Item.of, catalogue.everything())} == before
    assert on_sale() == {"deep-sky-atlas": 250}


# Refunds


@pytest.fixture
def charge(app: Flask, telegram: Stage, alice: User) -> str:
    """Alice paid for the atlas, at Telegram and here."""
    order = invoices.open_invoice(
        app.extensions["context"], alice, "atlas", terms_version=TERMS_VERSION, correlation_id="tap"
    )
    slug = order.invoice_link.rpartition("$")[2]
    return pay(app, telegram, slug)


def pay(app: Flask, telegram: Stage, slug: str) -> str:
    """Pay an invoice, the bot's yes given by hand, and return the charge."""
    client, result = telegram.client(), {}
    address = f"{telegram.sandbox}/sandbox/invoices/{slug}/pay"
    payer = threading.Thread(
        target=lambda: result.update(client.post(address, json={"person": ALICE}).json())
    )
    payer.start()
    [update] = eventually(lambda: telegram.state()["pending"])
    query = {"pre_checkout_query_id": update["pre_checkout_query"]["id"], "ok": True}
    app.extensions["context"].client.call("answerPreCheckoutQuery", query)
    payer.join()
    assert run(app, "reconcile")[0] == 0
    return str(result["charge_id"])


def has_atlas() -> bool:
    db.session.rollback()
    return entitlements.has(ALICE, "atlas", clock.now())


def status(charge_id: str) -> str:
    db.session.rollback()
    return refunds.find(charge_id).status


def test_a_refund_that_telegram_makes_is_told(app, telegram, charge):
    assert has_atlas()
    code, said = run(app, "refund", charge, "--reason", "asked for it")
    assert (code, said) == (0, f"Refunded: 250 Stars went back to {ALICE}.")
    assert not has_atlas()
    assert db.session.scalar(select(Refund.reason)) == "asked for it"
    assert db.session.scalar(select(Refund.requested_by)) == "owner"


def test_a_refund_asked_for_twice_is_one(app, telegram, charge):
    first = run(app, "refund", charge, "--reason", "x")
    assert run(app, "refund", charge, "--reason", "y") == first
    assert len(telegram.calls("refundStarPayment")) == 1


@on_sqlite
def test_a_refund_that_telegram_refuses_fails_with_its_words(app, telegram, charge):
    trouble(telegram, "refundStarPayment", status=400, description="Bad Request: CHARGE_NOT_FOUND")
    code, said = run(app, "refund", charge, "--reason", "x")
    assert (code, said) == (1, "Error: Telegram refused: Bad Request: CHARGE_NOT_FOUND")
    assert has_atlas()
    assert run(app, "refund", charge, "--reason", "once more")[0] == 0


@on_sqlite
@pytest.mark.parametrize(
    "what", [{"status": 500}, {"lost_answer": True}, {"garbage": True}, {"status": 401}], ids=str
)
def test_a_refund_without_an_answer_is_asked_for_by_the_bot(app, telegram, charge, what):
    trouble(telegram, "refundStarPayment", **what)
    code, said = run(app, "refund", charge, "--reason", "x")
    assert code == 2
    assert "the bot keeps asking until it knows" in said
    assert status(charge) == "unknown"
    assert not has_atlas()
    duties = Duties(app, holds=lambda _duty: True)
    eventually(lambda: duties.tick() or status(charge) == "done")


@on_sqlite
@pytest.mark.parametrize("name", ["no-such-charge", "", "'; DROP TABLE charges --", "x" * 5000])
def test_a_charge_nobody_made_cannot_be_refunded(app, telegram, alice, name):
    code, said = run(app, "refund", name, "--reason", "x")
    assert (code, said) == (1, "Error: There's no such payment. Nothing was changed.")
    assert telegram.calls("refundStarPayment") == []


@on_sqlite
def test_a_refund_needs_a_reason(app, telegram, charge):
    code, said = run(app, "refund", charge)
    assert code == 2
    assert "--reason" in said
    assert telegram.calls("refundStarPayment") == []


@on_sqlite
@pytest.mark.parametrize("reason", ["", "   ", "x" * 256], ids=["empty", "blank", "long"])
@pytest.mark.parametrize("command", ["refund", "quarantine refund"])
def test_27_a_refund_without_a_reason_is_refused(app, telegram, charge, command, reason):
    code, said = run(app, *command.split(), charge, "--reason", reason)
    assert code == 2
    assert "reason is" in said.lower()
    assert telegram.calls("refundStarPayment") == []
    assert refunds.find(charge) is None


def test_27_a_refund_of_the_owner_s_is_written_down_once(app, telegram, charge):
    for _twice in range(2):
        run(app, "refund", charge, "--reason", "the atlas was blank")
    [row] = db.session.scalars(select(AuditEntry))
    assert (row.act, row.target, row.telegram_id) == ("refund", f"charge:{charge}", ALICE)
    assert (row.before, row.after, row.reason) == (
        {"refund": None},
        {"refund": "requested"},
        "the atlas was blank",
    )
    assert "the atlas was blank" in run(app, "why", str(ALICE))[1]


# The ledger


def test_entitlements_that_are_right_stay_so(app, charge):
    assert run(app, "entitlements", "rebuild", "--check") == (0, "0 differences")
    assert run(app, "entitlements", "rebuild") == (0, "0 differences\n1 entitlements written")
    assert has_atlas()


@pytest.mark.parametrize("damage", ["lost", "given away", "shortened"])
def test_entitlements_that_were_damaged_are_named_and_put_right(app, charge, damage):
    with transaction():
        if damage == "lost":
            db.session.execute(delete(Entitlement))
        elif damage == "given away":
            db.session.add(Entitlement(telegram_id=BOB, key="atlas", since=clock.now()))
        else:
            db.session.execute(db.update(Entitlement).values(until=clock.now()))
    who = BOB if damage == "given away" else ALICE
    told = f"1 differences\n  {who} atlas"
    assert run(app, "entitlements", "rebuild", "--check") == (1, told)
    assert run(app, "entitlements", "rebuild", "--check") == (1, told)
    assert run(app, "entitlements", "rebuild") == (0, f"{told}\n1 entitlements written")
    assert run(app, "entitlements", "rebuild", "--check") == (0, "0 differences")
    assert has_atlas()
    assert not entitlements.has(BOB, "atlas", clock.now())


def test_the_statement_puts_right_what_was_missed(app, telegram, charge):
    assert run(app, "reconcile") == (0, "1 rows read, 0 charges and 0 refunds added.")
    telegram.control("POST", f"charges/{charge}/refund")
    assert run(app, "reconcile") == (0, "2 rows read, 0 charges and 1 refunds added.")
    assert not has_atlas()
    assert len(db.session.scalars(select(LedgerEntry)).all()) == 2
    assert len(db.session.scalars(select(Charge)).all()) == 1


@on_sqlite
@pytest.mark.parametrize("what", [{"status": 500}, {"garbage": True}, {"status": 429}], ids=str)
def test_a_statement_that_telegram_does_not_give_is_an_error(app, telegram, alice, what):
    trouble(telegram, "getStarTransactions", **what)
    code, said = run(app, "reconcile")
    assert code == 1
    assert said.startswith("Error: Telegram didn't send its statement: ")
    # At once, unless Telegram asked for silence.
    eventually(lambda: run(app, "reconcile")[0] == 0)


def test_29_a_full_comparison_names_everything_and_comes_to_telegram_s_balance(app, telegram, charge):
    telegram.control("POST", "statement", amount=100, receiver={"type": "fragment"})
    telegram.control("POST", "statement", amount=7, source={"type": "comet_dust"})
    said = run(app, "reconcile", "--full")[1]
    assert "withdrawals to Fragment (TON): 1 rows, -100 Stars" in said
    assert "comet dust: 1 rows, 7 Stars" in said
    assert re.search(r"Balance by these books: -?\d+ Stars, as Telegram says.", said)
    telegram.control("POST", f"charges/{charge}/refund")
    assert "as Telegram says" in run(app, "reconcile", "--full")[1]
    with transaction():
        db.session.execute(delete(Movement))
    trouble(telegram, "getMyStarBalance", status=500, times=9)
    assert "Telegram didn't send its own" in run(app, "reconcile", "--full")[1]


@on_sqlite
def test_an_export_says_what_opens_each_key_that_was_ever_sold(app, tmp_path):
    run(app, "catalog", "import")
    with transaction():
        catalogue.replace([arrange.item("choir", keys=("rehearsals",), picture="hero.svg")], clock.now())
    file = tmp_path / "exported.toml"
    file.write_text(run(app, "catalog", "export")[1] + "\n", encoding="utf-8")
    found = {one.key: one for one in catalogue_file.parse(file.read_text(encoding="utf-8"), SHOP).openings}
    assert found.keys() == {"atlas", "tonight", "field-notes", "rehearsals"}
    assert found["atlas"].destination.word == "page:atlas.md"
    assert found["atlas"].title_in("ru") == "Атлас глубокого неба"
    assert (found["rehearsals"].title, found["rehearsals"].destination) == ("Choir", Chat())


@on_sqlite
@pytest.mark.parametrize(
    ("name", "body", "said"),
    [
        (
            "pages/atlas.ru.md",
            "![x](https://spy.example/x.png)",
            "pages/atlas.ru.md, line 1: pictures of other",
        ),
        ("pages/more.md", "Nobody reads it.", "Warning: pages/more.md: no entitlement opens this page"),
        ("pictures/whole-sky.svg", "no picture", "picture: pictures/whole-sky.svg is no picture"),
    ],
)
def test_a_check_judges_pages_and_pictures_with_their_files(app, pushed, name, body, said):
    (pushed.shop.path / name).write_text(body)
    app.config["STARFRONT"] = replace(app.config["STARFRONT"], shop=pushed.shop)
    code, told = run(app, "catalog", "check")
    assert said in told
    assert code == (0 if said.startswith("Warning") else 1)


# A release


@dataclass(frozen=True)
class Pushed:
    """An owner's folder of its own, whose catalogue changes."""

    shop: Folder

    def __call__(self, text: str) -> None:
        self.shop.catalogue.write_text(text, encoding="utf-8")


@pytest.fixture
def pushed(tmp_path: Path) -> Pushed:
    """Push another catalogue than the tests' own."""
    shutil.copytree(SHOP.path, tmp_path / "shop")
    return Pushed(Folder(tmp_path / "shop"))


@pytest.fixture
def empty(telegram: Stage, pushed: Pushed, tmp_path: Path) -> Iterator[Any]:
    """Make shops on a database that has not even tables."""
    made: list[Flask] = []

    def make(**changes: Any) -> Flask:
        facts = {
            "bot_token": TOKEN,
            "bot_api_url": f"{telegram.sandbox}/bot",
            "support_contact": "@stargazer",
            "shop": pushed.shop,
        }
        facts |= changes
        made.append(create_app(make_config(database_url=f"sqlite:///{tmp_path}/new.db", **facts)))
        return made[-1]

    yield make
    for app in made:
        if app.config["STARFRONT"].bot_token != TOKEN:  # the client of that token is everybody's
            app.extensions["context"].client.close()
        with app.app_context():
            db.engine.dispose()


def release(app: Flask) -> tuple[int, str]:
    with app.app_context():
        return run(app, "release")


def test_a_first_release_makes_a_shop_of_an_empty_database(telegram, empty):
    app = empty()
    code, said = release(app)
    assert code == 0
    assert said.splitlines()[-2:] == [
        f"{COUNT} added, 0 changed, 0 retired",
        "Released as @starfront_demo_bot.",
    ]
    assert "  + deep-sky-atlas (Deep Sky Atlas): new" in said
    with app.app_context():
        assert len(on_sale()) == COUNT
        assert db.session.scalar(select(Shop.bot_id)) == 7000000002
    assert telegram.state()["bot"]["menu_button"]["type"] == "web_app"


EDITED = SHIPPED.replace("stars = 250", "stars = 199", 1).replace("refund_days = 14", "refund_days = 7", 1)
SAID = ["  ~ deep-sky-atlas (Deep Sky Atlas)", "      stars: 250 → 199", "      refund_days: 14 → 7"]


@pytest.mark.proves("I21")
def test_what_is_pushed_is_sold(empty, pushed):
    app = empty()
    release(app)
    pushed(EDITED)
    assert release(app) == (
        0,
        "\n".join([*SAID, "0 added, 1 changed, 0 retired", "Released as @starfront_demo_bot."]),
    )
    with app.app_context():
        assert on_sale()["deep-sky-atlas"] == 199
    assert release(app) == (0, "0 added, 0 changed, 0 retired\nReleased as @starfront_demo_bot.")


@pytest.mark.proves("I21")
def test_an_order_that_is_open_keeps_its_price_across_a_release(empty, pushed):
    app = empty()
    release(app)
    with app.app_context():
        order = arrange.order(arrange.meet(arrange.ALICE), "deep-sky-atlas", now=clock.now())
        pushed(EDITED)
        run(app, "release")
        assert on_sale()["deep-sky-atlas"] == 199
        question = arrange.question(order, received_at=clock.now())
        assert question.stars == 250
        assert arrange.decide(question, now=clock.now()) is None


def test_an_owner_who_edits_in_the_shop_keeps_what_was_edited(empty, pushed):
    app = empty(catalogue="database")
    release(app)
    pushed(EDITED)
    code, said = release(app)
    assert code == 0
    assert said.splitlines() == [
        "The shop sells its own catalogue (CATALOGUE=database). catalog.toml would change this:",
        *SAID,
        "Released as @starfront_demo_bot.",
    ]
    with app.app_context():
        assert on_sale()["deep-sky-atlas"] == 250
        assert run(app, "catalog", "diff", str(pushed.shop.catalogue)) == (
            0,
            "\n".join([*SAID, "1 product would change."]),
        )


def test_a_release_of_a_shop_that_sells_nothing_any_more_sells_nothing(empty, pushed):
    app = empty(catalogue="database")
    release(app)
    with app.app_context(), transaction():
        catalogue.replace([], clock.now())
    code, said = release(app)
    assert code == 0
    assert said.splitlines()[-1] == "Released as @starfront_demo_bot."
    with app.app_context():
        assert on_sale() == {}


@pytest.mark.proves("I21", "F67")
def test_a_bad_file_stops_a_release_before_anything_is_changed(empty, pushed):
    app = empty()
    pushed(SHIPPED.replace("stars = 250", "stars = 0", 1))
    code, said = release(app)
    assert code == 1
    assert said.startswith("Error: catalog.toml, line ")
    with app.app_context():
        assert inspect(db.engine).get_table_names() == []


@pytest.mark.proves("F67")
def test_a_release_without_a_file_leaves_what_is_sold_as_it_was(empty, pushed):
    app = empty()
    release(app)
    pushed.shop.catalogue.unlink()
    code, said = release(app)
    assert code == 0
    assert f"There is no {pushed.shop.catalogue}: the shop sells what it sold before." in said
    with app.app_context():
        assert len(on_sale()) == COUNT


def test_a_release_sells_again_what_the_file_lists_again(empty, pushed):
    app = empty()
    pushed(re.sub(r"(?m)^stars = \d+$", r"\g<0>\non_sale = false", SHIPPED))
    release(app)
    with app.app_context():
        assert on_sale() == {}
    pushed(SHIPPED)
    code, said = release(app)
    assert code == 0
    assert "  + deep-sky-atlas (Deep Sky Atlas): on sale again" in said
    with app.app_context():
        assert len(on_sale()) == COUNT


def test_what_the_file_lists_no_more_goes_off_sale_and_stays_owned(empty, pushed):
    app = empty()
    release(app)
    pushed("[[products]]" + SHIPPED.split("\n[[products]]")[1] + OPENED)
    code, said = release(app)
    assert code == 0
    assert (
        "  - night-photography (Night Photography Field Notes): off sale; people keep what they own" in said
    )
    with app.app_context():
        assert set(on_sale()) == {"deep-sky-atlas"}
        assert len(catalogue.everything()) == COUNT


def test_a_release_with_a_token_telegram_does_not_know_is_refused(telegram, empty):
    app = empty(bot_token="7000000002:AAF-another-token_0123456789abcd")
    code, said = release(app)
    assert (code, said) == (1, f"Error: {UNKNOWN_TOKEN}")
    with app.app_context():
        assert on_sale() == {}
        assert db.session.scalar(select(Shop.bot_id)) is None


def test_a_release_without_telegram_is_to_be_tried_again(empty):
    code, said = release(empty(bot_api_url="http://127.0.0.1:9/bot"))
    assert code == os.EX_TEMPFAIL
    assert said.startswith("Error: getMe: ConnectError")


def test_a_release_beside_somebody_elses_webhook_is_refused(telegram, empty):
    api = bot_api.get_client(f"{telegram.sandbox}/bot", TOKEN)
    set_up(api, "https://elsewhere.test/hook")
    code, said = release(empty())
    assert code == 1
    assert "https://elsewhere.test/hook" in said
    assert telegram.state()["webhook"]["url"] == "https://elsewhere.test/hook"


@pytest.mark.proves("I16")
def test_a_release_on_another_bots_database_is_refused(empty):
    app = empty()
    with app.app_context():
        run(app, "release")
        with transaction():
            db.session.execute(text("UPDATE shop SET bot_id = 42"))
        code, said = run(app, "release")
    assert code == 1
    assert "belongs to bot 42 (production), but BOT_TOKEN is of bot 7000000002" in said


@pytest.mark.parametrize("args", [("nonsense",), ("catalog", "nonsense"), ("refund",), ("release", "x")])
def test_a_command_nobody_knows_says_how_to_go_on(empty, args):
    app = empty()
    with app.app_context():
        code, said = run(app, *args)
    assert code == 2
    assert "Usage" in said
