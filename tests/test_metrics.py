"""What Prometheus is told; S62 and G11 are names of the failure model."""

import fcntl
import itertools
import logging
import os
import re
import resource
import signal
import socket
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from prometheus_client import Counter, Summary
from prometheus_client.mmap_dict import MmapedDict, mmap_key
from sqlalchemy import text

from tests.kit import arrange
from tests.kit.arrange import ALICE
from tests.kit.factories import METRICS_TOKEN, make_config, make_init_data
from tests.kit.processes import Shopper, Stage, eventually
from webapp import clock, create_app
from webapp.db.engine import db
from webapp.db.transactions import transaction
from webapp.domain.queue import inbox, leases
from webapp.domain.sales import refunds
from webapp.ops import metrics, metrics_folder

BEARER = {"Authorization": f"Bearer {METRICS_TOKEN}"}
OPEN_METRICS = "application/openmetrics-text; version=1.0.0"
# Of the names below the dashboards of every shop are made: they never change.
PROMISED = {
    "telegram_payments_total": {"result"},
    "telegram_payment_value_total": {"currency"},
    "telegram_refund_value_total": {"currency"},
    "miniapp_sessions_total": set(),
    "miniapp_exchange_latency_seconds_bucket": {"le"},
    "miniapp_exchange_latency_seconds_count": set(),
    "miniapp_exchange_latency_seconds_sum": set(),
    "miniapp_refused_exchanges_total": {"reason"},
    "miniapp_moved_launches_total": set(),
    "telegram_paid_to_unlocked_seconds_bucket": {"le"},
    "telegram_pre_checkout_seconds_bucket": {"le"},
    "telegram_pre_checkout_declines_total": {"reason"},
    "starfront_inbox_oldest_seconds": set(),
    "starfront_inbox_quarantined": set(),
    "starfront_charges_quarantined": set(),
    "starfront_statement_drift_stars": set(),
    "starfront_outbox_oldest_seconds": set(),
    "starfront_refunds_unknown": set(),
    "starfront_statement_age_seconds": set(),
    "starfront_signals_waiting": set(),
    "starfront_signals_oldest_seconds": set(),
    "starfront_duty_lease_seconds": {"duty"},
    "flask_http_request_duration_seconds_count": {"method", "endpoint", "status"},
    "flask_http_request_total": {"method", "status"},
}
METHODS = ("GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "TRACE", "BREW")
on_sqlite = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


def series(client: Any, **headers: str) -> dict[str, float]:
    """Return every series of a scrape with its value."""
    answer = client.get("/metrics", headers={**BEARER, **headers})
    assert answer.status_code == 200
    page = answer.text if isinstance(answer.text, str) else answer.get_data(as_text=True)
    lines = [line for line in page.splitlines() if line and not line.startswith("#")]
    return {name: float(value) for name, _, value in (line.rpartition(" ") for line in lines)}


def labels(name: str) -> dict[str, str]:
    return dict(re.findall(r'(\w+)="((?:[^"\\]|\\.)*)"', name.partition("{")[2]))


def launch(telegram_id: int = ALICE) -> str:
    return make_init_data({"id": telegram_id, "first_name": "Alice"}, int(clock.now().timestamp()))


def sign_in(client: Any, raw: str = "", **options: Any) -> int:
    return client.post("/session", json={"init_data": raw or launch()}, **options).status_code


def walk(app: Flask, client: Any, argument: str = "secret-7") -> None:
    """Ask every route for everything."""
    for rule in app.url_map.iter_rules():
        for method in METHODS:
            client.open(re.sub("<[^>]+>", argument, rule.rule), method=method)
    client.get(f"/nowhere/{argument}")


def test_the_payments_of_a_shop_add_up(client, alice):
    now = clock.now()
    order = arrange.order(alice, "atlas", now=now)
    arrange.decide(arrange.question(order, received_at=now), now=now)
    told = arrange.facts(order, "one", charged_at=now)
    for _ in range(3):  # Telegram says everything twice
        charge = arrange.pay(told, now=now)
    notes = arrange.order(alice, "notes", now=now)
    arrange.decide(arrange.question(notes, "q2", stars=1, received_at=now), now=now)
    arrange.pay(arrange.facts(notes, "two", stars=7, charged_at=now), now=now)
    found = series(client)
    assert found['telegram_payments_total{result="success"}'] == 1
    assert found['telegram_payments_total{result="failed"}'] == 1
    assert found['telegram_payment_value_total{currency="XTR"}'] == 250
    assert found['telegram_refund_value_total{currency="XTR"}'] == 0
    assert found["telegram_paid_to_unlocked_seconds_count"] == 2
    assert found["telegram_pre_checkout_seconds_count"] == 2
    assert found['telegram_pre_checkout_declines_total{reason="PriceChanged"}'] == 1
    arrange.settle(charge, at=now)
    assert series(client)['telegram_payments_total{result="success"}'] == 1
    assert series(client)['telegram_payment_value_total{currency="XTR"}'] == 250
    assert series(client)['telegram_refund_value_total{currency="XTR"}'] == 250


def test_a_shop_before_its_first_sale_says_nought(client):
    found = series(client)
    assert found['telegram_payments_total{result="success"}'] == 0
    assert found['telegram_payments_total{result="failed"}'] == 0
    assert found['telegram_payment_value_total{currency="XTR"}'] == 0
    assert found["miniapp_sessions_total"] == 0
    assert found["miniapp_exchange_latency_seconds_count"] == 0


def test_what_waits_is_told(client, alice):
    now = clock.now()
    charge = arrange.pay(arrange.facts(arrange.order(alice, now=now), "one"), now=now)
    with transaction():
        inbox.receive(b"garbage", "webhook", now)
        inbox.receive({"update_id": 1}, "webhook", now - 5 * arrange.MINUTE)
        refunds.mark_attempted(refunds.request_refund(charge, "why", requested_by="owner", now=now), now)
    found = series(client)
    assert found["starfront_inbox_quarantined"] == 1
    assert found["starfront_refunds_unknown"] == 1
    assert 300 <= found["starfront_inbox_oldest_seconds"] < 330
    assert 0 <= found["starfront_outbox_oldest_seconds"] < 30


@on_sqlite
def test_a_launch_is_counted_and_timed(client, alice):
    raw = launch()  # one for both: a second later it would be another
    assert sign_in(client, raw) == 200
    assert sign_in(client, raw, environ_overrides={"REMOTE_ADDR": "203.0.113.7"}) == 200
    assert client.post("/session", json={"init_data": "x"}).status_code == 401
    found = series(client)
    assert found["miniapp_sessions_total"] == 2
    assert found["miniapp_moved_launches_total"] == 1
    assert found["miniapp_exchange_latency_seconds_count"] == 3
    assert sum(value for name, value in found.items() if "miniapp_refused_exchanges_total" in name) == 1
    buckets = {labels(name)["le"] for name in found if name.startswith("miniapp_exchange_latency_seconds_b")}
    assert buckets == {"0.01", "0.05", "0.1", "0.5", "1.0", "+Inf"}


@pytest.mark.proves("S62")
@pytest.mark.parametrize(
    "told",
    [None, "", "Bearer", "Bearer ", "Bearer x", f"Basic {METRICS_TOKEN}", METRICS_TOKEN]
    + [f"Bearer {METRICS_TOKEN}x", f"Bearer {METRICS_TOKEN[:-1]}", "Bearer é", f"Bearer  {METRICS_TOKEN}"],
    ids=ascii,
)
@on_sqlite
def test_s62_without_the_token_there_is_nothing(client, told):
    answer = client.get("/metrics", headers={} if told is None else {"Authorization": told})
    assert answer.status_code == 404
    assert b"miniapp" not in answer.data


@pytest.mark.proves("S62")
@on_sqlite
def test_s62_a_shop_without_a_token_has_no_metrics(database_url):
    client = create_app(make_config(database_url=database_url, metrics_token="")).test_client()
    for told in ("Bearer ", "Bearer", f"Bearer {METRICS_TOKEN}"):
        assert client.get("/metrics", headers={"Authorization": told}).status_code == 404


@pytest.mark.proves("S62")
@on_sqlite
def test_s62_labels_name_no_person_no_order_and_no_path(app, client, alice):
    order = arrange.order(alice, "atlas", now=clock.now())
    arrange.pay(arrange.facts(order, "charge-secret-7"), now=clock.now())
    sign_in(client)
    walk(app, client)
    walk(app, client.as_(alice), order.public_id)
    found = series(client)
    for name in found:
        family = name.partition("{")[0]
        known = PROMISED.get(family, PROMISED.get(f"{family.removesuffix('_sum')}_bucket", set()) - {"le"})
        if not family.endswith(("_created", "_sum", "_count")) and family != "flask_exporter_info":
            assert set(labels(name)) == known, name
        for value in {**labels(name), "le": ""}.values():
            assert not re.search(r"/|secret|\d{4}", value), name
            assert value not in {order.public_id, order.payload, "BREW", "TRACE"}, name
    assert len(found) <= 500


@pytest.mark.proves("S62")
@on_sqlite
def test_s62_nobody_can_make_series_up(app, client):
    walk(app, client)
    before = len(series(client))
    for number in range(50):
        client.open("/", method=f"BREW{number}")
        client.open(f"/nowhere/{number}", headers={"User-Agent": f"x{number}", "Host": f"h{number}.test"})
        client.get(f"/products/p{number}")
    assert len(series(client)) <= before + 5


@on_sqlite
def test_every_promised_name_is_there(client, alice):
    now = clock.now()
    order = arrange.order(alice, now=now)
    arrange.decide(arrange.question(order, stars=1, received_at=now), now=now)
    with transaction():
        leases.hold("outbox", "bot", 30, now)
    client.post("/session", json={"init_data": "x"})
    found = {name.partition("{")[0]: set(labels(name)) for name in series(client)}
    assert {name: found.get(name) for name in PROMISED} == PROMISED


@on_sqlite
def test_43_a_duty_is_held_for_as_long_as_it_still_is(client, monkeypatch):
    now = clock.now()
    monkeypatch.setattr(clock, "now", lambda: now)
    with transaction():
        leases.hold("outbox", "bot", 30, now)
    assert series(client)['starfront_duty_lease_seconds{duty="outbox"}'] == 30


@on_sqlite
def test_both_formats_of_prometheus_are_spoken(client, alice):
    plain = client.get("/metrics", headers=BEARER)
    assert plain.content_type.startswith("text/plain; version=")
    modern = client.get("/metrics", headers={**BEARER, "Accept": OPEN_METRICS})
    assert modern.content_type.startswith("application/openmetrics-text")
    assert modern.get_data(as_text=True).endswith("# EOF\n")
    assert 'telegram_payments_total{result="success"} 0.0' in modern.get_data(as_text=True)


class Broken:
    """A metric that fails whatever is asked of it."""

    def __getattr__(self, name: str) -> Any:
        raise OSError("No space left on device")


@pytest.mark.proves("F56")
@on_sqlite
@pytest.mark.parametrize("name", ["sessions", "exchange", "refusals", "moves"])
def test_g11_a_broken_metric_breaks_no_session(app, client, name):
    setattr(app.extensions["metrics"], name, Broken())
    raw = launch()
    assert sign_in(client, raw) == 200
    assert sign_in(client, raw, environ_overrides={"REMOTE_ADDR": "203.0.113.7"}) == 200
    assert client.post("/session", json={"init_data": "x"}).status_code == 401


@pytest.mark.proves("F56")
@on_sqlite
def test_g11_requests_that_cannot_be_measured_are_answered(app, client, monkeypatch):
    for kind in (Counter, Summary):
        monkeypatch.setattr(kind, "labels", Broken.__getattr__)
    for path in ("/healthz", "/", "/terms"):
        assert client.get(path).status_code == 200


def test_the_metrics_of_the_process_outlive_the_database(client):
    assert sign_in(client) == 200
    db.session.execute(text("ALTER TABLE charges RENAME TO elsewhere"))
    db.session.commit()
    found = series(client)
    assert found["miniapp_sessions_total"] == 1
    assert not any(name.startswith("telegram_payments") for name in found)
    db.session.execute(text("ALTER TABLE elsewhere RENAME TO charges"))
    db.session.commit()
    assert series(client)['telegram_payments_total{result="success"}'] == 0


def test_the_metrics_of_the_process_need_no_database_at_all():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        app = create_app(make_config(database_url=f"postgres://shop@127.0.0.1:{probe.getsockname()[1]}/shop"))
    assert series(app.test_client())["miniapp_sessions_total"] == 0
    with app.app_context():
        db.engine.dispose()


def workers(pid: int) -> list[int]:
    """Return the processes that gunicorn keeps."""
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def all_say(stage: Stage, sessions: int) -> None:
    for _ in range(8):
        found = series(stage.client(base_url=stage.web))
        assert found["miniapp_sessions_total"] == sessions
        assert found["miniapp_exchange_latency_seconds_count"] == sessions
        assert found['miniapp_exchange_latency_seconds_bucket{le="+Inf"}'] == sessions
        assert found['telegram_payments_total{result="success"}'] == 0
        assert not any("pid" in labels(name) for name in found)


def left_in(files: Path) -> list[str]:
    return [file.name for file in files.iterdir() if file.name.startswith(metrics_folder.PREFIX)]


@on_sqlite
@pytest.mark.parametrize("is_ours", [True, False])
def test_a_web_process_leaves_no_files_but_its_owners_however_it_ended(tmp_path, database_url, is_ours):
    files = tmp_path / "files"
    files.mkdir()
    told = {} if is_ours else {"PROMETHEUS_MULTIPROC_DIR": str(files)}
    stage = Stage(tmp_path, database_url, TMPDIR=str(files), **told).open("web")
    try:
        stage.http.get(f"{stage.web}/support")
        numbers = [file.stat() for file in files.glob("**/*.db")]
        assert numbers
        # Not one has holes, whatever kinds there are: their pages are there when the disk is full.
        assert all(one.st_blocks * 512 >= one.st_size for one in numbers)
        assert {one.st_mode & 0o777 for one in numbers} == {0o600}
        killed = left_in(files)
        stage.kill("web")
        assert left_in(files) == killed
        stage.start("web")
        eventually(lambda: stage.answers(f"{stage.web}/healthz"))
        assert len(left_in(files)) == is_ours
        assert not set(left_in(files)) & set(killed)
        assert stage.stop("web") == 0
    finally:
        stage.close()
    assert left_in(files) == []
    assert files.is_dir()


@on_sqlite
def test_several_web_processes_answer_as_one(tmp_path, database_url):
    """Whichever worker is scraped knows the sign-ins of all, and goes on knowing those of the dead."""
    people = range(5000000101, 5000000104)
    stage = Stage(tmp_path, database_url, WEB_CONCURRENCY="2", WEB_THREADS="4").open("web")
    try:
        launches = [
            stage.control("POST", f"people/{person}/launch", **{"from": "menu"})["init_data"]
            for person in people
        ]

        def sign_in_often(raw: str) -> None:
            for _ in range(20):
                # A connection of its own each time, so that both workers get their share.
                answer = stage.client().post(f"{stage.web}/session", json={"init_data": raw})
                assert answer.status_code == 200

        threads = [threading.Thread(target=sign_in_often, args=(raw,)) for raw in launches]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        all_say(stage, 60)
        pid = stage.processes["web"].pid
        first, second = workers(pid)
        os.kill(first, signal.SIGKILL)
        eventually(lambda: len(workers(pid)) == 2 and first not in workers(pid))
        all_say(stage, 60)
        sign_in_often(launches[0])
        all_say(stage, 80)
    finally:
        stage.close()


# The folder of numbers: lost numbers cost no sale.


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that the environment names; nobody has made it."""
    monkeypatch.setenv(metrics_folder.VARIABLE, str(tmp_path / "numbers"))
    monkeypatch.setattr(metrics_folder, "_is_prepared", False)
    return tmp_path / "numbers"


@pytest.fixture
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The folder for temporary files, where the environment names none for numbers."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.setenv(metrics_folder.VARIABLE, "")
    monkeypatch.setattr(metrics_folder, "_is_prepared", False)
    yield tmp_path
    metrics_folder.discard()


@contextmanager
def used(folder: Path) -> Iterator[None]:
    """Use a folder as another process does."""
    descriptor = os.open(folder, os.O_RDONLY)
    fcntl.flock(descriptor, fcntl.LOCK_EX)
    yield
    os.close(descriptor)


def test_a_start_removes_what_nobody_uses_and_nothing_else(temporary):
    for name in ("starfront-numbers-dead", "starfront-numbers-live", "others"):
        (temporary / name).mkdir()
        (temporary / name / "counter_7.db").touch()
    (temporary / "starfront-numbers-file").touch()
    (temporary / "starfront-numbers-link").symlink_to("others")
    with used(temporary / "starfront-numbers-live"):
        assert metrics_folder.prepare() == ""
    own = Path(os.environ[metrics_folder.VARIABLE]).name
    assert {file.name for file in temporary.iterdir()} == {
        "starfront-numbers-live",
        "starfront-numbers-file",
        "starfront-numbers-link",
        "others",
        own,
    }
    assert list((temporary / "others").iterdir())


def is_used(folder: Path) -> bool:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(descriptor)
    return False


def test_a_process_uses_its_folder_until_it_removes_it(temporary):
    assert metrics_folder.prepare() == ""
    own = Path(os.environ[metrics_folder.VARIABLE])
    assert is_used(own)
    metrics_folder.discard()
    assert not own.exists()


def test_a_folder_that_another_start_took_for_abandoned_is_made_again(temporary, monkeypatch):
    taken = []

    def made(prefix: str) -> str:
        folder = mkdtemp(prefix=prefix)
        if not taken:
            taken.append(folder)
            os.rmdir(folder)
        return folder

    mkdtemp = tempfile.mkdtemp
    monkeypatch.setattr(tempfile, "mkdtemp", made)
    assert metrics_folder.prepare() == ""
    assert os.environ[metrics_folder.VARIABLE] not in taken
    assert list(Path(os.environ[metrics_folder.VARIABLE]).iterdir())


def test_a_new_folder_without_room_is_not_left_behind(temporary):
    with small_files():
        assert "cannot be used (File too large)" in metrics_folder.prepare()
    assert list(temporary.iterdir()) == []


def test_6_room_for_numbers_is_taken_beforehand(folder):
    """A file with holes would have the process killed at the first series for which the disk has no room."""
    assert metrics_folder.prepare() == ""
    for kind, size in metrics_folder.FILE_BYTES.items():
        stat = (folder / f"{kind}_{os.getpid()}.db").stat()
        assert stat.st_size == size
        assert stat.st_blocks * 512 >= size, kind


def test_6_the_series_of_every_route_fit_into_that_room(app_without_tables, folder):
    assert metrics_folder.prepare() == ""
    rules = [
        (rule.endpoint, method) for rule in app_without_tables.url_map.iter_rules() for method in rule.methods
    ]
    for kind, names in {"counter": ("total",), "summary": ("count", "sum")}.items():
        file = folder / f"{kind}_{os.getpid()}.db"
        numbers = MmapedDict(str(file))
        for (endpoint, method), status, name in itertools.product(rules, range(12), names):
            labels = ["endpoint", "method", "status"], [endpoint, method, str(200 + status)]
            numbers.write_value(
                mmap_key("flask_http_request", f"flask_http_request_{name}", *labels, "x" * 40), 1, 0
            )
        numbers.close()
        assert file.stat().st_size == metrics_folder.FILE_BYTES[kind], kind


def test_6_a_folder_that_is_a_file_is_said_and_left_alone(folder):
    folder.write_text("no folder")
    said = metrics_folder.prepare()
    assert str(folder) in said
    assert "Not a directory" in said
    assert metrics_folder.VARIABLE not in os.environ


@contextmanager
def small_files() -> Iterator[None]:
    """Let no file grow, as a full disk does."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    ignored = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, ignored)


def test_6_a_disk_without_room_is_said_and_left_as_it_was(folder):
    folder.mkdir()
    with small_files():
        said = metrics_folder.prepare()
    assert "cannot be used (File too large)" in said
    assert list(folder.iterdir()) == []
    assert metrics_folder.VARIABLE not in os.environ


def test_6_a_process_that_was_not_prepared_shares_nothing(folder):
    metrics_folder.leave_alone()
    assert metrics_folder.VARIABLE not in os.environ


@pytest.mark.proves("F62")
def test_6_a_folder_that_is_gone_costs_its_own_numbers_only(client, folder, monkeypatch, caplog):
    monkeypatch.setattr(metrics, "_is_unread", False)
    for _ in range(2):
        found = series(client)
        assert found['telegram_payments_total{result="success"}'] == 0
    said = [record for record in caplog.records if record.levelno >= logging.WARNING]
    assert len(said) == 1
    assert "cannot be read" in said[0].getMessage()


@pytest.mark.proves("F62")
def test_6_a_process_without_room_counts_nothing_and_goes_on(client, monkeypatch):
    monkeypatch.setattr(metrics, "_is_off", False)
    client.get("/support")
    before = {name: value for name, value in series(client).items() if "help.support" in name}
    metrics.switch_off("no room")
    assert client.get("/support").status_code == 200
    assert before
    assert {name: value for name, value in series(client).items() if "help.support" in name} == before


@pytest.mark.proves("F62")
@on_sqlite
def test_6_a_shop_sells_without_a_folder_for_numbers(tmp_path, database_url):
    """Web, bot and release begin although the folder is none; the web process says so, once."""
    (tmp_path / "file").write_text("no folder")
    stage = Stage(tmp_path, database_url, PROMETHEUS_MULTIPROC_DIR=str(tmp_path / "file")).open()
    try:
        alice = Shopper(stage, 5000000101).sign_in()
        assert alice.pay(alice.order("deep-sky-atlas")["link"])["status"] == "paid"
        eventually(lambda: alice.has("/pages/atlas"))
        assert series(stage.client(base_url=stage.web))["miniapp_sessions_total"] >= 0
        assert stage.output("web").count("Numbers of web processes are not shared") == 1
        assert "Traceback" not in "".join(stage.output(name) for name in ("web", "bot", "release"))
    finally:
        stage.close()
