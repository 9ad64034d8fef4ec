"""Support that two processes hear at once; the whole conversation is in tests/bot/test_support.py."""

import pytest

from tests.arrange import ALICE, NOW, OWNER
from webapp.domain import support
from webapp.domain.support import Letter
from webapp.extensions import db, transaction
from webapp.models import OutboxMessage, SupportMessage, SupportRelay

pytestmark = pytest.mark.usefixtures("app")


def letter(sender: int, message: int, replied_to: int | None = None) -> Letter:
    return Letter(sender, message, True, sender, "Alice", "", "The atlas is shut.", "", replied_to)


def kinds() -> list[str]:
    return sorted(db.session.scalars(db.select(OutboxMessage.kind)))


def test_23_what_two_processes_hear_at_once_is_carried_once():
    for _process in range(2):
        with transaction():
            support._relay(letter(ALICE, 1), {OWNER}, NOW)
    assert kinds().count("owner_support") == 1
    assert db.session.query(SupportMessage).count() == 1


def test_23_an_answer_that_two_processes_hear_at_once_goes_back_once():
    with transaction():
        db.session.add(SupportRelay(chat_id=OWNER, message_id=7, telegram_id=ALICE, relayed_at=NOW))
    for _process in range(2):
        with transaction():
            assert support._answer(letter(OWNER, 8, replied_to=7), NOW)
    assert kinds().count("support_answer") == 1
