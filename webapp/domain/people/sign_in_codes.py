"""Codes from the bot's chat: a second proof, for people whose client keeps showing an old launch.

A code says nothing without a launch that Telegram signed for the same person, however old.
"""

import hmac
import secrets
from datetime import datetime, timedelta
from hashlib import sha256

from sqlalchemy import delete, select, update

from webapp.db.engine import db
from webapp.db.models import SignInCode
from webapp.domain.people import rate_limits
from webapp.domain.people.init_data import InitData
from webapp.domain.people.keys import KeyRing

LIFE = timedelta(minutes=10)
VOUCHES = timedelta(days=1)  # for the launch that it was shown with, as long as a new launch would last
LETTERS = "ABCDEFGHJKMNPQRSTUVWXYZ23456789"  # none that is taken for another
LENGTH = 8  # about 40 bits
WINDOW_SECONDS = 600
CODES_A_WINDOW = 3
TRIES_A_WINDOW = 5


def make(telegram_id: int, keys: KeyRing, now: datetime) -> str:
    """Return a new code for a person; the one before, if it was not used, is good no more.

    :raise RateLimited: they had three within ten minutes
    """
    rate_limits.hit(f"code:{telegram_id}", CODES_A_WINDOW, WINDOW_SECONDS, now)
    db.session.execute(
        delete(SignInCode).where(SignInCode.telegram_id == telegram_id, SignInCode.used_at.is_(None))
    )
    code = "".join(secrets.choice(LETTERS) for _ in range(LENGTH))
    db.session.add(SignInCode(digest=_digest(telegram_id, code, keys), telegram_id=telegram_id, made_at=now))
    db.session.flush()
    return f"{code[:4]}-{code[4:]}"


def use(code: str, launch: InitData, keys: KeyRing, now: datetime) -> bool:
    """Have a code vouch for a launch of the same person; tell whether it does. It does so once.

    :raise RateLimited: they tried five within ten minutes
    """
    telegram_id = launch.profile.telegram_id
    rate_limits.hit(f"code-try:{telegram_id}", TRIES_A_WINDOW, WINDOW_SECONDS, now)
    plain = "".join(letter for letter in code.upper() if letter in LETTERS)
    used = (
        update(SignInCode)
        .where(
            SignInCode.digest == _digest(telegram_id, plain, keys),
            SignInCode.used_at.is_(None),
            SignInCode.made_at > now - LIFE,
        )
        .values(used_at=now, launch=launch.fingerprint)
        .returning(SignInCode.digest)
    )
    return db.session.scalar(used) is not None


def vouched_at(launch: InitData, now: datetime) -> datetime | None:
    """Return when a code vouched for a launch, unless that is more than a day ago."""
    query = select(SignInCode.used_at).where(
        SignInCode.telegram_id == launch.profile.telegram_id,
        SignInCode.launch == launch.fingerprint,
        SignInCode.used_at > now - VOUCHES,
    )
    return db.session.scalar(query.order_by(SignInCode.used_at.desc()))


def sweep(now: datetime) -> None:
    """Forget the codes that neither open nor vouch for anything any more."""
    db.session.execute(delete(SignInCode).where(SignInCode.made_at < now - VOUCHES - LIFE))


def _digest(telegram_id: int, code: str, keys: KeyRing) -> str:
    # Keyed: whoever reads the database cannot try all codes against it.
    _, key = keys.key("code")
    return hmac.new(key, f"{telegram_id}:{code}".encode(), sha256).hexdigest()
