"""Nobody waits before a silent terminal while the shop opens."""

import asyncio
import io
import sys

from sandbox import rehearsal, terminal
from tests.kit.processes import PATIENCE_SECONDS

AN_HOUR = 3600.0


class Terminal(io.StringIO):
    """A terminal that tells when it was written to."""

    def __init__(self) -> None:
        super().__init__()
        self.heard = asyncio.Event()

    def write(self, text: str) -> int:
        self.heard.set()
        return super().write(text)


async def wait_until(heard: asyncio.Event) -> None:
    """Wait for something that is there as soon as a line has been written."""
    async with asyncio.timeout(PATIENCE_SECONDS):
        never = asyncio.create_task(asyncio.Event().wait())
        await rehearsal._first_of(asyncio.create_task(heard.wait()), never, "the bot")


def test_silence_counts_from_the_last_line_and_not_from_the_wait(monkeypatch):
    """What came before a wait, a start of processes say, was silent too."""
    shown = Terminal()
    monkeypatch.setattr(sys, "stdout", shown)
    monkeypatch.setattr(rehearsal, "HEARTBEAT_SECONDS", AN_HOUR)
    monkeypatch.setattr(terminal, "_said_at", terminal._said_at - AN_HOUR)
    asyncio.run(wait_until(shown.heard))
    assert shown.getvalue() == "Still waiting for the bot: 0 s so far.\n"


def test_a_line_of_any_process_ends_the_silence(monkeypatch):
    monkeypatch.setattr(terminal, "_said_at", terminal._said_at - AN_HOUR)
    monkeypatch.setattr(sys, "stdout", io.StringIO())
    assert terminal.quiet_seconds() >= AN_HOUR
    terminal.relay("release", "7 added")
    assert terminal.quiet_seconds() < AN_HOUR
