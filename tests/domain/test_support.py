"""Support that two processes hear at once; the whole conversation is in tests/bot/test_support.py."""

from datetime import timedelta

import pytest

from tests.kit.arrange import ALICE, NOW, OWNER
from webapp.db.engine import db
from webapp.db.models import OutboxMessage, SupportMessage, SupportRelay
from webapp.db.transactions import transaction
from webapp.domain.owner import support
from webapp.domain.owner.letters import Letter

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


@pytest.mark.parametrize(("left", "minutes"), [(3600, 60), (61, 2), (60, 1), (1, 1)])
def test_who_writes_too_much_is_told_a_time_at_which_it_is_over(left, minutes, monkeypatch):
    monkeypatch.setattr(support, "MESSAGES_AN_HOUR", 0)
    hour = NOW.replace(minute=0, second=0, microsecond=0) + timedelta(hours=1)
    with transaction():
        limit = support._limit(ALICE, hour - timedelta(seconds=left))
    assert limit == {"minutes": minutes, "is_own": True}


@pytest.mark.parametrize("character", ["x", "\N{MILKY WAY}"])  # one code unit, and two
def test_a_long_letter_goes_in_pieces_that_telegram_takes(character):
    words = character * 4001
    pieces = support._parts(words)
    assert "".join(pieces) == words
    assert len(pieces) == 3
    assert all(len(piece.encode("utf-16-le")) // 2 <= 3000 for piece in pieces)


def test_what_telegram_takes_is_one_piece():
    assert [len(support._parts("x" * length)) for length in (0, 3000, 3001)] == [1, 1, 3]
