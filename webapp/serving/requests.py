"""Requests as the shop is handed them: whole, and each refused with its own status if it is not HTTP."""

import io
from collections.abc import Callable, Iterable
from http import HTTPStatus
from typing import Any

from gunicorn.http.errors import ExpectationFailed, LimitRequestHeaders, LimitRequestLine


class Body(io.BytesIO):
    """A request's body, read whole: what is malformed is refused before any page is asked for it."""

    def __init__(self, request: Any) -> None:
        super().__init__(request.body.read())
        self.request = request


def run(app: Callable[..., Iterable[bytes]], environ: dict[str, Any], start: Callable[..., Any]) -> Any:
    """Answer a request; a client that sends too much is not listened to any longer."""
    request = environ["wsgi.input"].request

    def start_response(status: str, headers: list[tuple[str, str]], exc_info: Any = None) -> Any:
        if status.startswith(f"{HTTPStatus.REQUEST_ENTITY_TOO_LARGE.value}"):
            request.force_close()
        return start(status, headers, exc_info)

    return app(environ, start_response)


def status(error: BaseException) -> HTTPStatus:
    """Return the status that says what is wrong with a request."""
    if isinstance(error, LimitRequestLine):
        return HTTPStatus.REQUEST_URI_TOO_LONG
    if isinstance(error, LimitRequestHeaders):
        return HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE
    if isinstance(error, ExpectationFailed):
        return HTTPStatus.EXPECTATION_FAILED
    return HTTPStatus.BAD_REQUEST
