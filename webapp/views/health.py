"""What a platform and its owner ask: alive, ready, and how much."""

import hmac
import shutil
from pathlib import Path
from typing import Any

from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from flask import Blueprint, Response, current_app, jsonify, request
from sqlalchemy.exc import SQLAlchemyError
from werkzeug.exceptions import NotFound

from webapp import clock, metrics
from webapp.config import current
from webapp.domain import shops, statistics
from webapp.extensions import db

bp = Blueprint("health", __name__)

LEAST_FREE_BYTES = 50 * 1024 * 1024


@bp.get("/healthz")
def healthz() -> Response:
    return jsonify(status="ok")


@bp.get("/readyz")
def readyz() -> tuple[Response, int]:
    findings = _findings()
    ready = all(finding == "ok" for finding in findings.values())
    answer: dict[str, Any] = {"status": "ok" if ready else "fail"}
    if _holds_metrics_token():
        answer["findings"] = findings
    return jsonify(answer), 200 if ready else 503


@bp.get("/metrics")
def scrape() -> Response:
    if not _holds_metrics_token():
        raise NotFound
    body, content_type = metrics.render(request.headers.get("Accept", ""))
    return Response(body, content_type=content_type)


def _holds_metrics_token() -> bool:
    token = current().metrics_token
    told = request.headers.get("Authorization", "").encode("utf-8", "surrogateescape")
    return bool(token) and hmac.compare_digest(told, f"Bearer {token}".encode())


def _findings() -> dict[str, str]:
    try:
        return {"database": _database(), "disk": _disk(), "bot": _bot(), "delivery": _delivery()}
    except SQLAlchemyError:
        db.session.rollback()
        return {"database": "cannot be reached"}


def _database() -> str:
    with db.engine.connect() as connection:
        at = MigrationContext.configure(connection).get_current_revision()
    folder = current_app.extensions["migrate"].directory
    head = ScriptDirectory(folder).get_current_head()
    return "ok" if at == head else "not migrated: run flask --app webapp release"


def _disk() -> str:
    file = db.engine.url.database if db.engine.dialect.name == "sqlite" else None
    free = shutil.disk_usage(Path(file).parent if file else "/").free
    return "ok" if free > LEAST_FREE_BYTES else "almost full"


def _bot() -> str:
    now = clock.now()
    at_work = any(expires_at > now for expires_at in statistics.duties().values())
    return "ok" if at_work else "no bot process is at work: start bot.py"


def _delivery() -> str:
    _checked_at, problem = shops.delivery()
    return problem or "ok"
