import base64

import pytest

from webapp.domain.people.keys import KeyRing
from webapp.domain.sales import payloads
from webapp.domain.sales.payloads import Payload, PayloadInvalid

KEYS = KeyRing.of("kV9dT2xQw8Lr4ZbN6hYc1JmPf3GsUe5a")
OTHER_KEYS = KeyRing.of("Zt7Rk1WbXq9Lm3VnC5hYd8JpGf2SaUe4")


def make_payload(**changes: object) -> Payload:
    facts = {
        "order_id": payloads.new_order_id(),
        "telegram_id": 2**52 - 1,
        "slug": "deep-sky-atlas",
        "stars": 250,
        "pass_days": None,
    }
    return Payload(**{**facts, **changes})


@pytest.mark.parametrize("pass_days", [None, 7, 3650])
def test_a_payload_says_what_was_ordered(pass_days):
    payload = make_payload(pass_days=pass_days)
    assert payloads.unseal(payloads.seal(payload, KEYS), KEYS) == payload


def test_the_longest_payload_fits_telegrams_128_bytes():
    payload = make_payload(slug="x" * 32, stars=100_000, pass_days=3650)
    assert len(payloads.seal(payload, KEYS).encode()) <= 128


def test_no_two_orders_share_a_payload():
    assert payloads.seal(make_payload(), KEYS) != payloads.seal(make_payload(), KEYS)


@pytest.mark.proves("I22", "F53", "S65")
def test_a_replaced_key_still_opens_what_it_sealed():
    sealed = payloads.seal(make_payload(), OTHER_KEYS)
    rotated = KeyRing(KEYS.secrets + OTHER_KEYS.secrets)
    assert payloads.unseal(sealed, rotated).slug == "deep-sky-atlas"


def test_another_shops_payload_is_not_ours():
    with pytest.raises(PayloadInvalid, match="signature"):
        payloads.unseal(payloads.seal(make_payload(), OTHER_KEYS), KEYS)


def test_no_bit_can_be_changed():
    raw = bytearray(base64.urlsafe_b64decode(payloads.seal(make_payload(), KEYS) + "=="))
    for position in range(len(raw) * 8):
        changed = bytearray(raw)
        changed[position // 8] ^= 1 << position % 8
        with pytest.raises(PayloadInvalid):
            payloads.unseal(base64.urlsafe_b64encode(changed).rstrip(b"=").decode(), KEYS)


@pytest.mark.parametrize(
    "text",
    ["", "order-17", "A" * 129, "é" * 20, "====", "A" * 100, "AcFk T01n", "\0", "A"],
    ids=["empty", "someone-elses", "long", "accents", "padding", "zeros", "space", "nul", "one"],
)
def test_anything_else_is_refused(text):
    with pytest.raises(PayloadInvalid):
        payloads.unseal(text, KEYS)


def test_a_payload_has_one_spelling():
    sealed = payloads.seal(make_payload(), KEYS)
    with pytest.raises(PayloadInvalid):
        payloads.unseal(f"{sealed[:10]}\n{sealed[10:]}", KEYS)


def test_a_payload_that_names_no_product_is_none_even_if_we_sealed_it():
    with pytest.raises(PayloadInvalid, match="shape"):
        payloads.unseal(payloads.seal(make_payload(slug=""), KEYS), KEYS)


@pytest.mark.parametrize(
    ("kind", "pass_days", "sealed"),
    [
        (
            "once",
            None,
            "AXWS1tgAAQIDBAUGBwgJCgsAAAAAAAAD6QAAAPoAAGRlZXAtc2t5LWF0bGFzvMSyxFUH7bUd2Nt5E5eBfQ",
        ),
        (
            "subscription",
            None,
            "AnWS1tgAAQIDBAUGBwgJCgsAAAAAAAAD6QAAAPoAAGRlZXAtc2t5LWF0bGFzwhS5aMWcSJ1Y8v32g9bLBw",
        ),
        (
            "trial",
            7,
            "A3WS1tgAAQIDBAUGBwgJCgsAAAAAAAAD6QAAAPoAB2RlZXAtc2t5LWF0bGFz7ZYMLbYtbx5dIefKa5XucQ",
        ),
    ],
)
def test_what_an_earlier_release_sealed_still_opens(kind, pass_days, sealed):
    """A plan's payload comes back with each renewal, however many releases later."""
    payload = Payload("AAECAwQFBgcICQoL", 1001, "deep-sky-atlas", 250, pass_days, kind)
    assert payloads.unseal(sealed, KEYS) == payload
    assert payloads.seal(payload, KEYS) == sealed
