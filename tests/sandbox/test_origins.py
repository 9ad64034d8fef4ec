"""Who can drive the sandbox: its own page and programs, and no page of anybody else."""

import json

import httpx
import pytest

from tests.kit.played import ALICE
from tests.kit.processes import Stage
from tests.sandbox.conftest import stars

TOP_UP = f"people/{ALICE}/top-up"


def ask(telegram, method: str, path: str, *, body: object = None, **headers: str) -> httpx.Response:
    """Ask the control API as a browser does for a page."""
    sent = {name.replace("_", "-"): value for name, value in headers.items()}
    content = None if body is None else json.dumps(body)
    if body is not None and "Content-Type" not in sent:
        sent["Content-Type"] = "application/json"
    return telegram.http.request(method, f"{telegram.sandbox}/sandbox/{path}", content=content, headers=sent)


@pytest.mark.proves("S69")
@pytest.mark.parametrize(
    "origin",
    ["https://evil.example", "null", "http://localhost:1", "http://127.0.0.1", "https://{host}", "nonsense"],
)
@pytest.mark.parametrize("path", ["state", "events", "calls"])
def test_34_a_page_of_another_origin_reads_nothing(telegram, origin, path):
    named = origin.replace("{host}", telegram.sandbox.partition("://")[2])
    refused = ask(telegram, "GET", path, Origin=named)
    assert refused.status_code == 403
    assert "another origin" in refused.json()["error"]


@pytest.mark.proves("S69")
@pytest.mark.parametrize("path", [TOP_UP, "charges", "updates", "reset"])
def test_34_a_page_of_another_origin_changes_nothing(telegram, bot, path):
    body = {"stars": 5, "person": ALICE, "payload": "x", "amount": 5}
    assert ask(telegram, "POST", path, body=body, Origin="https://evil.example").status_code == 403
    assert stars(telegram, ALICE) == 500
    assert bot.call("getUpdates") == []


def test_34_the_phone_drives_its_own_sandbox(telegram):
    assert ask(telegram, "POST", TOP_UP, body={"stars": 5}, Origin=telegram.sandbox).status_code == 200
    assert stars(telegram, ALICE) == 505


@pytest.mark.parametrize(
    "host", ["evil.example", "evil.example:8081", "localhost.evil.example", "127.0.0.1.nip.io", ""]
)
@pytest.mark.parametrize("path", ["/", "/sandbox/state", f"/sandbox/people/{ALICE}/launch"])
def test_34_a_foreign_host_is_refused(telegram, host, path):
    method = "POST" if path.endswith("launch") else "GET"
    refused = telegram.http.request(method, f"{telegram.sandbox}{path}", headers={"Host": host})
    assert refused.status_code in ({400, 421} if host == "" else {421})
    assert "init_data" not in refused.text
    assert "Alice" not in refused.text


@pytest.mark.parametrize(
    "host", ["localhost:8081", "127.0.0.1", "[::1]:8081", "[::ffff:127.0.0.1]:8081", "shop.localhost"]
)
def test_34_this_machine_and_its_addresses_are_no_foreign_host(telegram, host):
    answer = telegram.http.get(f"{telegram.sandbox}/sandbox/clock", headers={"Host": host})
    assert answer.status_code == 200


@pytest.mark.proves("S69")
def test_34_a_page_cannot_rebind_its_name_to_reach_the_sandbox(telegram):
    headers = {"Host": "evil.example", "Origin": "http://evil.example", "Content-Type": "application/json"}
    answer = telegram.http.post(
        f"{telegram.sandbox}/sandbox/{TOP_UP}", content='{"stars": 5}', headers=headers
    )
    assert answer.status_code == 421
    assert stars(telegram, ALICE) == 500


@pytest.mark.parametrize(
    "kind",
    [
        "text/plain",
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=x",
        "",
        "application/jsonp",
    ],
)
@pytest.mark.parametrize(
    ("method", "path"), [("POST", TOP_UP), ("PUT", "troubles"), ("PATCH", f"people/{ALICE}")]
)
def test_34_the_control_api_takes_json_alone(telegram, kind, method, path):
    refused = ask(telegram, method, path, body={"stars": 5}, **{"Content-Type": kind})
    assert refused.status_code == 415
    assert refused.json() == {"error": "the body must be JSON: Content-Type: application/json"}
    assert stars(telegram, ALICE) == 500


def test_34_json_can_name_its_charset(telegram):
    kind = {"Content-Type": "application/json; charset=utf-8"}
    assert ask(telegram, "POST", TOP_UP, body={"stars": 5}, **kind).status_code == 200


def test_34_the_bot_is_reached_under_any_name(bot):
    address = f"{bot.stage.sandbox}/bot7000000002:wrong/getMe"
    assert bot.stage.http.get(address, headers={"Host": "telegram-in-a-box"}).status_code == 401


def test_34_more_addresses_can_be_named(tmp_path):
    stage = Stage(tmp_path, "sqlite:///unused.db").play("--address", "https://box.example")
    try:
        address = f"{stage.sandbox}/sandbox/people/{ALICE}/top-up"
        told = {"Host": "box.example", "Origin": "https://box.example"}
        assert stage.http.post(address, json={"stars": 5}, headers=told).status_code == 200
        told["Origin"] = "http://box.example"
        assert stage.http.post(address, json={"stars": 5}, headers=told).status_code == 403
    finally:
        stage.close()
