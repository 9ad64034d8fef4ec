"""How the threads of a bot process wait, wake each other, and end."""

LONGEST_PAUSE_SECONDS = 5.0  # with its jitter; a buyer waits ten for the answer to a question
JITTER = 1.5  # at most so many times the pause
DATABASE_PAUSE_SECONDS = 3.0  # buyers wait for a database that is back to be noticed


class Stop(Exception):
    """The bot cannot work like this; the sentence says what to do."""


def longer(pause: float) -> float:
    """Return the pause after the next failure in a row."""
    return min(pause * 2, LONGEST_PAUSE_SECONDS / JITTER)
