"""The sandbox's own time, which can be moved."""

import time


class Clock:
    """Seconds since 1970, ahead of or behind the machine's by an offset."""

    def __init__(self) -> None:
        self.offset_seconds = 0.0

    def now(self) -> float:
        return time.time() + self.offset_seconds

    def seconds(self) -> int:
        """Return the time as Telegram writes it: whole seconds."""
        return int(self.now())
