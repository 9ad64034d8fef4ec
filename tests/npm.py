"""Packages of npm that tests use as they were published: known by their hashes, and not committed."""

import base64
import hashlib
import shutil
import subprocess
import tarfile
import tempfile
from functools import lru_cache
from pathlib import Path

from tests.processes import ROOT

KEPT = ROOT / "var" / "npm"
# As `npm view NAME@VERSION dist.integrity` tells it.
INTEGRITY = {
    "@twa-dev/sdk@8.0.2": (  # Telegram's client script as it was published
        "sha512-Pp5GxnxP2blboVZFiM9aWjs4cb8IpW3x2jP3kLOMvIqy0jzNUTuFHkwHtx+zEvh/UcF2F+wmS8G6ebIA0XPXcg=="
    ),
    "axe-core@4.14.1": (
        "sha512-FHfa+lmNjQZfJz1q8wKqIDwC6DExcHt/pkjNQb09a3NPjCKg2rhu5qb2S4r76ASyFNNtuFooJpZe37OgudVGtQ=="
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
    """Return a file of a package, which npm fetches unless it is here already."""
    with tarfile.open(archive(package)) as files:
        member = files.extractfile(f"package/{path}")
        assert member, f"{package} has no {path}"
        return member.read()


def archive(package: str) -> Path:
    """Return a package as npm packs it."""
    kept = KEPT / f"{package.replace('/', '+')}.tgz"
    if not (kept.exists() and _integrity(kept) == INTEGRITY[package]):
        kept.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=kept.parent) as folder:
            _fetch(package, Path(folder)).replace(kept)
    return kept


def _fetch(package: str, folder: Path) -> Path:
    npm = shutil.which("npm")
    assert npm, "npm is needed to fetch what pages are tested with"
    subprocess.run([npm, "pack", package, "--silent"], cwd=folder, check=True, capture_output=True)
    [packed] = folder.glob("*.tgz")
    assert _integrity(packed) == INTEGRITY[package], f"{package} is not what it was"
    return packed


def _integrity(packed: Path) -> str:
    return f"sha512-{base64.b64encode(hashlib.sha512(packed.read_bytes()).digest()).decode()}"
