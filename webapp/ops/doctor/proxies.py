"""How many proxies stand before the shop: asked of the web process itself, through PUBLIC_URL."""

import hmac
from datetime import datetime
from hashlib import sha256

import httpx

from webapp.config import Config
from webapp.domain.people.keys import KeyRing
from webapp.ops.doctor.findings import Finding, ok, problem, warning

PATH = "/proxies"
MARK = "192.0.2.1"  # nobody's (RFC 5737): what stands behind it in X-Forwarded-For was put there on the way
PROOF_SECONDS = 60


def examine(client: httpx.Client, config: Config, now: datetime) -> Finding:
    """Compare the proxies that a request of ours comes through with those that PROXY_HOPS trusts."""
    count = _asked(client, config, now)
    if count is None:
        return warning(
            "proxies",
            "The web process doesn't say how many proxies are in front of it.",
            "Restart it: it runs another release, or has another SECRET_KEY.",
        )
    if count == config.proxy_hops:
        return ok("proxies", f"PROXY_HOPS is {count}, as many as there are proxies in front of the shop.")
    harm = (
        "anyone who fakes an address escapes every limit"
        if count < config.proxy_hops
        else "everyone counts as one person, and one can lock all out"
    )
    return problem(
        "proxies",
        f"PROXY_HOPS is {config.proxy_hops}, but a request comes through {count}: {harm}.",
        f"Set PROXY_HOPS={count} and restart the web process.",
    )


def proof(config: Config, now: datetime) -> str:
    """Return what tells the web process that its own doctor asks."""
    seconds = int(now.timestamp())
    return f"{seconds}.{_signed(seconds, config)}"


def is_proof(told: str, config: Config, now: datetime) -> bool:
    """Tell whether the shop's own doctor has signed this, a moment ago."""
    seconds, _, signature = told.partition(".")
    if not seconds.isascii() or not seconds.isdigit() or len(seconds) > 12:
        return False
    is_recent = abs(now.timestamp() - int(seconds)) <= PROOF_SECONDS
    return is_recent and hmac.compare_digest(signature.encode(), _signed(int(seconds), config).encode())


def count(forwarded: str) -> int:
    """Return how many proxies a request came through, each of which noted whom it had it from."""
    entries = [entry.strip() for entry in forwarded.split(",") if entry.strip()]
    return len(entries) - (entries.index(MARK) + 1 if MARK in entries else 0)


def _asked(client: httpx.Client, config: Config, now: datetime) -> int | None:
    headers = {"Authorization": f"Bearer {proof(config, now)}", "X-Forwarded-For": MARK}
    try:
        told = client.get(f"{config.public_url}{PATH}", headers=headers).json()
    except (httpx.HTTPError, ValueError):
        return None
    found = told.get("proxies") if isinstance(told, dict) else None
    return found if isinstance(found, int) else None


def _signed(seconds: int, config: Config) -> str:
    _, key = KeyRing.of(config.secret_key).key("doctor")
    return hmac.new(key, str(seconds).encode(), sha256).hexdigest()
