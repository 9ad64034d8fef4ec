"""Telegram's own client script, from wherever it can be had; until then, and else, a stand-in of ours."""

import contextlib
import gzip
import hashlib
import json
import os
import time
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path

import aiohttp

from sandbox import npm, outside

ADDRESS = "https://telegram.org/js/telegram-web-app.js"
# Carries the official script unchanged. As `npm view @twa-dev/sdk@8.0.2 dist.integrity` tells it.
PACKAGE = "@twa-dev/sdk@8.0.2"
INTEGRITY = "sha512-Pp5GxnxP2blboVZFiM9aWjs4cb8IpW3x2jP3kLOMvIqy0jzNUTuFHkwHtx+zEvh/UcF2F+wmS8G6ebIA0XPXcg=="
INSIDE = "dist/telegram-web-apps.js"
STAND_IN = Path(__file__).parent / "static" / "stand-in.js"
COPY = Path("var/telegram-web-app.js")
FRESH_SECONDS = 7 * 24 * 3600  # then the script is looked for again
TELEGRAM_PATIENCE_SECONDS = 5
DAY_SECONDS = 24 * 3600


@dataclass(frozen=True)
class Script:
    """A client script, and in words where it came from."""

    plain: bytes
    source: str
    found_at: float = 0.0  # seconds since 1970
    is_stand_in: bool = False

    @cached_property
    def packed(self) -> bytes:
        return gzip.compress(self.plain)


@dataclass(frozen=True)
class Note:
    """What stands beside the copy: without its digest a copy is believed to be damaged."""

    sha256: str
    source: str
    found_at: float


class ClientScript:
    """The script to serve at this moment. The phone never waits for a better one to be found."""

    def __init__(self, copy: Path = COPY) -> None:
        self.copy = copy
        self.is_settled = False  # whether the search is over
        self.now = self._kept() or Script(STAND_IN.read_bytes(), "a stand-in", is_stand_in=True)

    @property
    def said(self) -> str:
        """Say in a sentence which script the phone runs."""
        if self.now.is_stand_in:
            why = "cannot be fetched right now" if self.is_settled else "is still looked for"
            return f"A stand-in plays Telegram's client script: the real one {why}."
        days = int((time.time() - self.now.found_at) // DAY_SECONDS)
        age = f", {days} {'day' if days == 1 else 'days'} ago" if days > 0 else ""
        return f"Telegram's client script is here, from {self.now.source}{age}."

    async def find(self) -> None:
        """Serve Telegram's own script from the moment it is found; a fresh copy ends the search at once."""
        if self.now.is_stand_in or not 0 <= time.time() - self.now.found_at < FRESH_SECONDS:
            found = await _downloaded() or await _from_npm()
            if found:
                self.now = found
                self._keep(found)
        self.is_settled = True

    def _kept(self) -> Script | None:
        """Return the copy of an earlier run, unless somebody or something changed it."""
        try:
            plain, note = self.copy.read_bytes(), Note(**json.loads(self._note.read_text(encoding="utf-8")))
        except (OSError, ValueError, TypeError):
            return None
        intact = hashlib.sha256(plain).hexdigest() == note.sha256 and isinstance(note.found_at, int | float)
        return Script(plain, str(note.source), note.found_at) if intact else None

    def _keep(self, script: Script) -> None:
        note = Note(hashlib.sha256(script.plain).hexdigest(), script.source, script.found_at)
        # A full or read-only folder only means asking again next time.
        with contextlib.suppress(OSError):
            self.copy.parent.mkdir(parents=True, exist_ok=True)
            _replace(self.copy, script.plain)
            _replace(self._note, json.dumps(asdict(note)).encode())

    @property
    def _note(self) -> Path:
        return self.copy.with_suffix(".json")


async def _downloaded() -> Script | None:
    try:
        status, body = await outside.get(ADDRESS, TELEGRAM_PATIENCE_SECONDS)
    except (aiohttp.ClientError, OSError, ValueError):
        return None
    # A hotel's network answers everything with its own page.
    is_script = status == 200 and b"Telegram.WebApp" in body
    return Script(body, "telegram.org", time.time()) if is_script else None


async def _from_npm() -> Script | None:
    try:
        archive = await npm.fetch(PACKAGE, INTEGRITY)
    except npm.CannotFetch:
        return None
    return Script(npm.member(archive, INSIDE), f"the npm package {PACKAGE}", time.time())


def _replace(file: Path, content: bytes) -> None:
    # Several sandboxes may share the folder: whoever reads sees one whole file or another.
    half = file.with_name(f"{file.name}.{os.getpid()}")
    half.write_bytes(content)
    half.replace(file)
