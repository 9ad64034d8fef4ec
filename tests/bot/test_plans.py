"""Plans between the shop and Telegram: begun, renewed, cancelled, let go on, and given back."""

from dataclasses import replace
from typing import Any

import pytest

from tests.kit import arrange
from tests.kit.factories import TERMS_VERSION
from tests.kit.hands import ASKED
from tests.kit.plans import EDIT, REFUND, Plan
from tests.kit.played import ALICE, CARMEN, told, trouble
from tests.kit.processes import Stage
from webapp import clock, create_app
from webapp.db.engine import db
from webapp.db.models import InboxItem
from webapp.domain.access import entitlements
from webapp.domain.sales import charges, refunds, subscriptions
from webapp.usecases import invoices, owner, receiving, renewals
from webapp.usecases import refunds as refunds_at_telegram


def edits(telegram: Stage) -> list[tuple[str, bool]]:
    calls = telegram.calls(EDIT)
    return [(one["params"]["telegram_payment_charge_id"], one["params"]["is_canceled"]) for one in calls]


def test_a_plan_s_invoice_asks_for_thirty_days_and_its_charge_begins_it(telegram, plan):
    assert telegram.calls("createInvoiceLink")[0]["params"]["subscription_period"] == 2_592_000
    assert plan.row.first_charge_id == plan.charge_id
    assert plan.row.paid_until.timestamp() == plan.at_telegram()["paid_until"]
    assert entitlements.has(ALICE, "tonight", clock.now())


@pytest.mark.proves("I15")
def test_a_renewal_at_telegram_extends_the_plan(plan):
    plan.at_telegram("renew")
    assert plan.row.paid_until.timestamp() == plan.at_telegram()["paid_until"]
    assert [charge.paid_until for charge in charges.of(ALICE)] == [
        plan.row.paid_until,
        plan.row.paid_until - arrange.MONTH,
    ]
    assert plan.row.first_charge_id == plan.charge_id


def test_states_from_telegram_reach_the_plan(plan, hands):
    for doing, renews in (("cancel", False), ("resume", True), ("fail", True)):
        plan.at_telegram(doing)
        hands.worker.settle_money()
        assert plan.row.renews == renews
    assert plan.row.failed_at
    assert entitlements.has(ALICE, "tonight", clock.now())


@pytest.mark.proves("F46")
def test_a_state_that_overtakes_its_plan_waits_for_it(telegram, context, alice, hands):
    telegram.control("PUT", "troubles", reorder=True)
    one = Plan(telegram, context, alice)
    state = {"user": {"id": ALICE}, "invoice_payload": one.order.payload, "state": "canceled"}
    other = arrange.order(alice, "big-plan", now=clock.now())
    receiving.receive(
        {"update_id": 1, "subscription": {**state, "invoice_payload": other.payload}}, "polling", context
    )
    receiving.receive({"update_id": 2, "subscription": state}, "polling", context)
    hands.worker.settle_money()
    assert not one.row.renews
    [waiting] = [item for item in inbox_items() if item.state != "done"]
    assert (waiting.attempts, waiting.state) == (1, "failed")


def inbox_items() -> list[Any]:
    db.session.rollback()
    return list(db.session.scalars(db.select(InboxItem), execution_options={"populate_existing": True}))


def test_cancelling_is_true_once_telegram_agreed(telegram, plan, context):
    trouble(telegram, EDIT, lost_answer=True)
    asked = renewals.cancel_renewal(context, plan.row, by="buyer")
    assert (asked.wish, asked.renews) == ("cancel", True)
    db.session.rollback()
    again = renewals.carry_out(context, plan.row)
    assert (again.wish, again.renews) == (None, False)
    assert plan.at_telegram()["canceled_by_bot"]
    assert edits(telegram) == [(plan.charge_id, True)] * 2


def test_cancelling_twice_asks_once(telegram, plan, context):
    for _twice in range(2):
        renewals.cancel_renewal(context, plan.row, by="buyer")
    assert edits(telegram) == [(plan.charge_id, True)]


@pytest.mark.proves("F45")
def test_after_a_renewal_it_is_cancelled_by_its_first_charge(telegram, plan, context):
    plan.at_telegram("renew")
    renewals.cancel_renewal(context, plan.row, by="buyer")
    assert edits(telegram) == [(plan.charge_id, True)]
    assert not plan.row.renews


def test_letting_it_renew_leaves_the_turning_on_to_the_buyer(plan, context, hands):
    renewals.cancel_renewal(context, plan.row, by="buyer")
    allowed = renewals.allow_renewal(context, plan.row, by="buyer")
    assert (allowed.wish, allowed.locked_at, allowed.renews) == (None, None, False)
    plan.at_telegram("resume")
    hands.worker.settle_money()
    assert plan.row.renews


def test_a_wish_telegram_did_not_answer_is_carried_out_by_the_bot(telegram, plan, context, hands):
    trouble(telegram, EDIT, status=500)
    renewals.cancel_renewal(context, plan.row, by="buyer")
    hands.duties.tick()
    assert plan.row.wish == "cancel"
    hands.wait(3)
    hands.duties.tick()
    assert not plan.row.renews
    hands.send_all()
    assert any("is cancelled. You keep it until" in text for text in told(telegram, ALICE))


def test_a_wish_waits_as_long_as_telegram_asks(telegram, plan, context, hands):
    trouble(telegram, EDIT, status=429, retry_after=30)
    renewals.cancel_renewal(context, plan.row, by="buyer")
    hands.wait(29)
    hands.duties.tick()
    assert len(telegram.calls(EDIT)) == 1
    hands.wait(2)
    hands.duties.tick()
    assert not plan.row.renews


def test_a_wish_telegram_refuses_leaves_the_plan_as_it_was(telegram, plan, context):
    trouble(telegram, EDIT, status=400, description="Bad Request: CHARGE_ID_INVALID")
    refused = renewals.cancel_renewal(context, plan.row, by="buyer")
    assert (refused.wish, refused.renews) == (None, True)
    assert "CHARGE_ID_INVALID" in str(refused.refused_because)


# --- Refunds


def test_a_refund_stops_the_renewal_before_the_stars_go_back(telegram, plan, context):
    assert owner.refund(context, plan.charge_id, ASKED).status == "done"
    calls = [one["method"] for one in telegram.control("GET", "calls") if one["method"] in (EDIT, REFUND)]
    assert calls == [EDIT, REFUND]
    assert plan.at_telegram()["canceled_by_bot"]
    assert not plan.row.renews
    assert not entitlements.has(ALICE, "tonight", clock.now())


@pytest.mark.proves("I6")
def test_nothing_goes_back_while_nobody_knows_whether_it_renews(telegram, plan, context, hands):
    trouble(telegram, EDIT, status=500)
    assert owner.refund(context, plan.charge_id, ASKED).status == "unknown"
    assert telegram.calls(REFUND) == []
    hands.wait(3)
    hands.duties.tick()
    db.session.rollback()
    assert refunds.find(plan.charge_id).status == "done"
    assert len(telegram.calls(REFUND)) == 1


def test_a_renewal_is_stopped_although_the_stars_went_back(telegram, plan, context, hands):
    trouble(telegram, EDIT, status=500)
    assert owner.refund(context, plan.charge_id, ASKED).status == "unknown"
    telegram.control("POST", f"charges/{plan.charge_id}/refund")
    plan.hear()
    assert refunds.find(plan.charge_id).status == "done"
    for _twice in range(2):
        hands.wait(3)
        hands.duties.tick()
    assert plan.at_telegram()["canceled_by_bot"]
    assert (len(telegram.calls(EDIT)), telegram.calls(REFUND)) == (2, [])


def test_a_renewal_that_cannot_be_stopped_does_not_keep_the_stars(telegram, plan, context):
    trouble(telegram, EDIT, status=400, description="Bad Request: CHARGE_ID_INVALID")
    assert owner.refund(context, plan.charge_id, ASKED).status == "done"


def test_a_renewal_is_stopped_once_however_often_the_refund_is_asked_for(telegram, plan, context, hands):
    trouble(telegram, REFUND, status=500)
    assert owner.refund(context, plan.charge_id, ASKED).status == "unknown"
    hands.wait(3)
    hands.duties.tick()
    db.session.rollback()
    assert refunds.find(plan.charge_id).status == "done"
    assert len(telegram.calls(EDIT)) == 1


@pytest.mark.proves("F41")
def test_a_second_subscription_is_given_back_and_stopped_by_itself(telegram, plan, context, alice, hands):
    invoice = str(plan.order.invoice_link).rpartition("$")[2]
    double = telegram.control("POST", "charges", person=ALICE, slug=invoice)["id"]
    plan.hear()
    hands.duties.tick()
    db.session.rollback()
    assert refunds.find(double).status == "done"
    assert edits(telegram) == [(double, True)]
    assert plan.row.renews
    hands.send_all()
    assert any("was already paid for" in text for text in told(telegram, ALICE))


@pytest.mark.proves("F55")
def test_a_refund_from_outside_alarms_the_owner(telegram, plan, hands):
    plan.telegram.control("POST", f"charges/{plan.charge_id}/refund")
    plan.hear()
    hands.send_all()
    assert any("without this shop asking" in text for text in told(telegram, CARMEN))
    assert not entitlements.has(ALICE, "tonight", clock.now())


@pytest.mark.proves("F47")
def test_a_chargeback_that_only_the_statement_tells_of_is_found(telegram, plan, hands):
    telegram.control("POST", f"charges/{plan.charge_id}/chargeback", silent=True)
    hands.duties.tick()
    assert refunds.find(plan.charge_id).requested_by == "telegram"
    assert not entitlements.has(ALICE, "tonight", clock.now())


def test_a_buyer_gives_back_and_gets_the_stars(telegram, context, alice):
    arrange.open_shop(arrange.item(refund_days=14))
    order = invoices.open_invoice(context, alice, "atlas", terms_version=TERMS_VERSION, correlation_id="tap")
    slug = str(order.invoice_link).rpartition("$")[2]
    charge = telegram.control("POST", "charges", person=ALICE, slug=slug)["id"]
    for update in context.client.call("getUpdates", {"timeout": 0}):
        receiving.receive(update, "polling", context)
    for _twice in range(2):
        assert refunds_at_telegram.refund_own(context, alice, charge).status == "done"
    assert telegram.state()["people"][0]["stars"] == 500
    assert len(telegram.calls(REFUND)) == 1


def test_a_reminder_reaches_the_chat(telegram, plan, hands):
    hands.wait(28 * 86400)
    hands.duties.tick()
    hands.send_all()
    assert any("renews on" in text and "100 Stars" in text for text in told(telegram, ALICE))
    hands.wait(3600)
    hands.duties.tick()
    hands.send_all()
    assert sum("If you don't want that" in text for text in told(telegram, ALICE)) == 1


def test_a_quarantined_charge_is_granted_and_sent_back_by_command(telegram, app, plan, context):
    bad = telegram.control("POST", "charges", person=ALICE, amount=5, payload="not ours", title="Odd")["id"]
    plan.hear()
    run = app.test_cli_runner().invoke
    assert bad in run(args=["quarantine", "list"]).output
    assert "5 Stars" in run(args=["quarantine", "list"]).output
    assert "Name a product" in run(args=["quarantine", "grant", bad]).output
    assert run(args=["quarantine", "grant", bad, "--product", "nothing"]).exit_code == 1
    assert "Granted: Atlas (atlas)" in run(args=["quarantine", "grant", bad, "--product", "atlas"]).output
    assert run(args=["quarantine", "grant", bad, "--product", "atlas"]).exit_code == 1
    assert entitlements.has(ALICE, "atlas", clock.now())
    assert "Refunded: 5 Stars" in run(args=["quarantine", "refund", bad]).output
    assert not entitlements.has(ALICE, "atlas", clock.now())
    assert run(args=["quarantine", "refund", "nothing"]).exit_code == 1
    assert "0 charges" in run(args=["quarantine", "list"]).output


def test_21_an_empty_database_is_rebuilt_by_command_and_nobody_is_told(
    telegram, plan, context, empty_sqlite, tmp_path
):
    plan.at_telegram("renew")
    before = entitlements.of(ALICE)["tonight"].until
    file = tmp_path / "anew.db"
    file.write_bytes(empty_sqlite.read_bytes())
    anew = create_app(replace(context.config, database_url=f"sqlite:///{file}"))
    with anew.app_context():
        run = anew.test_cli_runner().invoke
        assert run(args=["reconcile", "--rebuild"]).exit_code == 1
        arrange.open_shop()
        said = run(args=["reconcile", "--rebuild"]).output
        assert "2 rows read, 2 charges and 0 refunds added." in said
        assert "1 entitlements written. Not understood: 0 charges" in said
        assert entitlements.of(ALICE)["tonight"].until == before
        assert subscriptions.list_for(ALICE)[0].first_charge_id == plan.charge_id
        assert arrange.told(ALICE) == arrange.told(CARMEN) == []
        assert "0 charges and 0 refunds added." in run(args=["reconcile", "--rebuild"]).output
        assert run(args=["reconcile", "--everything"]).exit_code == 2
        db.session.remove()
        db.engine.dispose()
