"""Every sentence in every language, and nothing on a page or in a chat that is in another."""

import ast
import asyncio
import re
from datetime import UTC, datetime
from functools import cache
from gettext import c2py
from html.parser import HTMLParser
from pathlib import Path

import pytest
from babel.messages import plurals
from babel.messages.catalog import Catalog
from flask import Flask, render_template_string
from jinja2 import nodes

from tests.kit import arrange
from tests.kit.arrange import NOW
from tests.kit.factories import BOT_TOKEN, BRAND, SECRET_KEY, make_config, write_folder
from tests.kit.wordings import FACTS
from tests.sentences import ROOT, extracted, opened, texts
from webapp import clock, create_app
from webapp.bot_api.registration import (
    COMMANDS,
    DESCRIPTION,
    SHORT_DESCRIPTION,
    description,
    short_description,
)
from webapp.i18n import languages, localize
from webapp.i18n.languages import FOLDER, PLACEHOLDER, Language, TranslationInvalid
from webapp.texts import chat, notifications

FILES = sorted(FOLDER.glob("*.po"))
LANGUAGES = [file.stem for file in FILES]
SHOWN = {"alt", "aria-label", "title", "placeholder", "data-main-button"}
ONE_FORM = {"fa"}  # a noun stays as it is after any number
NAMES = {"ISO", "f/"}  # the same in every language
ON_EVERY_PAGE = (
    "/",
    "/products/atlas",
    "/products/week",
    "/products/plan",
    "/upgrades",
    "/purchases",
    "/why",
)
PAGES = (
    *ON_EVERY_PAGE,
    "/pages/atlas",
    "/pages/tonight",
    "/pages/field-notes",
    "/support",
    "/terms",
    "/privacy",
    "/open",
)
EVERYTHING = (*PAGES, "/language", "/purchases/charge-1", "/products/atlas/offer", "/me", "/nowhere")


def test_each_language_says_its_own_name():
    named = {code: language.name for code, language in languages.all_().items()}
    assert {"en": "English", "ru": "Русский", "es": "Español", "fa": "فارسی"}.items() <= named.items()
    assert [languages.all_()[code].direction for code in ("en", "ru", "es", "fa")] == ["ltr"] * 3 + ["rtl"]


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_every_sentence_is_translated(file):
    known = {texts(one.id)[0]: one for one in opened(file) if one.id}
    wanted = {texts(one.id)[0] for one in extracted() if one.id}
    assert wanted - known.keys() == set(), "make messages, then translate what is new"
    assert known.keys() - wanted == set(), "make messages takes out what nobody says any more"
    assert [key for key, one in known.items() if one.fuzzy or not all(texts(one.string))] == []


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_every_translation_fits_its_sentence(file):
    assert list(languages.problems(opened(file))) == []


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_every_language_counts_as_its_people_do(file):
    assert counts_well(opened(file))


@pytest.mark.parametrize(
    ("code", "header"),
    [
        ("es", "nplurals=2; plural=(n > 1);"),
        ("ru", "nplurals=2; plural=(n != 1);"),
        ("ru", "nplurals=1; plural=0;"),
    ],
)
def test_counting_as_others_do_is_noticed(tmp_path, code, header):
    file = tmp_path / f"{code}.po"
    file.write_text(HEAD.replace("nplurals=2; plural=(n != 1);", header), encoding="utf-8")
    assert not counts_well(opened(file))


def counts_well(catalog: Catalog) -> bool:
    """Tell whether a form stands for each of CLDR's kinds of number; nobody sells a million."""
    form = c2py(catalog.plural_expr)
    pairs = {(catalog.locale.plural_form(number), form(number)) for number in range(1000)}
    categories, forms = ({pair[place] for pair in pairs} for place in (0, 1))
    if catalog.locale.language in ONE_FORM:
        return catalog.num_plurals == 1
    return len(pairs) == len(categories) == len(forms) == catalog.num_plurals


def test_a_newer_babel_that_counts_otherwise_stops_nobody(monkeypatch):
    """Babel 2.19 has a third form for millions in Spanish, which our files need not have."""
    monkeypatch.setattr(plurals, "PLURALS", {code: (5, "(n % 5)") for code in plurals.PLURALS})
    caches = (languages.read, languages.read_all)
    for one in caches:
        one.cache_clear()
    try:
        shop = languages.all_()
    finally:
        for one in caches:
            one.cache_clear()
    assert {code.replace("_", "-") for code in LANGUAGES} <= shop.keys()
    sentence = "Try it %(num)s day for", "Try it %(num)s days for"
    once, twice = (shop["es"].words.ungettext(*sentence, number) for number in (1, 2))
    assert "día " in once
    assert "días " in twice


PLURALS = '"Plural-Forms: nplurals=2; plural=(n != 1);\\n"'
HEAD = f'msgid ""\nmsgstr ""\n{PLURALS}\n"Content-Type: text/plain; charset=utf-8\\n"\n\n'


@pytest.mark.parametrize(
    ("name", "text", "reason"),
    [
        ("es.po", f'{HEAD}msgid "A"\nmsgstr "B"\nnonsense\n', r"es\.po, line \d+: "),
        ("es.po", f'{HEAD}msgid "A"\nmsgid "B"\n', r"es\.po"),
        ("es.po", f'{HEAD}msgid "Hello, %(name)s"\nmsgstr "Hola"\n', r"line \d+: .*has to hold %\(name\)s"),
        ("es.po", f'{HEAD}msgid "Hello"\nmsgstr "Hola, %(name)s"\n', "has to hold no placeholder"),
        ("es.po", f'{HEAD}msgid "%(a)s%% lit"\nmsgstr "%(a)s% de luz"\n', "has to be written %%"),
        (
            "es.po",
            f'{HEAD}msgid "%(num)s day"\nmsgid_plural "%(num)s days"\nmsgstr[0] "%(num)s día"\n',
            "there must be 2 plural forms",
        ),
        (
            "es.po",
            HEAD.replace("n != 1", "n +"),
            r"line 1: Plural-Forms cannot be nplurals=2; plural=\(n \+\)",
        ),
        ("es.po", HEAD.replace("n != 1", "n % 3"), "line 1: Plural-Forms cannot be"),
        ("es.po", HEAD.replace("n != 1", "n / (n - n)"), "line 1: Plural-Forms cannot be"),
        ("klingon.po", HEAD, r"klingon\.po"),
        ("es.po", b"\xff\xfe", r"es\.po"),
    ],
    ids=[
        "quote",
        "no text",
        "lost",
        "made up",
        "percent",
        "form",
        "header",
        "third",
        "zero",
        "nobody's",
        "bytes",
    ],
)
def test_a_broken_file_is_told_of_at_the_start(tmp_path, monkeypatch, name, text, reason):
    (tmp_path / name).write_bytes(text if isinstance(text, bytes) else text.encode())
    monkeypatch.setattr(languages, "FOLDER", tmp_path)
    with pytest.raises(TranslationInvalid, match=reason):
        languages.all_()


def test_a_shop_with_a_broken_file_says_so_instead_of_starting(tmp_path, monkeypatch):
    (tmp_path / "es.po").write_text(f'{HEAD}msgid "Hello, %(name)s"\nmsgstr "Hola"\n', encoding="utf-8")
    told = {"BOT_TOKEN": BOT_TOKEN, "SECRET_KEY": SECRET_KEY, "PUBLIC_URL": "https://shop.test"}
    for name, value in {**told, "DATABASE_URL": f"sqlite:///{tmp_path}/shop.db"}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(languages, "FOLDER", tmp_path)
    with pytest.raises(SystemExit, match=r"^The shop cannot start\. es\.po, line 6: "):
        create_app()


def test_a_new_file_is_a_new_language(tmp_path, monkeypatch):
    text = HEAD.replace("n != 1", "n > 1") + 'msgid "Shop"\nmsgstr "Loja"\n'
    (tmp_path / "pt_BR.po").write_text(text, encoding="utf-8")
    monkeypatch.setattr(languages, "FOLDER", tmp_path)
    language = languages.all_()["pt-BR"]
    assert (language.say("Shop"), language.say("Terms")) == ("Loja", "Terms")
    assert language.name == "Português (Brasil)"


MARKUP = """<b hx-get='/me' hx-trigger="load">Tienda</b><script>alert(1)</script>&amp;"""


@pytest.mark.proves("I24", "S70")
def test_markup_in_a_translation_is_shown_and_never_obeyed(tmp_path, monkeypatch, app_without_tables):
    """A file of translations is text: who translates writes no page."""
    sentences = {"Shop": MARKUP, "Until %(day)s": f"%(day)s {MARKUP}", "Hello": '" autofocus onfocus="x'}
    told = "".join(f"msgid {_quoted(one)}\nmsgstr {_quoted(other)}\n\n" for one, other in sentences.items())
    counted = f'msgid "Star"\nmsgid_plural "Stars"\nmsgstr[0] "S"\nmsgstr[1] {_quoted(MARKUP)}\n'
    (tmp_path / "es.po").write_text(HEAD + told + counted, encoding="utf-8")
    monkeypatch.setattr(languages, "FOLDER", tmp_path)
    source = (
        """{% set day %}<i>{{ "<u>" }}</i>{% endset %}"""
        """<input placeholder="{{ _("Hello") }}" alt='{{ _("Shop") }}'>"""
        """<p>{{ _("Shop") }}{{ _("Until %(day)s", day=day) }}{{ ngettext("Star", "Stars", 2) }}</p>"""
    )
    with app_without_tables.test_request_context(headers={"Accept-Language": "es"}):
        page = render_template_string(source)
    monkeypatch.undo()
    assert re.findall(r"<[^>]*>", page)[1:] == ["<p>", "<i>", "</i>", "</p>"]  # what a template says is kept
    assert "".join(shown(page)) == f"{sentences['Hello']}{MARKUP * 2}<u> {MARKUP * 2}"


def _quoted(text: str) -> str:
    return '"' + text.replace('"', '\\"') + '"'


OWNERS = f"""{HEAD}msgid "Terms"
msgstr "Lo que acordamos"

msgid "Star"
msgid_plural "Stars"
msgstr[0] "Estrellita"
msgstr[1] "Estrellitas"

msgid "Tides"
msgstr "Mareas"
"""


def shop_of(folder: Path, files: dict[str, str]) -> Flask:
    shop = write_folder(folder / "own", {f"translations/{name}": text for name, text in files.items()})
    return create_app(make_config(database_url=f"sqlite:///{folder}/none.db", shop=shop))


def test_the_owners_sentences_stand_on_top_of_ours(tmp_path, app_without_tables):
    english = HEAD + 'msgid "Terms"\nmsgstr "What we agree on"\n'
    with shop_of(tmp_path, {"es.po": OWNERS, "en.po": english}).app_context():
        spanish = languages.all_()["es"]
        assert [spanish.say(text) for text in ("Terms", "Tides", "Privacy")] == [
            "Lo que acordamos",
            "Mareas",
            "Privacidad",
        ]
        assert [spanish.words.ungettext("Star", "Stars", number) for number in (1, 2)] == [
            "Estrellita",
            "Estrellitas",
        ]
        assert languages.best(["tlh"]).say("Terms") == "What we agree on"
    with app_without_tables.app_context():
        assert (
            languages.all_()["es"].say("Terms") == languages.all_()["es"].say("Terms") != "Lo que acordamos"
        )
        assert languages.best(["tlh"]).say("Terms") == "Terms"


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (f'{HEAD}msgid "Until %(day)s"\nmsgstr "Hasta"\n', "line 6: .*has to hold %\\(day\\)s"),
        ("msgid", "line 1: "),
    ],
)
def test_an_owners_broken_file_is_told_of_at_the_start(tmp_path, text, reason):
    with pytest.raises(TranslationInvalid, match=rf"^own/translations/es\.po, {reason}"):
        shop_of(tmp_path, {"es.po": text})


def test_a_language_that_only_the_owner_has_is_not_offered(tmp_path):
    app = shop_of(tmp_path, {"de.po": HEAD + 'msgid "Terms"\nmsgstr "Bedingungen"\n', "es.po": OWNERS})
    with app.app_context():
        assert languages.find("de") is None
        assert languages.not_offered(app.config["STARFRONT"].shop.translations) == ["de.po"]


@pytest.mark.parametrize(
    ("tag", "code"),
    [
        ("ru", "ru"),
        ("ru-RU", "ru"),
        ("RU_ru", "ru"),
        ("fa-IR", "fa"),
        ("fa-Arab-AF", "fa"),
        ("es-419", "es"),
        ("en-GB", "en"),
        ("tlh-BR", None),
        ("xx-hans", None),
        ("r", None),
        ("", None),
        (None, None),
        ("-", None),
        ("ru\0", None),
        ("../ru", None),
        ("ру", None),
        ("ru" * 5000, None),
        ("ru" + "-x" * 5000, None),
    ],
    ids=lambda value: ascii(value)[:16],
)
def test_a_tag_asks_for_a_language_of_ours_or_for_none(tag, code):
    found = languages.find(tag)
    assert (found.code if found else None) == code
    assert languages.best([tag]).code == (code or "en")


@pytest.mark.parametrize(
    ("code", "number", "day", "moment"),
    [
        ("en", "12,345.6", "5 November 2026", "5 November 2026, 14:03"),
        ("ru", "12 345,6", "5 ноября 2026 г.", "5 ноября 2026 г., 14:03"),
        ("es", "12.345,6", "5 de noviembre de 2026", "5 de noviembre de 2026, 14:03"),
        ("fa", "۱۲٬۳۴۵٫۶", "۵ نوامبر ۲۰۲۶", "۵ نوامبر ۲۰۲۶،\u200f ۱۴:۰۳"),
    ],
)
def test_numbers_and_dates_are_written_as_the_language_writes_them(code, number, day, moment):
    language = languages.all_()[code]
    at = datetime(2026, 11, 5, 14, 3, tzinfo=UTC)
    written = [language.number(12345.6), language.date(at, "long"), language.moment(at, "HH:mm")]
    # CLDR has spaces of several widths.
    assert [" ".join(one.split()) for one in written] == [number, day, moment]


# --- The sources: a sentence that nobody marked is found before anybody could translate it.


class Shown(HTMLParser):
    """The text of a page that people see or hear."""

    def __init__(self) -> None:
        super().__init__()
        self.said: list[str] = []
        self.hidden = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.hidden += tag in {"style", "script"}
        self.said += [value for name, value in attrs if name in SHOWN and value]

    def handle_endtag(self, tag: str) -> None:
        self.hidden -= tag in {"style", "script"}

    def handle_data(self, data: str) -> None:
        if not self.hidden:
            self.said.append(data)


def shown(page: str) -> list[str]:
    reader = Shown()
    reader.feed(page)
    return reader.said


@pytest.mark.parametrize("name", sorted(file.name for file in (ROOT / "templates").glob("*.html")))
def test_no_template_says_anything_past_its_translations(name):
    source = (ROOT / "templates" / name).read_text(encoding="utf-8")
    source = re.sub(r"\{% set \w+ %\}.*?\{% endset %\}", "", source, flags=re.DOTALL)  # attributes
    bare = re.sub(r"\{#.*?#\}|\{%.*?%\}|\{\{.*?\}\}", " ", source, flags=re.DOTALL)
    for text in shown(bare):
        for known in NAMES:
            text = text.replace(known, "")
        assert not re.search(r"[^\W\d_]", text), text


@pytest.mark.parametrize("name", sorted(file.name for file in (ROOT / "templates").glob("*.html")))
def test_no_template_hides_a_sentence_in_an_expression(app_without_tables, name):
    tree = app_without_tables.jinja_env.parse((ROOT / "templates" / name).read_text(encoding="utf-8"))
    marked = {
        id(argument)
        for call in tree.find_all(nodes.Call)
        if isinstance(call.node, nodes.Name) and call.node.name in {"_", "gettext", "ngettext"}
        for argument in call.args
    }
    said = [one.value for one in tree.find_all(nodes.Const) if id(one) not in marked]
    assert [one for one in said if isinstance(one, str) and re.search(r"[a-z]{2,} [a-z]{2,}", one)] == []


SPEAKING = [*sorted(ROOT.glob("webapp/texts/*.py")), ROOT / "webapp" / "errors.py"]


@pytest.mark.parametrize("file", SPEAKING, ids=lambda file: file.name)
def test_no_message_is_said_past_its_translations(file):
    tree = ast.parse(file.read_text(encoding="utf-8"))
    marked = {
        id(part)
        for call in ast.walk(tree)
        if isinstance(call, ast.Call) and getattr(call.func, "id", "") in {"gettext", "ngettext", "N_"}
        for part in ast.walk(call)
    }
    documented = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    said = [
        node.value
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
        if id(node) not in marked | documented
    ]
    assert [one for one in said if re.search(r"[A-Za-z]{2,} [A-Za-z]{2,}", one)] == []


# --- What is said: pages, messages and the bot's face, with nothing of the English left in them.


@cache
def english(code: str) -> list[str]:
    """Return the pieces of the shop's sentences that cannot stand in another language by chance."""
    translated = [
        text
        for sentence in extracted()
        for text in texts(sentence.id)
        if sentence.id and languages.all_()[code].say(text) != text
    ]
    pieces = (piece.strip() for text in translated for piece in PLACEHOLDER.split(text))
    return [piece for piece in pieces if len(piece) > 11 and " " in piece]


def left_in(said: str, code: str) -> list[str]:
    return [piece for piece in english(code) if piece in said]


@pytest.fixture
def buyer(alice, monkeypatch):
    """Alice, who has bought and given back, has a plan, and has not yet paid for something."""
    monkeypatch.setattr(clock, "now", lambda: NOW)
    arrange.pay(arrange.facts(arrange.order(alice, "atlas"), charged_at=NOW))
    arrange.settle(arrange.pay(arrange.facts(arrange.order(alice, "week"), "charge-2", charged_at=NOW)))
    arrange.subscribe(alice)
    arrange.order(alice, "whole-sky")
    return alice


@pytest.mark.parametrize("code", LANGUAGES)
@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_every_page_is_wholly_in_its_language(client, buyer, code):
    arrange.speaks(buyer, code)
    for asked in (client, client.as_(buyer)):
        for path in EVERYTHING:
            for headers in ({}, {"HX-Request": "true"}):
                # What does not exist asks nobody who they are; pages send their own language along.
                language = {"Accept-Language": code} if not asked.bearer or path == "/nowhere" else {}
                page = asked.get(path, headers={**headers, **language}).get_data(as_text=True)
                assert left_in(" ".join(" ".join(shown(page)).split()), code) == [], path
                assert set(re.findall(r'<(?:html|main)[^>]* lang="(\w+)"', page)) <= {code}, path


# What the shop says of its own accord, and not of its goods or of what an example's plug-in adds.
EXAMPLES = re.compile(r"Starfront|[Oo]bservatory|night sky", re.ASCII)
OF_PLUGINS = {"/atlas", "/tonight", "/field-notes"}


@pytest.mark.parametrize("code", ["en", *LANGUAGES])
@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_nothing_of_the_example_is_said_in_a_shop_of_its_own(client, buyer, code):
    arrange.speaks(buyer, code)
    for asked in (client, client.as_(buyer)):
        for path in sorted({*EVERYTHING} - OF_PLUGINS):
            page = asked.get(path, headers={"Accept-Language": code}).get_data(as_text=True)
            assert EXAMPLES.findall(page) == [], path
            assert "Lantern &amp; Loom" in page or not page.startswith("<!doctype"), path
    with localize.speaking(code):
        answers = [chat.greeting("Alice"), chat.shop(), chat.help_(), chat.payment_support()]
        answers += [chat.support(), chat.terms(), chat.language()]
        facts = {**FACTS, "title": "M45", "replaced": ["M31"]}
        answers += [tell(facts) for tell in notifications.TOLD.values()]
        said = [f"{answer.text} {answer.button}" for answer in answers]
        said += [short_description(localize.spoken(), BRAND), description(localize.spoken(), BRAND)]
    assert EXAMPLES.findall(" ".join(said)) == []
    assert "Lantern & Loom" in said[0]


@pytest.mark.parametrize("code", LANGUAGES)
@pytest.mark.parametrize("kind", notifications.TOLD)
def test_every_message_is_wholly_in_its_language(app_without_tables, kind, code):
    with app_without_tables.app_context():
        for changes in ({}, {"by": "shop", "pass_days": 3}):
            facts = {**FACTS, "title": "M45", "replaced": ["M31"], **changes}
            assert left_in(notifications.told(kind, facts, code).text, code) == []


@pytest.mark.parametrize("code", LANGUAGES)
def test_every_answer_in_the_chat_is_wholly_in_its_language(app_without_tables, code):
    with app_without_tables.app_context(), localize.speaking(code):
        answers = [chat.greeting("Alice"), chat.product("Sky", "Stars.", 60, "sky", is_plan=True)]
        answers += [
            say()
            for say in (
                chat.shop,
                chat.help_,
                chat.payment_support,
                chat.support,
                chat.terms,
                chat.language,
            )
        ]
        for answer in answers:
            assert left_in(f"{answer.text} {answer.button}", code) == []


@pytest.mark.parametrize("code", LANGUAGES)
def test_the_face_of_the_bot_fits_what_telegram_takes(code):
    language: Language = languages.all_()[code]
    assert all(1 <= len(language.say(text)) <= 256 for text in COMMANDS.values())  # Bot API: BotCommand
    assert len(language.say(SHORT_DESCRIPTION)) <= 120  # Bot API: setMyShortDescription
    assert len(language.say(DESCRIPTION)) <= 512  # Bot API: setMyDescription


@pytest.mark.parametrize("code", LANGUAGES)
def test_a_refusal_fits_what_telegram_shows(app_without_tables, code):
    """answerPreCheckoutQuery: as in English, one or two short sentences."""
    for sentence in extracted():
        where = {Path(file).name for file, _ in sentence.locations}
        if "errors.py" in where:
            assert len(languages.all_()[code].say(sentence.id)) <= 200


def test_persian_digits_are_everywhere_a_number_is_told(app_without_tables):
    with app_without_tables.app_context(), localize.speaking("fa"):
        facts = {**FACTS, "title": "", "charge_id": "", "replaced": []}
        told = notifications.told("subscribed", facts, "fa").text
        assert not re.search(r"[0-9]", told)
        assert "۲۵۰ ستاره" in told
        assert not re.search(
            r"[0-9]", localize.moment(NOW) + localize.day(NOW, "MMMd") + localize.number(1234.5)
        )


def test_chats_answered_at_once_are_each_spoken_to_in_their_language(app_without_tables: Flask) -> None:
    async def answer(code: str) -> str:
        with localize.speaking(code):
            await asyncio.sleep(0)  # others are answered meanwhile
            return localize.gettext("Support")

    async def answers() -> list[str]:
        return list(await asyncio.gather(*map(answer, ("fa", "ru", "es"))))

    with app_without_tables.app_context():
        spoken = asyncio.run(answers())
        assert spoken == [languages.best([code]).say("Support") for code in ("fa", "ru", "es")]
        assert len(set(spoken)) == 3
        assert localize.gettext("Support") == "Support"
