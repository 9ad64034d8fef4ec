"""Nothing that a client sends is the shop's fault: no answer of 5xx, and no line of ERROR.

``make fuzz`` sends 100,000 requests to a shop on each database; a run of the whole suite a few hundred.
"""

import logging
import os
import random
from collections import Counter
from datetime import timedelta

import pytest
from flask import Flask

from tests.kit import arrange
from tests.kit.arrange import ALICE, NOW
from tests.kit.factories import TERMS_VERSION, make_config
from tests.views import fuzz
from webapp import clock, create_app
from webapp.db.engine import db
from webapp.db.models import User
from webapp.domain.people import sessions

REQUESTS = int(os.environ.get("FUZZ", "300"))
EVERYTHING = (arrange.ATLAS, arrange.NOTES, arrange.WEEK, arrange.PLAN, arrange.WHOLE_SKY)
SEED = os.environ.get("SEED") or str(random.randrange(10**6))


class Errors(logging.Handler):
    """Remembers what was logged as an error."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        error = record.exc_info[1] if record.exc_info else ""
        self.lines.append(f"{record.name}: {record.getMessage()} {error!r}"[:400])


@pytest.mark.proves("I23", "S67", "T27")
def test_3_no_request_is_the_shops_fault(database_url, telegram, monkeypatch):
    print(f"SEED={SEED} FUZZ={REQUESTS}")
    app = create_app(make_config(database_url=database_url, proxy_hops=1))
    monkeypatch.setattr(telegram, "clock_skew_seconds", 0.0, raising=False)
    monkeypatch.setattr(telegram, "compared_at", 0.0, raising=False)
    errors, found, statuses = Errors(), [], Counter()
    logging.getLogger().addHandler(errors)
    with app.app_context():
        requests = fuzz.Requests(app, SEED, lambda: bearer(app), things_of_alice())
        db.session.remove()
    for number in range(REQUESTS):
        # Limits of a minute would hide what is behind them.
        monkeypatch.setattr(clock, "now", lambda number=number: NOW + timedelta(seconds=20 * number))
        request = requests.make()
        status = fuzz.answer(app, request)
        statuses[status] += 1
        # Whether the bot of this shop is at work is no client's doing.
        if errors.lines or (status >= 500 and request.path != b"/readyz"):
            print(f"{status} {errors.lines} {request!s:.900}")
            found.append((status, [*errors.lines], str(request)[:600]))
            errors.lines.clear()
    logging.getLogger().removeHandler(errors)
    with app.app_context():
        db.engine.dispose()
    print(sorted(statuses.items()))
    assert found == [], f"{len(found)} of {REQUESTS}, SEED={SEED}"


def things_of_alice() -> list[str]:
    """Have Alice buy of every kind, and return the names of what is there."""
    arrange.open_shop(*EVERYTHING)
    alice = arrange.meet(ALICE, first_name="Alice")
    about = arrange.order(alice)
    arrange.pay(arrange.facts(about, "charge-1"))
    plan = arrange.subscribe(alice)
    slugs = [one.slug for one in EVERYTHING]
    return [*slugs, about.public_id, plan.public_id, "charge-1", "upgrades", "1", "ru", TERMS_VERSION]


def bearer(app: Flask) -> str:
    """Return a session of Alice's that has just begun."""
    with app.app_context():
        epoch = db.session.scalar(db.select(User.session_epoch).filter_by(telegram_id=ALICE))
        db.session.remove()
    keys, bot_id = app.extensions["keys"], app.config["STARFRONT"].bot_id
    return sessions.mint(ALICE, epoch, bot_id=bot_id, auth_at=clock.now(), keys=keys, now=clock.now())
