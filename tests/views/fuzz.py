"""Requests that no client of ours would send, made from a seed; each route, header and shape of body."""

import io
import json
import random
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote_from_bytes

from flask import Flask
from werkzeug.test import run_wsgi_app

from tests.kit.factories import METRICS_TOKEN, WEBHOOK_SECRET, make_init_data
from webapp import clock
from webapp.config import WEBHOOK_PATH
from webapp.views.telegram import SECRET_HEADER
from webapp.web.guards import COOKIE

METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "CONNECT", "FUZZ", "get")
LARGEST_BODY = 1200 * 1024
NASTY: Sequence[bytes] = (
    b"",
    b" ",
    b"\0",
    b"a\0b",
    b"\r\n",
    b"\x7f\x01\x1b[31m",
    b"\xff\xfe",
    b"\xed\xa0\x80",  # half a pair of UTF-16
    b"\xf4\x90\x80\x80",  # beyond Unicode
    b"\xc0\x80",
    "\u202e\u200f\u0000".encode(),
    "٣".encode(),
    "²".encode(),
    "é".encode() * 2000,
    b"x" * 5000,
    b"0",
    b"-1",
    b"1e400",
    b"NaN",
    b"2147483648",
    b"9223372036854775808",
    b"9" * 5000,
    b"' OR 1=1 --",
    b"%00",
    b"%",
    b"%s%n{0}{{7*7}}",
    b"../../../etc/passwd",
    b"//evil.example/",
    b"\\\\evil.example",
    b"[" * 2000,
    b"<script>",
    b"=&;,:/?#@",
    b'"',
)
NAMES = (
    "product",
    "terms",
    "trial",
    "beside_plan",
    "charge",
    "page",
    "code",
    "wanted",
    "init_data",
    "seen",
    "sure",
)
NAMES += ("tgWebAppStartParam", "startapp", "next", "a\0b", "", "é", "[]")
HEADERS = (
    *("Accept", "Accept-Charset", "Accept-Encoding", "Accept-Language", "Authorization", "Cache-Control"),
    *(
        "Connection",
        "Content-Encoding",
        "Content-Type",
        "Cookie",
        "Date",
        "Expect",
        "Forwarded",
        "From",
        "Host",
    ),
    *("HX-Boosted", "HX-Current-URL", "HX-Current-URL-URI-AutoEncoded", "HX-History-Restore-Request"),
    *("HX-Prompt", "HX-Request", "HX-Target", "HX-Trigger", "HX-Trigger-Name", "If-Match"),
    *("If-Modified-Since", "If-None-Match", "If-Range", "If-Unmodified-Since", "Origin", "Pragma", "Range"),
    *(
        "Referer",
        "Sec-Fetch-Dest",
        "Sec-Fetch-Site",
        "TE",
        "Transfer-Encoding",
        "Upgrade",
        "User-Agent",
        "Via",
    ),
    *("X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Port", "X-Forwarded-Prefix", "X-Forwarded-Proto"),
    *("X-HTTP-Method-Override", "X-Original-URL", "X-Real-IP", SECRET_HEADER),
)
SAID = {
    "Accept": (b"text/html", b"application/json", b"*/*;q=x", b"application/openmetrics-text; version=1.0.0"),
    "Accept-Encoding": (b"br", b"gzip;q=0", b"*;q=0", b"identity;q=0, *;q=0", b"br;q=1e999", b"br;q=-1"),
    "Accept-Language": (b"ru", b"fa-IR,fa;q=0.9", b"*", b"en;q=nan", b"x-klingon", b"a-" * 100, b"pt_BR"),
    "Authorization": (
        b"Bearer",
        b"Bearer ",
        b"Bearer x.y.z",
        b"Basic Og==",
        b"Bearer eyJhbGciOiJub25lIn0.e30.",
    ),
    "Content-Type": (
        b"application/json; charset=utf-7",
        b"application/json; charset=\xff",
        b"application/x-www-form-urlencoded; charset=nonsense",
        b"multipart/form-data",
        b"multipart/form-data; boundary=",
        b"multipart/form-data; boundary=x",
        b"text/plain",
    ),
    "HX-Request": (b"true",),
    "HX-Current-URL": (b"https://shop.test/#tgWebAppData=x", b"http://[", b"//"),
    "Host": (b"shop.test", b"[", b"[::1", b"a:b:c", b"shop.test:99999", b"evil.example", b"\xe9.test"),
    "If-None-Match": (b"*", b'W/"x"', b'"', b'"a", "b'),
    "If-Modified-Since": (b"Thu, 01 Jan 1970 00:00:00 GMT", b"Sat, 31 Dec 99999 00:00:00 GMT"),
    "Range": (b"bytes=0-", b"bytes=-1", b"bytes=5-2", b"bytes=0-0,1-1", b"lines=1"),
    "Origin": (b"https://shop.test", b"null", b"https://evil.example"),
    "Sec-Fetch-Site": (b"same-origin", b"cross-site"),
    "Transfer-Encoding": (b"chunked", b"gzip, chunked"),
    "X-Forwarded-For": (b"203.0.113.7", b"203.0.113.7:80", b"[::1]:80", b"unknown", b",,,"),
    "X-Forwarded-Proto": (b"https", b"http", b"javascript"),
    "X-Forwarded-Port": (b"443", b"x"),
    SECRET_HEADER: (WEBHOOK_SECRET.encode(),),
}


@dataclass(frozen=True)
class Request:
    """A request as a server hands it on: any bytes, but framed as HTTP."""

    method: str
    path: bytes
    query: bytes = b""
    headers: dict[str, bytes] = field(default_factory=dict)
    body: bytes = b""

    def environ(self) -> dict[str, Any]:
        """Return what gunicorn makes of it."""
        query = quote_from_bytes(self.query, safe="=&%/?+;,:@!$'()*~")
        told: dict[str, Any] = {
            "REQUEST_METHOD": self.method,
            "SCRIPT_NAME": "",
            "PATH_INFO": self.path.decode("latin-1"),
            "QUERY_STRING": query,
            "RAW_URI": f"{quote_from_bytes(self.path)}?{query}",
            "SERVER_NAME": "0.0.0.0",
            "SERVER_PORT": "8080",
            "SERVER_PROTOCOL": "HTTP/1.1",
            "REMOTE_ADDR": "127.0.0.1",
            "wsgi.url_scheme": "http",
            "wsgi.input": io.BytesIO(self.body),
            "wsgi.input_terminated": True,
            "wsgi.errors": io.StringIO(),
            "wsgi.version": (1, 0),
            "wsgi.multithread": True,
            "wsgi.multiprocess": True,
            "wsgi.run_once": False,
        }
        for name, value in self.headers.items():
            key = name.upper().replace("-", "_")
            told[key if key == "CONTENT_TYPE" else f"HTTP_{key}"] = value.decode("latin-1")
        if "Transfer-Encoding" not in self.headers and self.body:
            told["CONTENT_LENGTH"] = str(len(self.body))
        return told


class Requests:
    """Makes requests up; the same ones for the same seed."""

    def __init__(self, app: Flask, seed: str, bearer: Callable[[], str], known: Sequence[str]) -> None:
        self.random = random.Random(seed)
        self.bearer = bearer
        self.known = [one.encode() for one in known]
        self.rules = [
            (rule.rule, method) for rule in app.url_map.iter_rules() for method in sorted(rule.methods or ())
        ]

    def make(self) -> Request:
        """Return one more."""
        rule, method = self.random.choice(self.rules)
        path = self._path(rule) if self._chance(0.9) else b"/" + self._value()
        headers = self._headers(path)
        if self._chance(0.1):
            method = self.random.choice(METHODS)
        body = b""
        if method in {"POST", "PUT", "PATCH", "DELETE"} or self._chance(0.1):
            kind, body = self._body(path)
            if self._chance(0.9):
                headers["Content-Type"] = kind
        return Request(
            method, path, self._pairs(4) if self._chance(0.4) else b"", headers, body[:LARGEST_BODY]
        )

    def _chance(self, share: float) -> bool:
        return self.random.random() < share

    def _value(self) -> bytes:
        if self._chance(0.4) and self.known:
            return self.random.choice(self.known)
        if self._chance(0.2):
            return self.random.randbytes(self.random.randrange(40))
        parts = self.random.choices(NASTY, k=self.random.choice((1, 1, 1, 2)))
        return b"".join(parts)

    def _path(self, rule: str) -> bytes:
        parts = [self._value() if part.startswith("<") else part.encode() for part in rule.split("/")]
        return b"/".join(parts) + (b"/" if self._chance(0.03) else b"")

    def _pairs(self, most: int) -> bytes:
        count = (
            self.random.choice((1, 1, 2, most, 150)) if self._chance(0.1) else self.random.randint(1, most)
        )
        pairs = [(self.random.choice(NAMES).encode(), self._value()) for _ in range(count)]
        safe = "%" if self._chance(0.1) else ""
        return "&".join(f"{quote_from_bytes(k, safe)}={quote_from_bytes(v, safe)}" for k, v in pairs).encode()

    def _headers(self, path: bytes) -> dict[str, bytes]:
        names = self.random.sample(HEADERS, self.random.choice((0, 1, 2, 5)))
        headers = {name: self._header(name) for name in names}
        if self._chance(0.6):
            headers["Authorization"] = f"Bearer {self.bearer()}".encode()
        elif self._chance(0.3):
            headers["Cookie"] = f"{COOKIE}={self.bearer()}".encode()
        if path == b"/metrics" and self._chance(0.5):
            headers["Authorization"] = f"Bearer {METRICS_TOKEN}".encode()
        if path == WEBHOOK_PATH.encode() and self._chance(0.7):
            headers[SECRET_HEADER] = WEBHOOK_SECRET.encode()
        return headers

    def _header(self, name: str) -> bytes:
        said = SAID.get(name, ())
        value = self.random.choice(said) if said and self._chance(0.7) else self._value()
        # A server takes no other control characters, and a field of this length at most.
        return bytes(byte for byte in value if byte >= 32 and byte != 127 or byte == 9).strip()[:8000]

    def _body(self, path: bytes) -> tuple[bytes, bytes]:
        kinds = [self._form, self._json, self._launch, self._multipart, self._update, self._noise]
        weights = [5, 1, 1, 1, 1, 1]
        if path == WEBHOOK_PATH.encode():
            weights = [1, 3, 1, 1, 9, 2]
        elif path == b"/session":
            weights = [4, 4, 9, 1, 1, 1]
        return self.random.choices(kinds, weights)[0]()

    def _form(self) -> tuple[bytes, bytes]:
        return b"application/x-www-form-urlencoded", self._pairs(6)

    def _multipart(self) -> tuple[bytes, bytes]:
        body = b'--x\r\nContent-Disposition: form-data; name="product"\r\n\r\n' + self._value() + b"\r\n--x--"
        return b"multipart/form-data; boundary=x", body

    def _noise(self) -> tuple[bytes, bytes]:
        size = self.random.choice((1, 100, 17_000, 66_000, LARGEST_BODY)) if self._chance(0.2) else 50
        return b"application/octet-stream", self.random.randbytes(1) * size

    def _json(self) -> tuple[bytes, bytes]:
        return b"application/json", json.dumps({"init_data": self._thing(3)}).encode()

    def _launch(self) -> tuple[bytes, bytes]:
        """A launch as Telegram would sign it, about somebody there cannot be."""
        user: dict[str, Any] = {"id": 5_000_000_000 + self.random.randrange(50), "first_name": "Alice"}
        for name in ("id", "first_name", "last_name", "username", "language_code", "photo_url", "is_premium"):
            if self._chance(0.2):
                user[name] = self._thing(1)
        pairs = {"start_param": self._text()} if self._chance(0.2) else {}
        signed_at = int(clock.now().timestamp()) + self.random.choice((0, 0, -100_000, 10**12))
        # What is signed is UTF-8: halves of a pair are no characters there.
        whole = json.loads(re.sub(r"\\ud[89a-f]..", "?", json.dumps(user)))
        told = make_init_data(whole, signed_at, **pairs)
        return b"application/json", json.dumps({"init_data": told}).encode()

    def _update(self) -> tuple[bytes, bytes]:
        person = {"id": 5_000_000_101, "is_bot": False, "first_name": self._thing(0)}
        payment = {
            "currency": self.random.choice(("XTR", "USD", "", 7)),
            "total_amount": self._thing(0),
            "invoice_payload": self._thing(0),
            "telegram_payment_charge_id": self._thing(0),
        }
        message = {"date": self._thing(0), "chat": {"id": 1, "type": "private"}, "from": person}
        kinds = {
            "message": {**message, "text": self._thing(1)},
            "edited_message": {**message, "successful_payment": payment},
            "pre_checkout_query": {"id": self._thing(0), "from": person, **payment},
            "subscription": self._thing(2),
        }
        kinds["purchase"] = {**message, "refunded_payment": payment}
        kind = self.random.choice(list(kinds))
        body = {
            "update_id": self._thing(0) if self._chance(0.5) else self.random.randrange(10**6),
            kind: kinds[kind],
        }
        return b"application/json", json.dumps(body).encode()

    def _text(self) -> str:
        return self._value().decode("utf-8", "replace")

    def _thing(self, depth: int) -> Any:
        """Something that JSON can say."""
        choice = self.random.randrange(8 if depth else 6)
        if choice == 0:
            return self.random.choice((0, -1, 2**31, 2**63, 2**64, 1777636800, 10**400))
        if choice == 1:
            return self.random.choice((None, True, False, 0.5, float("nan"), float("inf"), 1e308))
        if choice == 2:
            return self.random.choice(("\0", "\ud800", "a\0b", "\ud83d", "x" * 5000))
        if choice == 6:
            return [self._thing(depth - 1) for _ in range(3)]
        if choice == 7:
            return {self._text(): self._thing(depth - 1) for _ in range(3)}
        return self._text()


def answer(app: Flask, request: Request) -> int:
    """Return the status that the application answers with, its body taken to the end."""
    body, status, _headers = run_wsgi_app(app.wsgi_app, request.environ())
    for _ in body:
        pass
    if hasattr(body, "close"):
        body.close()
    return int(status.split()[0])
