"""Texts and clients that mean harm: S56, S57, S59 and T28 of the failure model, in a real browser."""

import re
import tomllib
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import quote

import pytest
from playwright.sync_api import expect

from tests.gallery.visits import Observatory, Visit
from tests.kit.processes import eventually
from webapp import clock
from webapp.domain.catalogue import catalogue_files, toml_files
from webapp.domain.catalogue.catalogue import Item

# Each calls ran() should it ever be taken for more than a text.
SHORT = [  # at most 32 characters, so that titles and sections can be these
    "<script>ran()</script>",
    "<svg onload=ran()>",
    "<img src=x onerror=ran()>",
    '"><svg onload=ran()>',
    "'><svg onload=ran()>",
    "</h1><svg onload=ran()>",
    "</title><svg onload=ran()>",
    "</style><svg onload=ran()>",
    "<body onload=ran()>",
    "<a href=javascript:ran()>x</a>",
    "<iframe src=javascript:ran()>",
    "<form action=javascript:ran()>",
    "<input autofocus onfocus=ran()>",
    "<details open ontoggle=ran()>",
    "<i hx-on:load=ran()>",
    "<i hx-get=/ hx-trigger=load>",
    "<base href=//evil.example>",
    "<style>*{display:none}</style>",
    "<template hx type=partial>",
    "<!--",
    "]]>",
    "{{7*7}}{% raw %}",
    "${ran()}#{ran()}",
    "javascript:ran()",
    "' onclick=ran() '",
    '" onclick=ran() "',
    "`ran()`",
    "&lt;svg onload=ran()&gt;",
    "&#60;svg onload=ran()&#62;",
    "\\u003csvg onload=ran()\\u003e",
    "%3Csvg%20onload=ran()%3E",
    "+ADw-script+AD4-ran()",
    "%s %(num)s {0} {}",
    "\N{GRINNING FACE}" * 32,
    "\N{MATHEMATICAL BOLD CAPITAL A}" * 8,
    "A" + "\N{COMBINING ACUTE ACCENT}" * 31,
    "\N{ARABIC LIGATURE BISMILLAH AR-RAHMAN AR-RAHEEM}" * 3,
    "W" * 32,
]
LONG = [
    "<script src=data:text/javascript,ran()></script>",
    "<img src=x onerror=ran()>" * 8,
    "<object data='data:text/html,<script>parent.ran()</script>'></object>",
    "<embed src='javascript:ran()'><link rel=stylesheet href=//evil.example/x.css>",
    "<meta http-equiv=refresh content='0;url=javascript:ran()'>",
    "<math><mtext><table><mglyph><style><img src=x onerror=ran()>",
    "<svg><animate onbegin=ran() attributeName=x dur=1s>",
    "<button popovertarget=x onbeforetoggle=ran()>x</button>",
    "<div id=main data-path=/ hx-get=/terms hx-trigger='load' hx-target=body>x</div>",
    "<a data-invoice=x data-main-button=x data-reopen href=https://t.me/evil>x</a>",
    "<div id=offer hx-swap-oob=true>stolen</div>",
    "<noscript><p title='</noscript><img src=x onerror=ran()>'>",
    "A" + "\N{COMBINING CYRILLIC MILLIONS SIGN}" * 64,
    "W" * 200,
]
# Control characters, overrides of direction and texts without end never come as far as a page.
REFUSED = ["A" * 10_000, "\u202eevil", "zero\u200bwidth", "nul\0", "new\nline", "\u2066isolate", "\ud800"]
START_PARAMETERS = [
    *(one for one in SHORT if one.isascii()),
    "//evil.example",
    "https://evil.example",
    "../../etc/passwd",
    "..%2f..%2fterms",
    "/terms",
    "terms#x",
    "terms?x=1",
    "constructor",
    "__proto__",
    "nul\0nul",
    "\u202eadmin",
    "\N{GRINNING FACE}",
    "A" * 513,
    "A" * 3000,
    "",
]
CONTACT = "<svg onload=ran()> \"'{{7*7}} @help"
LISTEN = """
  window.noted = [];
  window.ran = () => noted.push("ran");
  window.alert = window.ran;
  document.addEventListener("securitypolicyviolation", ({ violatedDirective, blockedURI, sample }) =>
    noted.push(`${violatedDirective} ${blockedURI} ${sample}`));
"""
FORGED = """() => document.querySelectorAll(
  "main script, main iframe, main object, main embed, main base, main style, main [onload], main [onerror],"
  + "main [onclick], main [onfocus], main a[href^='javascript:' i], main a[href*='evil'], main [src*='evil']"
).length"""


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Observatory]:
    """A shop whose owner is to be written to at a hostile address."""
    one = Observatory(tmp_path_factory.mktemp("hostile"), SUPPORT_CONTACT=CONTACT)
    yield one.open()
    one.close()


class Watched:
    """A visit in which everything that a page complains of is noted."""

    def __init__(self, visit: Visit) -> None:
        self.visit = visit
        self.problems: list[str] = []
        visit.context.add_init_script(LISTEN)
        visit.page.on("pageerror", lambda error: self.problems.append(str(error)))
        visit.page.on("dialog", lambda dialog: self.problems.append(dialog.message))

    def finds_all_well(self) -> bool:
        """Check that the page shown is ours, and that nothing in it ran or tried to."""
        page = self.visit.page
        assert self.problems == []
        assert page.evaluate("window.noted") == []
        assert page.evaluate(FORGED) == 0
        wide, narrow = page.evaluate(
            "() => [document.documentElement.scrollWidth, document.documentElement.clientWidth]"
        )
        return bool(wide <= narrow)


@pytest.fixture
def watched(visit: Callable[..., Visit]) -> Callable[..., Watched]:
    return lambda **options: Watched(visit(width=320, **options))


def hostile_items() -> list[Item]:
    """Return a catalogue of such texts, as a file gives them."""
    slugs = [f"item-{number}" for number in range(len(SHORT))]
    items = [
        Item(
            slug=slug,
            kind="unlock",
            section=text,
            title=text,
            description=LONG[number % len(LONG)],
            details=tuple(SHORT + LONG) if number == 0 else (),
            picture="nowhere.svg",
            stars=10,
            pass_days=None,
            keys=(slug,),
        )
        for number, (slug, text) in enumerate(zip(slugs, SHORT, strict=True))
    ]
    return catalogue_files.read(catalogue_files.write(items))


@pytest.mark.proves("T28")
def test_t28_no_text_of_the_catalogue_is_more_than_a_text(watched: Callable[..., Watched]):
    alice = watched()
    visit, page = alice.visit, alice.visit.page
    items = hostile_items()
    visit.sell(items)
    visit.open()
    while page.locator("[data-more]").count():
        page.locator("[data-more]").first.evaluate("element => element.click()")
        visit.settle()
    titles = page.locator(".card h3").evaluate_all("all => all.map((one) => one.textContent)")
    assert sorted(titles) == sorted(item.title for item in items)
    assert alice.finds_all_well()
    visit.go("/products/item-0")
    lines = page.locator(".ticks li").evaluate_all("all => all.map((one) => one.textContent.trim())")
    assert lines == [" ".join(text.split()) for text in items[0].details]
    assert alice.finds_all_well()


@pytest.mark.proves("T28")
def test_t28_what_was_bought_under_such_a_name_is_listed_by_it(watched: Callable[..., Watched]):
    alice = watched()
    visit = alice.visit
    visit.sell(hostile_items())
    bought = [f"item-{number}" for number in (0, 3, 13, 15)]
    charges = [visit.buy(slug) for slug in bought]
    visit.open("purchases")
    expect(visit.page.get_by_text(SHORT[0], exact=True)).to_be_visible()
    assert alice.finds_all_well()
    for path in (*(f"/purchases/{one}" for one in charges), "/upgrades", "/why"):
        visit.go(path)
        assert alice.finds_all_well(), path
    visit.shopper.request("POST", "/refunds", charge=charges[0])
    visit.go("/purchases")
    assert alice.finds_all_well()


@pytest.mark.proves("S56")
@pytest.mark.parametrize("text", REFUSED, ids=lambda text: ascii(text[:20]))
def test_s56_a_catalogue_with_characters_that_deceive_is_refused(text: str):
    [good] = hostile_items()[:1]
    file = catalogue_files.write([good]).replace('title = "', f'title = "{text}')
    with pytest.raises((toml_files.FileInvalid, UnicodeEncodeError, tomllib.TOMLDecodeError)):
        catalogue_files.read(file.encode().decode())


@pytest.mark.proves("S56")
def test_s56_people_may_be_called_anything(watched: Callable[..., Watched]):
    alice = watched()
    visit = alice.visit
    names = [*SHORT, *REFUSED[1:3], "W" * 64, "\N{COMBINING ACUTE ACCENT}" * 64]
    for name in names:
        visit.stage.control("PATCH", f"people/{visit.id}", first_name=name, last_name=name)
        launch = visit.stage.control("POST", f"people/{visit.id}/launch", **{"from": "menu"})
        answer = visit.stage.http.post(f"{visit.stage.web}/session", json={"init_data": launch["init_data"]})
        assert answer.status_code in {200, 429}, name
    visit.stage.wait(120)  # five launches a minute are let in
    for name in ("<svg onload=ran()>", "\u202e\"'><script>ran()</script>"):
        visit.stage.control("PATCH", f"people/{visit.id}", first_name=name)
        visit.open("upgrades")
        assert alice.finds_all_well()


@pytest.mark.proves("S59")
def test_s59_a_start_parameter_leads_to_our_pages_or_home(watched: Callable[..., Watched]):
    alice = watched()
    page, web = alice.visit.page, alice.visit.stage.web
    for told in START_PARAMETERS:
        for path in ("/?tgWebAppStartParam=", "/open?startapp="):
            page.goto(f"{web}{path}{quote(told)}", wait_until="commit")
            page.wait_for_selector("main h1")
            assert page.url.startswith(f"{web}/")
            assert alice.finds_all_well(), told
    expect(page.get_by_role("heading", name="This shop lives in Telegram")).to_be_visible()


@pytest.mark.proves("S59")
@pytest.mark.parametrize("told", ["//evil.example", "<svg onload=ran()>", "A" * 600, "\u202eatlas"])
def test_s59_nor_does_one_inside_a_launch_lead_elsewhere(watched: Callable[..., Watched], told: str):
    alice = watched()
    alice.visit.open(told)
    expect(alice.visit.page.get_by_role("heading", name="Lantern & Loom")).to_be_visible()
    assert alice.finds_all_well()


@pytest.mark.proves("T28")
def test_t28_the_shops_own_address_is_a_text_too(watched: Callable[..., Watched]):
    alice = watched()
    alice.visit.walk_in("/support")
    expect(alice.visit.page.get_by_text("<svg onload=ran()>")).to_be_visible()
    assert alice.finds_all_well()


THEMES: dict[str, dict[str, Any]] = {
    "none": {"bg_color": None},
    "words": {"bg_color": "red", "text_color": "transparent", "button_color": "url(//evil.example)"},
    "markup": {"bg_color": "#fff;}</style><svg onload=ran()>", "text_color": "javascript:ran()"},
    "numbers": {"bg_color": 16777215, "text_color": [0, 0, 0], "hint_color": {"r": 1}},
    "short": {"bg_color": "#12", "text_color": "#1", "secondary_bg_color": "#"},
    "long": {"bg_color": "#" + "f" * 5000, "text_color": "#000000"},
    "alike": dict.fromkeys(("bg_color", "text_color", "hint_color", "secondary_bg_color"), "#777777"),
}


@pytest.mark.parametrize("theme", THEMES.values(), ids=THEMES)
def test_a_theme_of_nonsense_leaves_a_page_to_read(watched: Callable[..., Watched], theme: dict[str, Any]):
    alice = watched()
    visit = alice.visit
    visit.open("deep-sky-atlas", theme=theme)
    text, ground = visit.page.evaluate("""() => [
      getComputedStyle(document.querySelector("h1")).color,
      getComputedStyle(document.documentElement).backgroundColor]""")
    assert text != ground
    assert alice.finds_all_well()


@pytest.mark.parametrize("version", ["6.0", "6.1", "0", "99.99", "<svg onload=ran()>"])
def test_a_client_of_any_version_can_order(watched: Callable[..., Watched], version: str):
    alice = watched()
    visit = alice.visit
    visit.open("deep-sky-atlas", version=version)
    visit.click("#buy")
    visit.await_("[data-order=open]")
    link = visit.page.locator("[data-invoice]").get_attribute("href")
    assert re.fullmatch(r"https://t\.me/\$[\w-]+", str(link))
    visit.shopper.pay(str(link))
    visit.await_("[data-order=paid]")
    assert alice.finds_all_well()


DENIED = """for (const name of ["sessionStorage", "localStorage"])
  Object.defineProperty(window, name, { configurable: true, get() { throw new DOMException("denied"); } });"""


@pytest.mark.proves("F63")
def test_a_page_without_any_storage_sells(watched: Callable[..., Watched]):
    alice = watched()
    visit = alice.visit
    visit.context.add_init_script(DENIED)
    visit.open("deep-sky-atlas")
    visit.click("#buy")
    order = visit.await_("[data-order=open]").locator("[data-order]").get_attribute("id")
    link = visit.page.locator("[data-invoice]").get_attribute("href")
    visit.shopper.pay(str(link))
    visit.await_("[data-order=paid]")
    assert order
    assert alice.finds_all_well()


def test_17_the_sixth_launch_within_a_minute_says_when_the_next_try_is(watched: Callable[..., Watched]):
    alice = watched()
    visit = alice.visit
    visit.stage.wait(60 - clock.now().timestamp() % 60 - visit.stage.ahead_seconds % 60)  # a minute begins
    for _ in range(5):
        launch = visit.stage.control("POST", f"people/{visit.id}/launch", **{"from": "direct"})
        told = {"init_data": launch["init_data"]}
        assert visit.stage.http.post(f"{visit.stage.web}/session", json=told).is_success
    visit.page.clock.install()
    visit.open("deep-sky-atlas")
    expect(visit.page.locator("#crowded")).to_contain_text(re.compile(r"again at: \d+:\d\d:\d\d"))
    visit.stage.wait(60)
    visit.page.clock.fast_forward(60_000)
    expect(visit.page.locator("#crowded")).to_be_hidden()
    visit.settle()
    assert visit.page.evaluate("document.documentElement.dataset.session") == "ready"
    assert alice.finds_all_well()


NOISE = """(slug) => {
  const tell = (name, data) => Telegram.WebView.receiveEvent(name, data);
  for (const status of ["paid", "paid", "failed", "cancelled", "pending", "", "<svg onload=ran()>", null])
    tell("invoice_closed", { slug, status });
  tell("invoice_closed", { slug: "another", status: "paid" });
  for (let press = 0; press < 3; press++) { tell("main_button_pressed"); tell("back_button_pressed"); }
  tell("theme_changed", { theme_params: { bg_color: "no colour" } });
  tell("theme_changed", { theme_params: {} });
  tell("viewport_changed", { height: 400, is_state_stable: true, is_expanded: true });
  tell("no_such_event", { a: 1 });
}"""


def test_events_doubled_missing_or_made_up_change_nothing_that_counts(watched: Callable[..., Watched]):
    alice = watched()
    visit = alice.visit
    visit.open("deep-sky-atlas")
    visit.page.evaluate("""() => { for (let press = 0; press < 5; press++)
      Telegram.WebView.receiveEvent("main_button_pressed"); }""")
    visit.await_("[data-order=open]")
    mine = [one for one in visit.stage.control("GET", "invoices") if one["title"] == "Deep Sky Atlas"]
    link = visit.page.locator("[data-invoice]").first.get_attribute("href")
    visit.page.evaluate(NOISE, str(link).rpartition("$")[2])
    visit.page.wait_for_selector("main")
    assert len([one for one in visit.stage.control("GET", "charges") if one["person"] == visit.id]) == 0
    visit.shopper.pay(str(link))
    eventually(lambda: visit.shopper.has("/pages/atlas"))
    visit.open("purchases")
    expect(visit.page.get_by_text("Deep Sky Atlas").first).to_be_visible()
    assert visit.page.locator(".rows > a").count() == 1
    assert mine
    assert alice.finds_all_well()
