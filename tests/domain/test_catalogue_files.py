import re

import pytest

from tests.kit.factories import SHOP
from webapp.domain.catalogue import catalogue_files
from webapp.domain.catalogue.toml_files import FileInvalid

ATLAS = """\
[[products]]
slug = "atlas"
kind = "unlock"
section = "Unlock for good"
title = "Deep Sky Atlas"
description = "Galaxies, nebulae and clusters you can find."
picture = "atlas.svg"
stars = 250
entitlements = ["atlas"]
"""
WEEK = """\
[[products]]
slug = "week"
kind = "pass"
section = "Passes"
title = "Tonight, 7 days"
description = "What is up \\"tonight\\"."
details = ["Moon \\\\ phase", "Meteor showers"]
picture = "week.svg"
stars = 25
days = 7
entitlements = ["tonight"]
"""
PLAN = ATLAS.replace('"unlock"', '"subscription"').replace("250", "300")
BUNDLE = ATLAS.replace('"unlock"', '"bundle"').replace('"atlas"\n', '"all"\n', 1)


def test_a_catalogue_is_read_in_its_order():
    atlas, week = catalogue_files.read(ATLAS + "\n" + WEEK)
    assert (atlas.slug, atlas.stars, atlas.pass_days, atlas.keys) == ("atlas", 250, None, ("atlas",))
    assert (week.slug, week.stars, week.pass_days, week.keys) == ("week", 25, 7, ("tonight",))
    assert week.details == ("Moon \\ phase", "Meteor showers")


def test_a_plan_may_have_a_trial_a_grace_and_days_to_give_it_back():
    (plan,) = catalogue_files.read(PLAN)
    assert (plan.trial_stars, plan.trial_days, plan.grace_days, plan.refund_days) == (None, None, 1, 0)
    (plan,) = catalogue_files.read(
        PLAN + "trial_stars = 10\ntrial_days = 7\ngrace_days = 0\nrefund_days = 5\n"
    )
    assert (plan.trial_stars, plan.trial_days, plan.grace_days, plan.refund_days) == (10, 7, 0, 5)


def test_what_is_written_reads_back_the_same():
    plan = (
        PLAN.replace('slug = "atlas"', 'slug = "plan"')
        + "trial_stars = 10\ntrial_days = 7\nrefund_days = 3\n"
    )
    items = catalogue_files.read(ATLAS + "\n" + WEEK + "on_sale = false\n\n" + plan)
    assert [item.on_sale for item in items] == [True, False, True]
    assert catalogue_files.read(catalogue_files.write(items)) == items


@pytest.mark.parametrize(
    ("text", "line", "key"),
    [
        ("", 1, "products"),
        ("products = 3", 1, "products"),
        ("products = []", 1, "products"),
        ("products = [3]", 1, "products"),
        ("[[products]", 1, "TOML"),
        (ATLAS + "stars = 3\n", 10, "TOML"),
        ("[shop]\n" + ATLAS, 1, "shop"),
        (ATLAS + "\n" + ATLAS, 12, "slug"),
        (ATLAS + "colour = 'red'\n", 10, "colour"),
        (ATLAS.replace("stars = 250\n", ""), 1, "stars"),
        (ATLAS.replace("250", "0"), 8, "stars"),
        (ATLAS.replace("250", "2.5"), 8, "stars"),
        (ATLAS.replace("250", "true"), 8, "stars"),
        (ATLAS.replace("250", "100001"), 8, "stars"),
        (ATLAS.replace('"unlock"', '"lease"'), 3, "kind"),
        (PLAN.replace("stars = 300", "stars = 10001"), 8, "stars"),
        (PLAN + "days = 30\n", 10, "days"),
        (PLAN + "trial_stars = 10\n", 10, "trial_stars"),
        (PLAN + "trial_days = 7\n", 1, "trial_stars"),
        (PLAN + "trial_stars = 0\ntrial_days = 7\n", 10, "trial_stars"),
        (PLAN + "trial_stars = 10\ntrial_days = 91\n", 11, "trial_days"),
        (PLAN + "grace_days = 31\n", 10, "grace_days"),
        (PLAN + "grace_days = -1\n", 10, "grace_days"),
        (PLAN + "refund_days = 366\n", 10, "refund_days"),
        (PLAN + "trial_stars = 10\ntrial_days = 7\nrefund_days = 8\n", 12, "refund_days"),
        (WEEK + "refund_days = 8\n", 12, "refund_days"),
        ('opened_elsewhere = ["atlas"]\n' + ATLAS, 1, "opened_elsewhere"),
        (ATLAS + "on_sale = 0\n", 10, "on_sale"),
        (ATLAS + 'on_sale = "no"\n', 10, "on_sale"),
        (ATLAS + "on_sale = []\n", 10, "on_sale"),
        (ATLAS + "on_sale =\n", 10, "TOML"),
        (ATLAS + "on_sale = no\n", 10, "TOML"),
        (ATLAS + "on_sale = true\non_sale = false\n", 11, "TOML"),
        (ATLAS + "grace_days = 1\n", 10, "grace_days"),
        (ATLAS + "trial_days = 1\n", 10, "trial_days"),
        (ATLAS.replace('slug = "atlas"', 'slug = "Atlas"'), 2, "slug"),
        (ATLAS.replace('slug = "atlas"', f'slug = "{"x" * 33}"'), 2, "slug"),
        (ATLAS.replace("Deep Sky Atlas", "x" * 33), 5, "title"),
        (ATLAS.replace("Deep Sky Atlas", " "), 5, "title"),
        (ATLAS.replace('"Deep Sky Atlas"', "7"), 5, "title"),
        (ATLAS.replace("Galaxies", "\\u202E"), 6, "description"),
        (ATLAS.replace("Galaxies", "x" * 250), 6, "description"),
        (ATLAS.replace('"atlas.svg"', '"../atlas.svg"'), 7, "picture"),
        (ATLAS.replace('["atlas"]', "[]"), 9, "entitlements"),
        (ATLAS.replace('["atlas"]', '["atlas", "atlas"]'), 9, "entitlements"),
        (ATLAS.replace('["atlas"]', '"atlas"'), 9, "entitlements"),
        (ATLAS.replace('["atlas"]', '["At las"]'), 9, "entitlements"),
        (BUNDLE, 9, "entitlements"),
        (WEEK.replace("days = 7\n", ""), 1, "days"),
        (WEEK.replace("days = 7", "days = 0"), 10, "days"),
        (ATLAS + "days = 7\n", 10, "days"),
        ("products = [" + "[" * 5000, 1, "TOML"),
    ],
)
def test_a_bad_file_is_refused_with_line_and_key(text, line, key):
    with pytest.raises(FileInvalid) as refusal:
        catalogue_files.read(text)
    assert (refusal.value.line, refusal.value.key) == (line, key), refusal.value


TRIAL = PLAN + "trial_stars = 10\ntrial_days = 7\n"


@pytest.mark.parametrize(
    ("text", "key", "smallest", "largest"),
    [
        (ATLAS, "stars", 1, 100_000),
        (PLAN, "stars", 1, 10_000),
        (WEEK, "days", 1, 3650),
        (TRIAL, "trial_stars", 1, 100_000),
        (TRIAL, "trial_days", 1, 90),
        (PLAN + "grace_days = 3\n", "grace_days", 0, 30),
        (ATLAS + "refund_days = 3\n", "refund_days", 0, 365),
    ],
    ids=["stars", "a plan's stars", "days", "trial_stars", "trial_days", "grace_days", "refund_days"],
)
def test_a_number_is_taken_up_to_its_limits_and_no_further(text, key, smallest, largest):
    for number, is_taken in [(smallest, True), (largest, True), (smallest - 1, False), (largest + 1, False)]:
        assert is_read(with_value(text, key, str(number))) == is_taken, number


@pytest.mark.parametrize(
    ("key", "longest"), [("slug", 32), ("title", 32), ("section", 64), ("description", 255), ("picture", 128)]
)
def test_a_text_is_taken_up_to_its_length_and_no_further(key, longest):
    ending = ".svg" if key == "picture" else ""
    for length, is_taken in [(longest, True), (longest + 1, False)]:
        words = "x" * (length - len(ending)) + ending
        assert is_read(with_value(ATLAS, key, f'"{words}"')) == is_taken, length


@pytest.mark.parametrize(("key", "longest"), [("entitlements", 64), ("details", 200)])
def test_a_line_of_a_list_is_taken_up_to_its_length_and_no_further(key, longest):
    for length, is_taken in [(longest, True), (longest + 1, False)]:
        assert is_read(with_value(WEEK, key, f'["{"x" * length}"]')) == is_taken, length


@pytest.mark.parametrize(("text", "key"), [(WEEK, "days"), (TRIAL, "trial_days")])
def test_a_refund_window_is_at_most_as_long_as_what_it_is_for(text, key):
    text = with_value(text, key, "7") + "refund_days = 7\n"
    assert is_read(text)
    assert not is_read(with_value(text, "refund_days", "8"))


def with_value(text: str, key: str, value: str) -> str:
    changed, count = re.subn(rf"(?m)^{key} = .*$", f"{key} = {value}", text)
    assert count == 1
    return changed


def is_read(text: str) -> bool:
    try:
        catalogue_files.read(text)
    except FileInvalid:
        return False
    return True


RUSSIAN = """
[products.translations.ru]
title = "Атлас"
section = "Навсегда"
description = "Двадцать объектов."
"""
TWICE = ATLAS + RUSSIAN + "\n" + WEEK + RUSSIAN.replace("ru", "fa").replace("Атлас", "آسمان\u200cها")


def test_texts_in_other_languages_are_read_and_written_back():
    items = catalogue_files.read(TWICE + 'details = ["یک", "دو"]\n')
    assert items[0].translations["ru"] == {
        "title": "Атлас",
        "description": "Двадцать объектов.",
        "section": "Навсегда",
    }
    assert items[1].translations["fa"]["details"] == ["یک", "دو"]
    assert items[1].translations["fa"]["title"] == "آسمان\u200cها"
    assert catalogue_files.read(catalogue_files.write(items)) == items


@pytest.mark.parametrize(
    ("text", "line", "key"),
    [
        (ATLAS + 'translations = "ru"\n', 10, "translations"),
        (ATLAS + 'translations = {ru = "Атлас"}\n', 10, "translations"),
        (ATLAS + RUSSIAN.replace(".ru]", ".tlh]"), 11, "atlas, translations.tlh"),
        (ATLAS + RUSSIAN.replace(".ru]", ".RU]"), 11, "atlas, translations.RU"),
        (ATLAS + RUSSIAN.replace("title", "name"), 12, "atlas, translations.ru.name"),
        (ATLAS + RUSSIAN + "stars = 3\n", 15, "atlas, translations.ru.stars"),
        (ATLAS + RUSSIAN.replace('title = "Атлас"\n', ""), 11, "atlas, translations.ru.title"),
        (ATLAS + RUSSIAN.replace("Атлас", "А" * 33), 12, "atlas, translations.ru.title"),
        (ATLAS + RUSSIAN.replace("Навсегда", "Н" * 65), 13, "atlas, translations.ru.section"),
        (ATLAS + RUSSIAN.replace("Двадцать", "Д" * 250), 14, "atlas, translations.ru.description"),
        (ATLAS + RUSSIAN.replace("Атлас", "\\u202E"), 12, "atlas, translations.ru.title"),
        (ATLAS + RUSSIAN.replace('"Атлас"', "7"), 12, "atlas, translations.ru.title"),
        (ATLAS + RUSSIAN + 'details = ["Карты"]\n', 15, "atlas, translations.ru.details"),
        (ATLAS + RUSSIAN + "details = 7\n", 15, "atlas, translations.ru.details"),
        (TWICE.replace("آسمان", " " * 40), 29, "week, translations.fa.title"),
    ],
)
def test_a_bad_translation_is_refused_with_its_product_and_line(text, line, key):
    with pytest.raises(FileInvalid) as refusal:
        catalogue_files.read(text)
    assert (refusal.value.line, refusal.value.key) == (line, key), refusal.value


def test_the_second_table_is_the_one_that_is_named():
    with pytest.raises(FileInvalid, match="line 19: stars: must be a whole number"):
        catalogue_files.read(ATLAS + "\n" + WEEK.replace("25\n", "-25\n"))


def test_tables_written_inline_are_read_too():
    inline = "products = [{slug = 'a', kind = 'unlock', section = 's', title = 't', description = 'd',"
    items = catalogue_files.read(inline + " picture = 'a.svg', stars = 1, entitlements = ['a']}]")
    assert items[0].slug == "a"


def test_the_catalogue_that_ships_is_valid():
    text = SHOP.catalogue.read_text(encoding="utf-8")
    items = catalogue_files.read(text)
    assert {item.kind for item in items} == set(catalogue_files.KINDS)
    for item in items:
        assert {"ru", "es", "fa"} <= set(item.translations) == set(items[0].translations), item.slug
        for words in item.translations.values():
            assert {"title", "description", "details"} <= words.keys(), item.slug


# What would be a dead end after paying


def test_a_picture_that_is_not_there_is_refused():
    with pytest.raises(FileInvalid, match=r"line 7: picture: there is no atlas.svg"):
        catalogue_files.read(ATLAS, picture_problem="there is no {}".format)
    assert catalogue_files.read(ATLAS, picture_problem=lambda _name: "")


def test_an_entitlement_that_nothing_opens_is_refused():
    with pytest.raises(FileInvalid, match="line 9: entitlements: nothing opens 'atlas'"):
        catalogue_files.read(ATLAS, opened=["tonight", "notes"])
    assert catalogue_files.read(ATLAS, opened=["atlas"])


def test_who_wrote_opened_elsewhere_reads_what_to_write_instead():
    with pytest.raises(FileInvalid, match=r'\[\[entitlements\]\] table for each.*opens = "bot"'):
        catalogue_files.read('opened_elsewhere = ["atlas"]\n' + ATLAS)


def test_tables_of_two_kinds_may_alternate():
    opens = '[[entitlements]]\nkey = "x"\ntitle = "X"\nopens = "bot"\n\n'
    with pytest.raises(FileInvalid, match="line 29: stars: must be a whole number"):
        catalogue_files.read(opens + ATLAS + "\n" + opens + WEEK.replace("25\n", "-25\n"))


@pytest.mark.parametrize(
    "text",
    [WEEK + "refund_days = 7\n", PLAN + "trial_stars = 10\ntrial_days = 7\nrefund_days = 7\n"],
    ids=["pass", "trial"],
)
def test_a_refund_window_as_long_as_what_it_is_for_is_warned_of(text):
    [warning] = catalogue_files.warnings(catalogue_files.read(text))
    assert "the refund window is as long as the" in warning
    assert catalogue_files.warnings(catalogue_files.read(text.replace("refund_days = 7", ""))) == []


# What editors leave behind


@pytest.mark.parametrize("space", ["\u00a0", "\u202f", "\u3000", "\ufeff"], ids=ascii)
def test_spaces_of_every_kind_separate_words(space):
    spaced = ATLAS.replace(" = ", f"{space}={space} ").replace("stars", f"{space}stars")
    assert catalogue_files.read(space + spaced) == catalogue_files.read(ATLAS)


@pytest.mark.parametrize(
    "kept", ["\u00a0", "\u202f", "\u3000", "\u00ad", "\u200f", "\u200e", "\u200c"], ids=ascii
)
def test_a_text_keeps_what_its_language_needs(kept):
    (item,) = catalogue_files.read(
        ATLAS.replace("Deep Sky", f"Deep{kept}Sky") + f'details = ["# a{kept}b"]\n'
    )
    assert item.title == f"Deep{kept}Sky Atlas"
    assert item.details == (f"# a{kept}b",)


@pytest.mark.parametrize(
    ("bad", "words"),
    [
        ("\\u202E", r"character 5 is U+202E (RIGHT-TO-LEFT OVERRIDE)"),
        ("\\u0007", r"character 5 is U+0007 (a control character)"),
        ("\\u2028", r"character 5 is U+2028 (LINE SEPARATOR)"),
    ],
)
def test_what_has_no_place_in_a_text_is_named_with_its_line_and_place(bad, words):
    with pytest.raises(FileInvalid, match=re.escape(f"line 5: title: {words}")):
        catalogue_files.read(ATLAS.replace("Deep Sky", f"Deep{bad}Sky"))


def test_lines_may_end_as_on_windows():
    assert catalogue_files.read(ATLAS.replace("\n", "\r\n")) == catalogue_files.read(ATLAS)
