"""Marked secrets through a whole shop at DEBUG; S60 and T31 are names of the failure model."""

import re
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.kit.factories import METRICS_TOKEN, SECRET_KEY, TERMS_VERSION, WEBHOOK_SECRET
from tests.kit.played import ALICE, BOB
from tests.kit.processes import ROOT, TOKEN, Shopper, Stage, eventually
from webapp.config import WEBHOOK_PATH
from webapp.views.telegram import SECRET_HEADER

CANARIES = {
    "SECRET_KEY_PREVIOUS": "Canary1-key-before-Zt7Rk1WbXq9Lm3VnC5hYd8",
    "WEBHOOK_SECRET_PREVIOUS": "Canary2-webhook-before-Zt7Rk1WbXq9Lm3VnC",
}
EVERY_JWT = re.compile(r"eyJ[\w-]{8,}\.[\w-]+")


class Heard:
    """Everything the shop said: what it logged, and every answer it gave."""

    def __init__(self) -> None:
        self.answers: list[httpx.Response] = []
        self.secrets = {TOKEN, SECRET_KEY, WEBHOOK_SECRET, METRICS_TOKEN, *CANARIES.values()}

    def listen(self, http: httpx.Client) -> None:
        http.event_hooks["response"].append(self._hear)

    def _hear(self, answer: httpx.Response) -> None:
        answer.read()
        self.answers.append(answer)


class Watched(Shopper):
    """A shopper whose launches and sessions nobody may see again."""

    def __init__(self, stage: Stage, telegram_id: int, heard: Heard) -> None:
        super().__init__(stage, telegram_id)
        self.heard = heard
        heard.listen(self.http)

    def sign_in(self) -> "Watched":
        launch = self.stage.control("POST", f"people/{self.id}/launch", **{"from": "menu"})
        raw = launch["init_data"]
        self.heard.secrets |= {raw, *re.findall(r"(?:hash|signature)=([\w-]{20,})", raw)}
        answer = self.http.post("/session", json={"init_data": raw})
        assert answer.status_code == 200
        self.token = answer.json()["token"]
        self.heard.secrets |= {self.token, self.token.rpartition(".")[2]}
        return self


@pytest.fixture(params=["polling", "webhook"])
def stage(request: pytest.FixtureRequest, tmp_path: Path, empty_sqlite: Path) -> Iterator[Stage]:
    file = tmp_path / "shop.db"
    file.write_bytes(empty_sqlite.read_bytes())
    one = Stage(
        tmp_path,
        f"sqlite:///{file}",
        BOT_MODE=request.param,
        LOG_LEVEL="DEBUG",
        WEB_CONCURRENCY="1",
        OWNER_NOTICES="health",  # the web process looks after the bot
        GUNICORN_CMD_ARGS="--access-logfile -",  # as Heroku sets it, with every address
        **CANARIES,
    )
    yield one.open()
    one.close()


def buy(stage: Stage, heard: Heard) -> None:
    """Everything goes well: a purchase, pages, and the money back."""
    alice = Watched(stage, ALICE, heard).sign_in()
    charge = alice.pay(alice.order("deep-sky-atlas")["link"])["charge_id"]
    eventually(lambda: alice.has("/pages/atlas"))
    for path in ("/", "/me", "/products/deep-sky-atlas", "/upgrades", "/purchases", "/support", "/terms"):
        assert alice.request("GET", path).status_code == 200
    stage.control("POST", f"charges/{charge}/refund")
    eventually(lambda: not alice.has("/pages/atlas"))
    alice.request("DELETE", "/sessions")
    assert alice.request("GET", "/me").status_code == 401


def fail(stage: Stage, heard: Heard) -> None:
    """Everything goes wrong: Telegram, the person, and strangers with almost the right secret."""
    bob = Watched(stage, BOB, heard).sign_in()
    for trouble in ({"status": 500}, {"status": 401}, {"garbage": True}, {"lost_answer": True}):
        stage.control("PUT", "troubles", api={"createInvoiceLink": {**trouble, "times": 1}})
        assert (
            bob.request("POST", "/orders", product="night-photography", terms=TERMS_VERSION).status_code
            >= 500
        )
    stage.control("PUT", "troubles", api={})
    wrong(stage, heard, bob)


def wrong(stage: Stage, heard: Heard, bob: Watched) -> None:
    http = stage.client(base_url=stage.web)
    heard.listen(http)
    for secret in list(heard.secrets):
        header = secret.encode()[:-1] + b"x"
        http.post("/session", json={"init_data": secret + "0"})
        http.post("/session", data={"init_data": secret})
        http.post("/session", content=secret.encode(), headers={"Content-Type": "application/json"})
        http.post(WEBHOOK_PATH, content=secret.encode(), headers={SECRET_HEADER.encode(): header})
        http.get("/metrics", headers={"Authorization": b"Bearer " + header})
        http.get("/me", headers={"Authorization": b"Bearer " + header})
        http.get("/purchases", headers={"Cookie": f"__Host-session={secret}"})
        http.get("/readyz", headers={"Authorization": b"Bearer " + header})
    http.post(
        WEBHOOK_PATH, content=f'{{"update_id": 1, "{TOKEN}": 1}}', headers={SECRET_HEADER: WEBHOOK_SECRET}
    )
    http.post(WEBHOOK_PATH, content=bob.token, headers={SECRET_HEADER: CANARIES["WEBHOOK_SECRET_PREVIOUS"]})
    for page in ("/metrics", "/readyz"):
        http.get(page, headers={"Authorization": f"Bearer {METRICS_TOKEN}"})


def echoed(answer: httpx.Response) -> set[str]:
    """Return what an answer may repeat: the session, once, to the one who asked for it."""
    if answer.request.url.path == "/session" and answer.status_code == 200:
        return set(EVERY_JWT.findall(answer.text)) | {
            answer.json()["token"],
            answer.json()["token"].rpartition(".")[2],
        }
    return set()


@pytest.mark.proves("I17", "T31")
def test_t31_no_secret_is_ever_said(stage):
    heard = Heard()
    buy(stage, heard)
    fail(stage, heard)
    if stage.environment["BOT_MODE"] == "polling":
        # The addresses that libraries would print at this level hold the token.
        assert "getUpdates" in stage.output("bot")
    assert "watch_started" in stage.output("web")  # what it does beside pages says no secret either
    assert stage.stop("bot") == 0
    stage.stop("web")
    logged = {name: stage.output(name) for name in ("release", "web", "bot")}
    assert all('"level": "DEBUG"' in logged[name] for name in ("web", "bot"))
    assert '"GET /me' not in logged["web"]
    assert '"route": "/me"' in logged["web"]
    assert len(heard.secrets) > 10
    assert len(heard.answers) > 60
    for name, text in logged.items():
        leaks = [secret[:16] for secret in heard.secrets if secret in text]
        assert not leaks, name
        assert not EVERY_JWT.search(text), name
        assert "tgWebAppData" not in text
        assert "hash=" not in text
    for answer in heard.answers:
        said = answer.text + str(answer.headers.multi_items() if not echoed(answer) else "")
        leaks = [secret[:16] for secret in heard.secrets - echoed(answer) if secret in said]
        assert not leaks, (answer.request.method, answer.request.url.path, answer.status_code)


@pytest.mark.proves("I17", "T31")
@pytest.mark.parametrize("stage", ["polling"], indirect=True)
def test_t31_a_leak_would_be_heard(stage):
    """The watch itself is watched: a line with a secret in it is found."""
    heard = Heard()
    Watched(stage, ALICE, heard).sign_in()
    said = stage.output("web") + f"GET {stage.sandbox}/bot{TOKEN}/getMe"
    assert [secret for secret in heard.secrets if secret in said] == [TOKEN]


@pytest.mark.proves("S61")
@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_s61_an_error_says_where_to_look_and_nothing_else(app):
    """A page that breaks names an incident, and no word of what broke."""
    app.view_functions["help.terms"] = lambda: 1 / 0
    answer = app.test_client().get("/terms")
    assert answer.status_code == 500
    page = answer.get_data(as_text=True)
    assert re.search(r"[0-9a-f]{8}", page)
    for word in ("ZeroDivision", "Traceback", "File ", str(ROOT), "site-packages", "lambda", "webapp"):
        assert word not in page
