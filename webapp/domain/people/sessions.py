"""The session a page carries: fifteen minutes of being somebody, signed by the shop.

A session says who and nothing else. Roles, prices and bans are read from the database each
time; the epoch lets a person end everything that was minted before.
"""

import re
import secrets
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any

import jwt

from webapp.domain.people.init_data import CLOCK_SKEW, LARGEST_ID
from webapp.domain.people.keys import KeyRing

ALGORITHM = "HS256"
ISSUER = "starfront"
TYPE = "starfront-session+jwt"
HEADER = {"alg", "kid", "typ"}  # and nothing that names a key of somebody else's
CLAIMS = ["iss", "aud", "sub", "iat", "exp", "jti", "ep", "auth"]
LARGEST = 1024  # characters
TOKEN = re.compile(r"[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]{43}")
SUBJECT = re.compile(r"[1-9][0-9]{0,15}")
LIFE_SECONDS = 15 * 60
LONGEST_SECONDS = 24 * 60 * 60  # after the launch, however often the session was renewed
LEEWAY_SECONDS = 30  # that our own machines' clocks may differ


@dataclass(frozen=True)
class Session:
    """Somebody who showed a valid launch not long ago."""

    telegram_id: int
    epoch: int
    minted_at: datetime
    expires_at: datetime
    auth_at: datetime  # the launch


class InvalidSession(ValueError):
    """Not a session of this shop, or one that is over; the reason is one word."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


def expiry(auth_at: datetime, now: datetime) -> datetime:
    """Return when a session minted now is over; for a launch older than a day it is already."""
    return min(now + timedelta(seconds=LIFE_SECONDS), auth_at + timedelta(seconds=LONGEST_SECONDS))


def mint(
    telegram_id: int, epoch: int, *, bot_id: int, auth_at: datetime, keys: KeyRing, now: datetime
) -> str:
    """Return a session for a person who showed a launch."""
    kid, key = keys.key("session")
    claims = {
        "iss": ISSUER,
        "aud": _audience(bot_id),
        "sub": str(telegram_id),
        "iat": int(now.timestamp()),
        "exp": int(expiry(auth_at, now).timestamp()),
        "jti": secrets.token_urlsafe(12),
        "ep": epoch,
        "auth": int(auth_at.timestamp()),
    }
    return jwt.encode(claims, key, algorithm=ALGORITHM, headers={"kid": kid, "typ": TYPE})


def verify(token: str, *, bot_id: int, keys: KeyRing, now: datetime) -> Session:
    """Return whose session this is.

    :raise InvalidSession: it was not minted by this shop for this bot, or it is over
    """
    session = _opened(token, bot_id, keys)
    leeway = timedelta(seconds=LEEWAY_SECONDS)
    if session.minted_at > now + leeway:
        raise InvalidSession("future")
    if session.expires_at <= now - leeway:
        raise InvalidSession("expired")
    return session


# A page sends the same token with every request: what it says is read once, its moments are
# compared each time. Refusals are not kept, so nobody can push good tokens out with bad ones.
@lru_cache(maxsize=4096)
def _opened(token: str, bot_id: int, keys: KeyRing) -> Session:
    if len(token) > LARGEST or not TOKEN.fullmatch(token):
        raise InvalidSession("shape")
    try:
        claims = jwt.decode(
            token,
            _key(jwt.get_unverified_header(token), keys),
            algorithms=[ALGORITHM],
            audience=_audience(bot_id),
            issuer=ISSUER,
            # The library would compare the moments with a clock of its own.
            options={
                "require": CLAIMS,
                "strict_aud": True,
                "verify_exp": False,
                "verify_iat": False,
                "verify_nbf": False,
            },
        )
    except jwt.InvalidSignatureError as error:
        raise InvalidSession("signature") from error
    except jwt.PyJWTError as error:
        raise InvalidSession("claims") from error
    return _session(claims)


def _key(header: dict[str, Any], keys: KeyRing) -> bytes:
    if set(header) != HEADER or header["alg"] != ALGORITHM or header["typ"] != TYPE:
        raise InvalidSession("header")
    key = keys.openers.get(("session", header["kid"]))
    if key is None:
        raise InvalidSession("key")
    return key


def _session(claims: dict[str, Any]) -> Session:
    numbers = [claims[name] for name in ("iat", "exp", "auth", "ep")]
    if not all(type(number) is int for number in numbers) or not SUBJECT.fullmatch(claims["sub"]):
        raise InvalidSession("claims")
    minted, expires, launched, epoch = numbers
    telegram_id = int(claims["sub"])
    if telegram_id > LARGEST_ID:
        raise InvalidSession("claims")
    if expires > min(minted + LIFE_SECONDS, launched + LONGEST_SECONDS) or launched > minted + CLOCK_SKEW:
        raise InvalidSession("claims")
    return Session(
        telegram_id=telegram_id,
        epoch=epoch,
        minted_at=_moment(minted),
        expires_at=_moment(expires),
        auth_at=_moment(launched),
    )


def _moment(seconds: int) -> datetime:
    try:
        return datetime.fromtimestamp(seconds, UTC)
    except (OverflowError, ValueError, OSError) as error:
        raise InvalidSession("claims") from error


def _audience(bot_id: int) -> str:
    return f"bot:{bot_id}"
