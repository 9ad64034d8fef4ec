"""A folder with our locks and our way to install them, beside an index that holds newer releases."""

import os
import shutil
import subprocess
import sys
import venv
import zipfile
from collections.abc import Container, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.installing.index import LOCKS, Index, make_wheels, serving
from tests.kit.processes import ROOT

PIPS = ("==22.3", "==23.2.1", "==24.0", "~=25.0", "")  # the oldest that is supported, to the newest
FEW = {"flask", "blinker", "click", "itsdangerous", "jinja2", "markupsafe", "werkzeug", "certifi"} | {
    *("yarl", "idna", "multidict", "propcache", "pytest-cov", "coverage", "tzdata"),
    *("pytest", "iniconfig", "packaging", "pluggy", "pygments"),
}
# What a person's shell can hold for pip, which the tests say themselves.
FOREIGN = (
    "PIP_",
    "UV_",
    "HTTP_PROXY",
    "HTTPS_PROXY",
    "ALL_PROXY",
    "NO_PROXY",
    "PYTHON",
    "VIRTUAL_ENV",
    "MAKE",
)


@dataclass
class Clone:
    """A clone of the shop as far as installing goes, with locks of the index."""

    folder: Path
    index: Index
    python: str  # one that is no environment's

    def run(self, *arguments: str, **settings: str) -> subprocess.CompletedProcess[str]:
        """Run a command there, Python where none is named, and return what it said."""
        command = arguments if "/" in arguments[0] or arguments[0] == "make" else (self.python, *arguments)
        return subprocess.run(
            command,
            cwd=self.folder,
            env={**surroundings(), "PIP_INDEX_URL": self.index.url, **settings},
            capture_output=True,
            text=True,
            timeout=120,
        )

    def install(self, purpose: str, **settings: str) -> subprocess.CompletedProcess[str]:
        return self.run("-m", "sandbox.environment", purpose, **settings)

    def refusal(self, purpose: str = "run", **settings: str) -> str:
        """Return the one sentence that an installation ends with."""
        ended = self.install(purpose, **settings)
        assert ended.returncode == 1, ended
        assert "Traceback" not in ended.stderr
        assert ended.stderr.count("\n") == 1, ended.stderr
        return ended.stderr.strip()

    def installed(self) -> dict[str, str]:
        """Return what is in .venv, pip left out."""
        return installed(self.folder / ".venv")


def installed(environment: Path) -> dict[str, str]:
    infos = (info.stem.rsplit("-", 1) for info in environment.glob("lib/python*/site-packages/*.dist-info"))
    return {name.lower().replace("_", "-"): version for name, version in infos if name != "pip"}


def surroundings() -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.upper().startswith(FOREIGN)}
    return {**kept, "PIP_CONFIG_FILE": os.devnull, "PIP_NO_CACHE_DIR": "1"}


@pytest.fixture(scope="session")
def wheels(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheels")
    make_wheels(folder)
    return folder


@pytest.fixture(scope="session")
def index(wheels: Path) -> Iterator[Index]:
    with serving(wheels) as one:
        yield one


@pytest.fixture
def whole(tmp_path: Path, index: Index) -> Clone:
    """A new clone in a folder whose name is as bad as a folder's name can be."""
    return make_clone(tmp_path, index)


@pytest.fixture
def clone(tmp_path: Path, index: Index) -> Clone:
    """A new clone whose locks hold a few packages, which are quickly installed."""
    return make_clone(tmp_path, index, only=FEW)


@pytest.fixture
def bare(clone: Clone, pips: "Pips") -> Clone:
    """A clone with an environment in which is nothing but pip."""
    make_environment(clone.folder / ".venv", pips[""])
    return clone


def make_clone(tmp_path: Path, index: Index, only: Container[str] | None = None) -> Clone:
    folder = tmp_path / "my \"shop\" (1) [ü] 'x' $HOME"
    shutil.copytree(ROOT / "sandbox" / "environment", folder / "sandbox" / "environment")
    for file in ("sandbox/__init__.py", "Makefile"):
        shutil.copy(ROOT / file, folder / file)
    for file in LOCKS:
        (folder / file).write_text(index.lock(file, only), encoding="utf-8")
    index.asked.clear()
    index.missing.clear()
    return Clone(folder, index, os.path.realpath(sys.executable))


class Pips(dict[str, Path]):
    """Releases of pip that people have, each fetched when it is first wanted and unpacked into a folder."""

    def __init__(self, folder: Path) -> None:
        super().__init__()
        self.folder = folder

    def __missing__(self, version: str) -> Path:
        wheels = self.folder / f"pip{version}"
        pip = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--dest", str(wheels)]
        subprocess.run([*pip, f"pip{version}"], check=True, timeout=300)
        with zipfile.ZipFile(next(wheels.glob("*.whl"))) as packed:
            packed.extractall(wheels / "unpacked")
        self[version] = wheels / "unpacked"
        return self[version]


@pytest.fixture(scope="session")
def pips(tmp_path_factory: pytest.TempPathFactory) -> Pips:
    return Pips(tmp_path_factory.mktemp("pips"))


def make_environment(folder: Path, pip: Path) -> Path:
    """Make an environment with one release of pip in it, and return its Python."""
    venv.create(folder, symlinks=True)
    packages = next(folder.glob("lib/python*/site-packages"))
    (packages / "pip.pth").write_text(str(pip), encoding="utf-8")  # not copied: compiled once for all
    return folder / "bin" / "python"
