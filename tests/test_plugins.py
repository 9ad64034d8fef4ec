"""An owner's plug-in: what it may do, and what is said of one that cannot be."""

import inspect
import json
import threading
from typing import Any

import pytest
from sqlalchemy import text

from tests.conftest import Client
from tests.kit import arrange
from tests.kit.documents import block
from tests.kit.factories import SHOP, make_config, opened, write_folder
from tests.kit.processes import ROOT
from webapp import create_app
from webapp.bot.receivers import Receivers
from webapp.config import ConfigError
from webapp.db.engine import db
from webapp.db.transactions import transaction
from webapp.domain.owner.audit import Decision
from webapp.shop import catalogue_file, checks, plugins
from webapp.shop.folder import Folder
from webapp.shop.plugins import patience
from webapp.shop.plugins.registered import SIGNALS
from webapp.shop.plugins.surface import Shop
from webapp.usecases import owner
from webapp.web import templates

HTMX = {"HX-Request": "true"}
GOOD = "def register(shop):\n"


@pytest.fixture
def shop_of(tmp_path, sqlite_url):
    """A way to open the shop of a plug-in and the files beside it, as a browser sees it."""
    contexts = []

    def open_(plugin: str, **files: str) -> Any:
        named = {name.replace("__", "/").replace("_html", ".html"): text for name, text in files.items()}
        folder = write_folder(tmp_path / "own", {"plugin.py": plugin, "pictures/hero.svg": "<svg/>", **named})
        contexts.append(opened(create_app(make_config(database_url=sqlite_url, shop=folder))))
        app = contexts[-1].__enter__()
        arrange.open_shop()
        return Client(app, app.response_class, True)

    yield open_
    for context in contexts:
        context.__exit__(None, None, None)


PAGES = """
    def register(shop):
        @shop.route("/greeting")
        def greeting():
            user = shop.user()
            return shop.page("greeting.html", name=user.first_name if user else "nobody")

        @shop.route("/moon.json", methods=["GET", "POST"])
        def moon():
            from flask import request
            return {"percent": 48, "asked": request.get_json(silent=True)}

        @shop.route("/secret")
        @shop.entitled("atlas")
        def secret():
            return "behind the door"

        @shop.route("/film")
        @shop.allow(media="'self'")
        def film():
            return shop.page("greeting.html", name="film")

        @shop.route("/broken")
        def broken():
            return 1 / 0

        @shop.filter("loudly")
        def loudly(words):
            return words.upper()

        shop.start_target("hello", greeting)
        shop.start_target("film", film)
"""
GREETING = """
    {% extends "layout.html" %}{% block title %}Greeting{% endblock %}
    {% block content %}<h1>{{ name | loudly }}</h1>{% endblock %}
"""


def test_a_page_is_in_the_layout_and_knows_who_asks(shop_of):
    client = shop_of(PAGES, templates__greeting_html=GREETING)
    alice = arrange.meet(arrange.ALICE, first_name="Alice")
    assert "<h1>NOBODY</h1>" in client.get("/greeting").text
    page = client.as_(alice).get("/greeting", headers=HTMX).text
    assert "<h1>ALICE</h1>" in page
    assert f'data-path="/greeting" data-start="hello" data-viewer="{alice.telegram_id}"' in page


def test_a_start_parameter_leads_to_a_page(shop_of):
    client = shop_of(PAGES, templates__greeting_html=GREETING)
    assert 'data-path="/greeting" data-start="hello"' in client.get("/?tgWebAppStartParam=hello").text
    # What a page may load goes by its address.
    assert client.get("/?tgWebAppStartParam=film").headers["Location"] == "/film"
    assert "media-src 'self'" in client.get("/film").headers["Content-Security-Policy"]
    assert "media-src" not in client.get("/greeting").headers["Content-Security-Policy"]


def test_an_entitled_route_opens_for_its_buyer_alone(shop_of):
    client = shop_of(PAGES, templates__greeting_html=GREETING)
    alice, bob = arrange.meet(arrange.ALICE), arrange.meet(arrange.BOB)
    arrange.pay(arrange.facts(arrange.order(alice, "atlas")))
    assert client.as_(alice).get("/secret").text == "behind the door"
    assert client.as_(bob).get("/secret").status_code == 403
    assert client.get("/secret").status_code == 401


def test_json_is_taken_and_given_by_its_own_routes_alone(shop_of):
    client = shop_of(PAGES, templates__greeting_html=GREETING)
    assert client.get("/moon.json").json == {"percent": 48, "asked": None}
    assert client.post("/moon.json", json={"a": 1}).json["asked"] == {"a": 1}
    assert client.post("/moon.json", data="<a/>", content_type="text/xml").status_code == 415
    assert client.post("/orders", json={"product": "atlas"}).status_code == 415
    foreign = {"Origin": "https://evil.example"}
    assert client.post("/moon.json", json={}, headers=foreign).status_code == 403


@pytest.mark.proves("I19", "F65")
def test_a_view_that_raises_breaks_nothing_else(shop_of, caplog):
    client = shop_of(PAGES, templates__greeting_html=GREETING)
    answer = super(Client, client).open("/broken", headers={"Accept": "application/json"})
    assert (answer.status_code, answer.json["code"]) == (500, "Broken")
    assert answer.json["incident"] in [getattr(one, "incident", "") for one in caplog.records]
    assert client.get("/greeting").status_code == client.get("/support").status_code == 200


def test_a_template_of_ours_gives_way_and_can_be_extended(shop_of):
    client = shop_of(
        GOOD + "    pass",
        templates__support_html='{% extends "starfront/support.html" %}{% block title %}Mine{% endblock %}',
    )
    page = client.get("/support").text
    assert "<title>Mine" in page
    assert "<h1>" in page


def test_a_folder_without_a_plugin_is_a_shop(shop_of, tmp_path, sqlite_url):
    with opened(create_app(make_config(database_url=sqlite_url, shop=Folder(tmp_path / "none")))) as app:
        assert plugins.current().routes == []
        assert plugins.current().signals.keys() == SIGNALS.keys()
        assert app.test_client().get("/support").status_code == 200


def test_two_shops_of_one_process_keep_their_plugins_apart(tmp_path):
    one, other = tmp_path / "one", tmp_path / "other"
    for folder in (one, other):
        files = {
            "plugin.py": "from . import words\n" + GOOD + "    pass",
            "words.py": f"SAID = '{folder.name}'",
        }
        write_folder(folder, files)
    loaded: list[Any] = [plugins.load(Folder(folder)).module for folder in (one, other)]
    assert [module.words.SAID for module in loaded] == ["one", "other"]


ROUTE = "\n    @shop.route({})\n    def {}(): return ''\n"
WRONG = {
    "syntax": ("def register(shop:", r"plugin\.py, line 1: SyntaxError: "),
    "import": ("import nowhere_to_be_found", r"plugin\.py, line 1: ModuleNotFoundError: No module named"),
    "neighbour": ("from . import sky", r"plugin\.py, by way of sky\.py, line 2: ZeroDivisionError"),
    "ends": ("import sys\nsys.exit(3)", r"plugin\.py, line 2: it ends the process"),
    "no register": ("x = 1", r"plugin\.py: there is no function register"),
    "raises": (GOOD + "    raise KeyError('token')", r"plugin\.py, line 2: KeyError: 'token'"),
    "no argument": ("def register(): pass", r"plugin\.py: TypeError: register\(\) takes 0"),
    "ours": (
        GOOD + ROUTE.format("'/orders'", "mine"),
        r"line 3: the shop has pages of its own under /orders",
    ),
    "ours below": (GOOD + ROUTE.format("'/products/<slug>'", "a"), r"pages of its own under /products"),
    "front door": (GOOD + ROUTE.format("'/'", "a"), r"line 3: '/' is not a path"),
    "anything": (GOOD + ROUTE.format("'/<path:all>'", "a"), "is not a path"),
    "static": (GOOD + ROUTE.format("'/static/x'", "a"), "pages of its own under /static"),
    "twice": (
        GOOD + ROUTE.format("'/a/<x>'", "a") + ROUTE.format("'/a/<int:y>'", "b"),
        r"line 6: the route /a/<int:y> is there twice",
    ),
    "name twice": (GOOD + ROUTE.format("'/a'", "a") + ROUTE.format("'/b'", "a"), "two functions of routes"),
    "converter": (GOOD + ROUTE.format("'/a/<moon:x>'", "a"), r"plugin\.py, line 3: /a/<moon:x> is no path"),
    "method": (GOOD + ROUTE.format("'/a', methods=['BREW']", "a"), "methods must be some of"),
    "lambda": (GOOD + "    shop.route('/a')(lambda: '')", "plain function with a name"),
    "coroutine": (GOOD + "    @shop.route('/a')\n    async def a(): return ''", "plain function"),
    "unguarded": (
        GOOD + "    @shop.entitled('atlas')" + ROUTE.format("'/a'", "a"),
        r"@shop\.entitled has to stand below @shop\.route",
    ),
    "key": (GOOD + "    shop.entitled('Deep Sky')", "'Deep Sky' cannot be an entitlement"),
    "source": (GOOD + "    shop.allow(media='*')", r"line 2: ValueError: \* is not a source"),
    "target of ours": (
        GOOD + ROUTE.format("'/a'", "a") + "    shop.start_target('terms', a)",
        r"plugin\.py, line 5: the start target 'terms' is the shop's own",
    ),
    "target": (GOOD + "    shop.start_target('a', len)", "line 2: the start target 'a' needs a page"),
    "filter": (GOOD + "    shop.filter('number')(str.upper)", "filter 'number' already"),
    "unknown": (GOOD + "    shop.mistype()", r"plugin\.py, line 2: AttributeError: 'Shop' object has no"),
    "template": (
        GOOD + "    @shop.route('/a')\n    def a():\n        return shop.page('lost.html')",
        r"plugin\.py, line 4: there is no template 'lost\.html'",
    ),
}


HANGS = {
    "at import": ("import time\nwhile True:\n    time.sleep(60)\n", "line 3"),
    "at registration": (GOOD + "    while True:\n        pass\n", r"line [23]"),
    "whatever is raised": (
        GOOD
        + "    while True:\n        try:\n            while True: pass\n        except Exception: pass\n",
        r"line [2345]",
    ),
}


@pytest.mark.proves("F66")
@pytest.mark.parametrize("name", HANGS)
def test_one_that_hangs_holds_no_start(tmp_path, monkeypatch, name):
    plugin, line = HANGS[name]
    monkeypatch.setattr(patience, "SECONDS", 0.1)
    folder = write_folder(tmp_path / "own", {"plugin.py": plugin})
    with pytest.raises(ConfigError, match=rf"plugin\.py, {line}: it did not return within 0 seconds\."):
        plugins.load(folder)


@pytest.mark.proves("F66")
@pytest.mark.parametrize("name", WRONG)
def test_what_cannot_be_is_told_at_the_start_in_one_sentence(tmp_path, name):
    plugin, sentence = WRONG[name]
    folder = write_folder(tmp_path / "own", {"plugin.py": plugin, "sky.py": "\nmoon = 1 / 0"})
    url = f"sqlite:///{tmp_path}/none.db"
    with pytest.raises(ConfigError, match=sentence) as raised:
        create_app(make_config(database_url=url, shop=folder))
    assert "\n" not in str(raised.value)
    assert "plugin.py" in str(raised.value)
    assert checks.judge(folder, templates.problems).problems == [str(raised.value)]


@pytest.mark.parametrize(
    ("template", "sentence"),
    [
        ("{% if %}", r"templates/own\.html, line 1: "),
        ("\n{{ name | loudly }}", r"templates/own\.html, line 2: No filter named 'loudly'"),
        ('{% extends "layuot.html" %}', r"templates/own\.html: there is no template 'layuot\.html'"),
        (b"\xff", r"templates/own\.html is no UTF-8 text"),
    ],
)
def test_a_template_that_does_not_compile_is_told_at_the_start(tmp_path, template, sentence):
    folder = write_folder(tmp_path / "own", {"templates/own.html": ""})
    (folder.templates / "own.html").write_bytes(
        template if isinstance(template, bytes) else template.encode()
    )
    with pytest.raises(ConfigError, match=sentence) as raised:
        create_app(make_config(database_url=f"sqlite:///{tmp_path}/none.db", shop=folder))
    assert checks.judge(folder, templates.problems).problems == list(raised.value.sentences)


def test_a_plugin_is_read_once(tmp_path):
    folder = write_folder(tmp_path / "own", {"plugin.py": GOOD + "    pass"})
    first = plugins.load(folder)
    folder.plugin.write_text("raise SystemExit")
    assert plugins.load(folder) is first


def test_a_plugin_that_failed_can_be_put_right(tmp_path):
    folder = write_folder(tmp_path / "own", {"plugin.py": "from . import sky", "sky.py": "1 / 0"})
    with pytest.raises(ConfigError):
        plugins.load(folder)
    write_folder(
        folder.path, {"plugin.py": "from . import sky\n" + GOOD + "    pass", "sky.py": "moon = 'full'"}
    )
    loaded: Any = plugins.load(folder).module
    assert loaded.sky.moon == "full"


# --- Its own tables.

TABLES = """
    from sqlalchemy import text

    def register(shop):
        @shop.route("/notes", methods=["POST"])
        def notes():
            with shop.db() as session:
                session.execute(text("INSERT INTO own_notes (words) VALUES ('kept')"))
            return ""

        @shop.route("/half", methods=["POST"])
        def half():
            with shop.db() as session:
                session.execute(text("INSERT INTO own_notes (words) VALUES ('lost')"))
                raise KeyError
"""


def test_its_session_keeps_all_or_nothing_and_leaves_ours_alone(shop_of):
    client = shop_of(TABLES)
    with transaction():
        db.session.execute(text("CREATE TABLE own_notes (words TEXT)"))
    db.session.execute(text("SELECT count(*) FROM own_notes")).all()  # a transaction of ours goes on
    assert client.post("/notes").status_code == 200
    assert super(Client, client).open("/half", method="POST").status_code == 500
    db.session.rollback()
    assert db.session.scalars(text("SELECT words FROM own_notes")).all() == ["kept"]


# --- The surface, which owners' code is written against: what stands here stays.

SURFACE = {
    "access_extended": "signal",
    "access_revoked": "signal",
    "allow": "(**sources: str | collections.abc.Collection[str])",
    "db": "()",
    "entitled": "(key: str)",
    "filter": "(name: str)",
    "gated_page": "(key: str, template: str, **facts: Any)",
    "now": "()",
    "person_forgotten": "signal",
    "page": "(template: str, **facts: Any)",
    "purchase_granted": "signal",
    "refunded": "signal",
    "route": "(path: str, *, methods: collections.abc.Collection[str] = ('GET',))",
    "start_target": "(name: str, view: collections.abc.Callable[..., typing.Any])",
    "user": "()",
}


def surface() -> dict[str, str]:
    shop = Shop(plugins.Plugin(SHOP))
    named = {name: getattr(shop, name) for name in dir(shop) if not name.startswith("_")}
    return {name: written(value) if callable(value) else "signal" for name, value in named.items()}


def written(function: Any) -> str:
    signature = inspect.signature(function)
    return str(signature.replace(return_annotation=signature.empty)).replace("typing.Any", "Any")


def test_the_surface_is_frozen():
    frozen = {name: told.replace("typing.Any", "Any") for name, told in SURFACE.items()}
    assert {name: told for name, told in surface().items() if name != "gated"} == frozen


def test_receivers_inside_register_stay(tmp_path):
    plugin = """
        HEARD = []
        def register(shop):
            @shop.refunded.connect
            def hear(sender, **facts):
                HEARD.append(facts)
    """
    loaded = plugins.load(write_folder(tmp_path / "own", {"plugin.py": plugin}))
    loaded.signals["refunded"].send(None, stars=5)
    heard: Any = loaded.module
    assert json.dumps(heard.HEARD) == '[{"stars": 5}]'


# --- docs/extending.md


GUIDE = "extending.md"
DRAWN = '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 9 9"><path d="M0 0h9v9z"/></svg>'


def test_the_documents_example_works(shop_of, caplog, monkeypatch):
    monkeypatch.setattr("webapp.clock.now", lambda: arrange.NOW)
    files = {"catalog.toml": block(GUIDE, "toml"), "pictures__almanac.svg": DRAWN}
    client = shop_of(block(GUIDE, "python"), templates__tides_html=block(GUIDE, "html+jinja"), **files)
    arrange.open_shop(*catalogue_file.read(client.application.config["STARFRONT"].shop).items)
    alice = arrange.meet(arrange.ALICE)
    arrange.pay(arrange.facts(arrange.order(alice, "almanac")))
    assert "Unlock this page" in client.get("/?tgWebAppStartParam=tides").text
    assert 'href="/tides"' in client.as_(alice).get("/upgrades", headers=HTMX).text
    assert "High water at 12:25 UTC" in client.as_(alice).get("/tides", headers=HTMX).text
    assert client.as_(alice).get("/tides.json").json == {"at": "2026-05-01T12:25:00+00:00"}
    assert client.get("/tides.json").status_code == 401
    caplog.set_level("INFO", "tides")
    assert Receivers(client.application, lambda _duty: True, threading.Event()).hand_over()
    assert f"almanac is open to {alice.telegram_id}" in caplog.text


def test_the_documents_other_examples_work(shop_of):
    client = shop_of(GOOD + "    pass", templates__support_html=block(GUIDE, "html+jinja", 1))
    assert "<title>Write to us" in client.get("/support").text
    compile(block(GUIDE, "python", 1), "migration", "exec")


@pytest.mark.proves("S68")
def test_the_documents_receiver_erases_a_person(shop_of):
    client = shop_of(block(GUIDE, "python", 2))
    alice, bob = arrange.meet(arrange.ALICE), arrange.meet(arrange.BOB)
    with transaction():
        db.session.execute(text("CREATE TABLE tides_places (telegram_id BIGINT, name TEXT)"))
        for user in (alice, bob):
            place = {"id": user.telegram_id}
            db.session.execute(text("INSERT INTO tides_places VALUES (:id, 'Harbour Road')"), place)
    owner.forget(alice.telegram_id, Decision("shell", "asked to be forgotten"))
    assert Receivers(client.application, lambda _duty: True, threading.Event()).hand_over()
    db.session.rollback()
    kept = db.session.scalars(text("SELECT telegram_id FROM tides_places")).all()
    assert kept == [bob.telegram_id]


def test_the_document_names_the_whole_surface():
    text = (ROOT / "docs" / GUIDE).read_text(encoding="utf-8")
    assert [name for name in SURFACE if f"shop.{name}" not in text and f"`.{name}`" not in text] == []
