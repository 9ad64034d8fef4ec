"""The one place that reads the clock; everything below is handed ``now``."""

import time
from datetime import UTC, datetime

# One that goes on while the machine sleeps, where there is one.
_TICKING = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)


def now() -> datetime:
    """Return the present moment as an aware UTC datetime."""
    return datetime.now(UTC)


def ticks() -> float:
    """Return seconds by a clock that nobody sets, for pauses that end with the process."""
    return time.clock_gettime(_TICKING)
