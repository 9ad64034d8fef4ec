"""Known weaknesses are looked for in every lock, and the report says when."""

import json
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from tests import audit

WEAK = {"id": "PYSEC-2026-1", "summary": "Anybody is let in.", "affected": []}


class Advisories(BaseHTTPRequestHandler):
    """Answers as https://osv.dev does: jinja2 has a weakness, everything else has none."""

    def do_POST(self) -> None:  # noqa: N802 - the library's name
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        known = {"vulns": [WEAK]} if asked["package"]["name"] == "jinja2" else {}
        self.send_response(200)
        self.end_headers()
        self.wfile.write(json.dumps(known).encode())

    def log_message(self, *_arguments: object) -> None:
        """Say nothing."""


@pytest.fixture
def advisories(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Advisories)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    monkeypatch.setenv("OSV_URL", f"http://127.0.0.1:{server.server_port}/v1/query")
    yield
    server.shutdown()
    server.server_close()


@pytest.mark.proves("S64")
def test_37_a_known_weakness_is_reported_and_fails(advisories, tmp_path, monkeypatch, capsys):
    report = tmp_path / "audit.json"
    monkeypatch.setattr(audit, "LOCKS", ("requirements.txt",))
    assert audit.main([], report=report) == 1
    assert "PYSEC-2026-1, fixed in nothing yet" in capsys.readouterr().out
    [found] = json.loads(report.read_text())["locks"]["requirements.txt"]["weaknesses"]
    assert found["package"].startswith("jinja2 ")
    assert audit.is_recent(report, datetime.now(UTC) + timedelta(days=13))
    assert audit.main(["--if-old"], report=report) == 0


@pytest.mark.proves("S64")
def test_37_a_report_is_old_after_14_days_or_with_another_lock(tmp_path):
    report = tmp_path / "audit.json"
    now = datetime.now(UTC)
    assert not audit.is_recent(report, now)
    locks = {lock: {"digest": audit._digest(lock)} for lock in audit.LOCKS}
    report.write_text(json.dumps({"date": now.isoformat(), "locks": locks}))
    assert audit.is_recent(report, now + timedelta(days=13, hours=23))
    assert not audit.is_recent(report, now + timedelta(days=14))
    locks["requirements.txt"]["digest"] = "of another"
    report.write_text(json.dumps({"date": now.isoformat(), "locks": locks}))
    assert not audit.is_recent(report, now)
    report.write_text("[]")
    assert not audit.is_recent(report, now)


def test_37_where_nobody_can_be_asked_that_is_said_and_nothing_written(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("OSV_URL", "http://127.0.0.1:9/v1/query")
    assert audit.main([], report=tmp_path / "audit.json") == 0
    assert capsys.readouterr().out.startswith("Nothing was audited: the advisories cannot be reached")
    assert not list(tmp_path.iterdir())
