"""gunicorn's worker with threads, waiting for its clients in one loop: for each until a deadline."""

import heapq
import time
from collections.abc import Callable
from functools import partial
from typing import Any

from gunicorn.workers.gthread import ThreadWorker

from webapp.serving.connections import Connection

LOOK_EVERY_SECONDS = 0.2  # for connections whose time is up
STOPPING_SECONDS = 2.0  # for requests on their way while the process ends
SMALL_BYTES = 16 * 1024  # thousands of clients can hold so much each


class PatientWorker(ThreadWorker):  # type: ignore[misc]
    """Keeps the connections that wait for their clients, within bounds of time, number and memory."""

    most_bytes = 32 * 1024 * 1024  # held for all clients together

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self.waiting: dict[Connection, None] = {}  # for their clients, the longest first
        self.look_at = 0.0

    def set_accept_enabled(self, enabled: bool) -> None:
        """Take connections or not; a worker that ends gives those it has a moment."""
        super().set_accept_enabled(enabled)
        if not self.alive:
            soon = time.monotonic() + STOPPING_SECONDS
            for conn in self.waiting:
                conn.deadline = min(conn.deadline, soon)

    def is_parent_alive(self) -> bool:
        """Tell whether the master lives; without it nobody is waited for, as another needs the port."""
        if super().is_parent_alive():
            return True
        self.alive = False
        self.murder_keepalived(force=True)
        return False

    def murder_keepalived(self, force: bool = False) -> None:
        """Close every connection, if so asked: the process ends."""
        for conn in list(self.waiting) if force else ():
            self._drop(conn)

    def murder_pending(self) -> None:
        """Close the connections whose time is up."""
        now = time.monotonic()
        if now < self.look_at:
            return
        self.look_at = now + LOOK_EVERY_SECONDS
        for conn in [one for one in self.waiting if one.deadline <= now]:
            self.give_up(conn)

    def give_up(self, conn: Connection) -> None:
        """Close a connection whose time is up."""
        self._drop(conn)

    def _wait(self, conn: Connection, event: int, then: Callable[[Connection], None], seconds: float) -> None:
        """Have something done when the client is heard or can be told, or else close the connection."""
        conn.waits_since = time.monotonic()
        conn.deadline = conn.waits_since + (seconds if self.alive else min(seconds, STOPPING_SECONDS))
        watch = self.poller.modify if conn in self.waiting else self.poller.register
        watch(conn.socket, event, partial(self._hear, conn, then))
        self.waiting[conn] = None

    def _hear(self, conn: Connection, then: Callable[[Connection], None], _socket: Any) -> None:
        if conn in self.waiting:  # it can be dropped after its bytes came
            then(conn)

    def _leave(self, conn: Connection) -> None:
        if conn in self.waiting:
            del self.waiting[conn]
            self.poller.unregister(conn.socket)

    def _drop(self, conn: Connection) -> None:
        self._leave(conn)
        conn.socket.close()
        self.nr_conns -= 1

    def _make_room(self, count: int = 1) -> bool:
        """Close the connections whose clients have been slow for longest; tell whether there were any."""
        slowest = heapq.nsmallest(count, self.waiting, key=lambda one: (one.is_idle, one.waits_since))
        for conn in slowest:
            self._drop(conn)
        return bool(slowest)

    def _keep_within_bounds(self, conn: Connection) -> None:
        """Close whoever holds most when all clients together hold too much."""
        if conn.size <= SMALL_BYTES or sum(one.size for one in self.waiting) <= self.most_bytes:
            return
        self._drop(max(self.waiting, key=lambda one: (one.size, -one.waits_since)))
