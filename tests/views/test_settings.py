"""Which language somebody is talked to in, whether news reach them, and how they change both."""

import json
import re

import pytest

from tests.kit import arrange
from tests.kit.factories import make_init_data
from webapp import clock
from webapp.domain.people import users
from webapp.i18n import languages
from webapp.i18n.localize import COOKIE

HTMX = {"HX-Request": "true"}
WORDS = {"en": "Support", "ru": "Поддержка", "es": "Soporte", "fa": "پشتیبانی"}


def language(answer) -> str:
    """Return the language of a page, which has to be the same all over it."""
    page = answer.get_data(as_text=True)
    [code] = [code for code, word in WORDS.items() if f">{word}<" in page]
    assert f'<main id="main" lang="{code}" dir="{"rtl" if code == "fa" else "ltr"}"' in page
    assert page.count(f'<html lang="{code}"') == page.count("<html")
    return code


def launch(client, telegram_id: int = arrange.ALICE, **profile: object):
    person = {"id": telegram_id, "first_name": "Alice", **profile}
    told = make_init_data(person, int(clock.now().timestamp()))
    return client.post("/session", json={"init_data": told}, base_url="https://localhost")


@pytest.mark.parametrize(
    ("asked", "code"),
    [
        ("ru", "ru"),
        ("tlh-DE,tlh;q=0.9,fa-IR;q=0.8,en;q=0.7", "fa"),
        ("tlh-BR", "en"),
        ("", "en"),
        ("*", "en"),
        ("ru;q=0", "en"),
        (";;;,,,q=", "en"),
        ("x" * 10_000, "en"),
        (",".join(["tlh"] * 3000), "en"),
        ("ru\u202e", "en"),
    ],
    ids=lambda value: ascii(value)[:12],
)
def test_somebody_unknown_is_talked_to_as_their_browser_asks(client, open_shop, asked, code):
    answer = client.get("/", headers={"Accept-Language": asked.encode().decode("latin-1")})
    assert (answer.status_code, language(answer)) == (200, code)
    assert {"Accept-Language", "Cookie", "Authorization"} <= set(answer.vary)


@pytest.mark.parametrize("kept", ["ru", "xx", "", "../ru", "r\\u0000u", "x" * 4000])
def test_a_choice_that_the_browser_kept_comes_first(client, open_shop, kept):
    client.set_cookie(COOKIE, kept)
    answer = client.get("/", headers={"Accept-Language": "fa"})
    assert (answer.status_code, language(answer)) == (200, "ru" if kept == "ru" else "fa")


def test_a_page_kept_in_one_language_is_shown_in_no_other(client, open_shop):
    for code in ("ru", "fa", "en", "ru"):
        for path in ("/", "/support", "/products/atlas"):
            for headers in ({}, HTMX):
                asked = client.get(path, headers={**headers, "Accept-Language": code})
                assert language(asked) == code, path


@pytest.mark.parametrize(
    ("told", "code"),
    [
        ("ru", "ru"),
        ("fa-IR", "fa"),
        ("tlh-BR", None),
        ("xx", None),
        ("", None),
        (None, None),
        ("e" * 35, None),
    ],
)
def test_a_launch_says_what_its_person_speaks_and_the_browser_keeps_it(client, open_shop, told, code):
    answer = launch(client, language_code=told)
    assert answer.get_json()["user"]["language"] == code
    kept = [one for one in answer.headers.getlist("Set-Cookie") if one.startswith(f"{COOKIE}=")]
    assert [one.partition(";")[0] for one in kept] == ([f"{COOKIE}={code}"] if code else [])
    assert all("SameSite=None" in one and "Secure" in one and "Partitioned" in one for one in kept)


@pytest.mark.parametrize("tag", [7, ["ru"], {"a": "ru"}, "e" * 10_000, "ru\0"], ids=lambda tag: str(tag)[:8])
def test_a_language_that_cannot_be_one_is_no_launch(client, open_shop, tag):
    assert launch(client, language_code=tag).status_code == 401


def test_somebody_known_is_talked_to_in_their_own_language(client, alice):
    arrange.meet(arrange.ALICE, language_code="ru")
    for path in ("/", "/support", "/products/atlas", "/upgrades", "/open"):
        answer = client.as_(alice).get(path, headers={**HTMX, "Accept-Language": "fa"})
        assert language(answer) == "ru", path


def test_a_choice_is_kept_and_stands_over_what_telegram_says(client, alice):
    answer = client.as_(alice).post("/language", data={"code": "fa"}, headers=HTMX)
    assert (answer.status_code, language(answer)) == (200, "fa")
    assert json.loads(answer.headers["HX-Trigger"]) == {"language:chosen": "fa"}
    assert launch(client, language_code="ru").get_json()["user"]["language"] == "fa"
    assert language(client.as_(alice).get("/upgrades", headers=HTMX)) == "fa"
    assert users.get(arrange.ALICE).language_code == "ru"


def test_a_choice_made_twice_is_the_same_choice(client, alice):
    for code in ("fa", "fa", "ru"):
        assert language(client.as_(alice).post("/language", data={"code": code}, headers=HTMX)) == code
    assert users.get(arrange.ALICE).language == "ru"


def test_a_choice_works_without_scripts_and_without_telegram(client, open_shop):
    chooser = client.get("/settings")
    assert chooser.text.count('<form method="post" action="/language">') == len(languages.all_())
    answer = client.post("/language", data={"code": "fa"}, base_url="https://localhost")
    assert (answer.status_code, answer.headers["Location"]) == (303, "/")
    assert language(client.get("/", headers={"Accept-Language": "ru"}, base_url="https://localhost")) == "fa"


@pytest.mark.parametrize("code", ["tlh", "", "\0", "fa; path=/x", "<b>", "e" * 10_000, None], ids=ascii)
def test_a_language_there_is_not_cannot_be_chosen(client, alice, code):
    for asked in (client, client.as_(alice)):
        answer = asked.post("/language", data={} if code is None else {"code": code})
        assert answer.status_code == 400
        assert "Set-Cookie" not in answer.headers
    assert users.get(arrange.ALICE).language is None


def test_another_site_chooses_no_language(client, alice):
    foreign = {"Origin": "https://evil.test", "Sec-Fetch-Site": "cross-site"}
    answer = client.as_(alice).post("/language", data={"code": "fa"}, headers=foreign)
    assert answer.status_code == 403
    assert users.get(arrange.ALICE).language is None


def test_a_language_whose_file_is_gone_is_spoken_no_more(client, alice):
    arrange.speaks(alice, "tlh")
    arrange.meet(arrange.ALICE, language_code="ru")
    assert language(client.as_(alice).get("/upgrades", headers=HTMX)) == "ru"


def test_a_session_that_is_over_hides_no_page_that_is_public(client, alice):
    answer = client.get("/support", headers={**HTMX, "Authorization": "Bearer gone", "Accept-Language": "fa"})
    assert (answer.status_code, language(answer)) == (200, "fa")


@pytest.mark.parametrize("path", ["/orders", "/nowhere"])
def test_a_no_is_said_in_the_language_of_the_page(client, alice, path):
    arrange.speaks(alice, "ru")
    headers = {**HTMX, "Accept-Language": "ru"}
    answer = client.as_(alice).post(path, data={"product": "atlas", "terms": "old"}, headers=headers)
    assert "Условия изменились" in answer.text or "Здесь ничего нет" in answer.text


def test_products_are_told_in_the_language_of_the_page_and_change_with_the_catalogue(client, open_shop):
    russian = {"title": "Атлас неба", "description": "Двадцать туманностей.", "details": ["Карты", "Слова"]}
    for path in ("/", "/products/atlas"):
        assert "Atlas" in client.get(path, headers={"Accept-Language": "ru"}).text
    arrange.open_shop(arrange.item("atlas", translations={"ru": {**russian, "section": "Навсегда"}}))
    shelf = client.get("/", headers={"Accept-Language": "ru"}).text
    assert ">Атлас неба</h3>" in shelf
    assert ">Навсегда</h2>" in shelf
    page = client.get("/products/atlas", headers={"Accept-Language": "ru"}).text
    for words in ("<title>Атлас неба ·", ">Двадцать туманностей.<", ">Карты<", ">Слова<"):
        assert words in page
    assert "Атлас" not in client.get("/", headers={"Accept-Language": "fa"}).text


def test_the_settings_are_found_under_each_of_their_names(client, alice):
    for path in ("/settings", "/language", "/?tgWebAppStartParam=settings", "/?tgWebAppStartParam=language"):
        page = client.get(path)
        assert page.status_code == 200
        assert 'data-path="/settings" data-start="settings"' in page.text, path
    assert 'href="/settings">English</a>' in client.get("/").text


def chosen(answer) -> list[str]:
    """Return the choices that an answer shows as made."""
    return re.findall(r'<button id="news-(\w+)"[^>]* aria-current="true"', answer.text)


def test_whoever_is_not_signed_in_is_shown_no_choice_about_news(client, alice):
    for asked, headers in ((client, {}), (client, HTMX), (client.as_(alice), {})):
        page = asked.get("/settings", headers=headers)
        assert "news-yes" not in page.text
        assert 'hx-get="/settings" hx-trigger="session:ready from:body once"' in page.text
    assert chosen(client.as_(alice).get("/settings", headers=HTMX)) == ["yes"]


def test_news_are_declined_and_wanted_again_twice(client, alice):
    for answer in ("no", "no", "yes", "yes"):
        told = client.as_(alice).post("/settings/news", data={"wanted": answer}, headers=HTMX)
        assert (told.status_code, chosen(told)) == (200, [answer])
        assert told.text.startswith('<div id="news"')
        assert (users.get(arrange.ALICE).news_declined_at is None) == (answer == "yes")
        assert chosen(client.as_(alice).get("/settings", headers=HTMX)) == [answer]


def test_one_persons_choice_about_news_is_nobody_elses(client, alice, bob):
    client.as_(alice).post("/settings/news", data={"wanted": "no"}, headers=HTMX)
    assert chosen(client.as_(bob).get("/settings", headers=HTMX)) == ["yes"]
    assert "news-yes" not in client.get("/settings").text


def test_a_language_that_is_chosen_leaves_the_choice_about_news(client, alice):
    client.as_(alice).post("/settings/news", data={"wanted": "no"}, headers=HTMX)
    answer = client.as_(alice).post("/language", data={"code": "fa"}, headers=HTMX)
    assert (language(answer), chosen(answer)) == ("fa", ["no"])


@pytest.mark.parametrize("wanted", ["", "maybe", "NO", "no" * 5000, None], ids=lambda one: ascii(one)[:8])
def test_what_is_neither_yes_nor_no_changes_nothing(client, alice, wanted):
    for asked, status in ((client, 401), (client.as_(alice), 400)):
        answer = asked.post("/settings/news", data={} if wanted is None else {"wanted": wanted}, headers=HTMX)
        assert answer.status_code == status
    assert users.get(arrange.ALICE).news_declined_at is None


def test_another_site_declines_no_news(client, alice):
    foreign = {"Origin": "https://evil.test", "Sec-Fetch-Site": "cross-site"}
    assert client.as_(alice).post("/settings/news", data={"wanted": "no"}, headers=foreign).status_code == 403
    assert users.get(arrange.ALICE).news_declined_at is None


# To be forgotten


def test_25_settings_ask_once_more_and_then_forget(client, alice):
    hers = client.as_(alice)  # her session of now
    page = hers.get("/settings", headers=HTMX).get_data(as_text=True)
    assert "Delete my data" in page
    assert 'hx-delete="/me"' not in page  # not before it was asked
    asked = hers.get("/settings/forgetting?sure=1", headers=HTMX).get_data(as_text=True)
    assert "data-ask" in asked
    assert 'hx-delete="/me"' in asked
    question = re.search(r'<p class="hint">(.+?)</p>', asked)
    assert question
    assert len(question[1]) <= 256  # Telegram's popup takes no more
    launched = int(clock.now().timestamp())
    answer = hers.delete("/me", headers=HTMX)
    assert answer.status_code == 200
    page = answer.get_data(as_text=True)
    assert "Your data is deleted" in page
    assert "data-personal" not in page  # nothing that would sign in again by itself
    assert answer.headers["HX-Trigger"] == "session:ended"
    assert "Max-Age=0" in answer.headers["Set-Cookie"]
    assert users.get(arrange.ALICE).first_name == ""
    # Neither the session nor the launch of before makes the shop know them again.
    assert hers.get("/settings", headers=HTMX).status_code == 401
    told = make_init_data({"id": arrange.ALICE, "first_name": "Alice"}, launched)
    assert client.post("/session", json={"init_data": told}).status_code == 401
    assert users.get(arrange.ALICE).first_name == ""


@pytest.mark.parametrize("code", ["en", "ru", "es", "fa"])
def test_25_the_question_fits_telegrams_popup_in_every_language(client, alice, code):
    arrange.speaks(alice, code)
    asked = client.as_(alice).get("/settings/forgetting?sure=1", headers=HTMX).get_data(as_text=True)
    [question] = re.findall(r'<p class="hint">(.+?)</p>', asked)
    [title] = re.findall(r'<h3 class="label">(.+?)</h3>', asked)
    assert len(question) <= 256
    assert len(title) <= 64


def test_25_a_cookie_alone_forgets_nobody(client, alice):
    launch(client)
    assert client.delete("/me", base_url="https://localhost").status_code == 401
    assert users.get(arrange.ALICE).first_name == "Alice"


def test_25_the_privacy_page_says_how_long(client, open_shop):
    page = client.get("/privacy").get_data(as_text=True)
    assert page.count("For 30 days") == 3
    assert "Delete my data" in page
