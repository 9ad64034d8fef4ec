"""The launch data of a Mini App: who opened the shop, in Telegram's own hand.

Mini Apps: "Validating data received via the Mini App". Identity is read from the very text
that the hash covers, so there is nothing to parse twice and nothing to parse differently.
"""

import base64
import hmac
import json
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any
from urllib.parse import unquote_to_bytes

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

LARGEST = 8192  # bytes; 4,729 were seen, of a person with much to say about themselves
MOST_PAIRS = 64
LARGEST_ID = 2**52  # Bot API: User, at most 52 significant bits
CLOCK_SKEW = 60  # seconds that Telegram's clock may be ahead of ours

HASH = re.compile(r"[0-9a-f]{64}")
# 64 bytes take 86 characters; the last one holds two bits and may not hide more.
SIGNATURE = re.compile(r"[A-Za-z0-9_-]{85}[AQgw]")
AUTH_DATE = re.compile(r"[0-9]{1,12}")
# A line break inside a value would let one signed text be read as two sets of fields.
BAD_ESCAPE = re.compile(r"%(?![2-9A-Fa-f][0-9A-Fa-f])")


@dataclass(frozen=True)
class Profile:
    """A person as Telegram describes them."""

    telegram_id: int
    first_name: str
    last_name: str
    username: str | None
    language_code: str | None
    is_premium: bool
    photo_url: str | None


@dataclass(frozen=True)
class InitData:
    """A launch that Telegram vouches for."""

    profile: Profile
    auth_at: datetime
    start_param: str | None
    query_id: str | None
    fingerprint: str  # the hash: the same launch sent again has the same


class InvalidInitData(ValueError):
    """Not launch data of this bot, changed by somebody, or too old; the reason is one word."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


def secret_of(bot_token: str) -> bytes:
    """Return the key with which Telegram signs the launches of a bot."""
    return hmac.digest(b"WebAppData", bot_token.encode(), sha256)


def verify(raw: str, secret: bytes, *, now: datetime, max_age_seconds: int = 86400) -> InitData:
    """Return what the launch data says once its hash and its age are right.

    :raise InvalidInitData: it is not to be believed
    """
    pairs = _split(raw)
    claimed = pairs.pop("hash", "")
    if not HASH.fullmatch(claimed):
        raise InvalidInitData("hash")
    signed = _check_string(pairs)
    if not hmac.compare_digest(bytes.fromhex(claimed), hmac.digest(secret, signed, sha256)):
        raise InvalidInitData("hash")
    fields = _read(signed)
    return InitData(
        auth_at=_moment(fields.get("auth_date", ""), now, max_age_seconds),
        profile=profile_of(fields.get("user", "")),
        start_param=fields.get("start_param"),
        query_id=fields.get("query_id"),
        fingerprint=claimed,
    )


def profile_of(text: str) -> Profile:
    """Return the person whom Telegram's JSON describes.

    :raise InvalidInitData: it describes none
    """
    try:
        user = JSON.decode(text)
    except (ValueError, RecursionError) as error:
        raise InvalidInitData("user") from error
    if not isinstance(user, dict) or user.get("is_bot", False) is not False:
        raise InvalidInitData("user")
    telegram_id = user.get("id")
    if type(telegram_id) is not int or not 1 <= telegram_id <= LARGEST_ID:
        raise InvalidInitData("user")
    return Profile(
        telegram_id=telegram_id,
        first_name=_text(user, "first_name", 256) or "",
        last_name=_text(user, "last_name", 256) or "",
        username=_text(user, "username", 64),
        language_code=_text(user, "language_code", 35),
        is_premium=user.get("is_premium") is True,
        photo_url=_text(user, "photo_url", 2048),
    )


def verify_signature(raw: str, *, bot_id: int, public_keys: tuple[bytes, ...]) -> None:
    """Check Telegram's Ed25519 signature, which needs no bot token.

    :raise InvalidInitData: none of the keys has signed this for the bot
    """
    pairs = _split(raw)
    pairs.pop("hash", None)
    claimed = pairs.pop("signature", "")
    if not SIGNATURE.fullmatch(claimed):
        raise InvalidInitData("signature")
    signature = base64.urlsafe_b64decode(claimed + "==")
    signed = f"{bot_id}:WebAppData\n".encode() + _check_string(pairs)
    if not any(_has_signed(key, signature, signed) for key in public_keys):
        raise InvalidInitData("signature")


def _split(raw: str) -> dict[str, str]:
    """Return the pairs as they were sent, still escaped."""
    if not raw:
        raise InvalidInitData("empty")
    if len(raw) > LARGEST or raw.count("&") >= MOST_PAIRS:
        raise InvalidInitData("size")
    if not raw.isascii() or not raw.isprintable() or " " in raw or BAD_ESCAPE.search(raw):
        raise InvalidInitData("encoding")
    pairs: dict[str, str] = {}
    for pair in raw.split("&"):
        key, equals, value = pair.partition("=")
        if not equals or not key or "%" in key or "+" in key:
            raise InvalidInitData("encoding")
        if key in pairs:
            raise InvalidInitData("duplicate")
        pairs[key] = value
    return pairs


def _check_string(pairs: dict[str, str]) -> bytes:
    # Neither a key nor an escape can bring in a line break, so all values are decoded in one go.
    lines = "\n".join([f"{key}={value}" for key, value in sorted(pairs.items())])
    return unquote_to_bytes(lines.replace("+", " "))


def _read(signed: bytes) -> dict[str, str]:
    try:
        text = signed.decode()
    except UnicodeDecodeError as error:
        raise InvalidInitData("encoding") from error
    return dict([line.split("=", 1) for line in text.split("\n") if line])


def _moment(auth_date: str, now: datetime, max_age_seconds: int) -> datetime:
    if not AUTH_DATE.fullmatch(auth_date):
        raise InvalidInitData("auth_date")
    seconds = int(auth_date)
    age = now.timestamp() - seconds
    if age < -CLOCK_SKEW:
        raise InvalidInitData("future")
    if age > max_age_seconds:
        raise InvalidInitData("expired")
    return datetime.fromtimestamp(seconds, UTC)


def _text(user: dict[str, Any], name: str, longest: int) -> str | None:
    value = user.get(name)
    if value is None:
        return None
    if not isinstance(value, str) or len(value) > longest or "\0" in value:
        raise InvalidInitData("user")
    if not value.isascii() and any("\ud800" <= letter <= "\udfff" for letter in value):
        raise InvalidInitData("user")  # half of a pair: JSON can say it, no database can store it
    return value


def _object(members: list[tuple[str, Any]]) -> dict[str, Any]:
    known = dict(members)
    if len(known) != len(members):
        raise ValueError("a member is there twice")
    return known


def _refuse(constant: str) -> None:
    raise ValueError(f"{constant} is not JSON")


JSON = json.JSONDecoder(object_pairs_hook=_object, parse_constant=_refuse)


def _has_signed(key: bytes, signature: bytes, signed: bytes) -> bool:
    try:
        Ed25519PublicKey.from_public_bytes(key).verify(signature, signed)
    except InvalidSignature:
        return False
    return True
