"""Settings read one by one, each for its form alone."""

import re
import stat
from collections.abc import Mapping
from pathlib import Path

from webapp.config.settings import NOTICES, ConfigError
from webapp.db import database_urls
from webapp.host import addresses
from webapp.host.addresses import AddressInvalid
from webapp.shop import folder
from webapp.shop.folder import Folder, FolderMissing

# What Telegram takes as the period of a subscription (Bot API: createInvoiceLink; tdlib/td#3309).
PERIODS = {"production": (2_592_000,), "test": (300, 60)}
GROUP = re.compile(r"(?a:(?P<chat>-[1-9]\d{0,15})(:(?P<topic>[1-9]\d{0,8}))?)")
HOST = re.compile(r"[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?")
MEANINGS = {
    "": False,
    **dict.fromkeys(("1", "true", "yes", "on"), True),
    **dict.fromkeys(("0", "false", "no", "off"), False),
}
NO_NOTICES = "none"


class Reader:
    """Reads settings one by one, and remembers what is wrong with them: one sentence each."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        self.environ = environ
        self.wrong: dict[str, str] = {}

    def object_to(self, name: str, sentence: str) -> None:
        """Remember what is wrong with a setting; the first sentence about it counts."""
        self.wrong.setdefault(name, sentence)

    def text(self, name: str) -> str:
        return self.environ.get(name, "").strip()

    def secret(self, name: str) -> str:
        """Return NAME, or what the file named by NAME_FILE holds."""
        path = self.text(f"{name}_FILE")
        if not path:
            return self.text(name)
        try:
            if self.text(name):
                raise ConfigError(f"Set {name} or {name}_FILE, not both.")
            return _secret_of(name, Path(path))
        except ConfigError as error:
            self.object_to(name, str(error))
            return ""

    def database(self, name: str) -> str:
        url = self.secret(name)
        try:
            return database_url(url) if url else ""
        except ConfigError as error:
            self.object_to(name, str(error))
            return ""

    def origin(self, name: str, default: str) -> str:
        value = self.text(name) or default
        try:
            return addresses.origin(value) if value else ""
        except AddressInvalid as error:
            self.object_to(name, f"{name} {error}.")
            return ""

    def origins(self, name: str) -> list[str]:
        try:
            return [addresses.origin(one) for one in self.text(name).split()]
        except AddressInvalid as error:
            self.object_to(name, f"{name}: each site {error}, and * is not allowed.")
            return []

    def choice(self, name: str, choices: tuple[str, ...]) -> str:
        value = self.text(name) or choices[0]
        if value not in choices:
            self.object_to(name, f"{name} must be {' or '.join(sorted(choices))}.")
            return choices[0]
        return value

    def number(self, name: str, default: int, lowest: int, highest: int) -> int:
        value = self.text(name) or str(default)
        if not re.fullmatch(r"(?a:\d{1,9})", value) or not lowest <= int(value) <= highest:
            self.object_to(name, f"{name} must be a whole number from {lowest} to {highest}.")
            return default
        return int(value)

    def shop(self, name: str) -> Folder:
        try:
            return folder.find(self.environ)
        except FolderMissing as error:
            self.object_to(name, str(error))
            return folder.usual()

    def numbers(self, name: str) -> list[int]:
        parts = self.text(name).replace(",", " ").split()
        if not all(re.fullmatch(r"(?a:[1-9]\d{0,15})", part) for part in parts):
            self.object_to(name, f"{name} must be Telegram user ids, separated by commas.")
            return []
        return [int(part) for part in parts]

    def notices(self, name: str) -> list[str]:
        told = self.text(name).lower().replace(",", " ").split() or list(NOTICES)
        wanted = [] if told == [NO_NOTICES] else told
        if not set(wanted) <= set(NOTICES):
            self.object_to(name, f"{name} must list any of {', '.join(NOTICES)}, or be {NO_NOTICES}.")
            return []
        return wanted

    def group(self, name: str) -> tuple[int, int]:
        """Return the ids of a group's chat and of its topic, or 0."""
        value = self.text(name)
        if not value:
            return 0, 0
        told = GROUP.fullmatch(value)
        if told is None:
            self.object_to(
                name, f"{name} must be a group's id such as -1001234567890, or -1001234567890:7 with a topic."
            )
            return 0, 0
        return int(told["chat"]), int(told["topic"] or 0)

    def hex_keys(self, name: str, default: str) -> list[bytes]:
        parts = (self.text(name) or default).replace(",", " ").split()
        if not all(re.fullmatch(r"[0-9a-fA-F]{64}", part) for part in parts):
            self.object_to(name, f"{name} must be Ed25519 public keys of 64 hexadecimal digits each.")
            return []
        return [bytes.fromhex(part) for part in parts]

    def flag(self, name: str) -> bool:
        value = self.text(name).lower()
        if value not in MEANINGS:
            self.object_to(name, f"{name} must be 1 or 0 (or true, false, yes, no, on, off).")
        return MEANINGS.get(value, False)

    def host(self, name: str, default: str) -> str:
        """Return an address to listen on, one of IPv6 without its brackets."""
        value = (self.text(name) or default).removeprefix("[").removesuffix("]")
        if not addresses.is_numeric(value) and not HOST.fullmatch(value):
            self.object_to(name, f"{name} must be an address of this machine, such as 127.0.0.1 or ::.")
            return default
        return value


def _secret_of(name: str, file: Path) -> str:
    try:
        # Mode bits: Docker and Kubernetes mount secrets readable by their owner or group.
        if file.stat().st_mode & 0o004:
            raise ConfigError(f"The file named by {name}_FILE can be read by everyone: chmod 600 it.")
        folder = file.parent.stat().st_mode
        if file.stat().st_mode & 0o002 or (folder & 0o002 and not folder & stat.S_ISVTX):
            raise ConfigError(
                f"The file named by {name}_FILE can be replaced by everyone: chmod 600 it and 700 its folder."
            )
        return file.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"The file named by {name}_FILE cannot be read.") from error


def database_url(url: str) -> str:
    """Return a database's address as SQLAlchemy spells it; see :func:`webapp.db.database_urls.normal`.

    :raise ConfigError: it cannot be used
    """
    try:
        return database_urls.normal(url)
    except database_urls.UrlInvalid as error:
        raise ConfigError(str(error)) from None
