"""What the owner decides about people: carried out and written down, or neither."""

from typing import Any

import pytest
from flask import Flask
from sqlalchemy.exc import DatabaseError

from tests.kit import arrange
from tests.kit.arrange import ALICE, BOB, DAY, MONTH, NOW
from tests.kit.commands import run
from tests.kit.factories import SHOP
from tests.kit.hands import on_sqlite
from webapp import clock
from webapp.db.engine import db
from webapp.db.models import AuditEntry, InboxItem, LedgerEntry, User
from webapp.db.transactions import transaction
from webapp.domain.access import entitlements, ledger
from webapp.domain.people import users
from webapp.domain.queue import inbox
from webapp.domain.sales import orders, refunds, returns, subscriptions
from webapp.errors import Banned

COMMANDS = {
    "ban": (str(ALICE),),
    "unban": (str(ALICE),),
    "grant": (str(ALICE), "atlas"),
    "revoke": (str(ALICE), "atlas"),
    "extend": (str(ALICE), "tonight", "--days", "3"),
}


@pytest.fixture(autouse=True)
def noon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clock, "now", lambda: NOW)


def decide(app: Flask, *args: str, reason: str = "they asked") -> str:
    code, said = run(app, *args, "--reason", reason)
    assert code == 0, said
    return said


def refusal(app: Flask, *args: str) -> str:
    code, said = run(app, *args, "--reason", "they asked")
    assert code == 1
    assert said.endswith("Nothing was changed.")
    return said


def decisions() -> list[AuditEntry]:
    db.session.rollback()
    return list(db.session.scalars(db.select(AuditEntry).order_by(AuditEntry.id)))


def until(key: str, person: int = ALICE) -> Any:
    return entitlements.of(person)[key].until


# --- 26: each is carried out, and written down


def test_26_a_ban_keeps_what_was_bought_and_ends_the_rest(app, client, alice: User) -> None:
    arrange.pay(arrange.facts(arrange.order(alice)))
    arrange.subscribe(alice)
    assert client.as_(alice).get("/purchases").status_code == 200
    said = decide(app, "ban", str(ALICE))
    for promise in ("stays theirs", "cannot open it", "won't renew", "Nothing was refunded"):
        assert promise in said
    assert entitlements.has(ALICE, "atlas", NOW)
    assert subscriptions.list_for(ALICE)[0].wish == "cancel"
    banned = users.get(ALICE)
    assert banned
    with pytest.raises(Banned):
        arrange.order(banned, "notes")
    assert "atlas" not in client.as_(alice).get("/purchases").text.lower()


def test_26_somebody_banned_is_let_back_in_to_all_they_have(app, client, alice: User) -> None:
    arrange.pay(arrange.facts(arrange.order(alice)))
    decide(app, "ban", str(ALICE))
    assert "stay stopped" in decide(app, "unban", str(ALICE), reason="a mistake")
    returned = users.get(ALICE)
    assert returned
    assert returned.banned_at is None
    assert entitlements.has(ALICE, "atlas", NOW)
    assert orders.find(arrange.order(returned, "notes").public_id)
    assert "Atlas" in client.as_(returned).get("/purchases").text


@pytest.mark.parametrize(("days", "end"), [(None, None), (7, NOW + 7 * DAY)])
def test_26_a_grant_opens_for_good_or_for_days(app, alice: User, days, end) -> None:
    options = ("--days", str(days)) if days else ()
    decide(app, "grant", str(ALICE), "atlas", *options)
    assert until("atlas") == end
    assert entitlements.differences() == []
    assert not entitlements.has(ALICE, "notes", NOW)


def test_26_somebody_who_never_came_is_granted_something_all_the_same(app, open_shop) -> None:
    decide(app, "grant", str(BOB), "atlas")
    assert entitlements.has(BOB, "atlas", NOW)


def test_26_days_are_added_to_what_ends(app, alice: User) -> None:
    arrange.pay(arrange.facts(arrange.order(alice, "week")))
    said = decide(app, "extend", str(ALICE), "tonight", "--days", "3")
    assert until("tonight") == NOW + 10 * DAY
    assert "until 2026-05-11 12:00 UTC" in said


def test_26_days_are_added_behind_a_plan_and_wait_for_its_renewals(app, alice: User) -> None:
    made = arrange.subscribe(alice)
    decide(app, "extend", str(ALICE), "tonight", "--days", "3")
    assert until("tonight") == NOW + MONTH + DAY + 3 * DAY
    arrange.renew(made, "second", at=NOW + MONTH)
    assert until("tonight") == NOW + 2 * MONTH + DAY + 3 * DAY


def test_26_a_revocation_takes_one_key_and_nothing_beside_it(app, alice: User) -> None:
    arrange.pay(arrange.facts(arrange.order(alice, "whole-sky")))
    decide(app, "grant", str(ALICE), "atlas", "--days", "900")
    said = decide(app, "revoke", str(ALICE), "atlas")
    assert "charge-1" in said
    assert "grant:" in said
    assert not entitlements.has(ALICE, "atlas", NOW)
    assert entitlements.has(ALICE, "notes", NOW)
    assert entitlements.differences() == []
    assert sum(entry.stars for entry in ledger.of(ALICE)) == 320


def test_26_a_revocation_stops_the_plan_that_would_give_it_again(app, alice: User) -> None:
    arrange.subscribe(alice)
    decide(app, "revoke", str(ALICE), "tonight")
    assert (subscriptions.list_for(ALICE)[0].wish, subscriptions.list_for(ALICE)[0].wished_by) == (
        "cancel",
        "owner",
    )


@pytest.mark.parametrize("seconds", [-3600, -1, 0, 1])
def test_26_what_is_paid_around_a_revocation_counts_whatever_the_clocks_say(app, alice, seconds) -> None:
    arrange.pay(arrange.facts(arrange.order(alice), "first"))
    bought = arrange.order(alice, "whole-sky")
    decide(app, "revoke", str(ALICE), "atlas")
    at = NOW + seconds * arrange.MINUTE / 60
    arrange.pay(arrange.facts(bought, "second", charged_at=at))
    assert entitlements.has(ALICE, "atlas", NOW)


def test_26_the_later_end_of_a_charge_brings_nothing_back_that_was_revoked(app, alice: User) -> None:
    made = arrange.order(alice, "plan")
    arrange.pay(arrange.facts(made, "first", cause="statement"))
    decide(app, "revoke", str(ALICE), "tonight")
    arrange.pay(arrange.facts(made, "first", paid_until=NOW + MONTH + DAY, is_renewal=False))
    assert not entitlements.has(ALICE, "tonight", NOW)


def test_26_a_grant_after_a_revocation_counts(app, alice: User) -> None:
    for act in ("grant", "revoke", "grant"):
        decide(app, act, str(ALICE), "atlas")
    assert entitlements.has(ALICE, "atlas", NOW)


@pytest.mark.proves("I25")
def test_26_each_decision_is_one_row_with_who_what_before_after_and_why(app, alice: User) -> None:
    arrange.pay(arrange.facts(arrange.order(alice, "week")))
    decide(app, "extend", str(ALICE), "tonight", "--days", "3", reason="  the sky was cloudy ")
    decide(app, "ban", str(ALICE), reason="spam")
    extended, banned = decisions()
    assert extended.decided_by.startswith("shell")
    assert (extended.act, extended.target, extended.telegram_id) == ("extend", f"user:{ALICE}", ALICE)
    assert (extended.decided_at, extended.reason) == (NOW, "the sky was cloudy")
    assert extended.before["tonight"] == (NOW + 7 * DAY).isoformat()
    assert extended.after["tonight"] == (NOW + 10 * DAY).isoformat()
    assert (banned.before, banned.after) == ({"banned_at": None}, {"banned_at": NOW.isoformat()})


@pytest.mark.proves("I25")
@on_sqlite
def test_26_every_other_decision_is_one_row_too(app, alice: User, tmp_path) -> None:
    news = tmp_path / "news.toml"
    news.write_text('name = "spring"\nto = "everyone"\ntext = "Hello."\n', "utf-8")
    arrange.pay(arrange.facts(arrange.order(alice), payload="not ours"))
    with transaction():
        waiting = inbox.receive({"update_id": 7, "message": {"from": {"id": ALICE}}}, "polling", NOW)
        inbox.quarantine(db.session.get_one(InboxItem, waiting), "no idea", NOW)
    expected = [
        (("inbox", "replay", str(waiting)), "replay", f"update:{waiting}", ALICE),
        (("quarantine", "grant", "charge-1", "--product", "atlas"), "grant", "charge:charge-1", ALICE),
        (("broadcast", "send", str(news)), "send", "broadcast:spring", None),
        (("broadcast", "stop", "spring"), "stop", "broadcast:spring", None),
        (("catalog", "import", str(SHOP.catalogue)), "import", "catalogue", None),
        (("entitlements", "rebuild"), "rebuild", "entitlements", None),
    ]
    for command, *_ in expected:
        decide(app, *command, reason=f"for {command[0]}")
    told = [(one.act, one.target, one.telegram_id, one.reason) for one in decisions()]
    assert told == [(*what, f"for {command[0]}") for command, *what in expected]


@on_sqlite
@pytest.mark.parametrize("command", ["broadcast stop spring", "inbox replay 9", "entitlements rebuild"])
def test_26_a_reason_that_says_nothing_is_refused_wherever_one_is_given(app, open_shop, command) -> None:
    assert run(app, *command.split(), "--reason", " ")[0] == 2
    assert decisions() == []


@on_sqlite
def test_26_what_changes_nothing_is_no_decision(app, alice: User) -> None:
    for _twice in range(2):
        decide(app, "catalog", "import", str(SHOP.catalogue))
    refusal(app, "broadcast", "stop", "nothing")
    decide(app, "signals", "retry", "--all")
    [imported] = decisions()
    assert imported.after["atlas"] == "retired"


@pytest.mark.proves("I25")
@pytest.mark.parametrize("statement", ["UPDATE audit_entries SET reason = ''", "DELETE FROM audit_entries"])
def test_26_nobody_changes_what_was_decided(app, alice: User, statement) -> None:
    decide(app, "ban", str(ALICE))
    with pytest.raises(DatabaseError, match="append-only"), transaction():
        db.session.execute(db.text(statement))


def test_26_why_shows_what_was_decided(app, alice: User) -> None:
    decide(app, "grant", str(ALICE), "atlas", reason="a gift for the\nfair")
    decide(app, "revoke", str(ALICE), "atlas", reason="the wrong person")
    said = run(app, "why", str(ALICE))[1]
    assert "atlas: Locked: the shop revoked it." in said
    assert "Atlas, given by the shop: it counted until the shop revoked it." in said
    assert "a gift for the" in said
    assert "the wrong person" in said
    assert "for good -> -" in said


@on_sqlite
def test_26_who_was_only_decided_about_is_known(app, open_shop) -> None:
    decide(app, "grant", str(BOB), "atlas", reason="a friend")
    assert "a friend" in run(app, "why", str(BOB))[1]


# --- 26: what makes no sense changes nothing


@on_sqlite
@pytest.mark.parametrize(
    ("command", "words"),
    [
        (("ban", str(BOB)), "Nobody with the Telegram id 1002"),
        (("unban", str(BOB)), "Nobody with the Telegram id 1002"),
        (("unban", str(ALICE)), "is not banned"),
        (("grant", str(ALICE), "atals"), "No product gives 'atals'. There are: atlas, notes, tonight."),
        (("revoke", str(ALICE), "notes"), "Nothing gives notes"),
        (("extend", str(ALICE), "notes", "--days", "3"), "grant it instead"),
        (("extend", str(ALICE), "atlas", "--days", "3"), "for good already"),
    ],
    ids=lambda one: one if isinstance(one, str) else one[0],
)
def test_26_what_makes_no_sense_changes_nothing(app, alice: User, command, words) -> None:
    arrange.pay(arrange.facts(arrange.order(alice)))
    assert words in refusal(app, *command)
    assert decisions() == []
    assert len(ledger.of(ALICE)) == 1


@on_sqlite
def test_26_nobody_is_banned_twice(app, alice: User) -> None:
    decide(app, "ban", str(ALICE))
    assert "is banned since 2026-05-01" in refusal(app, "ban", str(ALICE))
    assert len(decisions()) == 1


@pytest.mark.proves("I25")
@on_sqlite
@pytest.mark.parametrize(
    "reason", ["", "  \n\t", "\u00a0", "x" * 256], ids=["empty", "blank", "space", "long"]
)
@pytest.mark.parametrize("command", COMMANDS)
def test_26_without_a_reason_nothing_is_decided(app, alice: User, command: str, reason: str) -> None:
    code, said = run(app, command, *COMMANDS[command], "--reason", reason)
    assert code == 2
    assert "reason is" in said.replace("\n", " ").lower()
    assert (decisions(), ledger.of(ALICE)) == ([], [])


@on_sqlite
@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize("person", ["alice", "-1", "0x10", str(2**52)])
def test_26_a_person_is_named_by_their_id(app, alice: User, command: str, person: str) -> None:
    assert run(app, command, person, *COMMANDS[command][1:], "--reason", "x")[0] == 2
    assert decisions() == []


@on_sqlite
@pytest.mark.parametrize("days", ["0", "-3", "1.5", "many", "36501"])
def test_26_days_are_a_whole_number_that_a_calendar_knows(app, alice: User, days: str) -> None:
    assert run(app, "grant", str(ALICE), "atlas", "--days", days, "--reason", "x")[0] == 2
    assert db.session.scalars(db.select(LedgerEntry)).all() == []


# --- 22: what Telegram refused to give back


def refused(user: User) -> str:
    """Have Telegram refuse what a buyer gave back, and return its charge."""
    arrange.open_shop(arrange.item(refund_days=14))
    charge = arrange.pay(arrange.facts(arrange.order(user)))
    with transaction():
        wanted = returns.request_return(user.telegram_id, charge.telegram_payment_charge_id, NOW)
        refunds.mark_rejected(wanted, "BALANCE_TOO_LOW", NOW)
    return charge.telegram_payment_charge_id


def test_22_the_owner_declines_what_telegram_refused(app, client, alice: User) -> None:
    charge = refused(alice)
    listed = run(app, "refunds", "list")[1]
    for word in (charge, "BALANCE_TOO_LOW", "buyer", "1 refunds", "refunds decline"):
        assert word in listed
    said = decide(app, "refunds", "decline", charge, reason="it was downloaded")
    assert "250 Stars stay with the shop" in said
    assert run(app, "refunds", "list") == (0, "0 refunds")
    [row] = decisions()
    assert (row.act, row.target, row.telegram_id) == ("decline", f"charge:{charge}", ALICE)
    page = client.as_(alice).get("/purchases").text
    assert "it was downloaded." in page
    assert "Refund<small>" not in page


@on_sqlite
def test_22_only_what_was_refused_is_declined(app, alice: User) -> None:
    charge = refused(alice)
    assert "No refund of nothing waits" in refusal(app, "refunds", "decline", "nothing")
    decide(app, "refunds", "decline", charge)
    assert "waits for your decision" in refusal(app, "refunds", "decline", charge)
    assert run(app, "refunds", "decline", charge, "--reason", " ")[0] == 2
    assert len(decisions()) == 1


def test_22_a_refused_refund_is_not_offered_again_within_the_hour(
    app, client, alice: User, monkeypatch
) -> None:
    charge = refused(alice)
    page = client.as_(alice).get("/purchases").text
    assert "Telegram refused the refund" in page
    assert "Refund<small>" not in page
    answer = client.as_(alice).post("/refunds", data={"charge": charge})
    assert answer.status_code == 409
    assert "Try again in an hour" in answer.text
    monkeypatch.setattr(clock, "now", lambda: NOW + arrange.DAY / 24)
    assert "Refund<small>" in client.as_(alice).get("/purchases").text


def test_27_the_buyer_reads_the_owner_s_reason_on_the_page(app, client, alice: User) -> None:
    charge = arrange.pay(arrange.facts(arrange.order(alice)))
    with transaction():
        refunds.request_refund(charge, "<b>blank</b>.", requested_by="owner", now=NOW)
    arrange.settle(charge)
    assert "The shop refunded it: &lt;b&gt;blank&lt;/b&gt;." in client.as_(alice).get("/purchases").text


# --- 25: forgetting


def test_25_an_owner_forgets_a_person_and_is_asked_first(app, alice: User) -> None:
    told = app.test_cli_runner().invoke(args=["forget", str(ALICE)], input="n\n")
    assert told.exit_code == 1
    assert "This can't be undone" in told.output
    assert users.get(ALICE).first_name == "Alice"  # type: ignore[union-attr]
    code, said = run(app, "forget", str(ALICE), "--yes")
    assert code == 0
    assert f"Forgotten: {ALICE}" in said
    assert users.get(ALICE).first_name == ""  # type: ignore[union-attr]
    assert [(one.act, one.reason) for one in decisions()] == [("forget", "They asked for it.")]
    code, said = run(app, "forget", str(ALICE), "--yes")
    assert (code, said.splitlines()[-1]) == (
        1,
        f"Error: Nothing is known of {ALICE} but that number. Nothing was changed.",
    )


@pytest.mark.parametrize("args", [("x",), ("-1",), (), (str(2**52),)], ids=str)
def test_25_somebody_who_is_none_is_forgotten_by_nobody(app, args) -> None:
    assert run(app, "forget", "--yes", *args)[0] == 2
