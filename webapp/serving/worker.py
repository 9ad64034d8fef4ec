"""gunicorn's worker with threads, which here never wait for a client.

gthread reads heads and bodies in its threads, for as long as a client likes, so that a few dozen slow
sockets stop a shop. Here one loop reads requests and writes answers, each within its deadline, and a thread
sees a request only once it is whole. An answer is kept in memory until its reader has it.
"""

import errno
import heapq
import io
import selectors
import socket
import time
from collections.abc import Callable, Iterable
from concurrent.futures import Future
from functools import partial
from http import HTTPStatus
from typing import Any

from gunicorn.http import RequestParser
from gunicorn.http.errors import (
    ExpectationFailed,
    InvalidResponseHeader,
    InvalidResponseHeaderName,
    LimitRequestHeaders,
    LimitRequestLine,
    NoMoreData,
    ParseException,
)
from gunicorn.workers.gthread import ThreadWorker

from webapp.serving.connections import Connection
from webapp.serving.framing import Stage
from webapp.serving.refusals import refusal

LOOK_EVERY_SECONDS = 0.2  # for connections whose time is up
STOPPING_SECONDS = 2.0  # for requests on their way while the process ends
LINGER_SECONDS = 2.0  # for a client to read the last answer (RFC 9112, section 9.6)
SMALL_BYTES = 16 * 1024  # thousands of clients can hold so much each
FILES_AT_ONCE = 16  # what the shop itself opens needs some too
OUT_OF_FILES = frozenset({errno.EMFILE, errno.ENFILE})
ANSWERED_APART = {
    Stage.HEAD_TOO_LARGE: HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE,
    Stage.BODY_TOO_LARGE: HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
}
OUR_FAULTS = (InvalidResponseHeader, InvalidResponseHeaderName)


class Worker(ThreadWorker):  # type: ignore[misc]
    """Reads and writes in one loop, works in threads."""

    head_seconds = 10.0
    body_seconds = 10.0
    answer_seconds = 60.0  # a page over the slowest of phones takes half of that
    most_bytes = 32 * 1024 * 1024  # held for all clients together

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self.waiting: dict[Connection, None] = {}  # for their clients, the longest first
        self.look_at = 0.0

    def load_wsgi(self) -> None:
        """Load the application."""
        super().load_wsgi()
        self.wsgi: Callable[..., Any] = partial(_run, self.wsgi)

    def accept(self, listener: Any) -> None:
        """Take a connection, in exchange for the one that waited longest if there are too many."""
        if self.nr_conns + 1 >= self.worker_connections:
            self._make_room()
        try:
            client, address = listener.accept()
        except OSError as error:
            # Whoever knocked is gone; or there are no files left, and there is one more after this.
            if error.errno in OUT_OF_FILES and not self._make_room(FILES_AT_ONCE):
                time.sleep(LOOK_EVERY_SECONDS)
            return
        self.nr_conns += 1
        conn = Connection(client, address, listener.getsockname())
        self._wait(conn, selectors.EVENT_READ, self._read, self.head_seconds)

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

    def handle(self, conn: Connection) -> bool:
        """Answer a request that is whole; tell whether the connection goes on. Runs in a thread."""
        request = None
        try:
            parser = RequestParser(self.cfg, conn.sock, conn.client)
            request = next(parser)
            request.body = _Body(request)
            goes_on = bool(self.handle_request(request, conn))
            conn.begin_next(parser.unreader.take_buffered())
            return goes_on
        except StopIteration:
            return False  # it broke in the middle of its answer, and was logged
        except Exception as error:
            self.handle_error(request, conn.sock, conn.client, error)
            return False
        finally:
            _succeeds(conn.flush)  # the loop would take a moment longer

    def handle_error(self, _req: Any, client: Any, _addr: Any, exc: BaseException) -> None:
        """Answer what is not HTTP, and log what is not the client's fault."""
        if isinstance(exc, ParseException | NoMoreData) and not isinstance(exc, OUR_FAULTS):
            self.log.debug("refused a request that is not HTTP: %s", type(exc).__name__)
            client.sendall(refusal(_status(exc)))
        else:
            self.log.error("unexpected error of the server", exc_info=exc)
            client.sendall(refusal(HTTPStatus.INTERNAL_SERVER_ERROR))

    def finish_request(self, conn: Connection, future: "Future[bool]") -> None:
        """Send what a thread has answered."""
        conn.is_last = future.cancelled() or future.exception() is not None or not future.result()
        self._write(conn)

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
            if conn.sock.incoming and not conn.is_writing and not conn.is_last:
                self._refuse(conn, HTTPStatus.REQUEST_TIMEOUT)
            else:
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

    def _read(self, conn: Connection) -> None:
        try:
            goes_on = conn.read()
        except BlockingIOError:
            return
        except OSError:
            goes_on = False
        if goes_on:
            self._advance(conn)
        else:
            self._drop(conn)

    def _advance(self, conn: Connection) -> None:
        """Do what comes next, now that more of a request is here."""
        before, stage = conn.stage, conn.look()
        if stage is Stage.WHOLE:
            self._leave(conn)
            self.enqueue_req(conn)
        elif stage in ANSWERED_APART:
            self._refuse(conn, ANSWERED_APART[stage])
        elif stage is not before or conn not in self.waiting:
            # A deadline stands as long as its stage lasts, however often a byte arrives.
            self._await_more(conn)
        self._keep_within_bounds(conn)

    def _await_more(self, conn: Connection) -> None:
        seconds = {Stage.NOTHING: float(self.cfg.keepalive), Stage.HEAD: self.head_seconds}
        self._wait(conn, selectors.EVENT_READ, self._read, seconds.get(conn.stage, self.body_seconds))

    def _refuse(self, conn: Connection, status: HTTPStatus) -> None:
        conn.sock.incoming.clear()
        conn.sock.outgoing += refusal(status)
        conn.is_last = True
        self._write(conn)

    def _write(self, conn: Connection) -> None:
        if not _succeeds(conn.flush):
            self._drop(conn)
        elif conn.sock.outgoing:
            if not conn.is_writing:
                conn.is_writing = True
                self._wait(conn, selectors.EVENT_WRITE, self._write, self.answer_seconds)
                self._keep_within_bounds(conn)
        elif conn.is_last:
            self._end(conn)
        else:
            conn.is_writing = False
            self._leave(conn)
            self._advance(conn)

    def _end(self, conn: Connection) -> None:
        """Close a connection, but not before the client has read the last answer, or a moment later."""
        if _succeeds(partial(conn.socket.shutdown, socket.SHUT_WR)):
            self._wait(conn, selectors.EVENT_READ, self._drain, LINGER_SECONDS)
        else:
            self._drop(conn)

    def _drain(self, conn: Connection) -> None:
        if not _succeeds(conn.read) or not conn.sock.incoming:
            self._drop(conn)
        conn.sock.incoming.clear()

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


class _Body(io.BytesIO):
    """A request's body, read whole: what is malformed is refused before any page is asked for it."""

    def __init__(self, request: Any) -> None:
        super().__init__(request.body.read())
        self.request = request


def _run(app: Callable[..., Iterable[bytes]], environ: dict[str, Any], start: Callable[..., Any]) -> Any:
    """Answer a request; a client that sends too much is not listened to any longer."""
    request = environ["wsgi.input"].request

    def start_response(status: str, headers: list[tuple[str, str]], exc_info: Any = None) -> Any:
        if status.startswith(f"{HTTPStatus.REQUEST_ENTITY_TOO_LARGE.value}"):
            request.force_close()
        return start(status, headers, exc_info)

    return app(environ, start_response)


def _status(error: BaseException) -> HTTPStatus:
    if isinstance(error, LimitRequestLine):
        return HTTPStatus.REQUEST_URI_TOO_LONG
    if isinstance(error, LimitRequestHeaders):
        return HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE
    if isinstance(error, ExpectationFailed):
        return HTTPStatus.EXPECTATION_FAILED
    return HTTPStatus.BAD_REQUEST


def _succeeds(call: Callable[[], object]) -> bool:
    try:
        call()
    except BlockingIOError:
        return True
    except OSError:
        return False
    return True
