"""Crash points: ``python -m tests.kit.crash K5:1,K6:3:slow bot.py`` runs a process that kills itself at them.

One life after the other: the first dies (SIGKILL) at its first passage of K5, its successor, a slow one, at
the third of K6, and the one after that lives on. gunicorn replaces its own workers; for everything else
this process does, which has imported all of it and begun nothing: a successor costs no second of importing.

Production code is left alone: the functions named here are wrapped as the process starts. One that is gone
ends the run at once; one that is no longer passed keeps its life alive, which a campaign takes for a failure.
"""

import functools
import importlib
import importlib.metadata
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, NoReturn

BEFORE, AFTER = "before", "after"
LIVES_ON = "-"  # in a plan, -:0:harsh: a life that passes every point
RECORD = 16  # bytes of a plan in its pipe: one life


@dataclass(frozen=True)
class Passage:
    """A call of a watched function, and its result once there is one."""

    args: tuple[Any, ...]
    named: dict[str, Any]
    result: Any = None


@dataclass(frozen=True)
class Aim:
    """Where a crash point is in the code."""

    target: str  # module:attribute, where its callers look it up
    moment: str
    counts: Callable[[Passage], bool] = lambda _passage: True


def _asks(method: str) -> Callable[[Passage], bool]:
    return lambda passage: bool(passage.args[1] == method)  # BotApi.call(self, method, params)


def _of(cause: str) -> Callable[[Passage], bool]:
    return lambda passage: bool(passage.args[0].cause.startswith(cause))


def _books(passage: Passage) -> bool:
    """Tell whether a charge from an update was written, and not known before."""
    return _of("update:")(passage) and bool(passage.result.charge.recorded_at == passage.named["now"])


def _approves(passage: Passage) -> bool:
    return _asks("answerPreCheckoutQuery")(passage) and bool(passage.args[2]["ok"])


# The one table to aim anew when the code moves. An aim at webapp.bot.poller: counts in bot.py alone.
POINTS: dict[str, tuple[Aim, ...]] = {
    # The receiver: the poller or the webhook's route.
    "K0": (
        Aim("webapp.bot.poller:Poller._fetch", BEFORE),
        Aim("webapp.views.telegram:_is_telegram", BEFORE),
    ),
    "K1": (Aim("webapp.usecases.receiving:receive", BEFORE),),
    "K2": (Aim("webapp.domain.queue.inbox:keep", AFTER),),
    "K3": (Aim("webapp.usecases.receiving:run_in_transaction", AFTER),),
    # The worker; K6 is the receiver's as well, which books payments in the commit that keeps them.
    "K4": (Aim("webapp.domain.queue.inbox:claim", BEFORE),),
    "K5": (Aim("webapp.bot.items:claim", AFTER, lambda passage: bool(passage.result)),),
    "K6": (Aim("webapp.domain.sales.charges:record_charge", AFTER, _books),),
    "K7": (Aim("webapp.bot_api.client:BotApi.call", BEFORE, _asks("sendMessage")),),
    "K8": (Aim("webapp.bot_api.client:BotApi.call", AFTER, _asks("sendMessage")),),
    # Refunds.
    "K9": (Aim("webapp.bot_api.client:BotApi.call", BEFORE, _asks("refundStarPayment")),),
    "K10": (
        Aim("webapp.bot_api.client:_result", BEFORE, lambda passage: passage.args[0] == "refundStarPayment"),
    ),
    "K11": (Aim("webapp.domain.sales.refunds:mark_done", AFTER, _of("call")),),
    # Questions.
    "K12": (Aim("webapp.bot_api.client:BotApi.call", BEFORE, _approves),),
    "K13": (Aim("webapp.bot_api.client:BotApi.call", AFTER, _approves),),
    # The statement and the schema.
    "K14": (
        Aim("webapp.domain.sales.charges:record_charge", AFTER, _of("statement")),
        Aim("webapp.domain.sales.refunds:mark_done", AFTER, _of("statement")),
    ),
    "K15": (Aim("alembic.ddl.impl:DefaultImpl._exec", AFTER),),
}

# How a life may differ from one in production.
HOWS: dict[str, dict[str, Any]] = {
    # Nothing is settled as it comes in, as if something were in the way of it each time: all of it is the
    # worker's to claim.
    "slow": {"webapp.usecases.receiving:AT_ONCE": frozenset()},
    # What it takes is held for a second, or each successor would sit out half a minute; and the statement is
    # read in short pages, once, so that nothing covers up a cursor moved too early. So lives who is to die.
    "harsh": {
        "webapp.db.retried:LEASE_SECONDS": 1,
        "webapp.bot.leases:DUTY_SECONDS": 1,
        "webapp.domain.sales.reconciliation:PAGE": 10,
        "webapp.domain.sales.reconciliation:OVERLAP": 0,
    },
}


class _Life:
    """Where this process is to die, and how many passages are left until then."""

    def __init__(self) -> None:
        self.point = ""
        self.left = 0
        self.lock = threading.Lock()

    def passes(self, point: str) -> None:
        with self.lock:
            if point != self.point:
                return
            self.left -= 1
            if self.left == 0:
                os.write(1, f"{point} dies\n".encode())
                os.kill(os.getpid(), signal.SIGKILL)


_life = _Life()


def main() -> int:
    """Run a command of the shop by a plan; return its exit code once it ends by itself."""
    plan, command, *arguments = sys.argv[1:]
    lives = plan.split(",")
    unknown = {life.partition(":")[0] for life in lives} - POINTS.keys() - {LIVES_ON}
    if unknown:
        _refuse(f"no such crash point: {', '.join(sorted(unknown))}")
    run = _command(command)
    for point, aim in _aims(with_bot=command == "bot.py"):
        _watch(point, aim)
    _begin_lives(lives)
    sys.argv = [command, *arguments]
    return int(run() or 0) if command == "gunicorn" else _live_on(run)


def find(target: str) -> tuple[Any, str, Any]:
    """Return the owner, the name and the value of module:attribute; without it the run ends."""
    module, _, path = target.partition(":")
    *owners, name = path.split(".")
    try:
        owner = functools.reduce(getattr, owners, importlib.import_module(module))
        return owner, name, getattr(owner, name)
    except (ModuleNotFoundError, AttributeError):
        _refuse(f"{target} is not there any more: aim them anew in {__file__}.")


def _command(command: str) -> Callable[[], Any]:
    if command.endswith(".py"):
        run: Callable[[], Any] = importlib.import_module(command.removesuffix(".py")).main
        return run
    if command == "gunicorn":
        # As gunicorn does: what it sets has to be there before anything of the shop is imported.
        importlib.import_module("webapp.gunicorn")
    (script,) = importlib.metadata.entry_points(group="console_scripts", name=command)
    loaded: Callable[[], Any] = script.load()
    return loaded


def _aims(*, with_bot: bool) -> Iterator[tuple[str, Aim]]:
    for point, aims in POINTS.items():
        for aim in aims:
            if with_bot or not aim.target.startswith("webapp.bot.poller:"):
                yield point, aim


def _watch(point: str, aim: Aim) -> None:
    owner, name, function = find(aim.target)

    @functools.wraps(function)
    def watched(*args: Any, **named: Any) -> Any:
        if aim.moment == BEFORE and aim.counts(Passage(args, named)):
            _life.passes(point)
        result = function(*args, **named)
        if aim.moment == AFTER and aim.counts(Passage(args, named, result)):
            _life.passes(point)
        return result

    setattr(owner, name, watched)


def _begin_lives(lives: list[str]) -> None:
    """Have every process forked from here on live by the next line of the plan; when it is over, on."""
    plan, rest = os.pipe()
    os.write(rest, b"".join(life.encode().ljust(RECORD) for life in lives))
    os.close(rest)
    changes = {
        how: [(*find(target)[:2], value) for target, value in facts.items()] for how, facts in HOWS.items()
    }

    def begin() -> None:
        point, passage, *hows = (os.read(plan, RECORD).decode().strip() or f"{LIVES_ON}:0").split(":")
        _life.point, _life.left = point, int(passage)
        for how in (*hows, *(() if point == LIVES_ON else ("harsh",))):
            for owner, name, value in changes[how]:
                setattr(owner, name, value)

    os.register_at_fork(after_in_child=begin)


def _live_on(run: Callable[[], Any]) -> int:
    """Start the command again as often as it is killed, as a platform does; what it is told to, it hears."""
    while True:
        # Whoever forks with threads running copies their locks as they happen to be.
        assert threading.active_count() == 1
        child = os.fork()
        if child == 0:
            signal.signal(signal.SIGTERM, signal.SIG_DFL)
            return int(run() or 0)
        signal.signal(signal.SIGTERM, lambda number, _frame, child=child: os.kill(child, number))
        code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        if code != -signal.SIGKILL:
            return code


def _refuse(why: str) -> NoReturn:
    sys.stderr.write(f"The crash points do not stand. {why}\n")
    sys.exit(64)


if __name__ == "__main__":
    sys.exit(main())
