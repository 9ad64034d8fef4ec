"""Signals handed to the plug-in's receivers, each in a thread that nobody has to wait for.

A thread cannot be ended from outside: of one that hangs nothing more is expected, and the receiver is called
for other signals until too many of its threads hang.
"""

import asyncio
import inspect
import logging
import threading
from collections.abc import Callable, Collection
from copy import deepcopy
from functools import partial
from pathlib import Path
from typing import Any

from flask import Flask

from webapp import clock
from webapp.db.models import Signal
from webapp.db.transactions import run_in_transaction
from webapp.domain.access import signals
from webapp.shop import plugins

log = logging.getLogger(__name__)

DEADLINE_SECONDS = 30.0  # for a receiver to return
STOPPING_SECONDS = 2.0  # of that, once the process ends: what it began it may finish, mostly
LOOK_EVERY_SECONDS = 0.5
MOST_HANGING = 3  # threads of one receiver
DUTY = "signals"


class Receivers:
    """The plug-in's receivers, called for one signal at a time; by one thread of one process."""

    def __init__(self, app: Flask, holds: Callable[[str], bool], stopping: threading.Event) -> None:
        """Prepare to hand signals over.

        :param holds: whether this process has a duty, by its name; to be asked again as long as it lasts
        """
        self.app = app
        self.holds = holds
        self.stopping = stopping
        self.calls: list[_Call] = []  # those that may still be going on

    def listen(self) -> bool:
        """Tell whether the plug-in listens to anything."""
        with self.app.app_context():
            return bool(signals.listened())

    def hand_over(self) -> bool:
        """Hand the next signal over, and tell whether there was one."""
        with self.app.app_context():
            if not signals.is_due(clock.now()) or not self.holds(DUTY):
                return False
            signal = run_in_transaction(lambda: signals.claim(clock.now()))
            if signal:
                self._call_for(signal)
            return signal is not None

    def _call_for(self, signal: Signal) -> None:
        """Call what has not taken a signal yet; it is done with once all of them have."""
        receivers = _receivers(signal.name)
        names = [name for name in receivers if name not in signal.taken_by]
        calls = [self._begin(name, receivers[name], signal) for name in names]
        self._wait_for(calls)
        problems = {call.name: call.problem for call in calls if call.problem}
        if not receivers:
            problems = {signal.name: "nothing receives it"}
        if self.stopping.is_set() and any(call.is_alive() for call in calls):
            return  # as if this process had been killed: the next one hands the signal over again
        if problems:
            self._note_failed(signal, problems, receivers.keys() - problems.keys())
        else:
            run_in_transaction(partial(signals.taken, signal))
            log.info("the plug-in took a signal", extra=_about(signal))

    def _begin(self, name: str, receiver: Callable[..., Any], signal: Signal) -> "_Call":
        """Begin a call, unless enough threads of this receiver hang."""
        self.calls = [call for call in self.calls if call.is_alive()]
        call = _Call(self.app, name, receiver, signal)
        if sum(one.name == name for one in self.calls) >= MOST_HANGING:
            call.problem = f"{MOST_HANGING} of its threads hang: restart the bot once that is mended"
        else:
            self.calls.append(call)
            call.start()
        return call

    def _note_failed(self, signal: Signal, problems: dict[str, str], taken_by: Collection[str]) -> None:
        words = "; ".join(f"{name}: {problem}" for name, problem in problems.items())
        log.warning("the plug-in did not take a signal: %s", words, extra=_about(signal))
        # A zero byte, for one, is nothing that PostgreSQL keeps.
        told = "".join(one if one.isprintable() else " " for one in words)
        run_in_transaction(lambda: signals.failed(signal, told, taken_by, clock.now()))

    def _wait_for(self, calls: "list[_Call]") -> None:
        deadline, is_stopping = clock.ticks() + DEADLINE_SECONDS, False
        while (alive := [call for call in calls if call.is_alive()]) and clock.ticks() < deadline:
            alive[0].join(LOOK_EVERY_SECONDS)
            self.holds(DUTY)
            if self.stopping.is_set() and not is_stopping:
                is_stopping, deadline = True, min(deadline, clock.ticks() + STOPPING_SECONDS)


class _Call(threading.Thread):
    """One receiver at work on one signal."""

    def __init__(self, app: Flask, name: str, receiver: Callable[..., Any], signal: Signal) -> None:
        super().__init__(name=name, daemon=True)
        self.app = app
        self.receiver = receiver
        self.signal = signal
        self.facts = deepcopy(signal.facts)  # whatever a receiver does to them is its own
        # Why the signal is not taken: this, until it is known better.
        self.problem: str | None = f"did not return within {DEADLINE_SECONDS:.0f} seconds"

    def run(self) -> None:
        try:
            # A context of its own: a transaction that is left open ends with it.
            with self.app.app_context():
                answer = self.receiver(self.signal.name, **self.facts)
                if inspect.iscoroutine(answer):
                    asyncio.run(answer)
        except BaseException as error:
            self.problem = type(error).__name__
            log.error("a receiver of the plug-in raised", exc_info=error, extra=_about(self.signal))
            self.problem = f"{type(error).__name__}: {error}"
        else:
            self.problem = None


def _about(signal: Signal) -> dict[str, str]:
    return {"event": signal.name, "signal": signal.dedupe_key}


def _receivers(signal_name: str) -> dict[str, Callable[..., Any]]:
    """Return what a plug-in has for a signal, by names that stay the same from one start to the next."""
    receivers: dict[str, Callable[..., Any]] = {}
    for receiver in plugins.current().signals[signal_name].receivers_for(signal_name):
        name, number = _name_of(receiver), 2
        while name in receivers:
            name, number = f"{_name_of(receiver)}-{number}", number + 1
        receivers[name] = receiver
    return receivers


def _name_of(receiver: Callable[..., Any]) -> str:
    own_name = getattr(receiver, "__qualname__", type(receiver).__qualname__).rpartition("<locals>.")[2]
    code = getattr(inspect.unwrap(receiver), "__code__", None)
    return f"{Path(code.co_filename).stem}.{own_name}" if code else str(own_name)
