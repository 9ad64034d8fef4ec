"""What can happen about one person's access, for every order of it to be tried."""

from collections.abc import Sequence

from tests.kit.arrange import NOW
from tests.kit.model import DAY, Fact

KINDS = ("charge", "pass", "plan", "refund", "suspension", "restoration", "grant", "revocation")

# What is given back first, second and so on; the last two are never charged for in so short a scene.
ABOUT = ("charge-1", "plan-1", "pass-1", "plan-2", "pass-2", "charge-2", "plan-8")
NOON = int(NOW.timestamp())


def facts(scene: Sequence[str]) -> list[Fact]:
    """Return what happens in a scene: the n-th of a kind on the n-th day, some in the same second."""
    return [fact(kind, scene[:place].count(kind) + 1) for place, kind in enumerate(scene)]


def fact(kind: str, number: int) -> Fact:
    keys = ("atlas",) if number == 2 else ("atlas", "notes")
    at = NOON + number * DAY
    if kind == "charge":
        return Fact("charge", 1, f"charge-{number}", at + 20 * DAY, keys)
    if kind == "pass":
        return Fact("charge", 1, f"pass-{number}", at, keys, days=3 * number)
    if kind == "plan":
        return Fact("charge", 1, f"plan-{number}", at + DAY, keys, until=at + 5 * DAY, grace=number % 2)
    if kind == "grant":
        return Fact("grant", 1, None, at + 2 * DAY, keys, days=number if number > 1 else None)
    if kind == "revocation":
        return Fact("revocation", 1, None, at + 2 * DAY, keys)
    # Two of one charge before the next one's turn: refused, and wanted again.
    place = (number - 1) if kind == "refund" else (number - 1) // 2
    return Fact(kind, 1, ABOUT[place], at + 4 * DAY)
