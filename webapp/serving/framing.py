"""When a request has arrived whole, told from its bytes alone.

Only how far to wait is decided here. What the bytes mean is for gunicorn's parser to say, and that is strict:
what it is sure to refuse counts as whole.
"""

import re
from enum import Enum, auto

HEAD_BYTES = 32 * 1024
BODY_BYTES = 1024 * 1024 + 64 * 1024  # the largest that a route takes, and how chunks are written around it
CHUNK_LINE_BYTES = 256  # a size, and what nobody says beside it
DIGITS = 18  # more say only that it is too much
END_OF_HEAD = b"\r\n\r\n"
LENGTH = re.compile(rb"\r\ncontent-length:[ \t]*([^\r]*?)[ \t]*(?=\r\n)", re.IGNORECASE)
CODINGS = re.compile(rb"\r\ntransfer-encoding:[ \t]*([^\r]*?)[ \t]*(?=\r\n)", re.IGNORECASE)
EXPECTATION = re.compile(rb"\r\nexpect:[ \t]*100-continue[ \t]*(?=\r\n)", re.IGNORECASE)


class Stage(Enum):
    """How far a request has come."""

    NOTHING = auto()
    HEAD = auto()
    BODY = auto()
    WHOLE = auto()
    HEAD_TOO_LARGE = auto()
    BODY_TOO_LARGE = auto()


class Framing:
    """Follows the bytes of one request, from the first one on."""

    def __init__(self) -> None:
        self._body_at = 0  # none yet
        self._length: int | None = None  # of the body; chunks tell it bit by bit
        self._chunk_at = 0

    def look(self, data: bytearray) -> Stage:
        """Return how far the request has come that these bytes begin with."""
        if not self._body_at:
            if stage := self._look_at_head(data):
                return stage
            self._begin_body(bytes(data[: self._body_at]))
        return self._look_at_chunks(data) if self._length is None else self._look_at_length(data)

    def wants_continue(self, data: bytearray) -> bool:
        """Tell whether the client waits to be told to go on, and forget that it does."""
        found = EXPECTATION.search(data, 0, self._body_at)
        if found is None:
            return False
        is_waiting = len(data) == self._body_at and b" HTTP/1.0\r\n" not in data[: found.start() + 2]
        first, last = found.span()
        del data[first:last]
        self._body_at -= last - first
        self._chunk_at -= last - first
        return is_waiting

    def _look_at_head(self, data: bytearray) -> Stage | None:
        end = data.find(END_OF_HEAD, 0, HEAD_BYTES)
        if end >= 0:
            self._body_at = self._chunk_at = end + len(END_OF_HEAD)
            return None
        if data.count(b"\n") != data.count(b"\r\n"):
            return Stage.WHOLE  # such a head has no end (RFC 9112, section 2.2)
        if len(data) >= HEAD_BYTES:
            return Stage.HEAD_TOO_LARGE
        return Stage.HEAD if data else Stage.NOTHING

    def _begin_body(self, head: bytes) -> None:
        lengths, codings = LENGTH.findall(head), CODINGS.findall(head)
        if codings and not lengths and codings[-1].lower().endswith(b"chunked"):
            self._length = None
        elif len(lengths) == 1 and not codings and lengths[0].isdigit():
            self._length = int(lengths[0].lstrip(b"0")[:DIGITS] or b"0")
        else:
            self._length = 0  # there is none, or it is refused

    def _look_at_length(self, data: bytearray) -> Stage:
        if self._length > BODY_BYTES:  # type: ignore[operator]
            return Stage.BODY_TOO_LARGE
        return Stage.WHOLE if len(data) - self._body_at >= self._length else Stage.BODY  # type: ignore[operator]

    def _look_at_chunks(self, data: bytearray) -> Stage:
        while self._chunk_at < len(data):
            end = data.find(b"\r\n", self._chunk_at, self._chunk_at + CHUNK_LINE_BYTES)
            if end < 0:
                is_line = len(data) - self._chunk_at < CHUNK_LINE_BYTES
                return self._bounded(data) if is_line else Stage.WHOLE
            size = _size(data[self._chunk_at : end])
            if not size:
                return self._look_at_trailers(data, end) if size == 0 else Stage.WHOLE
            if self._chunk_at + size - self._body_at > BODY_BYTES:
                return Stage.BODY_TOO_LARGE
            self._chunk_at = end + size + 4
        return self._bounded(data)

    def _look_at_trailers(self, data: bytearray, at: int) -> Stage:
        if data.find(END_OF_HEAD, at) >= 0 or len(data) - at > HEAD_BYTES:
            return Stage.WHOLE
        return self._bounded(data)

    def _bounded(self, data: bytearray) -> Stage:
        return Stage.BODY if len(data) - self._body_at <= BODY_BYTES else Stage.BODY_TOO_LARGE


def _size(line: bytearray) -> int | None:
    digits = bytes(line).partition(b";")[0].rstrip(b" \t")
    return int(digits, 16) if re.fullmatch(rb"[0-9a-fA-F]{1,16}", digits) else None
