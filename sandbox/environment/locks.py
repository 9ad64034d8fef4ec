"""The requirements files: every package with its version, its hashes and the machines it is for."""

import hashlib
import re
from dataclasses import dataclass
from importlib import metadata

from sandbox.environment.errors import CannotInstall
from sandbox.environment.folder import ROOT

FILES = {
    "run": ["requirements.txt", "sandbox/requirements.txt"],
    "test": ["requirements.txt", "sandbox/requirements.txt", "requirements-dev.txt"],
}
COMMENT = re.compile(r"(?m)^ *#.*\n")
PIN = re.compile(r"(?m)^([\w.-]+)==([\w.+!]+)(?: ; (.+?))?((?: \\\n +--hash=sha256:[0-9a-f]{64})+)\n")


@dataclass(frozen=True)
class Pin:
    """A package as a lock names it."""

    name: str
    version: str
    marker: str  # the machines it is for; empty for all


def names(purpose: str) -> set[str]:
    """Return the names of all packages that a purpose needs on any machine."""
    return {pin.name for file in FILES[purpose] for pin in _pins(file)}


def digest(purpose: str) -> str:
    """Return what stands for a purpose's locks as they are now.

    :raise CannotInstall: one of them is missing or half-written
    """
    names(purpose)
    texts = [(ROOT / file).read_bytes() for file in FILES[purpose]]
    return hashlib.sha256(b"\0".join(texts)).hexdigest()


def are_met(purpose: str) -> bool:
    """Tell whether the Python that runs has everything already, whoever installed it."""
    pins = [pin for file in FILES[purpose] for pin in _pins(file) if not pin.marker]
    try:
        return all(metadata.version(pin.name) == pin.version for pin in pins)
    except metadata.PackageNotFoundError:
        return False


def _pins(file: str) -> list[Pin]:
    try:
        text = COMMENT.sub("", (ROOT / file).read_text(encoding="utf-8"))
    except (FileNotFoundError, UnicodeDecodeError) as error:
        raise CannotInstall(f"{file} cannot be read. {_remedy(file)}") from error
    rest = PIN.sub("", text).strip() or ("" if text else "it is empty")
    if rest:
        line = rest.partition("\n")[0].rstrip(" \\")
        raise CannotInstall(f"{file} is damaged: {line[:60]}. {_remedy(file)}")
    return [Pin(*parts[:3]) for parts in PIN.findall(text)]


def _remedy(file: str) -> str:
    return f"Bring it back: git checkout -- {file}"
