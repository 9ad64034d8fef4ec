"""PgBouncer, found or installed (``python -m tests.kit.pgbouncer`` prints where), and a pool of our own."""

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import parse_qs, quote, urlsplit

import pytest

PLACES = os.pathsep.join([os.environ.get("PATH", ""), "/usr/sbin", "/usr/local/sbin"])
MODES = ("transaction", "session")
PATIENCE_SECONDS = 30
# Fewer than the shop's connections, so that they have to share; and nobody else's on this machine.
SETTINGS = """
[databases]
* = host={server} user=postgres
[pgbouncer]
pool_mode = {mode}
default_pool_size = {size}
unix_socket_dir = {folder}
listen_addr =
auth_type = any
admin_users = postgres
logfile = {folder}/log
"""


def find() -> str | None:
    """Return the path of a PgBouncer that is there already."""
    return shutil.which("pgbouncer", path=PLACES)


@contextmanager
def pool(server_url: str, mode: str, *, size: int = 4) -> Iterator[str]:
    """Have a pool before a test's PostgreSQL, and the database's address through it."""
    program = find()
    if program is None and not os.environ.get("CI"):
        pytest.skip("no PgBouncer, which only the system's packages have: make pgbouncer")
    assert program, "no PgBouncer: make pgbouncer"
    [server] = parse_qs(urlsplit(server_url).query)["host"]
    with tempfile.TemporaryDirectory(prefix="pool-") as name, open(os.devnull, "wb") as nothing:
        folder = Path(name)
        settings = folder / "pgbouncer.ini"
        settings.write_text(SETTINGS.format(server=server, mode=mode, size=size, folder=folder))
        process = subprocess.Popen([program, settings], stderr=nothing, **_whose(server, folder))
        try:
            _wait(process, folder)
            yield f"postgres://postgres:@{urlsplit(server_url).path}?host={quote(name)}&port=6432"
        finally:
            process.kill()
            process.wait()


def _whose(server: str, folder: Path) -> dict[str, int]:
    """Return who runs it, since root may not: who runs the server, and may reach its socket."""
    if os.geteuid() != 0:
        return {}
    owner = os.stat(server)
    for path in (folder, *folder.iterdir()):
        os.chown(path, owner.st_uid, owner.st_gid)
    return {"user": owner.st_uid, "group": owner.st_gid}


def _wait(process: subprocess.Popen[bytes], folder: Path) -> None:
    from tests.kit.processes import eventually

    def listens() -> bool:
        assert process.poll() is None, (folder / "log").read_text()
        return (folder / ".s.PGSQL.6432").exists()

    eventually(listens, seconds=PATIENCE_SECONDS)


def install() -> None:
    """Install PgBouncer with the system's packages, where that can be done without asking."""
    if shutil.which("apt-get") and os.geteuid() == 0:
        for command in (["apt-get", "update"], ["apt-get", "install", "--yes", "pgbouncer"]):
            subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False)


def main() -> int:
    """Print where PgBouncer is, installing it if need be; the other tests can do without it."""
    if find() is None:
        install()
    path = find() or "none, so the tests of pools are left out (apt-get or brew install pgbouncer)"
    print(f"PgBouncer: {path}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
