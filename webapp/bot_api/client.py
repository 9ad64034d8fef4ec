"""The door to Telegram for the web process and the command line: one pooled client, errors sorted."""

import math
import threading
from email.utils import parsedate_to_datetime
from typing import Any, cast
from urllib.parse import urlsplit

import httpx

from webapp import clock
from webapp.bot_api import trust
from webapp.bot_api.flood_control import FloodControl
from webapp.host import addresses

CONNECT_SECONDS = 2.0
ANSWER_SECONDS = 5.0
CONNECTIONS = 32
# A slower answer, such as a long poll's, does not tell when on its way it was dated.
TELLING_SECONDS = 2.0
SKEW_PROBLEM_SECONDS = 60  # launches are refused when they seem to come from further ahead than this
# Telegram gives up a question after ten seconds, so its answer waits for nothing.
NEVER_SILENT = frozenset({"answerPreCheckoutQuery"})


class BotApiError(Exception):
    """Telegram did not do what was asked, or did not say so."""

    def __init__(self, description: str) -> None:
        super().__init__(description)
        self.description = description

    def says(self, code: str) -> bool:
        """Tell whether Telegram gave this reason; libraries and versions spell it in any case."""
        return code.lower() in self.description.lower()


class Refused(BotApiError):
    """A final no: the same call will be answered the same way (4xx)."""


class Unauthorized(Refused):
    """The bot token is wrong or was revoked (401, 404)."""


class Forbidden(Refused):
    """The person blocked the bot or is gone (403)."""


class Conflict(Refused):
    """Another process polls, or a webhook is set (409)."""


class RetryAfter(BotApiError):
    """Telegram did nothing and says when to come back (429)."""

    def __init__(self, description: str, retry_after_seconds: int) -> None:
        super().__init__(description)
        self.retry_after_seconds = retry_after_seconds


class NotReached(BotApiError):
    """The call never left, so nothing was done."""


class OutcomeUnknown(BotApiError):
    """The call may have been carried out: no answer, garbage, or 5xx."""


class BotApi:
    """Calls of the Bot API with the bot's token, from any thread; pauses that Telegram asks for are kept."""

    # How far this machine's clock was ahead of Telegram's at the last answer that tells; None before one.
    clock_skew_seconds: float | None = None
    compared_at: float = 0.0  # by our ticks

    def __init__(self, base_url: str, token: str, *, path: str = "") -> None:
        self._base_url = f"{base_url}{token}{path}"
        self.flood_control = FloodControl()
        self._http = httpx.Client(
            timeout=httpx.Timeout(ANSWER_SECONDS, connect=CONNECT_SECONDS, pool=CONNECT_SECONDS),
            limits=httpx.Limits(max_connections=CONNECTIONS, max_keepalive_connections=CONNECTIONS),
            trust_env=takes_proxy(base_url),
            verify=trust.authorities(),
        )

    def call(
        self, method: str, params: dict[str, Any] | None = None, *, timeout_seconds: float | None = None
    ) -> Any:
        """Return the result of a method.

        :param timeout_seconds: for the answer, 5 unless told
        :raise RetryAfter: Telegram wants silence, or asked for it before and nothing was sent
        :raise BotApiError: one of its leaves, by what is known to have happened
        """
        chat = chat_of(params or {})
        if left := self.pause_seconds(method, chat):
            raise RetryAfter(f"{method}: a pause that Telegram asked for", math.ceil(left))
        timeout = httpx.Timeout(
            timeout_seconds or ANSWER_SECONDS, connect=CONNECT_SECONDS, pool=CONNECT_SECONDS
        )
        began = clock.ticks()
        try:
            answer = self._http.post(f"{self._base_url}/{method}", json=params or {}, timeout=timeout)
        # The address holds the token, so no exception of httpx is let through or chained.
        except (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout) as error:
            raise NotReached(f"{method}: {type(error).__name__}") from None
        except httpx.HTTPError as error:
            raise OutcomeUnknown(f"{method}: {type(error).__name__}") from None
        self._compare_clocks(answer.headers.get("Date", ""), clock.ticks() - began)
        try:
            return _result(method, answer)
        except RetryAfter as error:
            self.keep_silent(method, error.retry_after_seconds, chat)
            raise

    def pause_seconds(self, method: str, chat: int | None = None) -> float:
        """Return for how long Telegram wants to hear nothing of a method, in a chat if one is named."""
        return self.flood_control.seconds_left(method, chat)

    def keep_silent(self, method: str, seconds: float, chat: int | None = None) -> None:
        """Keep a method silent in this whole process for so long, or longer if that was asked for.

        :param chat: the chat that the call was for: the pause is its own until another chat is told the same
        """
        if method not in NEVER_SILENT:
            self.flood_control.note(method, seconds, chat)

    def _compare_clocks(self, date: str, took_seconds: float) -> None:
        try:
            told = parsedate_to_datetime(date).timestamp()
        except (ValueError, OverflowError):
            return
        if took_seconds <= TELLING_SECONDS:
            # Dated in whole seconds, and about half way through the call.
            self.clock_skew_seconds = clock.now().timestamp() - took_seconds / 2 - (told + 0.5)
            self.compared_at = clock.ticks()

    @property
    def is_closed(self) -> bool:
        return self._http.is_closed

    def close(self) -> None:
        self._http.close()


def chat_of(params: dict[str, Any]) -> int | None:
    """Return the chat that a call is for, if it is for one."""
    chat = params.get("chat_id")
    return chat if isinstance(chat, int) else None


def _result(method: str, answer: httpx.Response) -> Any:
    try:
        body = answer.json()
    except (ValueError, RecursionError):
        raise OutcomeUnknown(f"{method}: HTTP {answer.status_code} without JSON") from None
    if not isinstance(body, dict) or (answer.is_success and "result" not in body):
        raise OutcomeUnknown(f"{method}: HTTP {answer.status_code} of another shape")
    if answer.is_success and body.get("ok") is True:
        return body["result"]
    raise _error(answer.status_code, body)


def _error(status: int, body: dict[str, Any]) -> BotApiError:
    description = str(body.get("description", f"HTTP {status}"))
    code = body.get("error_code", status)
    if code == 429:
        parameters = body.get("parameters")
        asked = parameters.get("retry_after") if isinstance(parameters, dict) else None
        return RetryAfter(description, asked if isinstance(asked, int) and asked > 0 else 1)
    if not isinstance(code, int) or not 400 <= code < 500:
        return OutcomeUnknown(description)
    leaf = {401: Unauthorized, 403: Forbidden, 404: Unauthorized, 409: Conflict}.get(code, Refused)
    return cast(type[BotApiError], leaf)(description)


def takes_proxy(url: str) -> bool:
    """Tell whether the proxy in HTTPS_PROXY or ALL_PROXY is for an address: this machine's own needs none."""
    return not addresses.is_loopback(urlsplit(url).hostname or "")


_clients: dict[tuple[str, str, str], BotApi] = {}
_clients_lock = threading.Lock()


def get_client(base_url: str, token: str, *, path: str = "") -> BotApi:
    """Return this process's client, made at its first use so that forked workers share no socket.

    :param path: what follows the token in every address
    """
    with _clients_lock:
        client = _clients.get((base_url, token, path))
        if client is None or client.is_closed:
            client = _clients[base_url, token, path] = BotApi(base_url, token, path=path)
        return client
