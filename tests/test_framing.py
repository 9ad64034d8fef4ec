"""When a request counts as whole, byte by byte."""

import logging
import selectors
import socket

import pytest
from gunicorn.config import Config as GunicornConfig

from webapp.serving.connections import Connection
from webapp.serving.framing import BODY_BYTES, HEAD_BYTES, Framing, Stage
from webapp.serving.worker import Worker

HEAD = b"POST /orders HTTP/1.1\r\nHost: x\r\n"
CHUNKED = HEAD + b"Transfer-Encoding: chunked\r\n\r\n"
# Each with the bytes that follow it and are not its own.
REQUESTS = {
    "nothing but a head": (HEAD + b"\r\n", b"GET"),
    "one line": (b"GET / HTTP/1.0\r\n\r\n", b"x"),
    "an empty line before it": (b"\r\nGET / HTTP/1.1\r\nHost: x\r\n\r\n", b"GET"),
    "a length": (HEAD + b"Content-Length: 5\r\n\r\nabcde", b"GET / HTTP/1.1\r\n\r\n"),
    "a length in small letters": (HEAD + b"content-length:\t05 \r\n\r\nabcde", b"f"),
    "no length": (HEAD + b"Content-Length: 0\r\n\r\n", b"abc"),
    "chunks": (CHUNKED + b"5\r\nabcde\r\n0a;x=y\r\n0123456789\r\n0\r\n\r\n", b"0\r\n\r\n"),
    "chunks and trailers": (CHUNKED + b"1\r\na\r\n0\r\nX: y\r\nZ: 1\r\n\r\n", b"GET"),
    "chunks that look like their end": (CHUNKED + b"5\r\n0\r\n\r\n\r\n0\r\n\r\n", b""),
    "no chunk": (CHUNKED + b"0\r\n\r\n", b""),
}
# What waits for nothing: the parser refuses it.
REFUSED = {
    "a bare line feed": b"GET / HTTP/1.1\n",
    "two lengths": HEAD + b"Content-Length: 5\r\nContent-Length: 6\r\n\r\n",
    "length and chunks": HEAD + b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n",
    "a length in words": HEAD + b"Content-Length: five\r\n\r\n",
    "a negative length": HEAD + b"Content-Length: -5\r\n\r\n",
    "another coding": HEAD + b"Transfer-Encoding: gzip\r\n\r\n",
    "a chunk without a size": CHUNKED + b"ZZ\r\n",
    "a chunk of less than nothing": CHUNKED + b"-1\r\n",
    "a chunk with an empty size": CHUNKED + b"\r\n",
    "a chunk with an endless size": CHUNKED + b"1" * 300,
    "endless trailers": CHUNKED + b"0\r\n" + b"X: y\r\n" * HEAD_BYTES,
}
TOO_LARGE = {
    "a head": (b"GET /" + b"x" * HEAD_BYTES, Stage.HEAD_TOO_LARGE),
    "a length": (HEAD + b"Content-Length: %d\r\n\r\n" % (BODY_BYTES + 1), Stage.BODY_TOO_LARGE),
    "an endless length": (HEAD + b"Content-Length: " + b"9" * 9000 + b"\r\n\r\n", Stage.BODY_TOO_LARGE),
    "a chunk": (CHUNKED + b"%x\r\n" % (BODY_BYTES + 1), Stage.BODY_TOO_LARGE),
    "many chunks": (CHUNKED + b"1000\r\n%s\r\n" % (b"x" * 4096) * 300, Stage.BODY_TOO_LARGE),
}


@pytest.mark.parametrize("name", REQUESTS)
def test_1_a_request_is_whole_with_its_last_byte_however_it_comes(name):
    request, more = REQUESTS[name]
    framing, data = Framing(), bytearray()
    for byte in request[:-1]:
        data.append(byte)
        assert framing.look(data) in {Stage.HEAD, Stage.BODY}, bytes(data)
    data += request[-1:]
    assert framing.look(data) is Stage.WHOLE
    assert Framing().look(data + more) is Stage.WHOLE
    assert Framing().look(bytearray()) is Stage.NOTHING


@pytest.mark.parametrize("name", REFUSED)
def test_1_nobody_is_waited_for_who_is_to_be_refused(name):
    assert Framing().look(bytearray(REFUSED[name])) is Stage.WHOLE


@pytest.mark.parametrize("name", TOO_LARGE)
def test_1_what_is_too_large_is_known_before_it_is_there(name):
    data, stage = TOO_LARGE[name]
    assert Framing().look(bytearray(data)) is stage


def test_1_who_waits_to_go_on_is_told_once():
    head = HEAD + b"Content-Length: 3\r\nExpect: 100-Continue\r\nX: y\r\n\r\n"
    framing, data = Framing(), bytearray(head)
    assert framing.look(data) is Stage.BODY
    assert framing.wants_continue(data)
    assert not framing.wants_continue(data)
    assert bytes(data) == HEAD + b"Content-Length: 3\r\nX: y\r\n\r\n"
    data += b"ab"
    assert framing.look(data) is Stage.BODY
    data += b"c"
    assert framing.look(data) is Stage.WHOLE


@pytest.mark.parametrize(("version", "body"), [("1.0", b""), ("1.1", b"abc")], ids=["old", "goes on"])
def test_1_who_goes_on_anyway_is_told_nothing(version, body):
    head = b"POST / HTTP/%s\r\nContent-Length: 3\r\nExpect: 100-continue\r\n\r\n" % version.encode()
    framing, data = Framing(), bytearray(head + body)
    framing.look(data)
    assert not framing.wants_continue(data)
    assert b"Expect" not in data


def test_a_worker_whose_master_is_gone_waits_for_nobody():
    worker = Worker(0, -1, [], None, 30, GunicornConfig(), logging.getLogger("worker"))
    worker.poller = selectors.DefaultSelector()
    ours, theirs = socket.socketpair()
    with theirs, worker.poller:
        worker.nr_conns = 1
        worker._wait(Connection(ours, None, None), selectors.EVENT_READ, lambda _conn: None, 30)
        assert not worker.is_parent_alive()
        assert not worker.alive
        assert worker.nr_conns == 0
        assert theirs.recv(1) == b""
    worker.tmp.close()
