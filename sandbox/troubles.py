"""Trouble made on purpose: what real networks and real outages do."""

import asyncio
import copy
import random
from typing import Any

from sandbox.errors import ApiError, ControlError, too_many_requests

CALM: dict[str, Any] = {
    "duplicate": 0,
    "delay_seconds": 0,
    "lose": 0,
    "reorder": False,
    # For each method, or *: what goes wrong, or a list of it; "share" of the calls, "times" at most.
    "api": {},
    "seed": None,
    "client_status": None,
    "statement_lag_seconds": 0,
    "statement_reorder": False,
    "balance_too_low": False,
    "ask_on_renewal": False,
}
CLAIMS = {None, "failed", "cancelled", "pending", "none"}
TEXTS = {
    400: "Bad Request: something is wrong with it",
    401: "Unauthorized",
    403: "Forbidden: bot was blocked by the user",
    409: "Conflict: terminated by other getUpdates request; make sure that only one bot instance is running",
}


class Garbage(Exception):
    """Answer with something that is no JSON."""


class LostAnswer(Exception):
    """Carry the call out and drop the connection."""


class Troubles:
    """What goes wrong at present."""

    def __init__(self) -> None:
        self.now: dict[str, Any] = {**CALM, "api": {}}
        self.draw = random.Random()

    def set(self, wanted: dict[str, Any]) -> None:
        """Have these troubles, and no others.

        :raise ControlError: a trouble nobody knows, or of the wrong type
        """
        unknown = sorted(wanted.keys() - CALM.keys())
        if unknown:
            raise ControlError(f"no such trouble: {', '.join(unknown)}")
        for name in ("duplicate", "delay_seconds", "lose", "statement_lag_seconds"):
            value = wanted.get(name, 0)
            if not isinstance(value, int | float) or isinstance(value, bool) or value < 0:
                raise ControlError(f"{name} must be a number from 0 up")
        for name in ("reorder", "statement_reorder", "balance_too_low", "ask_on_renewal"):
            if not isinstance(wanted.get(name, False), bool):
                raise ControlError(f"{name} must be true or false")
        if wanted.get("client_status") not in CLAIMS:
            raise ControlError("client_status must be failed, cancelled, pending, none or null")
        api = wanted.get("api") or {}
        if not isinstance(api, dict) or not all(
            _is_trouble(one) for each in api.values() for one in _all(each)
        ):
            raise ControlError("api must map methods to what goes wrong with them")
        seed = wanted.get("seed")
        if seed is not None and type(seed) is not int:
            raise ControlError("seed must be a whole number or null")
        self.draw = random.Random(seed)
        self.now = {**CALM, **wanted, "api": copy.deepcopy(api)}

    async def before(self, method: str) -> dict[str, Any]:
        """Wait or fail as a call has to; return what is left to go wrong after it.

        :raise ApiError: the call is refused
        :raise Garbage: the answer is no JSON
        """
        trouble = self._of(method)
        if trouble.get("latency_seconds"):
            await asyncio.sleep(float(trouble["latency_seconds"]))
        status = trouble.get("status")
        if status == 429:
            raise too_many_requests(self._seconds(trouble.get("retry_after", 1)))
        if status:
            raise ApiError(
                int(status), str(trouble.get("description") or TEXTS.get(status, "Internal Server Error"))
            )
        if trouble.get("garbage"):
            raise Garbage
        return trouble

    def loses(self) -> bool:
        """Tell whether the next update is lost, counting down."""
        if self.now["lose"] > 0:
            self.now["lose"] -= 1
            return True
        return False

    def _of(self, method: str) -> dict[str, Any]:
        api = self.now["api"]
        key = next((one for one in api if one.lower() == method.lower()), "*" if "*" in api else None)
        trouble = self._drawn(_all(api[key])) if key is not None else None
        if trouble is None:
            return {}
        if "times" in trouble:
            trouble["times"] -= 1
            if trouble["times"] <= 0:
                api[key] = [one for one in _all(api[key]) if one is not trouble]
                if not api[key]:
                    del api[key]
        return trouble

    def _drawn(self, troubles: list[dict[str, Any]]) -> dict[str, Any] | None:
        """Return the trouble whose share of the calls this one falls into; a share unsaid is the rest."""
        place = self.draw.random()
        for trouble in troubles:
            place -= trouble.get("share", 1)
            if place < 0:
                return trouble
        return None

    def _seconds(self, asked: Any) -> int:
        """Return the seconds to come back after, drawn where a range is given."""
        return self.draw.randint(*asked) if isinstance(asked, list) else int(asked)


def _all(troubles: Any) -> list[Any]:
    return troubles if isinstance(troubles, list) else [troubles]


def _is_trouble(one: Any) -> bool:
    if not isinstance(one, dict):
        return False
    share = one.get("share", 1)
    return isinstance(share, int | float) and 0 <= share <= 1
