"""A client's connection: its bytes arrive in memory and leave from there."""

import socket
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from webapp.serving.framing import Framing, Stage

CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"
READ_BYTES = 64 * 1024  # at once


class Memory:
    """What gunicorn's parser and responses take for the socket: nothing here waits."""

    def __init__(self) -> None:
        self.incoming = bytearray()
        self.outgoing = bytearray()

    def recv(self, size: int) -> bytes:
        """Return bytes of the request; none when that is all."""
        data = bytes(self.incoming[:size])
        del self.incoming[:size]
        return data

    def sendall(self, data: bytes) -> None:
        """Add to the answer."""
        self.outgoing += data

    def send(self, data: bytes) -> int:
        """Add to the answer, and return how many bytes were taken: all."""
        self.outgoing += data
        return len(data)

    def shutdown(self, _how: int) -> None:
        """Do nothing, as all that is about the connection itself."""

    def settimeout(self, _seconds: float | None) -> None:
        """Do nothing: see shutdown."""

    def close(self) -> None:
        """Do nothing: see shutdown."""


class Connection:
    """One connection and the request that is on its way over it."""

    def __init__(self, client: socket.socket, address: Any, server: Any) -> None:
        client.setblocking(False)
        self.socket = client
        self.client = address  # this and the next two by the names that gunicorn's workers use
        self.server = server
        self.sock = Memory()
        self.framing = Framing()
        self.stage = Stage.HEAD  # whoever connects is about to ask for something
        self.deadline = 0.0
        self.waits_since = 0.0
        self.is_writing = False
        self.is_last = False  # whether the connection ends with this answer

    @property
    def is_idle(self) -> bool:
        """Whether nothing is on its way, in either direction."""
        return self.stage is Stage.NOTHING and not self.sock.outgoing

    @property
    def size(self) -> int:
        """How many bytes it holds."""
        return len(self.sock.incoming) + len(self.sock.outgoing)

    def read(self) -> bool:
        """Take what has arrived; tell whether the client may send more.

        :raise BlockingIOError: nothing has arrived
        """
        data = self.socket.recv(READ_BYTES)
        self.sock.incoming += data
        return bool(data)

    def look(self) -> Stage:
        """Return how far the request has come."""
        self.stage = self.framing.look(self.sock.incoming)
        if self.stage in {Stage.BODY, Stage.WHOLE} and self.framing.wants_continue(self.sock.incoming):
            self.sock.outgoing += CONTINUE
            with suppress(OSError):
                self.flush()
        return self.stage

    def flush(self) -> None:
        """Send what can be sent without waiting."""
        while self.sock.outgoing:
            try:
                sent = self.socket.send(self.sock.outgoing)
            except BlockingIOError:
                return
            del self.sock.outgoing[:sent]

    def begin_next(self, rest: bytes) -> None:
        """Go on to the request that these bytes, read too far, belong to."""
        self.sock.incoming[:0] = rest
        self.framing = Framing()
        self.stage = Stage.NOTHING


def succeeds(call: Callable[[], object]) -> bool:
    """Tell whether a connection goes on after a call that reads or writes."""
    try:
        call()
    except BlockingIOError:
        return True
    except OSError:
        return False
    return True
