import pytest

from tests.kit.arrange import NOW
from webapp.db.engine import db
from webapp.db.models import Shop
from webapp.db.transactions import transaction
from webapp.domain.owner import shops

pytestmark = pytest.mark.usefixtures("app")


def claim(bot_id: int = 7, username: str = "night_sky_bot", environment: str = "production") -> None:
    with transaction():
        shops.claim(bot_id, username, environment)


def test_a_new_database_is_anybodys():
    shops.check(7, "production")
    assert shops.bot_username() == ""


def test_a_claimed_database_knows_its_bot():
    claim()
    shops.check(7, "production")
    assert shops.bot_username() == "night_sky_bot"


def test_a_renamed_bot_keeps_its_database():
    claim()
    claim(username="whole_sky_bot")
    assert shops.bot_username() == "whole_sky_bot"


@pytest.mark.proves("I16", "F9")
@pytest.mark.parametrize(("bot_id", "environment"), [(8, "production"), (7, "test"), (8, "test")])
def test_another_bots_database_is_refused_with_both_names(bot_id, environment):
    claim()
    for refused in (lambda: shops.check(bot_id, environment), lambda: claim(bot_id, "x", environment)):
        with pytest.raises(shops.ForeignDatabase, match=rf"bot 7 \(production\).*{bot_id} \({environment}"):
            refused()
    assert shops.bot_username() == "night_sky_bot"


def test_why_updates_do_not_arrive_is_remembered():
    assert shops.delivery() == (None, None)
    claim()
    for problem in ("the webhook is not set", None, "x" * 600):
        with transaction():
            shops.note_delivery(problem, NOW)
        assert shops.delivery() == (NOW, problem and problem[:512])


def test_when_the_statement_was_read_is_known():
    assert shops.reconciled_at() is None
    claim()
    assert shops.reconciled_at() is None
    with transaction():
        db.session.execute(db.update(Shop).values(reconciled_at=NOW))
    assert shops.reconciled_at() == NOW


def test_before_the_first_release_what_is_told_of_deliveries_is_nowhere_kept():
    with transaction():
        told = shops.note_delivery("the webhook is not set", NOW, pending=3)
    assert (told.problem, told.pending, told.failing_since) == ("the webhook is not set", 3, None)
    assert shops.delivery() == (None, None)
