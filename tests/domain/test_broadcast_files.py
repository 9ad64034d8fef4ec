"""News in a file: what is good, and what is said about what is not."""

import pytest

from webapp.domain.catalogue.toml_files import FileInvalid
from webapp.domain.owner import broadcast_files
from webapp.domain.owner.broadcasts import FOOTER, News
from webapp.i18n import languages

GOOD = '''name = "comet-2026"
to = "everyone"
product = "deep-sky-atlas"
text = """
A comet is coming.

Look north.
"""

[translations.ru]
text = "Летит комета."
'''


def room(code: str) -> int:
    """Return how many characters fit besides the footer, none of which needs two units."""
    return 4096 - len(f"\n\n{languages.all_()[code].say(FOOTER)}")


def refusal(text: str) -> str:
    with pytest.raises(FileInvalid) as refused:
        broadcast_files.parse_news(text)
    return str(refused.value)


def test_a_file_says_what_to_whom():
    texts = {"en": "A comet is coming.\n\nLook north.", "ru": "Летит комета."}
    assert broadcast_files.parse_news(GOOD) == News("comet-2026", "everyone", texts, "deep-sky-atlas")


@pytest.mark.parametrize("to", ["everyone", "buyers", "holders:atlas", "lapsed:field-notes"])
def test_a_file_may_be_short(to):
    news = broadcast_files.parse_news(f'name = "a"\nto = "{to}"\ntext = "b \U0001f30c\u200d\u2060 \u00a0c"')
    assert news == News("a", to, {"en": "b \U0001f30c\u200d\u2060 \u00a0c"}, None)


@pytest.mark.parametrize(
    ("good", "bad", "said"),
    [
        (GOOD, "", "line 1: name: is missing"),
        (GOOD, "name = ", "line 1: TOML: Invalid value"),
        (GOOD, "\0", "line 1: TOML: "),
        (GOOD, "a = " + "[" * 5000, "line 1: TOML: "),
        ('to = "everyone"', "", "line 1: to: is missing"),
        ('to = "everyone"', 'To = "everyone"', "line 2: To: is not a key of news"),
        (
            'to = "everyone"',
            'to = "all"',
            "line 2: to: must be one of everyone, buyers, holders:KEY, lapsed:KEY",
        ),
        ('to = "everyone"', 'to = "buyers:atlas"', "line 2: to: must be one of"),
        ('to = "everyone"', 'to = "holders"', "line 2: to: must be one of"),
        ('to = "everyone"', 'to = "holders:"', "line 2: to: must be one of"),
        ('to = "everyone"', 'to = "holders:a\'b"', "line 2: to: must be one of"),
        ('to = "everyone"', f'to = "holders:{"a" * 65}"', "line 2: to: must be one of"),
        ('to = "everyone"', 'to = ["buyers"]', "line 2: to: must be one of"),
        ("comet-2026", "", "line 1: name: must be up to 32 lower-case letters, digits"),
        ("comet-2026", "Comet 2026", "line 1: name: must be"),
        ("comet-2026", "../comet", "line 1: name: must be"),
        ("comet-2026", "comet:%_", "line 1: name: must be"),
        ("comet-2026", "кометa", "line 1: name: must be"),
        ("comet-2026", "c" * 33, "line 1: name: must be"),
        ('"comet-2026"', "7", "line 1: name: must be"),
        ('"deep-sky-atlas"', '"Deep Sky"', "line 3: product: must be the slug of a product"),
        ('"deep-sky-atlas"', "true", "line 3: product: must be the slug of a product"),
        ('"Летит комета."', '" \\n "', "line 11: translations.ru.text: must be a text that is not empty"),
        ('"Летит комета."', "7", "line 11: translations.ru.text: must be a text that is not empty"),
        (
            '"Летит комета."',
            '"\\u0000"',
            "line 11: translations.ru.text: character 1 is U+0000 (",
        ),
        (
            '"Летит комета."',
            '"\\u001b[2J"',
            "line 11: translations.ru.text: character 1 is U+001B (",
        ),
        ("translations.ru", "translations.tlh", "line 10: translations.tlh: the shop does not speak it;"),
        ("translations.ru", "translations.en", "line 10: translations.en: the shop does not speak it;"),
        (
            "[translations.ru]\ntext",
            "[translations.ru]\ntitle",
            "translations.ru.title: only the text is translated",
        ),
        ('text = "Летит комета."', "", "line 10: translations.ru: has no text"),
        ("[translations.ru]\ntext", "[translations]\nru", "line 10: translations: must be tables such as"),
        ("A comet is coming.\n\nLook north.", "", "line 4: text: must be a text that is not empty"),
    ],
    ids=lambda value: ascii(value)[:24],
)
def test_what_is_wrong_is_said_with_its_line(good, bad, said):
    assert said in refusal(GOOD.replace(good, bad))


@pytest.mark.parametrize("sign", ["a", "я", "\U0001f30c"])
def test_a_text_leaves_room_for_the_footer(sign):
    units = 2 if sign > "\uffff" else 1
    # English is read by all whose language has no words of its own here.
    most = min(room(code) for code in languages.all_() if code != "ru") // units
    longest = GOOD.replace("A comet is coming.\n\nLook north.", sign * most)
    assert broadcast_files.parse_news(longest).texts["en"] == sign * most
    assert "characters as Telegram counts them" in refusal(longest.replace(sign * most, sign * (most + 1)))


def test_a_translation_leaves_room_for_its_own_footer():
    longest = GOOD.replace("Летит комета.", "я" * room("ru"))
    assert len(broadcast_files.parse_news(longest).texts["ru"]) == room("ru")
    said = refusal(longest.replace("я" * room("ru"), "я" * (room("ru") + 1)))
    assert f"line 11: translations.ru.text: has {room('ru') + 1} characters" in said
