"""A launch exchanged for a session, and its end."""

import time

from flask import Blueprint, Response, current_app, g, jsonify, request
from werkzeug.exceptions import UnsupportedMediaType

from webapp import clock, metrics
from webapp.config import current
from webapp.domain import init_data, rate_limits, sessions, users
from webapp.domain.init_data import InitData, InvalidInitData
from webapp.errors import TooManyRequests
from webapp.extensions import run_in_transaction, transaction
from webapp.models import User
from webapp.views.guards import COOKIE, signed_in

bp = Blueprint("session", __name__)

REFUSALS_A_MINUTE = 10  # per address
LAUNCHES_A_MINUTE = 5  # different ones, per person
# A webview that reloads by itself sends the same launch again and again; that is normal.
REPLAYS_A_MINUTE = 60


@bp.post("/session")
def create() -> Response:
    begun = time.perf_counter()
    try:
        return _exchange()
    finally:
        metrics.exchange_took(time.perf_counter() - begun)


@bp.delete("/session")
def end() -> Response:
    response = Response(status=204)
    response.delete_cookie(COOKIE, path="/", secure=True, httponly=True, samesite="None", partitioned=True)
    return response


@bp.delete("/sessions")
@signed_in
def end_everywhere() -> Response:
    with transaction():
        users.log_out_everywhere(g.user.telegram_id)
    return end()


def _exchange() -> Response:
    raw = _told()
    try:
        launch = init_data.verify(
            raw,
            current_app.extensions["init_data_secret"],
            now=clock.now(),
            max_age_seconds=current().init_data_max_age_seconds,
        )
    except InvalidInitData as refusal:
        return _refused(refusal.reason)
    user = run_in_transaction(lambda: _provision(launch))
    if user.banned_at:
        return _refused("banned")
    metrics.session_started()
    return _granted(user, launch)


def _told() -> str:
    if request.mimetype == "application/json":
        body = request.get_json(silent=True)
        told = body.get("init_data") if isinstance(body, dict) else None
    elif request.mimetype == "application/x-www-form-urlencoded":
        told = request.form.get("init_data")
    else:
        raise UnsupportedMediaType
    return told if isinstance(told, str) else ""


def _provision(launch: InitData) -> User:
    now = clock.now()
    person = launch.profile.telegram_id
    rate_limits.hit(f"replay:{launch.fingerprint[:32]}", REPLAYS_A_MINUTE, 60, now)
    rate_limits.hit_distinct(f"launch:{person}", launch.fingerprint[:32], LAUNCHES_A_MINUTE, 60, now)
    return users.provision(launch.profile, now)


def _granted(user: User, launch: InitData) -> Response:
    token = sessions.mint(
        user.telegram_id,
        user.session_epoch,
        bot_id=current().bot_id,
        auth_at=launch.auth_at,
        keys=current_app.extensions["keys"],
        now=clock.now(),
    )
    person = {"id": user.telegram_id, "first_name": user.first_name, "language_code": user.language_code}
    response = jsonify(token=token, expires_in=sessions.LIFE_SECONDS, user=person)
    response.set_cookie(
        COOKIE,
        token,
        max_age=sessions.LIFE_SECONDS,
        path="/",
        secure=True,
        httponly=True,
        samesite="None",
        partitioned=True,
    )
    return response


def _refused(reason: str) -> Response:
    """Say no in the same words whatever was wrong; the reason is for the counter only."""
    metrics.exchange_refused(reason)
    address = request.remote_addr or "unknown"
    try:
        with transaction():
            rate_limits.hit(f"refused:{address}", REFUSALS_A_MINUTE, 60, clock.now())
    except TooManyRequests as limit:
        response = jsonify(error="too many requests")
        response.headers["Retry-After"] = str(limit.retry_after_seconds)
        response.status_code = 429
        return response
    response = jsonify(error="unauthorized")
    response.status_code = 401
    return response
