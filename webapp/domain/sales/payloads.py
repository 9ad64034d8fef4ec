"""The invoice payload: a signed description of its order that only we can write.

Telegram gives it back with every charge and for ever in the statement, so that a purchase can
be understood even when nothing but Telegram is left.
"""

import base64
import hmac
import secrets
import struct
from dataclasses import dataclass
from enum import StrEnum
from hashlib import sha256

from webapp.domain.people.keys import KeyRing

LARGEST = 128  # bytes; Bot API: createInvoiceLink, payload
# version, key id, order's public id, buyer, stars, days of a pass or a trial (0: none)
HEAD = struct.Struct(">B4s12sQIH")


class SaleKind(StrEnum):
    """What kind of sale an invoice was made for."""

    ONCE = "once"
    SUBSCRIPTION = "subscription"
    TRIAL = "trial"


# The version says what kind of sale it is; a release before a kind existed quarantines its charges.
VERSIONS = {SaleKind.ONCE: 1, SaleKind.SUBSCRIPTION: 2, SaleKind.TRIAL: 3}
KINDS = {version: kind for kind, version in VERSIONS.items()}
TAG_BYTES = 16


@dataclass(frozen=True)
class Payload:
    """What an invoice was made for."""

    order_id: str  # the order's public id
    telegram_id: int  # the buyer
    slug: str
    stars: int
    pass_days: int | None
    kind: SaleKind = SaleKind.ONCE


class PayloadInvalid(ValueError):
    """Not a payload of this shop, or one that somebody changed."""


def new_order_id() -> str:
    """Return an unguessable public id for an order: 96 random bits, 16 URL-safe characters."""
    return secrets.token_urlsafe(12)


def seal(payload: Payload, keys: KeyRing) -> str:
    """Return the text that describes an order to ourselves, at most 128 bytes, signed."""
    kid, key = keys.key("payload")
    head = HEAD.pack(
        VERSIONS[payload.kind],
        bytes.fromhex(kid),
        base64.urlsafe_b64decode(payload.order_id),
        payload.telegram_id,
        payload.stars,
        payload.pass_days or 0,
    )
    body = head + payload.slug.encode()
    return base64.urlsafe_b64encode(body + _tag(key, body)).rstrip(b"=").decode()


def unseal(text: str, keys: KeyRing) -> Payload:
    """Return what a payload describes.

    Keys that were replaced still open what they sealed: a payload lives as long as its charge.

    :raise PayloadInvalid: it was not written by this shop
    """
    raw = _decoded(text)
    body, tag = raw[:-TAG_BYTES], raw[-TAG_BYTES:]
    if len(body) <= HEAD.size or body[0] not in KINDS:
        raise PayloadInvalid("shape")
    version, kid, order_id, telegram_id, stars, pass_days = HEAD.unpack(body[: HEAD.size])
    key = keys.openers.get(("payload", kid.hex()))
    if key is None or not hmac.compare_digest(tag, _tag(key, body)):
        raise PayloadInvalid("signature")
    return Payload(
        order_id=base64.urlsafe_b64encode(order_id).decode(),
        telegram_id=telegram_id,
        slug=body[HEAD.size :].decode(),
        stars=stars,
        pass_days=pass_days or None,
        kind=KINDS[version],
    )


def _decoded(text: str) -> bytes:
    if len(text) > LARGEST or not text.isascii():
        raise PayloadInvalid("size")
    try:
        raw = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    except ValueError as error:
        raise PayloadInvalid("encoding") from error
    # One payload has one spelling: the decoder itself passes over foreign characters.
    if base64.urlsafe_b64encode(raw).rstrip(b"=").decode() != text:
        raise PayloadInvalid("encoding")
    return raw


def _tag(key: bytes, body: bytes) -> bytes:
    return hmac.digest(key, body, sha256)[:TAG_BYTES]
