"""Sessions; the names S15 to S22 are those of the failure model."""

import base64
import hmac
import json
from datetime import UTC, datetime, timedelta
from hashlib import sha256, sha512
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.hashes import SHA256
from hypothesis import given
from hypothesis import strategies as st

from tests.kit.arrange import ALICE, KEYS, NOW
from webapp.domain.people import sessions
from webapp.domain.people.keys import KeyRing
from webapp.domain.people.sessions import InvalidSession, Session
from webapp.domain.sales import payloads
from webapp.domain.sales.payloads import Payload

BOT_ID = 7342037359
OTHER_KEYS = KeyRing.of("Zt7Rk1WbXq9Lm3VnC5hYd8JpGf2SaUe4")
SECONDS = int(NOW.timestamp())
KID, KEY = KEYS.key("session")
HEADER: dict[str, Any] = {"alg": "HS256", "kid": KID, "typ": "starfront-session+jwt"}
CLAIMS: dict[str, Any] = {
    "iss": "starfront",
    "aud": f"bot:{BOT_ID}",
    "sub": str(ALICE),
    "iat": SECONDS,
    "exp": SECONDS + 900,
    "jti": "x",
    "ep": 3,
    "auth": SECONDS - 60,
}


def mint(**changes: Any) -> str:
    facts = {"bot_id": BOT_ID, "auth_at": NOW - timedelta(minutes=1), "keys": KEYS, "now": NOW}
    return sessions.mint(ALICE, 3, **{**facts, **changes})


def verify(token: str, **changes: Any) -> Session:
    return sessions.verify(token, **{"bot_id": BOT_ID, "keys": KEYS, "now": NOW, **changes})


def reason(token: str, **changes: Any) -> str:
    with pytest.raises(InvalidSession) as refusal:
        verify(token, **changes)
    assert str(refusal.value) == refusal.value.reason
    return refusal.value.reason


def encoded(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def forge(header: dict[str, Any] | None = None, key: bytes = KEY, digest: Any = sha256, **claims: Any) -> str:
    """Sign any header and claims, written here without the library; None leaves a member out."""
    parts = [
        {name: value for name, value in {**known, **changed}.items() if value is not None}
        for known, changed in ((HEADER, header or {}), (CLAIMS, claims))
    ]
    signed = ".".join(encoded(json.dumps(part).encode()) for part in parts)
    return f"{signed}.{encoded(hmac.digest(key, signed.encode(), digest))}"


def parts(token: str) -> list[dict[str, Any]]:
    return [json.loads(base64.urlsafe_b64decode(part + "==")) for part in token.split(".")[:2]]


def test_a_session_says_who_it_is():
    assert verify(mint()) == Session(
        telegram_id=ALICE,
        epoch=3,
        minted_at=NOW,
        expires_at=NOW + timedelta(minutes=15),
        auth_at=NOW - timedelta(minutes=1),
    )


def test_a_session_says_nothing_else():
    header, claims = parts(mint())
    assert header == HEADER
    assert claims == {**CLAIMS, "jti": claims["jti"]}
    assert mint() != mint()


def test_the_forgery_itself_is_good():
    assert verify(forge()) == verify(mint())


@pytest.mark.proves("I22", "F53", "S65")
def test_13_a_session_ends_with_the_key_that_signed_it():
    """Whoever has a key that leaked would be anybody for as long as it is kept for payloads."""
    rotated = KeyRing(OTHER_KEYS.secrets + KEYS.secrets)
    for token in (mint(), forge()):
        with pytest.raises(InvalidSession, match="key"):
            verify(token, keys=rotated)
    assert parts(mint(keys=rotated))[0]["kid"] == OTHER_KEYS.key("session")[0]
    assert verify(mint(keys=rotated), keys=rotated).telegram_id == ALICE


@pytest.mark.proves("S15")
@pytest.mark.parametrize("alg", ["none", "None", "hs256", "Hs256", "HS384", "HS512", "RS256", "", None, 7])
def test_s15_there_is_one_algorithm(alg):
    assert reason(forge({"alg": alg})) in {"header", "claims"}


@pytest.mark.proves("S15")
def test_s15_a_longer_hash_is_not_ours():
    assert reason(forge({"alg": "HS512"}, digest=sha512)) == "shape"


@pytest.mark.proves("I27", "S15")
def test_s15_no_signature_is_no_session():
    head, body, _ = forge({"alg": "none"}).split(".")
    assert reason(f"{head}.{body}.") == "shape"


@pytest.mark.proves("S15")
def test_s15_a_key_pair_of_somebody_elses_signs_nothing():
    pair = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    signed = forge({"alg": "RS256"}).rpartition(".")[0]
    signature = pair.sign(signed.encode(), padding.PKCS1v15(), SHA256())
    assert reason(f"{signed}.{encoded(signature)}") == "shape"


@pytest.mark.proves("S16")
@pytest.mark.parametrize(
    "kid", ["00000000", "../../dev/null", "' OR 1=1 --", "", KID.upper(), None, 7, [KID]]
)
def test_s16_keys_come_from_configuration(kid):
    assert reason(forge({"kid": kid})) in {"key", "header", "claims"}


@pytest.mark.proves("S16")
@pytest.mark.parametrize(
    "member",
    [{"jku": "https://evil.example"}, {"jwk": {"kty": "oct"}}, {"x5u": "https://evil.example"}]
    + [{"x5c": ["x"]}, {"crit": ["exp"]}, {"b64": True}, {"b64": False}, {"cty": "JWT"}, {"zip": "DEF"}],
)
def test_s16_no_header_names_a_key_or_a_rule(member):
    assert reason(forge(member)) in {"header", "claims"}


@pytest.mark.proves("S16")
def test_s16_anothers_key_under_our_id_is_refused():
    assert reason(forge(key=OTHER_KEYS.key("session")[1])) == "signature"
    assert reason(mint(keys=OTHER_KEYS)) == "key"


@pytest.mark.proves("S17")
@pytest.mark.parametrize("typ", ["JWT", "jwt", "", None, "starfront-download+jwt"])
def test_s17_a_token_of_another_type_is_no_session(typ):
    assert reason(forge({"typ": typ})) == "header"


@pytest.mark.proves("S17")
@pytest.mark.parametrize("name", CLAIMS)
def test_s17_every_claim_is_there(name):
    assert reason(forge(**{name: None})) == "claims"


@pytest.mark.proves("S17")
@pytest.mark.parametrize(
    "claim",
    [{"iss": "starfront2"}, {"iss": ["starfront"]}, {"iss": ""}]
    + [{"aud": "bot:1"}, {"aud": [f"bot:{BOT_ID}"]}, {"aud": ""}, {"aud": BOT_ID}]
    + [{"sub": value} for value in (ALICE, "", "0", "-1", "01", "٣", "1e3", "1 ", str(2**52 + 1), "9" * 17)]
    + [{"iat": value} for value in ("1", 1.5, True, -(10**30), SECONDS - 1)]
    + [{"exp": value} for value in ("1", float(SECONDS), SECONDS + 901, 10**30, -(10**30))]
    + [{"auth": value} for value in ("1", 1.5, SECONDS + 61, 10**30, SECONDS + 899 - 86400, 0)]
    + [{"ep": value} for value in ("3", 3.0, False)]
    + [{"jti": 7}],
    ids=str,
)
def test_s17_every_claim_is_ours(claim):
    assert reason(forge(**claim)) == "claims"


@pytest.mark.proves("I27", "S17")
def test_s17_a_session_is_for_one_bot():
    assert reason(mint(bot_id=BOT_ID + 1)) == "claims"
    assert reason(mint(), bot_id=BOT_ID + 1) == "claims"


@pytest.mark.proves("S17")
def test_s17_clocks_may_differ_by_half_a_minute():
    assert verify(mint(), now=NOW - timedelta(seconds=30))
    assert reason(mint(), now=NOW - timedelta(seconds=31)) == "future"


@pytest.mark.proves("S18")
def test_s18_what_was_signed_for_another_purpose_is_no_session():
    kid, key = KEYS.key("payload")
    assert reason(forge({"kid": kid}, key=key)) == "key"
    assert reason(forge(key=key)) == "signature"
    order = Payload(payloads.new_order_id(), ALICE, "atlas", 250, None)
    assert reason(payloads.seal(order, KEYS)) == "shape"


@pytest.mark.proves("S19")
def test_s19_a_session_lasts_fifteen_minutes():
    token = mint()
    assert verify(token, now=NOW + timedelta(minutes=15, seconds=29))
    assert reason(token, now=NOW + timedelta(minutes=15, seconds=31)) == "expired"


@pytest.mark.proves("S19")
def test_s19_no_session_outlives_the_day_of_its_launch():
    auth_at = NOW - timedelta(hours=23, minutes=55)
    assert verify(mint(auth_at=auth_at)).expires_at == NOW + timedelta(minutes=5)
    assert reason(mint(auth_at=NOW - timedelta(hours=24, seconds=30))) == "expired"


@pytest.mark.proves("S19")
def test_s19_fractions_of_a_second_are_no_trouble():
    now = NOW + timedelta(microseconds=999_999)
    assert verify(mint(now=now, auth_at=NOW - timedelta(hours=23, minutes=50)), now=now)
    assert verify(mint(now=now, auth_at=now), now=now).auth_at == NOW


@pytest.mark.parametrize("year", [2001, 2100])
def test_no_clock_is_asked_but_the_one_that_was_handed_in(year):
    now = NOW.replace(year=year)
    assert verify(mint(now=now, auth_at=now), now=now).auth_at == now


def test_a_launch_slightly_ahead_of_our_clock_gives_a_session():
    assert verify(mint(auth_at=NOW + timedelta(seconds=60))).telegram_id == ALICE


@pytest.mark.proves("S22")
def test_s22_roles_in_a_session_mean_nothing():
    assert verify(forge(role="owner", stars=0, nbf=SECONDS + 10**9)) == verify(mint())


@pytest.mark.proves("S19")
def test_s19_a_token_seen_before_is_not_believed_for_longer():
    token = mint()
    assert verify(token) == verify(token)
    assert reason(token, now=NOW + timedelta(minutes=16)) == "expired"
    assert reason(token, now=NOW - timedelta(minutes=1)) == "future"


@pytest.mark.proves("S16")
def test_s16_a_token_seen_before_goes_with_its_key():
    token = mint()
    assert verify(token)
    assert reason(token, keys=OTHER_KEYS) == "key"
    assert reason(token, bot_id=BOT_ID + 1) == "claims"


def test_even_a_signed_token_has_an_end():
    assert verify(forge(jti="x" * 500)) == verify(mint())
    assert reason(forge(jti="x" * 800)) == "shape"


def test_refused_tokens_take_no_room():
    before = sessions._opened.cache_info()
    for _ in range(50):
        assert reason(forge(key=OTHER_KEYS.key("session")[1])) == "signature"
    assert sessions._opened.cache_info().currsize == before.currsize
    assert before.maxsize == 4096


def test_a_session_is_over_when_its_expiry_says():
    launched = NOW - timedelta(hours=23, minutes=55)
    assert sessions.expiry(NOW, NOW) == NOW + timedelta(minutes=15)
    assert sessions.expiry(launched, NOW) == verify(mint(auth_at=launched)).expires_at


def test_no_bit_can_be_changed():
    token = mint()
    for place, letter in enumerate(token):
        for bit in range(7):
            assert reason(token[:place] + chr(ord(letter) ^ 1 << bit) + token[place + 1 :])


@pytest.mark.parametrize(
    "token",
    ["", ".", "..", "x", "a.b.c", "é", "\ud800", "\0", "x" * 10**7, f"{'x' * 1000}.x.{'x' * 43}"]
    + [mint() + "=", mint() + "\n", " " + mint(), mint() + ".x", "x." + mint()]
    + [f"{encoded(header)}.x.{'x' * 43}" for header in (b"[]", b"7", b"{", b"\xff", b"[" * 700)],
    ids=lambda token: ascii(token[:8]),
)
def test_what_is_no_token_is_refused(token):
    assert reason(token) in {"shape", "claims"}


@pytest.mark.parametrize("body", [b"[]", b"7", b"{", b"\xff", b"[" * 400, b'{"iat":' + b"9" * 400 + b"}"])
def test_a_signed_body_that_holds_no_claims_is_refused(body):
    signed = f"{encoded(json.dumps(HEADER).encode())}.{encoded(body)}"
    assert reason(f"{signed}.{encoded(hmac.digest(KEY, signed.encode(), sha256))}") == "claims"


@given(st.text(max_size=200))
def test_no_text_is_anything_but_refused(token):
    assert reason(token)


@given(st.integers(1, 2**52), st.integers(0, 2**31 - 1), st.integers(-86399, 60), st.integers(0, 4 * 10**9))
def test_every_session_opens_at_once(telegram_id, epoch, launched, moment):
    now = datetime.fromtimestamp(moment, UTC)
    auth_at = now + timedelta(seconds=launched)
    token = sessions.mint(telegram_id, epoch, bot_id=BOT_ID, auth_at=auth_at, keys=KEYS, now=now)
    session = verify(token, now=now)
    assert (session.telegram_id, session.epoch, session.auth_at) == (telegram_id, epoch, auth_at)
