"""A launch exchanged for a session, and its end."""

import logging
import time
from dataclasses import replace
from datetime import datetime
from functools import lru_cache

from flask import Blueprint, Response, current_app, g, jsonify
from htmx_flask import request
from werkzeug.exceptions import UnsupportedMediaType

from webapp import clock
from webapp.config import current
from webapp.db.models import User
from webapp.db.transactions import run_in_transaction, transaction
from webapp.domain.people import init_data, logouts, rate_limits, sessions, sign_in_codes, users
from webapp.domain.people.init_data import InitData, InvalidInitData
from webapp.errors import RateLimited
from webapp.i18n import localize
from webapp.i18n.localize import COOKIE_RULES
from webapp.ops import metrics
from webapp.usecases import clocks, context
from webapp.web import guards, pages
from webapp.web.guards import COOKIE, signed_in

bp = Blueprint("session", __name__)
log = logging.getLogger(__name__)

LAUNCHES_A_MINUTE = 5  # different ones, per person
# A webview that reloads by itself sends the same launch again and again; that is normal.
REPLAYS_A_MINUTE = 60
# Refused though Telegram signed it for us: nobody can guess such a launch, and many people share an address.
SIGNED = frozenset({"expired", "future", "logged_out", "banned", "code"})
ANY_AGE_SECONDS = 10 * 365 * 86_400
WRONG_CLOCK_SECONDS = 2  # until the clocks are compared again


@bp.post("/session")
def create() -> Response:
    begun = time.perf_counter()
    try:
        return _exchange()
    finally:
        metrics.exchange_took(time.perf_counter() - begun)


@bp.delete("/session")
@signed_in
def end() -> Response:
    with transaction():
        logouts.here(g.session)
    return guards.left(_left)


@bp.delete("/sessions")
@signed_in
def end_everywhere() -> Response:
    with transaction():
        logouts.everywhere(g.user.telegram_id, clock.now())
    return guards.left(_left)


def _exchange() -> Response:
    try:
        return _answer(*_told())
    except RateLimited as limit:
        return _too_many(limit)


def _told() -> tuple[str, str]:
    """Return the launch as the page sends it, and a code beside it; what cannot be one is empty."""
    if request.mimetype == "application/json":
        body = _json()
        told = body if isinstance(body, dict) else {}
    elif request.mimetype == "application/x-www-form-urlencoded":
        told = request.form.to_dict()
    else:
        raise UnsupportedMediaType
    launch, code = (told.get(name) for name in ("init_data", "code"))
    return launch if isinstance(launch, str) else "", code if isinstance(code, str) else ""


def _json() -> object:
    try:
        return request.get_json(silent=True)
    except RecursionError:  # [[[[[[…
        return None


def _answer(raw: str, code: str) -> Response:
    if clocks.is_wrong(context.current()):
        return _wrong_clock()
    try:
        launch = _believed(_verified(raw), code)
    except InvalidInitData as refusal:
        return _refused(refusal.reason)
    try:
        user = run_in_transaction(lambda: _provision(launch))
    except users.Forgotten:
        return _refused("forgotten")
    if user.banned_at:
        return _refused("banned")
    metrics.session_started()
    _note_network(launch.fingerprint)
    return _granted(user, launch)


def _verified(raw: str) -> InitData:
    # Of any age: to an old one a code from the bot's chat can be added.
    return init_data.verify(
        raw, current_app.extensions["init_data_secret"], now=clock.now(), max_age_seconds=ANY_AGE_SECONDS
    )


def _believed(launch: InitData, code: str) -> InitData:
    """Return a launch that is fresh, or that a code vouches for from the moment at which it was shown.

    :raise InvalidInitData: it is old, or its person logged out of it, and nothing vouches for it
    """
    now, telegram_id = clock.now(), launch.profile.telegram_id
    if code and not _vouch(code, launch, now):
        raise InvalidInitData("code")
    is_old = (now - launch.auth_at).total_seconds() > sessions.LONGEST_SECONDS
    if not is_old and not logouts.have_ended(telegram_id, launch.auth_at):
        return launch
    vouched_at = sign_in_codes.vouched_at(launch, now)
    if vouched_at is None or logouts.have_ended(telegram_id, vouched_at):
        raise InvalidInitData("expired" if is_old else "logged_out")
    return replace(launch, auth_at=vouched_at)


def _vouch(code: str, launch: InitData, now: datetime) -> bool:
    keys = current_app.extensions["keys"]
    vouches = run_in_transaction(lambda: sign_in_codes.use(code, launch, keys, now))
    event = "code_used" if vouches else "code_refused"
    log.info("sign-in by code", extra={"event": event, "telegram_id": launch.profile.telegram_id})
    return vouches


def _provision(launch: InitData) -> User:
    now = clock.now()
    one = launch.fingerprint[:32]
    rate_limits.hit_distinct(
        f"launch:{launch.profile.telegram_id}", one, LAUNCHES_A_MINUTE, 60, now, repeats=REPLAYS_A_MINUTE
    )
    return users.provision(launch.profile, now, as_of=launch.auth_at)


def _note_network(fingerprint: str) -> None:
    """Count a launch that comes from one more network: a phone on the move, or one that was stolen."""
    network, known = guards.network(), _networks_of(fingerprint)
    if known and network not in known:
        metrics.launch_moved()
    known.add(network)


@lru_cache(maxsize=4096)
def _networks_of(_fingerprint: str) -> set[str]:
    # Each process keeps its own few: addresses are worth a metric, not a place in the database.
    return set()


def _granted(user: User, launch: InitData) -> Response:
    now = clock.now()
    token = sessions.mint(
        user.telegram_id,
        user.session_epoch,
        bot_id=current().bot_id,
        auth_at=launch.auth_at,
        keys=current_app.extensions["keys"],
        now=now,
    )
    seconds = int((sessions.expiry(launch.auth_at, now) - now).total_seconds())
    language = localize.known_of(user)
    person = {
        "id": user.telegram_id,
        "first_name": user.first_name,
        "language": language.code if language else None,
    }
    response = jsonify(token=token, expires_in=seconds, user=person)
    response.set_cookie(COOKIE, token, max_age=seconds, **COOKIE_RULES)
    if language:
        localize.remember(response, language)
    return response


def _refused(reason: str) -> Response:
    """Say no in the same words whatever was wrong; the reason is for the counter only."""
    metrics.exchange_refused(reason)
    if reason not in SIGNED:
        guards.count_refusal("refused")
    response = jsonify(error="unauthorized")
    response.status_code = 401
    return response


def _too_many(limit: RateLimited) -> Response:
    response = jsonify(error="too many requests")
    response.headers["Retry-After"] = str(limit.retry_after_seconds)
    response.status_code = 429
    return response


def _wrong_clock() -> Response:
    """Say that it is the shop's fault: launches and sessions are judged by a clock that nobody can trust."""
    log.error("no session: the clock is more than a minute off Telegram's", extra={"event": "clock_off"})
    metrics.exchange_refused("clock")
    response = jsonify(error="the shop's clock is wrong")
    response.headers["Retry-After"] = str(WRONG_CLOCK_SECONDS)
    response.status_code = 503
    return response


def _left() -> Response:
    return pages.page("left.html", path="/open") if request.htmx else Response(status=204)
