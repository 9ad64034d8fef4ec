"""Launch data; the names S1 to S13 are those of the failure model."""

import base64
import contextlib
import hmac
import json
import os
import random
import time
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qsl, quote, unquote_to_bytes

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from tests.kit.arrange import NOW
from webapp.domain.people import init_data
from webapp.domain.people.init_data import InitData, InvalidInitData, Profile

TOKEN = "7342037359:AAF9x2Lq8Rk4ZbN6hYc1JmPf3GsUe5aVtWo"
SECRET = init_data.secret_of(TOKEN)
AUTH_DATE = str(int(NOW.timestamp()))
USER = {"id": 1001, "first_name": "Alice", "is_premium": True}
ID_1 = "%7B%22id%22%3A1%7D"
MUTATIONS = int(os.environ.get("MUTATIONS", "20000"))

# Published by tma.js, @tma.js/init-data-node: https://github.com/Telegram-Mini-Apps/tma.js
PUBLISHED_TOKEN = "5768337691:AAH5YkoiEuPk8-FZa32hStHTqXiLPtAEhx8"
PUBLISHED = (
    "query_id=AAHdF6IQAAAAAN0XohDhrOrc"
    "&user=%7B%22id%22%3A279058397%2C%22first_name%22%3A%22Vladislav%22%2C%22last_name%22%3A%22Kibenko%22"
    "%2C%22username%22%3A%22vdkfrost%22%2C%22language_code%22%3A%22ru%22%2C%22is_premium%22%3Atrue%7D"
    "&auth_date=1662771648&hash=c501b71e775f74ce10e377dea85a7ea24ecd640b223ea86dfe453e0eaed2e2b2"
)
SIGNED_TOKEN = "7342037359:AAHI25ES9xCOMPokpYoz-p8XVrZUdygo2J4"
SIGNED = (
    "user=%7B%22id%22%3A279058397%2C%22first_name%22%3A%22Vladislav%20%2B%20-%20%3F%20%5C%2F%22%2C%22"
    "last_name%22%3A%22Kibenko%22%2C%22username%22%3A%22vdkfrost%22%2C%22language_code%22%3A%22ru%22%2C%22"
    "is_premium%22%3Atrue%2C%22allows_write_to_pm%22%3Atrue%2C%22photo_url%22%3A%22https%3A%5C%2F%5C%2F"
    "t.me%5C%2Fi%5C%2Fuserpic%5C%2F320%5C%2F4FPEE4tmP3ATHa57u6MqTDih13LTOiMoKoLDRG4PnSA.svg%22%7D"
    "&chat_instance=8134722200314281151&chat_type=private&auth_date=1733509682"
    "&signature=TYJxVcisqbWjtodPepiJ6ghziUL94-KNpG8Pau-X7oNNLNBM72APCpi_RKiUlBvcqo5L-LAxIc3dnTzcZX_PDg"
    "&hash=a433d8f9847bd6addcc563bff7cc82c89e97ea0d90c11fe5729cae6796a36d73"
)
PRODUCTION_KEY = bytes.fromhex("e7bf03a2fa4602af4580703d88dda5bb59f32ed8b02a56c187fe7d34caed242d")
TEST_KEY = bytes.fromhex("40055058a4ee38156a06562e52eece92a771bcd8346a8c4615cb7376eddf72ec")


def sign(pairs: Iterable[tuple[str, str | bytes]], token: str = TOKEN) -> str:
    """Sign pairs as Telegram does, written here without a line of the shop's code."""
    known = [(key, value.encode() if isinstance(value, str) else value) for key, value in pairs]
    check = b"\n".join(key.encode() + b"=" + value for key, value in sorted(known))
    secret = hmac.digest(b"WebAppData", token.encode(), "sha256")
    digest = hmac.digest(secret, check, "sha256").hex()
    return "&".join([f"{key}={quote(value, safe='')}" for key, value in known] + [f"hash={digest}"])


def launch(user: Any = USER, auth_date: str = AUTH_DATE, **fields: str | bytes) -> str:
    text = user if isinstance(user, str | bytes) else json.dumps(user, separators=(",", ":"))
    return sign([("query_id", "AAE"), ("user", text), ("auth_date", auth_date), *fields.items()])


def verify(raw: str, **changes: Any) -> InitData:
    return init_data.verify(raw, SECRET, **{"now": NOW, **changes})


def reason(raw: str, **changes: Any) -> str:
    with pytest.raises(InvalidInitData) as refusal:
        verify(raw, **changes)
    assert str(refusal.value) == refusal.value.reason
    return refusal.value.reason


def at(seconds: int) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)


def test_the_published_launch_is_believed():
    told = init_data.verify(PUBLISHED, init_data.secret_of(PUBLISHED_TOKEN), now=at(1662771648))
    assert told == InitData(
        profile=Profile(279058397, "Vladislav", "Kibenko", "vdkfrost", "ru", True, None),
        auth_at=datetime(2022, 9, 10, 1, 0, 48, tzinfo=UTC),
        start_param=None,
        query_id="AAHdF6IQAAAAAN0XohDhrOrc",
        fingerprint="c501b71e775f74ce10e377dea85a7ea24ecd640b223ea86dfe453e0eaed2e2b2",
    )


def test_the_published_launch_with_a_signature_is_believed():
    told = init_data.verify(SIGNED, init_data.secret_of(SIGNED_TOKEN), now=at(1733509682))
    assert told.profile.first_name == "Vladislav + - ? /"
    assert told.profile.photo_url == (
        "https://t.me/i/userpic/320/4FPEE4tmP3ATHa57u6MqTDih13LTOiMoKoLDRG4PnSA.svg"
    )


@pytest.mark.proves("I27", "S1")
def test_s1_a_fresh_launch_says_who_it_is():
    told = verify(launch({**USER, "id": 2**52, "first_name": "Zoë 🌌"}, start_param="atlas"))
    assert told.profile == Profile(2**52, "Zoë 🌌", "", None, None, True, None)
    assert (told.auth_at, told.start_param, told.query_id) == (NOW, "atlas", "AAE")
    assert len(told.fingerprint) == 64


@pytest.mark.proves("S1")
def test_s1_people_without_premium_or_a_name_are_people():
    told = verify(sign([("user", '{"id":1,"username":null}'), ("auth_date", AUTH_DATE)]))
    assert told.profile == Profile(1, "", "", None, None, False, None)
    assert told.query_id is None


@pytest.mark.proves("I27", "S2")
def test_s2_nothing_signed_can_be_changed():
    seed = int(os.environ.get("SEED", random.SystemRandom().getrandbits(32)))
    print(f"SEED={seed} MUTATIONS={MUTATIONS}")
    chance = random.Random(seed)
    raw = launch({**USER, "last_name": "Zoë + / 🌌"}, start_param="atlas", signature="x" * 86)
    meant = sorted(parse_qsl(raw, keep_blank_values=True, errors="surrogateescape"))
    refused = 0
    for _ in range(MUTATIONS):
        changed = _mutated(raw, chance)
        try:
            verify(changed)
        except InvalidInitData:
            refused += 1
            continue
        # %2c for %2C changes the spelling, not what was signed.
        assert sorted(parse_qsl(changed, keep_blank_values=True)) == meant, changed
    assert refused > 0.9 * MUTATIONS


def _mutated(raw: str, chance: random.Random) -> str:
    place = chance.randrange(len(raw))
    match chance.randrange(6):
        case 0:
            return raw[:place] + chr(ord(raw[place]) ^ 1 << chance.randrange(8)) + raw[place + 1 :]
        case 1:
            return raw[:place] + chr(chance.randrange(256)) + raw[place + 1 :]
        case 2:
            return raw[:place] + raw[place + 1 :]
        case 3:
            return raw[:place] + chance.choice("&=%+ \n\0/\\\"0a'") + raw[place:]
        case 4:
            other = chance.randrange(len(raw))
            return raw[:place] + raw[min(place, other) : other] + raw[place:]
        case _:
            pairs = raw.split("&")
            pairs.append(chance.choice(pairs))
            chance.shuffle(pairs)
            return "&".join(pairs)


@pytest.mark.proves("S2")
def test_s2_no_line_break_turns_one_field_into_two():
    raw = sign([("auth_date", AUTH_DATE), ("start_param", 'x\nuser={"id":1}')])
    assert reason(raw) == "encoding"
    digest = raw.rpartition("=")[2]
    resplit = f"auth_date={AUTH_DATE}&start_param=x&user={ID_1}&hash={digest}"
    assert verify(resplit).profile.telegram_id == 1  # the same text: hence the refusal above


@pytest.mark.proves("S3")
@pytest.mark.parametrize("hash_", ["é" * 64, "%C3%A9" * 32, "٣" * 64])
def test_s3_a_hash_in_foreign_letters_is_refused(hash_):
    assert reason(launch().rpartition("=")[0] + "=" + hash_) in {"hash", "encoding"}


@pytest.mark.proves("S3")
def test_s3_hashes_are_compared_in_constant_time(monkeypatch):
    compared = []
    compare = hmac.compare_digest
    monkeypatch.setattr(
        hmac, "compare_digest", lambda one, other: compared.append((one, other)) or compare(one, other)
    )
    verify(launch())
    assert [(type(one), type(other)) for one, other in compared] == [(bytes, bytes)]


@pytest.mark.proves("I27", "S4")
@pytest.mark.parametrize("key", ["user", "hash", "auth_date", "query_id"])
def test_s4_no_key_comes_twice(key):
    raw = launch()
    (pair,) = [pair for pair in raw.split("&") if pair.startswith(f"{key}=")]
    assert reason(f"{raw}&{pair}") == "duplicate"
    assert reason(f"{key}=1&{raw}") == "duplicate"


@pytest.mark.proves("S4")
@pytest.mark.parametrize("spelling", ["%75ser", "user+", "+user", "", "use%72"])
def test_s4_no_key_comes_in_disguise(spelling):
    assert reason(f"{launch()}&{spelling}={ID_1}") == "encoding"


@pytest.mark.proves("S5")
def test_s5_identity_is_the_one_that_was_signed():
    hers = launch()
    victims = quote('{"id":1002}')
    for raw in (f"user={victims}&{hers}", f"{hers}&user={victims}", f"{hers}&User={victims}"):
        assert reason(raw) in {"duplicate", "hash"}


@pytest.mark.proves("S6")
def test_s6_blank_and_unknown_fields_are_part_of_what_was_signed():
    raw = launch(start_param="", chat_join_request_query_id="7", a="", a2="2", **{"a-b": "x=y&z"})
    assert verify(raw).start_param == ""
    assert reason(raw.replace("&start_param=", "")) == "hash"
    assert reason(raw.replace("&chat_join_request_query_id=7", "")) == "hash"


@pytest.mark.proves("S6")
def test_s6_the_signature_is_under_the_hash():
    assert reason(launch(signature="x" * 86).replace("x" * 86, "y" * 86)) == "hash"


@pytest.mark.proves("S6")
def test_s6_a_plus_is_a_space():
    raw = launch({**USER, "last_name": "de la Cruz"})
    assert "%20" in raw
    assert verify(raw.replace("%20", "+")).profile.last_name == "de la Cruz"


@pytest.mark.proves("S7")
@pytest.mark.parametrize("change", [str.upper, lambda text: text[:-1], lambda text: text + "0", lambda _: ""])
def test_s7_a_hash_has_64_lower_case_digits(change):
    head, _, digest = launch().rpartition("=")
    assert reason(f"{head}={change(digest)}") == "hash"


@pytest.mark.proves("S7")
def test_s7_a_launch_has_a_hash():
    assert reason(launch().rpartition("&")[0]) == "hash"
    assert reason("hash=" + "0" * 64) == "hash"


@pytest.mark.proves("S8")
@pytest.mark.parametrize(
    "auth_date", ["", "-1", "1e9", " 1777636800", "1777636800.0", "٣" * 10, "1" * 13, "1_000", "0x1"]
)
def test_s8_the_time_of_a_launch_is_a_plain_number(auth_date):
    assert reason(launch(auth_date=auth_date)) == "auth_date"


@pytest.mark.proves("S8")
def test_s8_the_time_of_a_launch_is_known():
    assert reason(sign([("user", '{"id":1}')])) == "auth_date"


@pytest.mark.proves("F52", "S8")
@pytest.mark.parametrize(
    ("seconds", "refusal"),
    [(60, None), (61, "future"), (-86400, None), (-86401, "expired"), (10**11, "future")],
)
def test_s8_a_launch_is_of_today(seconds, refusal):
    raw = launch(auth_date=str(int(NOW.timestamp()) + seconds))
    if refusal:
        assert reason(raw) == refusal
    else:
        assert verify(raw).auth_at == NOW + timedelta(seconds=seconds)


@pytest.mark.proves("S8")
def test_s8_some_places_ask_for_a_launch_of_the_last_hour():
    raw = launch()
    assert verify(raw, now=NOW + timedelta(hours=1), max_age_seconds=3600)
    assert reason(raw, now=NOW + timedelta(seconds=3601), max_age_seconds=3600) == "expired"


@pytest.mark.proves("S9")
@pytest.mark.parametrize(
    "user",
    [
        "",
        "null",
        "1001",
        "[]",
        "[1001]",
        '"1001"',
        "{}",
        '{"id":"1001"}',
        '{"id":1001.0}',
        '{"id":1e3}',
        '{"id":true}',
        '{"id":null}',
        '{"id":NaN}',
        '{"id":Infinity}',
        '{"id":0}',
        '{"id":-1}',
        f'{{"id":{2**52 + 1}}}',
        f'{{"id":{"9" * 2000}}}',
        '{"id":1001,"id":1002}',
        '{"id":1001,"x":{"y":1,"y":1}}',
        '{"id":1001,"\\u0069d":1002}',
        '{"id":1001,"x":NaN}',
        '{"id":1001,"is_bot":true}',
        '{"id":1001,"is_bot":1}',
        '{"id":1001,"first_name":7}',
        '{"id":1001,"first_name":["x"]}',
        '{"id":1001,"first_name":"\\u0000"}',
        '{"id":1001,"first_name":"\\ud83c"}',
        f'{{"id":1001,"first_name":"{"x" * 257}"}}',
        f'{{"id":1001,"username":"{"x" * 65}"}}',
        '{"id":1001',
        '{"id":1001}}',
        '{"id":٣}',
        "[" * 1300,
        '{"a":' * 250,
    ],
)
def test_s9_a_launch_has_one_person(user):
    assert reason(launch(user)) == "user"


@pytest.mark.proves("S9")
@pytest.mark.parametrize(
    ("name", "longest"),
    [("first_name", 256), ("last_name", 256), ("username", 64), ("language_code", 35), ("photo_url", 2048)],
)
def test_s9_what_is_told_of_a_person_is_as_long_as_its_column(name, longest):
    told = verify(launch({**USER, name: "x" * longest}))
    assert getattr(told.profile, name) == "x" * longest
    assert reason(launch({**USER, name: "x" * (longest + 1)})) == "user"


@pytest.mark.proves("S9")
def test_s9_a_launch_has_a_person():
    assert reason(sign([("auth_date", AUTH_DATE), ("chat", '{"id":1}')])) == "user"


@pytest.mark.proves("S22")
@pytest.mark.parametrize("said", [1, "true", [0], None, False])
def test_s22_only_the_word_true_makes_a_premium_member(said):
    assert verify(launch({**USER, "is_premium": said})).profile.is_premium is False


@pytest.mark.proves("S9")
def test_s9_not_being_a_bot_may_be_said():
    assert verify(launch({**USER, "is_bot": False})).profile.telegram_id == 1001


@pytest.mark.proves("S10")
def test_s10_an_empty_launch_is_nobody():
    assert reason("") == "empty"


@pytest.mark.proves("S11")
@pytest.mark.parametrize("token", ["5768337691:AAH5YkoiEuPk8-FZa32hStHTqXiLPtAEhx8", TOKEN + "/test"])
def test_s11_another_bots_launch_is_not_ours(token):
    assert reason(sign([("user", '{"id":1001}'), ("auth_date", AUTH_DATE)], token)) == "hash"


@pytest.mark.proves("S12")
@pytest.mark.parametrize(
    ("raw", "refusal"),
    [
        ("a=" + "x" * 8191, "size"),
        ("&".join(f"a{number}=" for number in range(65)), "size"),
        ("user=\0", "encoding"),
        ("user=%00", "encoding"),
        ("user=%0a", "encoding"),
        ("user=%1F", "encoding"),
        ("user=%", "encoding"),
        ("user=%2", "encoding"),
        ("user=%zz", "encoding"),
        ("user=%u0041", "encoding"),
        ("user=é", "encoding"),
        ("user=\ud800", "encoding"),
        ("user=a b", "encoding"),
        ("user", "encoding"),
        ("=user", "encoding"),
        ("&", "encoding"),
        ("&user=1", "encoding"),
        ("user=1&", "encoding"),
        (launch() + "&", "encoding"),
        (launch(start_param=b"\xff"), "encoding"),
        (launch(start_param=b"\xed\xa0\x80"), "encoding"),
        (launch(start_param=b"\xc0\xaf"), "encoding"),
    ],
)
def test_s12_what_is_not_well_formed_is_refused(raw, refusal):
    assert reason(raw) == refusal


@pytest.mark.proves("S12")
def test_s12_the_limits_themselves_are_within():
    pairs = [("user", '{"id":1}'), ("auth_date", AUTH_DATE), *((f"a{number}", "") for number in range(61))]
    assert sign(pairs).count("&") == 63
    assert verify(sign(pairs))
    room = 8192 - len(launch(start_param=""))
    assert len(launch(start_param="x" * room)) == 8192
    assert verify(launch(start_param="x" * room))


@pytest.mark.proves("S12")
@pytest.mark.parametrize(
    "raw",
    ["x" * 10**7, "&" * 10**7, "%" * 8192, launch("[" * 2600), launch('{"id":' + "9" * 7500 + "}")],
    ids=["long", "pairs", "escapes", "nesting", "digits"],
)
def test_s12_refusing_takes_no_time(raw):
    taken = []
    for _ in range(5):
        started = time.perf_counter()
        reason(raw)
        taken.append(time.perf_counter() - started)
    assert min(taken) < 0.005


@pytest.mark.proves("S13")
def test_s13_a_launch_may_be_sent_again():
    raw = launch()
    assert verify(raw) == verify(raw, now=NOW + timedelta(hours=23))


@given(st.text(max_size=300) | st.text('user=&%hash{}[]":,0123456789abcdef+-_\\', max_size=300))
def test_no_text_is_anything_but_refused(raw):
    assert reason(raw)


@given(st.text(max_size=200) | st.recursive(st.none() | st.integers() | st.floats() | st.text(), st.lists))
def test_no_signed_user_is_anything_but_a_person_or_refused(user):
    text = user.encode(errors="surrogatepass") if isinstance(user, str) else json.dumps({"id": user})
    with contextlib.suppress(InvalidInitData):
        assert 1 <= verify(launch(text)).profile.telegram_id <= 2**52


@given(st.text(st.characters(min_codepoint=0x20, exclude_categories=["Cs"]), max_size=100), st.booleans())
def test_values_are_decoded_like_everyone_else_decodes_them(value, is_plain):
    raw = quote(value, safe="/:;,~!*'()=" if is_plain else "")
    decoded = init_data._check_string({"key": raw})
    assert decoded == b"key=" + unquote_to_bytes(raw) == b"key=" + value.encode()


def signature_reason(raw: str, bot_id: int = 7342037359, *keys: bytes) -> str | None:
    try:
        init_data.verify_signature(raw, bot_id=bot_id, public_keys=keys or (PRODUCTION_KEY,))
    except InvalidInitData as refusal:
        return refusal.reason
    return None


def test_telegrams_own_signature_is_believed():
    assert signature_reason(SIGNED) is None
    assert signature_reason(SIGNED, 7342037359, TEST_KEY, PRODUCTION_KEY) is None


def test_a_signature_for_another_bot_or_environment_is_refused():
    assert signature_reason(SIGNED, 7342037358) == "signature"
    assert signature_reason(SIGNED, 7342037359, TEST_KEY) == "signature"
    with pytest.raises(InvalidInitData):
        init_data.verify_signature(SIGNED, bot_id=7342037359, public_keys=())


def test_a_launch_without_a_signature_is_refused():
    assert signature_reason(PUBLISHED, 5768337691) == "signature"


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("279058397", "279058398"),
        ("PDg&", "PDh&"),  # the same 64 bytes in another spelling
        ("PDg&", "PDg==&"),
        ("PDg&", "PD&"),
        ("TYJx", "TYJ/"),
        ("auth_date=1733509682", "auth_date=1733509683"),
    ],
)
def test_nothing_under_the_signature_can_be_changed(old, new):
    assert old in SIGNED
    assert signature_reason(SIGNED.replace(old, new)) == "signature"


def test_the_hash_is_not_under_the_signature():
    assert signature_reason(SIGNED.rpartition("&")[0]) is None


def test_malformed_launches_have_no_signature_to_check():
    assert signature_reason("") == "empty"
    assert signature_reason(SIGNED + "&user=1") == "duplicate"


def test_a_key_of_our_own_signs_like_telegram():
    key = Ed25519PrivateKey.generate()
    check = f'1:WebAppData\nauth_date={AUTH_DATE}\nuser={{"id":1}}'.encode()
    signature = quote(base64.urlsafe_b64encode(key.sign(check)).rstrip(b"=").decode())
    raw = f"user={ID_1}&auth_date={AUTH_DATE}&signature={signature}&hash=x"
    assert signature_reason(raw, 1, key.public_key().public_bytes_raw()) is None
