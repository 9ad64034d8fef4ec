from datetime import timedelta

import pytest

from tests.arrange import NOW, open_shop
from tests.factories import METRICS_TOKEN, make_config
from webapp import clock, registration
from webapp.domain import leases, shops
from webapp.extensions import db, transaction

DETAILS = {"Authorization": f"Bearer {METRICS_TOKEN}"}
CONFIG = make_config(bot_mode="webhook")
WELL = {
    "url": CONFIG.webhook_url,
    "allowed_updates": list(registration.ALLOWED_UPDATES),
    "pending_update_count": 0,
}


def have_a_bot() -> None:
    with transaction():
        leases.hold("outbox", "bot", 60, clock.now())


def findings(client) -> dict[str, str]:
    return client.get("/readyz", headers=DETAILS).json["findings"]


def test_a_living_process_says_only_that(client):
    answer = client.get("/healthz")
    assert (answer.status_code, answer.json) == (200, {"status": "ok"})


def test_a_shop_that_can_sell_is_ready(client):
    open_shop()
    have_a_bot()
    assert client.get("/readyz").json == {"status": "ok"}
    assert set(findings(client).values()) == {"ok"}


def test_a_shop_without_its_bot_is_not_ready(client):
    open_shop()
    answer = client.get("/readyz")
    assert (answer.status_code, answer.json) == (503, {"status": "fail"})
    assert findings(client)["bot"] == "no bot process is at work: start bot.py"


def test_details_are_for_the_holder_of_the_metrics_token(client):
    assert "findings" not in client.get("/readyz").json
    assert "findings" not in client.get("/readyz", headers={"Authorization": "Bearer wrong"}).json


def test_a_database_that_was_not_migrated_is_told(client):
    with transaction():
        db.session.execute(db.text("DELETE FROM alembic_version"))
    assert findings(client)["database"] == "not migrated: run flask --app webapp release"


def test_a_database_that_is_gone_is_told(client):
    with transaction():
        db.session.execute(db.text("DROP TABLE leases"))
    assert findings(client) == {"database": "cannot be reached"}
    assert client.get("/readyz").status_code == 503


def test_updates_that_do_not_arrive_are_told(client):
    open_shop()
    have_a_bot()
    with transaction():
        shops.note_delivery("the webhook is not set", NOW)
    assert client.get("/readyz").status_code == 503
    assert findings(client)["delivery"] == "the webhook is not set"
    with transaction():
        shops.note_delivery(None, NOW)
    assert client.get("/readyz").status_code == 200


@pytest.mark.parametrize(
    ("mode", "changes", "problem"),
    [
        ("webhook", {}, None),
        ("webhook", {"url": ""}, "the webhook is not set: run flask --app webapp release"),
        ("webhook", {"url": "https://evil.test/"}, "the webhook is https://evil.test/: run flask"),
        ("webhook", {"allowed_updates": ["message"]}, "the webhook does not bring callback_query"),
        ("webhook", {"allowed_updates": []}, None),
        ("webhook", {"last_error_date": 1, "pending_update_count": 5}, None),
        ("polling", {"url": ""}, None),
        ("polling", {}, "a webhook is set"),
    ],
)
def test_what_telegram_says_of_its_webhook_is_understood(mode, changes, problem):
    told = registration.delivery_problem({**WELL, **changes}, make_config(bot_mode=mode), NOW)
    assert told is None if problem is None else told.startswith(problem)


def test_a_delivery_that_failed_just_now_is_a_problem_while_something_waits():
    failed = {"last_error_date": NOW.timestamp() - 60, "last_error_message": "Wrong response: 503"}
    waiting = {**WELL, **failed, "pending_update_count": 3}
    assert "503" in registration.delivery_problem(waiting, CONFIG, NOW)
    assert registration.delivery_problem({**WELL, **failed}, CONFIG, NOW) is None
    assert registration.delivery_problem(waiting, CONFIG, NOW + timedelta(hours=1)) is None
