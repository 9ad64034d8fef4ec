from dataclasses import asdict, replace

import pytest

from tests.kit.arrange import ALICE, BOB, MINUTE, NOW
from webapp.db.models import User
from webapp.db.transactions import transaction
from webapp.domain.people import users
from webapp.domain.people.init_data import Profile

pytestmark = pytest.mark.usefixtures("app")
PROFILE = Profile(
    ALICE, "Zoë 🌌", "d'Arc; DROP TABLE users", "zoe", "pt-br", True, "https://t.me/i/userpic/a.svg"
)


def provision(profile: Profile = PROFILE, after: int = 0) -> User:
    with transaction():
        return users.provision(profile, NOW + after * MINUTE)


def told(user: User) -> dict[str, object]:
    return {name: getattr(user, name) for name in asdict(PROFILE)}


def test_a_person_is_known_as_telegram_describes_them():
    assert told(provision()) == told(users.get(ALICE)) == asdict(PROFILE)
    user = users.get(ALICE)
    assert (user.session_epoch, user.banned_at, user.created_at, user.seen_at) == (0, None, NOW, NOW)


def test_provisioning_twice_refreshes_and_forgets_nothing():
    provision()
    with transaction():
        users.ban(ALICE, NOW)
        users.log_out_everywhere(ALICE)
    changed = replace(PROFILE, first_name="Alicia", username=None, language_code=None, is_premium=False)
    user = provision(changed, after=5)
    assert told(user) == told(users.get(ALICE)) == asdict(changed)
    assert (user.created_at, user.seen_at) == (NOW, NOW + 5 * MINUTE)
    assert (user.session_epoch, user.banned_at) == (1, NOW)


def test_nobody_is_known_before_they_came():
    assert users.get(ALICE) is None


def test_the_largest_id_is_a_person():
    assert provision(replace(PROFILE, telegram_id=2**52)).telegram_id == 2**52


def test_logging_out_and_banning_concern_one_person():
    others = (ALICE - 1, BOB)
    for telegram_id in (ALICE, *others):
        provision(replace(PROFILE, telegram_id=telegram_id))
    with transaction():
        users.log_out_everywhere(ALICE)
        users.ban(ALICE, NOW)
    assert [(users.get(one).session_epoch, users.get(one).banned_at) for one in others] == [(0, None)] * 2
    with transaction():
        for telegram_id in (ALICE, *others):
            users.ban(telegram_id, NOW)
        users.unban(ALICE)
    assert [users.get(one).banned_at for one in (ALICE, *others)] == [None, NOW, NOW]


def test_a_language_that_somebody_chose_outlasts_their_next_launch(app):
    users.provision(PROFILE, NOW)
    users.choose_language(PROFILE.telegram_id, "fa")
    known = users.provision(replace(PROFILE, language_code="ru"), NOW)
    assert (known.language, known.language_code) == ("fa", "ru")
