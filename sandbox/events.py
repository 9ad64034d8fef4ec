"""What happens, for whoever watches: the phone and its panel."""

import asyncio
from typing import Any

from sandbox.clock import Clock

MOST_KEPT = 2000


class Events:
    """A numbered list that can be followed while it grows."""

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self.kept: list[dict[str, Any]] = []
        self.seq = 0
        self.changed = asyncio.Event()

    def add(self, kind: str, **data: Any) -> None:
        """Tell everybody who follows."""
        self.seq += 1
        self.kept.append({"seq": self.seq, "type": kind, "data": data, "at": self.clock.now()})
        del self.kept[:-MOST_KEPT]
        self.changed.set()
        self.changed = asyncio.Event()

    def clear(self) -> None:
        """Forget what happened; numbers go on, so that whoever follows misses nothing."""
        self.kept.clear()

    def after(self, seq: int) -> list[dict[str, Any]]:
        """Return what happened since a number; one from another life starts over."""
        seq = seq if seq <= self.seq else 0
        return [event for event in self.kept if event["seq"] > seq]
