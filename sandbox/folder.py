"""What a rehearsal keeps in ``var/``: made-up secrets, which run has the folder, and what was released."""

import fcntl
import hashlib
import json
import os
import re
import secrets
import sqlite3
import time
from contextlib import closing, suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

ROOT = Path(__file__).parent.parent
VAR = ROOT / "var"
SECRETS = VAR / "rehearsal.json"
DATABASE = VAR / "rehearsal.db"
DATABASE_URL = f"sqlite:///{DATABASE}"
STATE = VAR / "sandbox.json"
LOCK = VAR / "running.json"
RELEASED = VAR / "released.json"
BOT_ID = 7_000_000_001
TOKEN = re.compile(rf"{BOT_ID}:[\w-]{{20,}}")
HEX = re.compile(r"[0-9a-f]{64}")
LEFT_BEHIND_SECONDS = 5.0  # a little longer than the guard of a run that was killed takes
# What a release and the processes after it are made of.
CODE = ("webapp", "migrations", "templates", "static", "bot.py", "examples", "shop", "Procfile")


class CannotStart(Exception):
    """The sentence says why, and what to do."""


@dataclass(frozen=True)
class Secrets:
    """What BotFather and a host would give: the same at every run, so that what was bought stays bought."""

    bot_token: str
    secret_key: str
    webhook_secret: str
    metrics_token: str
    launch_seed: str  # of the key with which Telegram signs launches, in hexadecimal
    launch_key: str  # its public half


@dataclass(frozen=True)
class Running:
    """Who has the folder: where it listens, what it was set to, and its processes."""

    pid: int
    sandbox_port: int
    web_port: int
    settings: dict[str, str]  # of the shop, from the environment of ``make run``
    processes: dict[str, int]

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.sandbox_port}"


def secrets_of_this_folder() -> Secrets:
    """Return the made-up secrets, drawn at the first run.

    :raise CannotStart: they cannot be read or written
    """
    known = _known_secrets()
    if known.keys() < Secrets.__dataclass_fields__.keys():
        known = {**asdict(_drawn()), **known}
        _write(SECRETS, known)
    return Secrets(**known)


def _known_secrets() -> dict[str, str]:
    try:
        known = json.loads(SECRETS.read_text(encoding="utf-8"))
        texts = {name: known[name] for name in Secrets.__dataclass_fields__ if name in known}
        keys = [texts[name] for name in ("launch_seed", "launch_key") if name in texts]
        if not TOKEN.fullmatch(texts["bot_token"]) or not all(HEX.fullmatch(key) for key in keys):
            raise ValueError("not what was drawn")
        if len(keys) == 1 or not all(isinstance(text, str) and len(text) >= 32 for text in texts.values()):
            raise ValueError("incomplete")
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise CannotStart(f"{SECRETS} cannot be read: {error.strerror}.") from error
    except (ValueError, TypeError, KeyError) as error:
        raise CannotStart(
            f"{SECRETS} is damaged; it holds the made-up secrets of this rehearsal. Put a copy of it back, "
            "or delete it: new ones are drawn, and all that was bought stays."
        ) from error
    return texts


def _drawn() -> Secrets:
    key = Ed25519PrivateKey.generate()
    return Secrets(
        bot_token=f"{BOT_ID}:{secrets.token_urlsafe(26)}",
        secret_key=secrets.token_urlsafe(32),
        webhook_secret=secrets.token_urlsafe(32),
        metrics_token=secrets.token_urlsafe(32),
        launch_seed=key.private_bytes_raw().hex(),
        launch_key=key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw).hex(),
    )


class Hold:
    """The folder, held by one run. Its processes inherit the hold, so it lasts as long as any of them."""

    def __init__(self) -> None:
        """Take the folder.

        :raise CannotStart: another run has it, or it cannot be written to
        """
        try:
            VAR.mkdir(exist_ok=True)
            self.fd = os.open(LOCK, os.O_RDWR | os.O_CREAT, 0o600)
            self._lock()
        except OSError as error:
            raise _unwritable(VAR, error) from error

    def _lock(self) -> None:
        deadline = time.monotonic() + LEFT_BEHIND_SECONDS
        while True:
            try:
                return fcntl.flock(self.fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                run = last_run()
                if not run or _is_alive(run.pid) or time.monotonic() > deadline:
                    raise CannotStart(_taken(run)) from None
            time.sleep(0.1)

    def note(self, running: Running) -> None:
        """Write down who has the folder, for ``make shop`` and for whoever comes second."""
        content = json.dumps(asdict(running)).encode()
        try:
            # In place: a new file would be another one to lock.
            os.pwrite(self.fd, content, 0)
            os.ftruncate(self.fd, len(content))
        except OSError as error:
            raise _unwritable(LOCK, error) from error


def last_run() -> Running | None:
    """Return what the run that has the folder, or had it last, wrote down."""
    with suppress(OSError, ValueError, TypeError):
        return Running(**json.loads(LOCK.read_text(encoding="utf-8")))
    return None


def is_held() -> bool:
    """Tell whether a run has the folder at this moment."""
    try:
        with LOCK.open() as file:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
            return False
    except BlockingIOError:
        return True
    except OSError:
        return False


def _taken(run: Running | None) -> str:
    if run is None:
        return "Another make run is at work in this folder. End it first."
    if _is_alive(run.pid):
        return (
            f"This folder's shop is open already, at {run.address} (process {run.pid}). End it with Ctrl-C "
            "where it was started, or use the one that runs."
        )
    left = [f"{pid} ({name})" for name, pid in run.processes.items() if _is_alive(pid)]
    kill = " ".join(str(pid) for pid in run.processes.values() if _is_alive(pid))
    return f"An earlier make run was killed and left {', '.join(left)} behind. End them: kill {kill}"


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def code_digest() -> str:
    """Return a digest of all files that a shop runs, whatever git thinks of them."""
    digest = hashlib.sha256()
    for file in code_files():
        with suppress(OSError):
            digest.update(f"{file.relative_to(ROOT)}\0".encode() + file.read_bytes())
    return digest.hexdigest()


def code_files() -> list[Path]:
    found = [path for name in CODE for path in [ROOT / name, *(ROOT / name).rglob("*")]]
    return sorted(path for path in found if path.is_file() and "__pycache__" not in path.parts)


def note_release() -> None:
    """Write down what was released, so that the next run need not wait for a release with nothing to do."""
    with suppress(CannotStart):
        _write(RELEASED, _release())


def is_released(database_url: str) -> bool:
    """Tell whether this very code was released into this database, as far as it can be looked into."""
    with suppress(OSError, ValueError):
        known, now = json.loads(RELEASED.read_text(encoding="utf-8")), _release()
        return bool(database_url == DATABASE_URL and now["migration"] and known == now)
    return False


def _release() -> dict[str, Any]:
    return {"code": code_digest(), "migration": _migration()}


def _migration() -> str | None:
    """Return what the database says it was migrated to, if it says so."""
    try:
        with closing(sqlite3.connect(DATABASE.as_uri() + "?mode=ro", uri=True)) as database:
            rows = database.execute("SELECT version_num FROM alembic_version").fetchall()
            return " ".join(sorted(str(version) for (version,) in rows)) or None
    except sqlite3.Error:
        return None


def _write(file: Path, content: dict[str, Any]) -> None:
    half = file.with_name(f"{file.name}.half")
    try:
        half.unlink(missing_ok=True)
        descriptor = os.open(half, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with open(descriptor, "w", encoding="utf-8") as output:
            json.dump(content, output)
        half.replace(file)
    except OSError as error:
        raise _unwritable(file, error) from error


def _unwritable(file: Path, error: OSError) -> CannotStart:
    advice = {28: " Make room on its disk.", 122: " Make room on its disk."}.get(error.errno or 0, "")
    return CannotStart(f"{file} cannot be written: {(error.strerror or str(error)).lower()}.{advice}")
