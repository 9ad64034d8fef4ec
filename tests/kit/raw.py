"""Clients that write their own bytes, as no library of HTTP would."""

import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress

ENDED_SECONDS = 30.0


class Answer:
    """What a server sent, head and body apart."""

    def __init__(self, data: bytes) -> None:
        head, _, self.body = data.partition(b"\r\n\r\n")
        first, *lines = head.decode("latin-1").split("\r\n")
        self.status = int(first.split()[1]) if first else 0
        self.headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines)}


class Raw:
    """A connection to a port of this machine."""

    def __init__(self, port: int, data: bytes = b"", *, receive_bytes: int = 0) -> None:
        self.port, self.data, self.receive_bytes = port, data, receive_bytes
        self.unread = b""
        self.socket = self._connected()

    def again(self) -> None:
        """Give this connection up and begin another."""
        self.socket.close()
        self.unread = b""
        self.socket = self._connected()

    def _connected(self) -> socket.socket:
        one = socket.socket()
        if self.receive_bytes:
            one.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, self.receive_bytes)
        one.settimeout(ENDED_SECONDS)
        one.connect(("127.0.0.1", self.port))
        one.sendall(self.data)
        return one

    def __enter__(self) -> "Raw":
        return self

    def __exit__(self, *_error: object) -> None:
        self.socket.close()

    def send(self, data: bytes) -> bool:
        """Send bytes, and tell whether somebody still takes them."""
        try:
            self.socket.sendall(data)
        except OSError:
            return False
        return True

    def rest(self) -> bytes:
        """Return everything that comes until the server closes the connection."""
        with suppress(ConnectionResetError):
            while self._more():
                pass
        return self.unread

    def answer(self) -> Answer:
        """Return the next answer, which tells its length."""
        while b"\r\n\r\n" not in self.unread and self._more():
            pass
        answer = Answer(self.unread)
        missing = int(answer.headers.get("content-length", 0)) - len(answer.body)
        while missing > 0 and (more := self._more()):
            missing -= more
        end = len(self.unread) + min(missing, 0)
        answer, self.unread = Answer(self.unread[:end]), self.unread[end:]
        return answer

    def _more(self) -> int:
        part = self.socket.recv(65536)
        self.unread += part
        return len(part)


def ask(port: int, data: bytes) -> Answer:
    """Return the answer to some bytes, whoever ends the connection."""
    with Raw(port, data) as one:
        return one.answer()


@contextmanager
def crowd(port: int, count: int, data: bytes, **options: int) -> Iterator[list[Raw]]:
    """Have so many connections that sent these bytes and wait."""
    with ExitStack() as stack:
        yield [stack.enter_context(Raw(port, data, **options)) for _ in range(count)]


def dribble(clients: list[Raw], every_seconds: float) -> bool:
    """Send a byte of each again and again; tell whether the server soon listened to none of them."""
    until = time.monotonic() + ENDED_SECONDS
    while any([one.send(b"a") for one in clients]):
        if time.monotonic() > until:
            return False
        time.sleep(every_seconds)
    return True


def besiege(slow: list[Raw], deaf: list[Raw], until: float) -> None:
    """Keep slow clients at it until a time of the monotonic clock: who is cut off comes again."""
    while time.monotonic() < until:
        for one in [*(one for one in slow if not one.send(b"a")), *(one for one in deaf if _is_over(one))]:
            one.again()
        time.sleep(max(0.0, min(1.0, until - time.monotonic())))


def _is_over(one: Raw) -> bool:
    """Tell whether the server has closed a connection, without reading what it sent."""
    one.socket.setblocking(False)
    try:
        return not one.socket.recv(1, socket.MSG_PEEK)
    except BlockingIOError:
        return False
    except OSError:
        return True
    finally:
        one.socket.settimeout(ENDED_SECONDS)
