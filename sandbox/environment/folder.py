"""The folder .venv: which Python it is for, what was installed into it, and its programs."""

import json
import os
import platform
import re
import subprocess
import sys
import sysconfig
import venv
import zipfile
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from sandbox.environment.errors import CannotInstall

ROOT = Path(__file__).parent.parent.parent
VENV = ROOT / ".venv"
PYTHON = VENV / "bin" / "python"
STAMP = VENV / "starfront.json"  # what was installed, for which Python, and where the folder was then
PACKAGES = Path(sysconfig.get_path("purelib", "venv", {"base": str(VENV)}))
# What pip writes atop a program holds the folder's path, and breaks when it moves or has quotes in its name.
SHEBANG = re.compile(rb"\A#!(?:/bin/sh\n'''exec' .*\n' '''|.*/python.*)\n")
BESIDE_PYTHON = b"#!/bin/sh\n'''exec' \"${0%/*}/python\" \"$0\" \"$@\"\n' '''\n"


def is_running() -> bool:
    """Tell whether the Python that runs is .venv's."""
    return VENV.exists() and os.path.samefile(sys.prefix, VENV)


def python_version() -> tuple[int, int] | None:
    """Return the version of .venv's Python, if it runs and takes the folder for its own."""
    ask = "import sys; print(*sys.version_info[:2]); print(sys.prefix)"
    try:
        asked = subprocess.run([PYTHON, "-I", "-c", ask], capture_output=True, text=True, check=True)
        version, prefix = asked.stdout.splitlines()
        major, minor = map(int, version.split())
        return (major, minor) if os.path.samefile(prefix, VENV) else None
    except (OSError, ValueError, subprocess.CalledProcessError):
        return None


def abi() -> str:
    """Return what compiled packages have to be built for."""
    return f"{sysconfig.get_config_var('SOABI')} {platform.machine()}"


def stamp() -> dict[str, Any]:
    """Return what is known of .venv; nothing if somebody else made it."""
    try:
        facts: dict[str, Any] = json.loads(STAMP.read_text(encoding="utf-8"))
    except (FileNotFoundError, ValueError):
        return {}
    return facts


def write_stamp(facts: dict[str, Any]) -> None:
    half = STAMP.with_suffix(".half")
    half.write_text(json.dumps({**facts, "python": abi(), "folder": str(VENV)}), encoding="utf-8")
    half.replace(STAMP)


def holds(purpose: str, digest: str) -> bool:
    """Tell whether these locks were installed into the folder as it is now, to the end."""
    facts = stamp()
    return (
        "unfinished" not in facts
        and facts.items() >= {"python": abi(), "folder": str(VENV), purpose: digest}.items()
    )


def mend() -> None:
    """Have the folder ready for packages, without those that are half there or for another Python."""
    facts = stamp()
    spoilt = bool(facts) and ("unfinished" in facts or facts.get("python") != abi())
    if spoilt or facts.get("folder") != str(VENV):
        make(clear=spoilt)


def make(*, clear: bool) -> None:
    """Lay the folder out, around the packages in it if any are to stay, and put pip into it."""
    known = {} if clear else stamp()
    try:
        venv.create(VENV, clear=clear, symlinks=True)
    except ValueError as error:
        raise CannotInstall(f"{ROOT} cannot hold an environment. {error}") from error
    if clear or not find_spec("pip"):
        _unpack_pip()
    write_stamp(known)


def _unpack_pip() -> None:
    """Put pip in place out of its wheel, which takes a tenth of ensurepip's four seconds."""
    try:
        import ensurepip
    except ImportError:
        raise CannotInstall(_what_is_missing()) from None
    beside = Path(ensurepip.__file__).parent / "_bundled"
    places = (beside, Path(sysconfig.get_config_var("WHEEL_PKG_DIR") or beside))
    wheels = (file for place in places for file in place.glob(f"pip-{ensurepip.version()}-*.whl"))
    if wheel := next(wheels, None):
        with zipfile.ZipFile(wheel) as packed:
            packed.extractall(PACKAGES)
    else:
        subprocess.run([PYTHON, "-I", "-m", "ensurepip"], check=True, stdout=subprocess.DEVNULL)


def _what_is_missing() -> str:
    version = ".".join(map(str, sys.version_info[:2]))
    if Path("/etc/debian_version").exists():
        return f"{sys.executable} has no ensurepip. Install it: sudo apt install python{version}-venv"
    return f"{sys.executable} has no ensurepip. Use a complete Python {version}, from python.org for example."


def let_programs_move() -> None:
    """Have each program in .venv find its Python beside itself, wherever the folder goes."""
    for program in (VENV / "bin").iterdir():
        if program.is_symlink() or not program.is_file():
            continue
        text = program.read_bytes()
        if SHEBANG.match(text):
            program.write_bytes(SHEBANG.sub(BESIDE_PYTHON, text, count=1))
