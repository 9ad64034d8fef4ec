"""Who is asking, and what they may open."""

from collections.abc import Callable
from functools import wraps
from ipaddress import IPv6Address, ip_address, ip_network
from typing import Any, TypeVar

from flask import Flask, Response, current_app, g, request

from webapp import clock
from webapp.config import current
from webapp.db.models import User
from webapp.db.transactions import transaction
from webapp.domain.access import entitlements
from webapp.domain.people import logouts, rate_limits, sessions
from webapp.domain.people.sessions import InvalidSession, Session
from webapp.errors import NotEntitled, SignInNeeded
from webapp.i18n.localize import COOKIE_RULES

COOKIE = "__Host-session"
APART = "HX-Request, Authorization, Cookie, Accept-Language"  # what an answer may depend on
READING = frozenset({"GET", "HEAD"})
REFUSALS_A_MINUTE = 10  # of one kind of credential, per network
View = TypeVar("View", bound=Callable[..., Any])


def init_app(app: Flask) -> None:
    """Let templates ask who is there, and keep what is personal out of every cache."""
    app.before_request(_forget)
    app.after_request(_keep_apart)
    app.context_processor(lambda: {"current_user": current_user})


def current_user() -> User | None:
    """Return the person whose session this request carries, looked up once.

    :raise SignInNeeded: it carries a bearer that is not or no longer good
    """
    if "user" not in g:
        g.user = _found()
    user: User | None = g.user
    return user


def signed_in(view: View) -> View:
    """Let only a person with a session in; they are ``g.user``, and it is ``g.session``."""

    @wraps(view)
    def guarded(*args: Any, **kwargs: Any) -> Any:
        if current_user() is None:
            raise SignInNeeded
        return view(*args, **kwargs)

    return guarded  # type: ignore[return-value]


def require(key: str) -> None:
    """Go on for a person in whom the ledger gives this entitlement, and for nobody else.

    :raise SignInNeeded: nobody knows who asks
    :raise NotEntitled: it is not given to them
    """
    if current_user() is None:
        raise SignInNeeded
    if not may_open(key):
        raise NotEntitled(key=key)


def may_open(key: str) -> bool:
    """Tell whether the person asking holds an entitlement now."""
    user = current_user()
    return user is not None and entitlements.has(user.telegram_id, key, clock.now())


def may_name(text: str, longest: int) -> bool:
    """Tell whether the database may be asked for a text from outside: PostgreSQL takes no zero bytes."""
    return 0 < len(text) <= longest and text.isprintable()


def left(page: Callable[[], Response]) -> Response:
    """Return a page to somebody whose session has just ended, who is a stranger to it and in this window."""
    g.user = None
    response = page()
    response.headers["HX-Trigger"] = "session:ended"
    response.delete_cookie(COOKIE, **COOKIE_RULES)
    return response


def network() -> str:
    """Return the address that limits count by, as told by the proxies of PROXY_HOPS only.

    An IPv6 household has a whole /64 of addresses, so those are one.
    """
    try:
        address = ip_address(_without_port(request.remote_addr or ""))
    except ValueError:
        return "unknown"
    if isinstance(address, IPv6Address) and address.ipv4_mapped is None:
        return str(ip_network((address, 64), strict=False))
    return str(getattr(address, "ipv4_mapped", None) or address)


def _without_port(told: str) -> str:
    """Return an address without the port that some proxies note: 203.0.113.7:50123, [2001:db8::1]:443."""
    if told.startswith("["):
        return told[1:].partition("]")[0]
    return told.partition(":")[0] if told.count(":") == 1 else told


def count_refusal(kind: str) -> None:
    """Count a refused credential against the network that sent it.

    :raise RateLimited: that network had its share already
    """
    bucket, now = f"{kind}:{network()}", clock.now()
    # Looked at first, so that a flood costs reads only.
    rate_limits.check(bucket, REFUSALS_A_MINUTE, 60, now)
    with transaction():
        rate_limits.hit(bucket, REFUSALS_A_MINUTE, 60, now)


def _forget() -> None:
    # An application context that is held open, as in tests, outlives its requests.
    g.pop("user", None)


def _found() -> User | None:
    bearer = _bearer()
    if bearer is not None:
        # Somebody who sends a bearer means it: a bad one never falls back to the cookie.
        user = _owner_of(bearer)
        if user is None:
            raise SignInNeeded
        return user
    cookie = request.cookies.get(COOKIE)
    # A cookie comes along from any page, so it may look but not touch.
    return _owner_of(cookie) if cookie and request.method in READING else None


def _bearer() -> str | None:
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" else None


def _owner_of(token: str) -> User | None:
    try:
        session: Session = sessions.verify(
            token, bot_id=current().bot_id, keys=current_app.extensions["keys"], now=clock.now()
        )
    except InvalidSession:
        return None
    g.session = session
    return logouts.person_of(session)


def _keep_apart(response: Response) -> Response:
    told = response.headers.get("Vary")
    response.headers["Vary"] = f"{told}, {APART}" if told else APART
    return response
