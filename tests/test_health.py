import pytest

from tests.kit.arrange import NOW, open_shop
from tests.kit.factories import METRICS_TOKEN
from webapp import __version__, clock
from webapp.db.engine import db
from webapp.db.transactions import transaction
from webapp.domain.owner import shops
from webapp.domain.queue import leases

DETAILS = {"Authorization": f"Bearer {METRICS_TOKEN}"}


def have_a_bot() -> None:
    with transaction():
        leases.hold("outbox", "bot", 60, clock.now())


def findings(client) -> dict[str, str]:
    return client.get("/readyz", headers=DETAILS).json["findings"]


@pytest.mark.proves("S63")
def test_a_living_process_says_only_that_and_its_version(client):
    answer = client.get("/healthz")
    assert (answer.status_code, answer.json) == (200, {"status": "ok", "version": __version__})


def test_a_shop_that_can_sell_is_ready(client):
    open_shop()
    have_a_bot()
    assert client.get("/readyz").json == {"status": "ok"}
    assert set(findings(client).values()) == {"ok"}


def test_a_shop_without_its_bot_is_not_ready(client):
    open_shop()
    answer = client.get("/readyz")
    assert (answer.status_code, answer.json) == (503, {"status": "fail"})
    assert findings(client)["bot"] == "No bot process is running. Start bot.py."


@pytest.mark.proves("S63")
def test_details_are_for_the_holder_of_the_metrics_token(client):
    assert "findings" not in client.get("/readyz").json
    assert "findings" not in client.get("/readyz", headers={"Authorization": "Bearer wrong"}).json


def test_a_database_that_was_not_migrated_is_told(client):
    with transaction():
        db.session.execute(db.text("DELETE FROM alembic_version"))
    assert findings(client)["migrations"] == "The database is not migrated. Run flask --app webapp release."


def test_tables_that_are_missing_are_no_incident(client):
    with transaction():
        db.session.execute(db.text("ALTER TABLE products RENAME TO hidden"))
    answer = client.get("/", headers={"Accept": "application/json"})
    assert (answer.status_code, answer.json["code"]) == (503, "ShopUnavailable")
    assert "incident" not in answer.json


def test_a_database_that_is_gone_is_told(client):
    with transaction():
        db.session.execute(db.text("DROP TABLE leases"))
    [(name, words)] = findings(client).items()
    assert name == "database"
    assert words.startswith("The database cannot be read (")
    assert client.get("/readyz").status_code == 503


def test_updates_that_do_not_arrive_are_told(client):
    open_shop()
    have_a_bot()
    with transaction():
        shops.note_delivery("the webhook is not set", NOW)
    assert client.get("/readyz").status_code == 503
    assert findings(client)["delivery"] == (
        "Updates don't arrive, the bot found at 12:00 UTC. the webhook is not set"
    )
    with transaction():
        shops.note_delivery(None, NOW)
    assert client.get("/readyz").status_code == 200
