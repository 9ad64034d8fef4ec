"""A purchase through every process, with what may go wrong at Telegram's side of it."""

import threading
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.kit.factories import METRICS_TOKEN, TERMS_VERSION
from tests.kit.played import ALICE, CARMEN, newcomer, standing
from tests.kit.processes import Shopper, Stage, eventually


def texts(stage: Stage, person: int) -> list[str]:
    return [message.get("text", "") for message in stage.messages(person) if message["from"] == "bot"]


def metric(stage: Stage, line: str) -> float:
    headers = {"Authorization": f"Bearer {METRICS_TOKEN}"}
    page = stage.http.get(f"{stage.web}/metrics", headers=headers).text
    found = [one for one in page.splitlines() if one.startswith(f"{line} ")]
    return float(found[0].split()[-1]) if found else 0.0


def test_paying_unlocks_and_is_confirmed_in_the_chat(any_stage):
    alice = Shopper(any_stage, ALICE).sign_in()
    assert not alice.has("/pages/atlas")
    opened = alice.order("deep-sky-atlas")
    assert alice.pay(opened["link"])["status"] == "paid"
    eventually(lambda: alice.has("/pages/atlas"))
    eventually(lambda: any("Deep Sky Atlas is unlocked" in text for text in texts(any_stage, ALICE)))
    assert "unlocked" in alice.request("GET", f"/orders/{opened['order']}").text.lower()
    assert metric(any_stage, 'telegram_payments_total{result="success"}') == 1
    assert metric(any_stage, 'telegram_payment_value_total{currency="XTR"}') == 250
    assert metric(any_stage, "miniapp_sessions_total") == 1
    assert metric(any_stage, "miniapp_exchange_latency_seconds_count") == 1


def test_a_double_tap_is_one_order(shop):
    before = len(shop.calls("createInvoiceLink"))
    nora = Shopper(shop, newcomer(shop)).sign_in()
    assert nora.order("deep-sky-atlas") == nora.order("deep-sky-atlas")
    assert len(shop.calls("createInvoiceLink")) == before + 1


def test_updates_that_come_twice_late_and_out_of_order_count_once(any_stage):
    any_stage.control("PUT", "troubles", duplicate=3, reorder=True, delay_seconds=0.3)
    alice = Shopper(any_stage, ALICE).sign_in()
    alice.pay(alice.order("deep-sky-atlas")["link"])
    eventually(lambda: alice.has("/pages/atlas"))
    time.sleep(1.5)
    assert sum("Atlas is unlocked" in text for text in texts(any_stage, ALICE)) == 1
    assert metric(any_stage, 'telegram_payments_total{result="success"}') == 1


@pytest.mark.proves("F18")
def test_a_lost_update_is_found_in_the_statement_when_the_buyer_says_so(shop):
    nora = Shopper(shop, newcomer(shop)).sign_in()
    opened = nora.order("deep-sky-atlas")
    slug = opened["link"].rpartition("$")[2]
    # The question is asked and answered; the payment that follows is lost on its way.
    lose_the_second_update(nora, slug)
    assert not nora.has("/pages/atlas")
    answer = nora.request("POST", f"/orders/{opened['order']}/check")
    assert answer.status_code == 200, answer.text
    assert nora.has("/pages/atlas")
    assert nora.request("POST", f"/orders/{opened['order']}/check").status_code in {200, 429}


def lose_the_second_update(shopper: Shopper, slug: str) -> None:
    """Pay while the answer to the question is slow, and lose whatever comes after the question."""
    stage, paying = shopper.stage, shopper.stage.client()
    trouble = {"answerPreCheckoutQuery": {"latency_seconds": 3, "times": 1}}
    stage.control("PUT", "troubles", api=trouble)
    address = f"{stage.sandbox}/sandbox/invoices/{slug}/pay"
    result: list[httpx.Response] = []
    payer = threading.Thread(target=lambda: result.append(paying.post(address, json={"person": shopper.id})))
    payer.start()
    # What goes wrong once is no more among the troubles as soon as it has begun.
    eventually(lambda: not stage.control("GET", "troubles")["api"])
    stage.control("PUT", "troubles", lose=1)
    payer.join()
    assert result[0].json()["status"] == "paid"


def test_the_language_that_was_chosen_in_the_shop_is_that_of_the_chat_and_the_invoice(shop):
    def answers(words: str) -> list[str]:
        shop.control("POST", f"people/{CARMEN}/messages", text="/terms")
        return eventually(lambda: [text for text in texts(shop, CARMEN) if text.startswith(words)])

    carmen = Shopper(shop, CARMEN).sign_in()
    assert answers("Todo lo que vendemos es digital")
    assert carmen.request("POST", "/language", code="ru").status_code == 200
    assert answers("Всё, что мы продаём")
    carmen.order("deep-sky-atlas")
    invoice = shop.calls("createInvoiceLink")[-1]["params"]
    assert invoice["title"] == "Атлас глубокого неба"
    assert invoice["description"].startswith("Двадцать галактик")
    assert (invoice["currency"], invoice["prices"][0]["amount"]) == ("XTR", 250)


@pytest.mark.proves("I11", "F40")
def test_somebody_else_cannot_pay_an_order(shop):
    before = shop.state()["balance"]
    nora = Shopper(shop, newcomer(shop)).sign_in()
    link = nora.order("tonight-week")["link"]
    result = Shopper(shop, newcomer(shop, language_code="ru")).pay(link)
    assert result["status"] == "failed"
    assert "другому человеку" in result["error"]  # who never opened the shop, but has a Russian Telegram
    assert shop.state()["balance"] == before


def test_too_few_stars_charge_nothing(shop):
    bob = Shopper(shop, newcomer(shop, stars=10)).sign_in()
    assert bob.pay(bob.order("deep-sky-atlas")["link"]) == {"status": "failed", "error": "BALANCE_TOO_LOW"}


def test_a_refund_from_telegrams_side_locks_again(any_stage):
    alice = Shopper(any_stage, ALICE).sign_in()
    charge = alice.pay(alice.order("deep-sky-atlas")["link"])["charge_id"]
    eventually(lambda: alice.has("/pages/atlas"))
    any_stage.control("POST", f"charges/{charge}/refund")
    eventually(lambda: not alice.has("/pages/atlas"))
    eventually(lambda: any("Refunded: " in text for text in texts(any_stage, ALICE)))


@pytest.fixture(scope="module")
def web_alone(tmp_path_factory: pytest.TempPathFactory, empty_sqlite: Path) -> Iterator[Stage]:
    """A shop that takes orders, for people who come to no other test."""
    folder = tmp_path_factory.mktemp("web")
    (folder / "shop.db").write_bytes(empty_sqlite.read_bytes())
    yield from standing(Stage(folder, f"sqlite:///{folder / 'shop.db'}"), "web")


@pytest.mark.proves("F34")
@pytest.mark.parametrize(
    ("trouble", "status"),
    [
        ({"status": 429, "retry_after": 2}, 503),
        ({"status": 500}, 503),
        ({"status": 400}, 502),
        ({"status": 401}, 502),
        ({"status": 403}, 502),
        ({"status": 409}, 502),
        ({"garbage": True}, 503),
        ({"lost_answer": True}, 503),
        ({"latency_seconds": 300}, 503),  # longer than whoever asks would wait
    ],
    ids=lambda part: str(part),
)
def test_an_invoice_telegram_will_not_make_is_explained(web_alone, trouble, status):
    nora = Shopper(web_alone, newcomer(web_alone)).sign_in()
    web_alone.control("PUT", "troubles", api={"createInvoiceLink": {**trouble, "times": 1}})
    answer = nora.request("POST", "/orders", product="deep-sky-atlas", terms=TERMS_VERSION)
    assert answer.status_code == status
    assert "Telegram" in answer.text
    if trouble.get("retry_after"):
        assert answer.headers["Retry-After"] == "2"
        time.sleep(2)  # what Telegram asked for is kept
    assert nora.order("deep-sky-atlas")["link"].startswith("https://t.me/$")


def test_in_telegrams_test_environment_a_plan_renews_every_minute(tmp_path, sqlite_url):
    """There every call goes behind /test, and a period of 30 days is refused."""
    settings = {"BOT_ENVIRONMENT": "test", "SUBSCRIPTION_SECONDS": "60"}
    stage = Stage(tmp_path, sqlite_url, **settings).open()
    try:
        alice = Shopper(stage, ALICE).sign_in()
        stage.control("POST", f"people/{ALICE}/messages", text="/help")
        alice.pay(alice.order("nightly-plan")["link"])
        eventually(lambda: alice.has("/pages/tonight"))
        eventually(lambda: texts(stage, ALICE))
        [call] = stage.calls("createInvoiceLink")
        assert call["params"]["subscription_period"] == 60
        assert stage.control("GET", "subscriptions")[0]["period_seconds"] == 60
    finally:
        stage.close()
