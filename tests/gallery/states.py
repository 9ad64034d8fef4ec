"""The list: every page in every state, each by a name and the steps that lead there."""

from tests.gallery.visits import Steps, Visit
from tests.kit.processes import Shopper, eventually

DAY = 24 * 3600
ATLAS, NOTES, WEEK, NIGHTLY, EVERYTHING = (
    "deep-sky-atlas",
    "night-photography",
    "tonight-week",
    "nightly-plan",
    "observatory-plan",
)
REFUSED = {"status": 400, "description": "Bad Request: CHARGE_ID_INVALID"}

STATES: dict[str, Steps] = {}


def state(steps: Steps) -> Steps:
    """Put a state on the list under the name of its steps."""
    STATES[steps.__name__.replace("_", "-")] = steps
    return steps


# --- The shop.


@state
def shop(visit: Visit) -> None:
    visit.open()


@state
def shop_of_an_owner(visit: Visit) -> None:
    visit.buy(ATLAS)
    visit.order(NOTES)
    visit.open()


@state
def shop_outside_of_telegram(visit: Visit) -> None:
    visit.walk_in("/")


@state
def shop_with_nothing_for_sale(visit: Visit) -> None:
    visit.sell([])
    visit.open()


# --- A product and what may be done about it.


@state
def product(visit: Visit) -> None:
    visit.open(ATLAS)


@state
def product_outside_of_telegram(visit: Visit) -> None:
    visit.walk_in(f"/products/{ATLAS}")


@state
def product_owned(visit: Visit) -> None:
    visit.buy(ATLAS)
    visit.open(ATLAS)


@state
def product_refused(visit: Visit) -> None:
    visit.open(ATLAS)
    visit.trouble(api={"createInvoiceLink": {"status": 400}})
    visit.click("#buy")
    visit.await_("#said")


@state
def product_gone(visit: Visit) -> None:
    visit.open(WEEK)
    visit.sell([])
    visit.click("#buy")
    visit.await_("#said")


@state
def pass_(visit: Visit) -> None:
    visit.open(WEEK)


@state
def pass_running(visit: Visit) -> None:
    visit.buy(WEEK)
    visit.open(WEEK)


@state
def pass_beside_a_plan(visit: Visit) -> None:
    visit.buy(NIGHTLY)
    visit.open(WEEK)


@state
def plan(visit: Visit) -> None:
    visit.open(EVERYTHING)


@state
def plan_instead_of_another(visit: Visit) -> None:
    visit.buy(NIGHTLY)
    visit.open(EVERYTHING)


@state
def plan_tried(visit: Visit) -> None:
    visit.buy(EVERYTHING, trial="1")
    visit.open(EVERYTHING)


@state
def plan_owned(visit: Visit) -> None:
    visit.buy(EVERYTHING)
    visit.open(EVERYTHING)


# --- An order.


@state
def order_opened(visit: Visit) -> None:
    visit.open(ATLAS)
    visit.click("#buy")
    visit.await_("[data-order=open]")
    if visit.on_phone:
        visit.page.wait_for_selector("[data-test=confirm-payment]")


@state
def order_waiting(visit: Visit) -> None:
    order = visit.order(ATLAS)
    visit.open(ATLAS)
    visit.look(order, "open", "waiting")


@state
def order_not_paid(visit: Visit) -> None:
    visit.order(ATLAS)
    visit.open(ATLAS)
    visit.await_("[data-order=open]")


@state
def order_confirming(visit: Visit) -> None:
    order = visit.order(ATLAS)
    visit.open(ATLAS)
    visit.look(order, "open", "paid")


@state
def order_failed(visit: Visit) -> None:
    order = visit.order(ATLAS)
    visit.open(ATLAS)
    visit.look(order, "open", "failed")


@state
def order_checked(visit: Visit) -> None:
    order = visit.order(ATLAS)
    visit.open(ATLAS)
    visit.await_("[data-order=open]")
    visit.click(f"#check-{order['order']}")
    visit.await_("[data-order] .notice")


@state
def order_paid(visit: Visit) -> None:
    order = visit.order(ATLAS)
    visit.open(ATLAS)
    visit.pay(order)
    visit.await_("[data-order=paid]")


@state
def order_of_a_plan_paid(visit: Visit) -> None:
    order = visit.order(EVERYTHING)
    visit.open(EVERYTHING)
    visit.pay(order)
    visit.await_("[data-order=paid]")


@state
def order_of_a_trial_paid(visit: Visit) -> None:
    order = visit.order(EVERYTHING, trial="1")
    visit.open(EVERYTHING)
    visit.pay(order)
    visit.await_("[data-order=paid]")


@state
def order_replaced(visit: Visit) -> None:
    order = visit.order(EVERYTHING)
    visit.open(EVERYTHING)
    visit.order(EVERYTHING, trial="1")
    visit.look(order, "closed")


@state
def order_refunding(visit: Visit) -> None:
    order = visit.order(ATLAS)
    charge = visit.pay(order)
    visit.trouble(api={"refundStarPayment": {"status": 500}})
    visit.shopper.request("POST", "/refunds", charge=charge)
    visit.open(ATLAS)
    visit.look(order, "refunding")


@state
def order_refunded(visit: Visit) -> None:
    order = visit.order(ATLAS)
    charge = visit.pay(order)
    visit.shopper.request("POST", "/refunds", charge=charge)
    visit.open(ATLAS)
    visit.look(order, "refunded")


# --- What was paid.


@state
def purchases_none(visit: Visit) -> None:
    visit.open("purchases")


@state
def purchases(visit: Visit) -> None:
    for slug in (ATLAS, WEEK, NIGHTLY):
        visit.buy(slug)
    visit.open("purchases")


@state
def purchases_restored(visit: Visit) -> None:
    visit.open("purchases")
    visit.click("#restore")
    visit.await_("#restored")


@state
def purchases_outside_of_telegram(visit: Visit) -> None:
    visit.walk_in("/purchases")


@state
def refund_asked(visit: Visit) -> None:
    visit.buy(ATLAS)
    visit.open("purchases")
    visit.click(".refund button")
    visit.await_("[data-focus]")


@state
def refund_on_its_way(visit: Visit) -> None:
    charge = visit.buy(ATLAS)
    visit.trouble(api={"refundStarPayment": {"status": 500}})
    visit.shopper.request("POST", "/refunds", charge=charge)
    visit.open("purchases")


@state
def refund_done(visit: Visit) -> None:
    charge = visit.buy(ATLAS)
    visit.shopper.request("POST", "/refunds", charge=charge)
    visit.open("purchases")


@state
def refund_not_accepted(visit: Visit) -> None:
    charge = visit.buy(ATLAS)
    visit.trouble(api={"refundStarPayment": REFUSED})
    visit.shopper.request("POST", "/refunds", charge=charge)
    visit.open("purchases")


@state
def receipt(visit: Visit) -> None:
    charge = visit.buy(ATLAS)
    visit.open("purchases")
    visit.go(f"/purchases/{charge}")


@state
def receipt_of_a_refund(visit: Visit) -> None:
    charge = visit.buy(ATLAS)
    visit.shopper.request("POST", "/refunds", charge=charge)
    visit.open("purchases")
    visit.go(f"/purchases/{charge}")


# --- What is open.


@state
def upgrades_none(visit: Visit) -> None:
    visit.open("upgrades")


@state
def upgrades(visit: Visit) -> None:
    for slug in (ATLAS, WEEK):
        visit.buy(slug)
    visit.open("upgrades")


@state
def why_nothing(visit: Visit) -> None:
    visit.open("why")


@state
def why(visit: Visit) -> None:
    charge = visit.buy(NOTES)
    visit.buy(ATLAS)
    visit.buy(NIGHTLY)
    visit.shopper.request("POST", "/refunds", charge=charge)
    visit.open("why")


@state
def atlas_locked(visit: Visit) -> None:
    visit.open("atlas")


@state
def atlas(visit: Visit) -> None:
    visit.buy(ATLAS)
    visit.open("atlas")


@state
def tonight_locked(visit: Visit) -> None:
    visit.open("tonight")


@state
def tonight(visit: Visit) -> None:
    visit.buy(WEEK)
    visit.open("tonight")


@state
def field_notes_locked(visit: Visit) -> None:
    visit.open("field-notes")


@state
def field_notes(visit: Visit) -> None:
    visit.buy(NOTES)
    visit.open("field-notes")


# --- A plan, on My upgrades.


@state
def plan_renewing(visit: Visit) -> None:
    visit.buy(EVERYTHING)
    visit.open("upgrades")


@state
def plan_about_to_be_cancelled(visit: Visit) -> None:
    visit.buy(EVERYTHING)
    visit.open("upgrades")
    visit.click("summary")


@state
def plan_cancelled_here(visit: Visit) -> None:
    visit.buy(EVERYTHING)
    visit.open("upgrades")
    visit.click("[id^=cancel-]")
    visit.await_("[id^=resume-]")


@state
def plan_cancelled_in_telegram(visit: Visit) -> None:
    visit.buy(EVERYTHING)
    visit.stage.control("POST", f"subscriptions/{visit.plan()}/cancel")
    _until_upgrades_say(visit, "?seen=cancelled")
    visit.open("upgrades")


@state
def plan_being_cancelled(visit: Visit) -> None:
    visit.buy(EVERYTHING)
    visit.trouble(api={"editUserStarSubscription": {"status": 500}})
    visit.open("upgrades")
    visit.click("[id^=cancel-]")
    visit.await_("section .spin")


@state
def plan_being_resumed(visit: Visit) -> None:
    visit.buy(EVERYTHING)
    visit.open("upgrades")
    visit.click("[id^=cancel-]")
    visit.await_("[id^=resume-]")
    visit.trouble(api={"editUserStarSubscription": {"status": 500}})
    visit.click("[id^=resume-]")
    visit.await_("section .spin")


@state
def plan_not_cancelled_by_telegram(visit: Visit) -> None:
    visit.buy(EVERYTHING)
    visit.trouble(api={"editUserStarSubscription": REFUSED})
    visit.open("upgrades")
    visit.click("[id^=cancel-]")
    visit.await_("section .notice")


@state
def plan_failed(visit: Visit) -> None:
    visit.buy(EVERYTHING)
    visit.stage.control("POST", f"subscriptions/{visit.plan()}/fail")
    _until_upgrades_say(visit, '<h2 class="bad">')
    visit.open("upgrades")


# --- Help, and the way in.


@state
def support(visit: Visit) -> None:
    visit.open("support")


@state
def terms(visit: Visit) -> None:
    visit.open("terms")


@state
def privacy(visit: Visit) -> None:
    visit.open("privacy")


@state
def settings(visit: Visit) -> None:
    visit.open("settings")


@state
def settings_without_news(visit: Visit) -> None:
    visit.open("settings")
    visit.click("#news-no")


@state
def settings_asking_whether_to_forget(visit: Visit) -> None:
    visit.open("settings")
    visit.click("#forgetting button")


@state
def forgotten(visit: Visit) -> None:
    visit.open("settings")
    visit.click("#forgetting button")
    visit.click("#forgetting .bad")


@state
def settings_about_to_log_out(visit: Visit) -> None:
    visit.open("settings")
    visit.click("summary:nth-of-type(1)")


@state
def logged_out(visit: Visit) -> None:
    visit.open("settings")
    visit.click("form[hx-delete='/session'] button")
    visit.await_("[data-session=outside] main[data-path='/open']")


@state
def settings_outside_of_telegram(visit: Visit) -> None:
    visit.walk_in("/settings")


@state
def way_into_telegram(visit: Visit) -> None:
    visit.walk_in("/open?startapp=deep-sky-atlas")


# --- When something is wrong.


@state
def nowhere(visit: Visit) -> None:
    visit.walk_in("/no/such/page")


@state
def broken(visit: Visit) -> None:
    visit.hide_table("products")
    visit.walk_in("/")


@state
def offline(visit: Visit) -> None:
    visit.open()
    visit.context.set_offline(True)
    visit.await_("[data-offline]")


@state
def opened_yesterday(visit: Visit) -> None:
    visit.on_phone = False
    visit.launch({"auth_date": int(visit.stage.control("GET", "clock")["now"]) - 2 * DAY})
    visit.settle()


@state
def a_code_that_is_not_good(visit: Visit) -> None:
    opened_yesterday(visit)
    visit.page.fill("#code", "AAAA-AAAA")
    visit.click("#proof button")
    visit.await_("[data-code=wrong]")


@state
def opened_too_often(visit: Visit) -> None:
    for _launch in range(5):
        Shopper(visit.stage, visit.id).sign_in()
    visit.on_phone = False
    visit.launch({})
    visit.await_("[data-session=crowded]")


@state
def out_of_reach(visit: Visit) -> None:
    visit.on_phone = False
    visit.page.clock.install()
    visit.context.route("**/session", lambda route: route.abort())
    visit.launch({})
    for _attempt in range(8):
        visit.page.clock.run_for(4000)
    visit.await_("[data-session=failed]")


@state
def loading(visit: Visit) -> None:
    visit.on_phone = False
    visit.context.route("**/session", lambda _route: None)
    visit.launch({"start_param": "upgrades"})
    visit.app.wait_for_selector(".skeleton")


@state
def no_scripts(visit: Visit) -> None:
    visit.on_phone = False
    visit.context.route("**/*.js", lambda route: route.abort())
    visit.page.goto(visit.stage.web)


# --- After time went by: these come last, since the clock goes on for all.


@state
def order_expired(visit: Visit) -> None:
    order = visit.order(ATLAS)
    visit.open(ATLAS)
    visit.await_("[data-order=open]")
    visit.stage.wait(DAY / 72)
    visit.look(order, "expired")


@state
def plan_due(visit: Visit) -> None:
    visit.buy(EVERYTHING)
    visit.trouble(lose=1)
    visit.stage.wait(30 * DAY + 3600)
    visit.open("upgrades")


@state
def plan_ended(visit: Visit) -> None:
    visit.buy(EVERYTHING)
    visit.stage.control("POST", f"subscriptions/{visit.plan()}/cancel")
    _until_upgrades_say(visit, "?seen=cancelled")
    visit.stage.wait(31 * DAY)
    visit.open(EVERYTHING)


def _until_upgrades_say(visit: Visit, mark: str) -> None:
    """Wait until the shop has heard what Telegram tells of a plan."""
    eventually(lambda: mark in visit.shopper.request("GET", "/upgrades").text)
