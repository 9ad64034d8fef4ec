"""gunicorn's worker with threads, which here never wait for a client.

gthread reads heads and bodies in its threads, for as long as a client likes, so that a few dozen slow
sockets stop a shop. Here one loop reads requests and writes answers, each within its deadline, and a thread
sees a request only once it is whole. An answer is kept in memory until its reader has it.
"""

import errno
import selectors
import socket
import time
from collections.abc import Callable
from concurrent.futures import Future
from functools import partial
from http import HTTPStatus
from typing import Any

from gunicorn.http import RequestParser
from gunicorn.http.errors import (
    InvalidResponseHeader,
    InvalidResponseHeaderName,
    NoMoreData,
    ParseException,
)

from webapp.serving import requests
from webapp.serving.connections import Connection, succeeds
from webapp.serving.framing import Stage
from webapp.serving.refusals import refusal
from webapp.serving.requests import Body
from webapp.serving.waiting import LOOK_EVERY_SECONDS, PatientWorker

LINGER_SECONDS = 2.0  # for a client to read the last answer (RFC 9112, section 9.6)
FILES_AT_ONCE = 16  # what the shop itself opens needs some too
OUT_OF_FILES = frozenset({errno.EMFILE, errno.ENFILE})
ANSWERED_APART = {
    Stage.HEAD_TOO_LARGE: HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE,
    Stage.BODY_TOO_LARGE: HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
}
OUR_FAULTS = (InvalidResponseHeader, InvalidResponseHeaderName)


class Worker(PatientWorker):
    """Reads and writes in one loop, works in threads."""

    head_seconds = 10.0
    body_seconds = 10.0
    answer_seconds = 60.0  # a page over the slowest of phones takes half of that

    def load_wsgi(self) -> None:
        """Load the application."""
        super().load_wsgi()
        self.wsgi: Callable[..., Any] = partial(requests.run, self.wsgi)

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

    def handle(self, conn: Connection) -> bool:
        """Answer a request that is whole; tell whether the connection goes on. Runs in a thread."""
        request = None
        try:
            parser = RequestParser(self.cfg, conn.sock, conn.client)
            request = next(parser)
            request.body = Body(request)
            goes_on = bool(self.handle_request(request, conn))
            conn.begin_next(parser.unreader.take_buffered())
            return goes_on
        except StopIteration:
            return False  # it broke in the middle of its answer, and was logged
        except Exception as error:
            self.handle_error(request, conn.sock, conn.client, error)
            return False
        finally:
            succeeds(conn.flush)  # the loop would take a moment longer

    def handle_error(self, _req: Any, client: Any, _addr: Any, exc: BaseException) -> None:
        """Answer what is not HTTP, and log what is not the client's fault."""
        if isinstance(exc, ParseException | NoMoreData) and not isinstance(exc, OUR_FAULTS):
            self.log.debug("refused a request that is not HTTP: %s", type(exc).__name__)
            client.sendall(refusal(requests.status(exc)))
        else:
            self.log.error("unexpected error of the server", exc_info=exc)
            client.sendall(refusal(HTTPStatus.INTERNAL_SERVER_ERROR))

    def finish_request(self, conn: Connection, future: "Future[bool]") -> None:
        """Send what a thread has answered."""
        conn.is_last = future.cancelled() or future.exception() is not None or not future.result()
        self._write(conn)

    def give_up(self, conn: Connection) -> None:
        """Close a connection whose time is up, with a word to whoever has begun a request."""
        if conn.sock.incoming and not conn.is_writing and not conn.is_last:
            self._refuse(conn, HTTPStatus.REQUEST_TIMEOUT)
        else:
            self._drop(conn)

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
        if not succeeds(conn.flush):
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
        if succeeds(partial(conn.socket.shutdown, socket.SHUT_WR)):
            self._wait(conn, selectors.EVENT_READ, self._drain, LINGER_SECONDS)
        else:
            self._drop(conn)

    def _drain(self, conn: Connection) -> None:
        if not succeeds(conn.read) or not conn.sock.incoming:
            self._drop(conn)
        conn.sock.incoming.clear()
