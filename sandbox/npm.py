"""Packages of npm's registry, known by their hashes: fetched from where npm would, and without npm."""

import asyncio
import base64
import configparser
import hashlib
import io
import os
import shutil
import tarfile
import tempfile
from contextlib import suppress
from pathlib import Path
from urllib.parse import urlsplit

import aiohttp

from sandbox import outside

REGISTRY = "https://registry.npmjs.org"  # npm's own default
MACHINE_SETTINGS = ("/usr/local/etc/npmrc", "/usr/etc/npmrc", "/etc/npmrc")
PATIENCE_SECONDS = 60


class CannotFetch(Exception):
    """The sentence says which package, from where, and why not."""


async def fetch(package: str, integrity: str) -> bytes:
    """Return a package's archive, from the registry that npm is set up for; what that refuses, npm may get.

    :param package: with its version, as in axe-core@4.14.1
    :param integrity: as ``npm view PACKAGE dist.integrity`` tells it
    :raise CannotFetch: neither gets it, or only another one
    """
    try:
        return await _download(package, integrity)
    except CannotFetch:
        archive = await _packed_by_npm(package)
        if not is_intact(archive, integrity):
            raise
        return archive


def is_intact(archive: bytes, integrity: str) -> bool:
    """Tell whether an archive is the one that was published."""
    return f"sha512-{base64.b64encode(hashlib.sha512(archive).digest()).decode()}" == integrity


def member(archive: bytes, path: str) -> bytes:
    """Return a file of a package.

    :raise KeyError: the package has no such file
    """
    with tarfile.open(fileobj=io.BytesIO(archive)) as files:
        found = files.extractfile(f"package/{path}")
        return found.read() if found else b""


async def _download(package: str, integrity: str) -> bytes:
    told = _settings()
    name, _, version = package.rpartition("@")
    scope, _, plain_name = name.rpartition("/")
    registry = told.get(f"{scope}:registry") or told.get("registry") or REGISTRY
    url = f"{registry.rstrip('/')}/{name}/-/{plain_name}-{version}.tgz"
    try:
        status, archive = await outside.get(url, PATIENCE_SECONDS, told.get("cafile", ""))
    except (aiohttp.ClientError, OSError, ValueError) as error:
        raise _cannot(package, url, _reason(error)) from error
    if status != 200:
        raise _cannot(package, url, f"it answers {status}")
    if not is_intact(archive, integrity):
        raise _cannot(package, url, "it sends another one, whose hash differs")
    return archive


def _cannot(package: str, url: str, reason: str) -> CannotFetch:
    return CannotFetch(f"{package} cannot be fetched from {_host(url)}: {reason}.")


def _host(url: str) -> str:
    # Alone: the rest of an address can hold a password.
    with suppress(ValueError):
        if host := urlsplit(url).hostname:
            return host
    return "the registry that npm is set up for"


def _reason(error: Exception) -> str:
    if isinstance(error, aiohttp.ClientConnectorCertificateError):
        return "this machine does not trust its certificate"
    if isinstance(error, aiohttp.ClientProxyConnectionError | aiohttp.ClientHttpProxyError):
        return "the proxy in HTTPS_PROXY or ALL_PROXY refuses"
    if isinstance(error, ValueError):
        return "its address, or the proxy's, is wrong"
    return "there is no connection"


def _settings() -> dict[str, str]:
    """Return what npm is set to: by the environment, else by the person's file, else by the machine's."""
    prefix = "npm_config_"
    told = {
        name[len(prefix) :].lower(): value
        for name, value in os.environ.items()
        if name.lower().startswith(prefix) and value
    }
    machine = [told["globalconfig"]] if "globalconfig" in told else MACHINE_SETTINGS
    person = told.get("userconfig", os.path.expanduser("~/.npmrc"))
    for file in (person, *machine):
        told = {**_settings_in(Path(file)), **told}
    return told


def _settings_in(file: Path) -> dict[str, str]:
    reader = configparser.ConfigParser(
        delimiters="=", strict=False, interpolation=None, allow_no_value=True, comment_prefixes=(";", "#")
    )
    with suppress(OSError, ValueError, configparser.Error):
        reader.read_string(f"[npm]\n{file.read_text(encoding='utf-8')}")
        return {
            name: os.path.expandvars(value.strip("\"'")) for name, value in reader["npm"].items() if value
        }
    return {}


async def _packed_by_npm(package: str) -> bytes:
    npm = shutil.which("npm")
    if npm is None:
        return b""
    with tempfile.TemporaryDirectory() as folder:
        await _run(npm, "pack", package, "--silent", folder=folder)
        archive = next(Path(folder).glob("*.tgz"), None)
        return archive.read_bytes() if archive else b""


async def _run(*command: str, folder: str) -> None:
    nowhere = asyncio.subprocess.DEVNULL
    process = await asyncio.create_subprocess_exec(
        *command, cwd=folder, stdin=nowhere, stdout=nowhere, stderr=nowhere
    )
    try:
        async with asyncio.timeout(PATIENCE_SECONDS):
            await process.wait()
    except TimeoutError:
        pass
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
