"""Packages of npm that tests use as they were published: known by their hashes, and not committed.

``python -m tests.kit.npm`` fetches those that are not here yet, with or without npm.
"""

import asyncio
import os
import sys
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache
from pathlib import Path

import playwright
import pytest

from sandbox import npm
from tests.kit.processes import ROOT

KEPT = ROOT / "var" / "npm"
# Playwright runs on a node that it brings, unless it is told of another.
NODE = os.environ.get("PLAYWRIGHT_NODEJS_PATH") or str(Path(playwright.__file__).parent / "driver" / "node")
ATTEMPTS = 3  # a network drops a connection now and then
# As `npm view NAME@VERSION dist.integrity` tells it.
INTEGRITY = {
    "@twa-dev/sdk@8.0.2": (  # Telegram's client script as it was published
        "sha512-Pp5GxnxP2blboVZFiM9aWjs4cb8IpW3x2jP3kLOMvIqy0jzNUTuFHkwHtx+zEvh/UcF2F+wmS8G6ebIA0XPXcg=="
    ),
    "axe-core@4.14.1": (
        "sha512-FHfa+lmNjQZfJz1q8wKqIDwC6DExcHt/pkjNQb09a3NPjCKg2rhu5qb2S4r76ASyFNNtuFooJpZe37OgudVGtQ=="
    ),
    "terser@5.51.4": (
        "sha512-VPi1CkDvCWLGUVIToctNBG+NdHbSXwOPjHJnQ3pdB0XknaldnI76wSkAFOGxV2ZdkzOP5d6gpQ5c58XvDghRvw=="
    ),
    "grammy@1.46.0": (
        "sha512-/8Qw+iisrUdOMk+p2mjEHouMm/BBdBEN1DHh16wiTpRUZkxDG3PxexdjCvR+wvK3LWPdrEvnQbdrwpU954sPhg=="
    ),
    "@fontsource/inter@5.3.0": (
        "sha512-RofMylZmjlJEfELXeNHFWBRcSs75rGU/6bV2S2jfnvv/3rPXPGe0LgUJTklcHZ9lM4OZmAVFhcJPnACfb91A3g=="
    ),
}


@lru_cache
def read(package: str, path: str) -> bytes:
    """Return a file of a package, which is fetched unless it is here already."""
    return npm.member(archive(package).read_bytes(), path)


def archive(package: str) -> Path:
    """Return a package as npm packs it."""
    try:
        return _kept(package)
    except npm.CannotFetch as error:
        reason = str(error)
    pytest.fail(reason, pytrace=False)


def _kept(package: str) -> Path:
    file, integrity = KEPT / f"{package.replace('/', '+')}.tgz", INTEGRITY[package]
    if not (file.exists() and npm.is_intact(file.read_bytes(), integrity)):
        file.parent.mkdir(parents=True, exist_ok=True)
        half = file.with_name(f"{file.name}.{os.getpid()}")
        half.write_bytes(_fetched(package, integrity))
        half.replace(file)
    return file


def _fetched(package: str, integrity: str) -> bytes:
    for _attempt in range(ATTEMPTS - 1):
        try:
            return _fetch(package, integrity)
        except npm.CannotFetch:
            continue
    return _fetch(package, integrity)


def _fetch(package: str, integrity: str) -> bytes:
    # In a thread of its own: in the tests', playwright keeps a loop running.
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(asyncio.run, npm.fetch(package, integrity)).result()


def main() -> int:
    """Have every package here, and say where; or say which cannot be fetched, and why."""
    try:
        files = [_kept(package) for package in INTEGRITY]
    except npm.CannotFetch as reason:
        sys.stderr.write(f"{reason}\n")
        return 1
    print(f"npm's packages: {len(files)} in {KEPT}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
