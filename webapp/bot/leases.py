"""What this process does and no other: its duties, and its turn to poll."""

import hashlib
import logging
import os
import secrets
import socket
import threading
from contextlib import suppress
from functools import cache

from flask import Flask

from webapp import clock
from webapp.db.transactions import transaction
from webapp.domain.queue import leases

log = logging.getLogger(__name__)

# Less than the ten seconds that Telegram gives for an answer before a charge: a process that dies is
# replaced while the buyer still waits. A poll outlasts it, so it is renewed beside the poll.
TURN_SECONDS = 8.0
RENEW_EVERY_SECONDS = 2.0
DUTY_SECONDS = 30.0


def process_name() -> str:
    """Return a name for this process that no other has, and by which its machine knows whether it lives."""
    return f"{_machine()}:{os.getpid()}:{secrets.token_hex(4)}"


def release_leases_of_the_dead() -> None:
    """Release the leases of killed processes of this machine, so that nobody waits until they run out."""
    now = clock.now()
    dead = [holder for holder in leases.holders(now) if _is_dead(holder)]
    with transaction():
        for holder in dead:
            leases.release_all(holder, now)


def _is_dead(name: str) -> bool:
    machine, _, rest = name.partition(":")
    number = rest.partition(":")[0]
    if machine != _machine() or not number.isdigit():
        return False
    try:
        os.kill(int(number), 0)
    except ProcessLookupError:
        return True
    except OSError:
        return False
    return False


@cache
def _machine() -> str:
    """Return what processes share that see each other's numbers; each container has its own."""
    namespace = ""
    with suppress(OSError):
        namespace = f" {os.stat('/proc/self/ns/pid').st_ino}"
    # Short, since a lease has room for 64 characters, and host names can have as many.
    return hashlib.sha256(f"{socket.gethostname()}{namespace}".encode()).hexdigest()[:16]


class DutyLeases:
    """The duties of one process; its methods are safe from any thread."""

    def __init__(self, app: Flask, holder: str) -> None:
        self.app = app
        self.holder = holder
        self.held_until: dict[str, float] = {}  # by the clock that nobody sets

    def holds(self, duty: str) -> bool:
        """Take or keep a duty, and tell whether this process has it."""
        ticks = clock.ticks()
        if ticks < self.held_until.get(duty, ticks):
            return True
        with transaction():
            held = leases.hold(duty, self.holder, DUTY_SECONDS, clock.now()) is not None
        if held:
            # Renewed well before its end, and not at every look.
            self.held_until[duty] = ticks + DUTY_SECONDS / 3
        return held

    def release_leases(self) -> None:
        """Leave the duties to others at once, since this process ends."""
        with self.app.app_context(), transaction():
            leases.release_all(self.holder, clock.now())


class Turn:
    """One process's claim to poll, since Telegram answers one poll at a time; safe from any thread."""

    def __init__(self, app: Flask, holder: str) -> None:
        self.app = app
        self.holder = holder
        self.until = clock.ticks()
        self._is_over = False
        self._waits: bool | None = None
        self._lock = threading.Lock()

    def is_mine(self) -> bool:
        """Tell whether this process may poll at this moment, without asking the database."""
        return not self._is_over and clock.ticks() < self.until

    def renew(self) -> bool:
        """Take or keep the turn, and tell whether this process has it now."""
        with self._lock:
            if self._is_over:
                return False
            # Counted from before the database is asked, so that no other process can have it meanwhile.
            asked_at = clock.ticks()
            with self.app.app_context():
                held = self._hold()
                if not held:
                    release_leases_of_the_dead()
            self.until = asked_at + TURN_SECONDS if held else asked_at
            self._tell(waits=not held)
            return held

    def release(self) -> None:
        """Leave polling to another process at once, since this one polls no more."""
        with self._lock:
            self._is_over = True
            with self.app.app_context(), transaction():
                leases.release(leases.POLLING, self.holder, clock.now())

    def _hold(self) -> bool:
        with transaction():
            return leases.hold(leases.POLLING, self.holder, TURN_SECONDS, clock.now()) is not None

    def _tell(self, *, waits: bool) -> None:
        if waits and not self._waits:
            log.info("another bot process polls: this one waits", extra={"event": "poll_waits"})
        elif not waits and self._waits is not False:
            log.info("this process polls", extra={"event": "polls"})
        self._waits = waits
