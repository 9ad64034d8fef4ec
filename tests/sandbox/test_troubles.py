"""What goes wrong with calls of the Bot API, and how often."""

import asyncio
from collections import Counter
from typing import Any

import pytest

from sandbox.errors import ApiError, ControlError
from sandbox.troubles import Troubles

STORM = [
    {"share": 0.1, "status": 429, "retry_after": [1, 60]},
    {"share": 0.2, "status": 502},
    {"share": 0.05, "lost_answer": True},
]


def troubled(seed: int | None = None, **api: Any) -> Troubles:
    troubles = Troubles()
    troubles.set({"api": api, "seed": seed})
    return troubles


def fate(troubles: Troubles, method: str = "sendMessage") -> str:
    """Return what becomes of one call."""
    try:
        left = asyncio.run(troubles.before(method))
    except ApiError as error:
        return f"{error.code} {error.parameters.get('retry_after', '')}".strip()
    return "lost" if left.get("lost_answer") else "well"


def test_a_storm_has_its_shares_and_its_range_of_pauses():
    troubles = troubled(7, **{"*": STORM})
    fates = [fate(troubles) for _ in range(5000)]
    seen = Counter(one.partition(" ")[0] for one in fates)
    assert seen["429"] / 5000 == pytest.approx(0.1, abs=0.02)
    assert seen["502"] / 5000 == pytest.approx(0.2, abs=0.02)
    assert seen["lost"] / 5000 == pytest.approx(0.05, abs=0.02)
    pauses = {int(one.partition(" ")[2]) for one in fates if one.startswith("429")}
    assert pauses == set(range(1, 61))


def test_a_storm_of_the_same_seed_is_the_same_storm():
    one, other = troubled(7, **{"*": STORM}), troubled(7, **{"*": STORM})
    assert [fate(one) for _ in range(100)] == [fate(other) for _ in range(100)]
    assert [fate(one) for _ in range(100)] != [fate(troubled(8, **{"*": STORM})) for _ in range(100)]


def test_troubles_of_one_method_are_over_one_by_one():
    troubles = troubled(sendMessage=[{"status": 500, "times": 2}, {"status": 403, "times": 1}])
    assert [fate(troubles) for _ in range(4)] == ["500", "500", "403", "well"]
    assert fate(troubles, "getMe") == "well"
    assert troubles.now["api"] == {}


def test_a_method_named_is_spared_what_befalls_the_others():
    troubles = troubled(answerPreCheckoutQuery={}, **{"*": {"status": 500}})
    assert (fate(troubles), fate(troubles, "answerPreCheckoutQuery")) == ("500", "well")


@pytest.mark.parametrize(
    "wanted",
    [
        {"api": 7},
        {"api": {"*": 7}},
        {"api": {"*": [7]}},
        {"api": {"*": {"share": 1.1}}},
        {"api": {"*": {"share": "half"}}},
        {"seed": "seven"},
        {"weather": "bad"},
    ],
    ids=str,
)
def test_a_trouble_that_makes_no_sense_is_refused(wanted):
    with pytest.raises(ControlError):
        Troubles().set(wanted)
