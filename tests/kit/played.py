"""The sandbox's people, and what Telegram does to the shop when told."""

from collections.abc import Iterator
from typing import Any

from tests.kit.processes import Stage

ALICE, BOB, CARMEN, DARIUSH = 5000000101, 5000000102, 5000000103, 5000000104  # the sandbox's people


def standing(stage: Stage, *names: str) -> Iterator[Stage]:
    """Have a stage open for as long as a fixture needs it; web and bot unless told."""
    yield stage.open(*names)
    stage.close()


def newcomer(telegram: Stage, **facts: Any) -> int:
    """Return somebody who came to no other test, with Stars to spend."""
    person = {"first_name": "Nora", "language_code": "en", "stars": 1000, **facts}
    return int(telegram.control("POST", "people", **person)["id"])


def told(telegram: Stage, person: int) -> list[str]:
    """Return what the bot wrote to a person."""
    return [message.get("text", "") for message in telegram.messages(person) if message["from"] == "bot"]


def trouble(telegram: Stage, method: str, **what: Any) -> None:
    """Have something go wrong with a method, once unless told."""
    telegram.control("PUT", "troubles", api={method: {"times": 1, **what}})
