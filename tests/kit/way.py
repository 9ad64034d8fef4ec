"""The way of work through the shop's modules: which it enters, and how often it turns back."""

import sys
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from types import FrameType
from typing import Any

ROOT = "webapp"


@dataclass
class Way:
    """The modules that a piece of work entered, in their order, and its returns from one to another."""

    modules: list[str] = field(default_factory=list)
    turns: Counter[tuple[str, str]] = field(default_factory=Counter)

    def __str__(self) -> str:
        lines = [f"{len(self.modules)} modules entered: {', '.join(self.modules)}"]
        lines += [f"{self.turns.total()} turns back:"]
        lines += [f"  {count} from {place} to {back}" for (place, back), count in self.turns.most_common()]
        return "\n".join(lines)


def follow(work: Callable[[], Any]) -> Way:
    """Return the way of some work in this thread.

    A turn is a return from a function of one module to the module that called it. What a library calls for
    us, such as a column's type, is the library's way and is left out; so is code without a file, such as
    the constructor of a dataclass.
    """
    way = Way()

    def watch(frame: FrameType, event: str, _argument: object) -> None:
        place = _module(frame)
        if event not in {"call", "return"} or not place:
            return
        caller = _module(frame.f_back)
        if event == "call" and (caller or not way.modules) and place not in way.modules:
            way.modules.append(place)
        if event == "return" and caller and caller != place:
            way.turns[place, caller] += 1

    sys.setprofile(watch)
    try:
        work()
    finally:
        sys.setprofile(None)
    return way


def _module(frame: FrameType | None) -> str:
    """Return the module of ours whose function this is, or nothing."""
    name = frame.f_globals.get("__name__", "") if frame and frame.f_code.co_filename[0] != "<" else ""
    return name if name.split(".")[0] == ROOT else ""
