"""Trouble made on purpose: what real networks and real outages do."""

import asyncio
from typing import Any

from sandbox.errors import ApiError, ControlError, too_many_requests

CALM: dict[str, Any] = {
    "duplicate": 0,
    "delay_seconds": 0,
    "lose": 0,
    "reorder": False,
    "api": {},
    "client_status": None,
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

    def set(self, wanted: dict[str, Any]) -> None:
        """Have these troubles, and no others.

        :raise ControlError: a trouble nobody knows, or of the wrong type
        """
        unknown = sorted(wanted.keys() - CALM.keys())
        if unknown:
            raise ControlError(f"no such trouble: {', '.join(unknown)}")
        for name in ("duplicate", "delay_seconds", "lose"):
            value = wanted.get(name, 0)
            if not isinstance(value, int | float) or isinstance(value, bool) or value < 0:
                raise ControlError(f"{name} must be a number from 0 up")
        if wanted.get("client_status") not in CLAIMS:
            raise ControlError("client_status must be failed, cancelled, pending, none or null")
        api = wanted.get("api") or {}
        if not isinstance(api, dict) or not all(isinstance(one, dict) for one in api.values()):
            raise ControlError("api must map methods to what goes wrong with them")
        self.now = {**CALM, **wanted, "api": {key: dict(value) for key, value in api.items()}}

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
            raise too_many_requests(int(trouble.get("retry_after", 1)))
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
        if key is None:
            return {}
        trouble: dict[str, Any] = api[key]
        if "times" in trouble:
            trouble["times"] -= 1
            if trouble["times"] <= 0:
                del api[key]
        return trouble
