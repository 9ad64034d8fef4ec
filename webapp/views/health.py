"""What a platform and its owner ask: alive, ready, and how much."""

import hmac
from typing import Any

from flask import Blueprint, Response, jsonify, request
from sqlalchemy.exc import SQLAlchemyError
from werkzeug.exceptions import NotFound

from webapp import clock
from webapp.config import current
from webapp.db.engine import db
from webapp.ops import metrics
from webapp.ops.doctor import database, proxies, work
from webapp.version import __version__

bp = Blueprint("health", __name__)


@bp.get("/healthz")
def healthz() -> Response:
    return jsonify(status="ok", version=__version__)


@bp.get("/readyz")
def readyz() -> tuple[Response, int]:
    findings = _findings()
    ready = all(finding == "ok" for finding in findings.values())
    answer: dict[str, Any] = {"status": "ok" if ready else "fail"}
    if _holds_metrics_token():
        answer["findings"] = findings
    return jsonify(answer), 200 if ready else 503


@bp.get(proxies.PATH)
def came_through() -> Response:
    told = request.headers.get("Authorization", "").removeprefix("Bearer ")
    if not proxies.is_proof(told, current(), clock.now()):
        raise NotFound
    forwarded = ",".join(request.headers.getlist("X-Forwarded-For"))
    return jsonify(proxies=proxies.count(forwarded))


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
        found = [
            database.reached(),
            database.migrated(),
            database.disk(),
            work.bot(clock.now()),
            work.delivery(),
        ]
    except SQLAlchemyError as error:
        db.session.rollback()
        found = [database.unreachable(error)]
    return {one.name: one.words for one in found}
