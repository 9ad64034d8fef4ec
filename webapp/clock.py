"""The one place that reads the clock; everything below is handed ``now``."""

import time
from datetime import UTC, datetime, timedelta

# One that goes on while the machine sleeps, where there is one.
_TICKING = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)


_zero: datetime | None = None  # when the ticks began, by the clock that is followed


def now() -> datetime:
    """Return the present moment as an aware UTC datetime."""
    return machine_time() if _zero is None else _zero + timedelta(seconds=ticks())


def machine_time() -> datetime:
    """Return what this machine's clock says, which may be wrong, and may jump."""
    return datetime.now(UTC)


def ticks() -> float:
    """Return seconds by a clock that nobody sets, for pauses that end with the process."""
    return time.clock_gettime(_TICKING)


def follow(told: datetime) -> None:
    """Go by a clock that several machines share, from what it says at this moment."""
    global _zero
    _zero = told - timedelta(seconds=ticks())
