"""A TCP link that can be troubled while it is in use."""

import asyncio
import contextlib
import random
import socket
import struct
import threading
from collections.abc import Coroutine
from dataclasses import dataclass
from typing import Any

PIECE = 65536  # bytes read at once
MOST_BYTES = 400  # about as long as an answer of the Bot API
FORGOTTEN_SECONDS = 10.0  # until the far end of a silent connection hears that the near end is gone
# A closed socket that lingers for no time at all answers with RST.
AT_ONCE = struct.pack("ii", 1, 0)


@dataclass(frozen=True)
class Fault:
    """What a link does to whatever crosses it; nothing unless told.

    A cut strikes a share of the questions, that is of what the near end sends: by turns before the question
    has passed and in the place of its answer, so that the near end cannot know which.
    """

    latency_seconds: float = 0.0  # there and back
    slices: bool = False  # a byte at a time
    pause_seconds: float = 0.0  # between two slices
    cut: str = ""  # reset, silence, half-close or truncate
    share: float = 1.0
    after_bytes: int | None = None  # of the answer, before it is truncated; drawn unless told


SOUND = Fault()


class Proxy:
    """A port that leads to a server: host and port, or the path of a Unix socket."""

    def __init__(
        self, server: tuple[str, int] | str, *, seed: int = 0, silent_seconds: float | None = None
    ) -> None:
        """:param silent_seconds: after which a connection fallen silent is reset; never unless told"""
        self.server = server
        self.silent_seconds = silent_seconds
        self.fault = SOUND
        self.cuts = 0
        self.draw = random.Random(seed)
        self.links: set[Link] = set()
        self.loop = asyncio.new_event_loop()
        self.thread = threading.Thread(target=self.loop.run_forever, name="proxy", daemon=True)
        self.thread.start()
        self.listener = self._wait_for(asyncio.start_server(self._accept, "127.0.0.1", 0))
        self.port: int = self.listener.sockets[0].getsockname()[1]

    def close(self) -> None:
        """Let every connection go, and the port."""
        self._wait_for(self._end())
        self.loop.call_soon_threadsafe(self.loop.stop)
        self.thread.join()
        self.loop.close()

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        near = End(reader, writer)
        # Cancelled when the proxy closes.
        with contextlib.suppress(OSError, asyncio.CancelledError):
            link = Link(self, near, End(*await self._connect()))
            self.links.add(link)
            await link.carry()
            self.links.discard(link)
        near.reset()

    async def _connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        if isinstance(self.server, str):
            return await asyncio.open_unix_connection(self.server)
        return await asyncio.open_connection(*self.server)

    async def _end(self) -> None:
        self.listener.close()
        for link in self.links:
            link.reset()
        others = asyncio.all_tasks() - {asyncio.current_task()}
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)
        # A socket that was given up is closed in the loop's next round.
        await asyncio.sleep(0.01)

    def _wait_for(self, work: Coroutine[Any, Any, Any]) -> Any:
        return asyncio.run_coroutine_threadsafe(work, self.loop).result(10)


class End:
    """One of the two sockets of a connection through a proxy."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer
        self.socket = writer.get_extra_info("socket")
        if self.socket.family != socket.AF_UNIX:
            # Otherwise the kernel would put slices together again.
            self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    async def send(self, piece: bytes) -> None:
        self.writer.write(piece)
        await self.writer.drain()

    def finish(self) -> None:
        """Say that nothing more will come, and go on listening."""
        if not self.writer.transport.is_closing():
            self.writer.write_eof()

    def reset(self) -> None:
        """Be gone, without a goodbye."""
        if not self.writer.transport.is_closing():
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, AT_ONCE)
        self.writer.transport.abort()


class Link:
    """A connection through a proxy: the near end asks, the far end answers."""

    def __init__(self, proxy: Proxy, near: End, far: End) -> None:
        self.proxy = proxy
        self.near, self.far = near, far
        self.is_silent = False
        self.cuts_the_answer = ""
        self.bytes_left = 0

    async def carry(self) -> None:
        """Carry whatever comes, both ways, until both ends are done."""
        ways = [asyncio.ensure_future(self._carry_questions()), asyncio.ensure_future(self._carry_answers())]
        await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        # An end that has said its last word may go on listening, unless nobody speaks to it any more.
        await asyncio.wait(ways, timeout=FORGOTTEN_SECONDS if self.is_silent else None)
        self.reset()
        for way in ways:
            way.cancel()

    def reset(self) -> None:
        self.near.reset()
        self.far.reset()

    async def _carry_questions(self) -> None:
        with contextlib.suppress(OSError):
            while piece := await self.near.reader.read(PIECE):
                self._strike(self.proxy.fault)
                await self._pass(piece, self.far)
            if not self.is_silent:
                self.far.finish()

    async def _carry_answers(self) -> None:
        with contextlib.suppress(OSError):
            while piece := await self.far.reader.read(PIECE):
                if self.cuts_the_answer:
                    piece = piece[: self.bytes_left]
                    self.bytes_left -= len(piece)
                await self._pass(piece, self.near)
                if self.cuts_the_answer and not self.bytes_left:
                    self._cut(self.cuts_the_answer)
            if not self.is_silent:
                self.near.finish()

    def _strike(self, fault: Fault) -> None:
        """Decide whether a question meets a cut, and where."""
        draw = self.proxy.draw
        if not fault.cut or self.is_silent or draw.random() >= fault.share:
            return
        self.proxy.cuts += 1
        if fault.cut != "truncate" and draw.random() < 0.5:
            self._cut(fault.cut)
            return
        self.cuts_the_answer = fault.cut
        if fault.cut == "truncate":
            self.bytes_left = draw.randrange(MOST_BYTES) if fault.after_bytes is None else fault.after_bytes

    def _cut(self, how: str) -> None:
        if how == "reset":
            self.reset()
        elif how == "truncate":
            self.near.finish()
            self.far.reset()
        elif how == "half-close":
            self._fall_silent()
            self.near.finish()
        else:
            self._fall_silent()

    def _fall_silent(self) -> None:
        self.is_silent = True
        if self.proxy.silent_seconds is not None:
            self.proxy.loop.call_later(self.proxy.silent_seconds, self.reset)

    async def _pass(self, piece: bytes, end: End) -> None:
        await asyncio.sleep(self.proxy.fault.latency_seconds / 2)
        # A fault may end in the middle of a piece.
        while piece and not self.is_silent:
            fault = self.proxy.fault
            length = 1 if fault.slices else len(piece)
            await end.send(piece[:length])
            piece = piece[length:]
            await asyncio.sleep(fault.pause_seconds)
