"""How the threads of a bot process wait for work, wake each other, and end."""

import random
import threading

QUESTIONS, MONEY, CHAT, MESSAGES, SIGNALS = "questions", "money", "chat", "messages", "signals"
LONGEST_PAUSE_SECONDS = 5.0  # with its jitter; a buyer waits ten for the answer to a question
JITTER = 1.5  # at most so many times the pause
DATABASE_PAUSE_SECONDS = 3.0  # buyers wait for a database that is back to be noticed


class Stop(Exception):
    """The bot cannot work like this; the sentence says what to do."""


class Wakeups:
    """An event for each kind of work, set when something was kept or written in this process."""

    def __init__(self, look_every_seconds: float) -> None:
        """Begin with nothing to do.

        :param look_every_seconds: how soon is seen what another process kept
        """
        self.look_every_seconds = look_every_seconds
        self.stopping = threading.Event()
        self._events = {work: threading.Event() for work in (QUESTIONS, MONEY, CHAT, MESSAGES, SIGNALS)}

    def wake(self, *works: str) -> None:
        """Wake the threads of these kinds of work; all threads if none is named."""
        for work in works or self._events:
            self._events[work].set()

    def wait(self, work: str) -> None:
        """Return when there is work, or when it is time to look for some."""
        self._events[work].wait(self.look_every_seconds)
        self._events[work].clear()

    def stop(self) -> None:
        """End every thread that waits, as soon as what it has begun is done."""
        self.stopping.set()
        self.wake()

    def pause(self, seconds: float) -> None:
        """Wait that long, unless the process ends."""
        self.stopping.wait(seconds)


def jittered(pause_seconds: float) -> float:
    """Return a little more than a pause, so that not all bots come back at once."""
    return pause_seconds * random.uniform(1, JITTER)  # noqa: S311 - no secret


def longer(pause_seconds: float) -> float:
    """Return the pause after the next failure in a row."""
    return min(pause_seconds * 2, LONGEST_PAUSE_SECONDS / JITTER)
