"""Owners' own pages with video, audio, embeds and fonts; every other page goes on without."""

import pytest

from webapp.shop import content_sources

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
PLAYER = "https://player.example.com"


@pytest.fixture
def app(new_app):
    return new_app


@pytest.fixture
def rules(client):
    """Return what a page may load, by directive; /lesson is an owner's own."""

    @content_sources.allow(
        media="'self'", frames=[PLAYER, "https://*.example.net"], images="https://img.test"
    )
    def lesson() -> str:
        return "a film"

    client.application.add_url_rule("/lesson", view_func=lesson)

    def look(path: str) -> dict[str, str]:
        policy = client.get(path).headers["Content-Security-Policy"]
        return dict(rule.partition(" ")[::2] for rule in policy.split("; "))

    return look


def test_36_nothing_of_it_is_allowed_unless_asked_for(rules):
    assert not {"media-src", "font-src", "frame-src"} & rules("/terms").keys()
    assert rules("/terms")["default-src"] == "'none'"


def test_36_one_page_loads_what_it_was_allowed(rules):
    mine, usual = rules("/lesson"), rules("/terms")
    assert mine["media-src"] == "'self'"
    assert mine["frame-src"] == f"{PLAYER} https://*.example.net"
    assert mine["img-src"] == f"{usual['img-src']} https://img.test"
    same = usual.keys() - {"img-src"}
    assert {name: mine[name] for name in same} == {name: usual[name] for name in same}


def test_36_it_is_a_document_of_its_own(client, rules):
    answer = client.get("/lesson?part=2", headers={"HX-Request": "true"})
    assert (answer.status_code, answer.headers["HX-Redirect"]) == (204, "/lesson?part=2")
    assert client.get("/lesson").text == "a film"


@pytest.mark.parametrize(
    "wanted",
    [
        {"scripts": "https://cdn.test"},
        {"media": "*"},
        {"media": "https:"},
        {"media": "http://cdn.test"},
        {"media": "https://cdn.test; script-src *"},
        {"fonts": "data:"},
        {"frames": "https://cdn.test/path"},
    ],
)
def test_36_what_runs_or_comes_from_anywhere_cannot_be_allowed(wanted, client):
    with pytest.raises(ValueError, match="cannot be allowed|is not a source"):
        content_sources.allow(**wanted)
