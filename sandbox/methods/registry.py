"""Which method is which function."""

from collections.abc import Awaitable, Callable
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sandbox.telegram import Telegram

Params = dict[str, Any]
Method = Callable[["Telegram", Params], Awaitable[Any]]

METHODS: dict[str, Method] = {}
IN_TEST = ContextVar("IN_TEST", default=False)  # whether the call is to the test environment


def method(work: Method) -> Method:
    """Offer a function as the method of the same name."""
    METHODS[work.__name__.lower()] = work
    return work
