"""Whether people reach the shop at its address."""

from datetime import datetime
from urllib.parse import urljoin, urlsplit

import httpx

from webapp.bot_api.client import takes_proxy
from webapp.config import Config
from webapp.ops.doctor import proxies
from webapp.ops.doctor.findings import Finding, ok, problem

ANSWER_SECONDS = 5.0
HELP_PAGES = ("/terms", "/support")  # Telegram's terms for bot developers ask for both


def examine(config: Config, now: datetime) -> list[Finding]:
    """Return how the shop answers at PUBLIC_URL, as Telegram's clients would open it."""
    try:
        # One client: what it trusts is read from disk once.
        with _client(config.public_url) as client:
            front = _front(client, config.public_url)
            if not front.is_well:
                return [front]
            return [front, _help_pages(client, config.public_url), proxies.examine(client, config, now)]
    except (httpx.HTTPError, httpx.InvalidURL, UnicodeError) as error:
        return [
            problem(
                "address",
                f"Nothing answers at {config.public_url} ({type(error).__name__}).",
                "Check that the web process is running, its domain leads to it and its certificate is valid.",
            )
        ]


def _client(address: str) -> httpx.Client:
    return httpx.Client(timeout=ANSWER_SECONDS, follow_redirects=False, trust_env=takes_proxy(address))


def _front(client: httpx.Client, address: str) -> Finding:
    page = client.get(f"{address}/")
    if page.has_redirect_location:
        end = urlsplit(urljoin(address, page.headers["Location"]))
        return problem(
            "address",
            f"{address} redirects to {end.scheme}://{end.netloc.rpartition('@')[2]}.",
            "Set PUBLIC_URL, and the address at @BotFather, to the final address: Telegram opens no "
            "invoices on another origin's pages.",
        )
    if page.status_code != 200 or not _is_ours(client.get(f"{address}/healthz")):
        return problem(
            "address",
            f"Something other than this shop answers at {address} (HTTP {page.status_code}).",
            "Check that PUBLIC_URL is right and the web process behind it is running; read its log.",
        )
    return ok("address", f"The shop answers at {address}.")


def _help_pages(client: httpx.Client, address: str) -> Finding:
    closed = [path for path in HELP_PAGES if client.get(f"{address}{path}").status_code != 200]
    if not closed:
        return ok("help pages", "The terms and support pages open.")
    return problem(
        "help pages",
        f"{' and '.join(closed)} cannot be opened.",
        "Read the web process's log: Telegram requires terms and support that everyone can open.",
    )


def _is_ours(health: httpx.Response) -> bool:
    try:
        # Of any version: a release takes a moment to arrive everywhere.
        facts = health.json()
        return isinstance(facts, dict) and facts.keys() == {"status", "version"} and facts["status"] == "ok"
    except ValueError:
        return False
