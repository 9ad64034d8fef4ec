"""Every block of commands in the README, run as it stands in a folder with nothing but the repository."""

import os
import pty
import re
import shutil
import subprocess
import textwrap
import threading
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from tests.kit.processes import ROOT, eventually, free_port

README = (ROOT / "README.md").read_text(encoding="utf-8")
BLOCKS = [textwrap.dedent(block) for block in re.findall(r"(?ms)^ *```sh\n(.*?)^ *```$", README)]
RUN, REHEARSED, TEST, BEGIN, CHECK, SETTINGS = range(6)
# What make test is to run here: the whole suite would run this test, and so on for ever.
PART = "tests/domain/test_payloads.py --quiet"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The repository as a clone has it, with the packages of this environment."""
    clone = tmp_path / "starfront"
    files = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        check=True,
        text=True,
    )
    for name in filter(None, files.stdout.split("\0")):
        if (ROOT / name).is_file():
            (clone / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, clone / name)
    (clone / ".venv").symlink_to((ROOT / ".venv").resolve())
    return clone


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    """Variables as a shell has them, with ports that nobody else uses."""
    ports = {"PORT": str(free_port()), "SANDBOX_PORT": str(free_port())}
    return {"PATH": os.environ["PATH"], "HOME": str(tmp_path), **ports}


class Terminal:
    """A terminal that a person has a block run in."""

    def __init__(self, block: str, folder: Path, environment: dict[str, str]) -> None:
        self.said = ""
        self.pid, self.screen = pty.fork()
        if self.pid == 0:
            os.chdir(folder)
            os.execvpe("bash", ["bash", "-ec", block], environment)  # noqa: S606 - a shell is what is wanted
        threading.Thread(target=self._read, daemon=True).start()

    def type(self, keys: bytes) -> None:
        os.write(self.screen, keys)

    def ended(self) -> int:
        """Return the exit code once it is over."""
        over: list[int] = []

        def look() -> bool:
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            over.append(os.waitstatus_to_exitcode(status))
            return pid == self.pid

        eventually(look)
        return over[-1]

    def _read(self) -> None:
        with suppress(OSError):  # the other end is closed
            while found := os.read(self.screen, 4096):
                self.said += found.decode(errors="replace")


@pytest.fixture
def running(folder: Path, environment: dict[str, str]) -> Iterator[None]:
    """The shop of the first block, open; ended as a person ends it."""
    terminal = Terminal(BLOCKS[RUN], folder, environment)
    address = f"http://127.0.0.1:{environment['SANDBOX_PORT']}"
    try:
        eventually(lambda: "Ctrl-C ends it." in terminal.said)
        assert address in terminal.said
        yield
    finally:
        terminal.type(b"\x03")  # Ctrl-C
        code = terminal.ended()
    assert code == 0, terminal.said
    assert "Traceback" not in terminal.said


def run(block: int, folder: Path, environment: dict[str, str], typed: str = "") -> tuple[int, str]:
    done = subprocess.run(
        ["bash", "-ec", BLOCKS[block]],
        cwd=folder,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        input=typed,
        timeout=300,
    )
    return done.returncode, done.stdout


def test_every_block_is_known():
    assert len(BLOCKS) == 6, BLOCKS
    assert "```" not in README.replace("```sh\n", "").replace("```\n", "").replace("```sh", "")


def test_the_shop_opens_and_answers_its_owner(running, folder, environment):
    code, said = run(REHEARSED, folder, environment)
    assert "0 problems" in said, said
    assert "no problems." in said
    assert code == 0


def test_the_tests_run(folder, environment):
    code, said = run(TEST, folder, {**environment, "ARGS": PART})
    assert code == 0, said
    assert re.search(r"\d+ passed", said), said


def test_a_folder_is_begun_and_checked_before_anything_is_set(folder, environment):
    code, said = run(BEGIN, folder, environment, typed="Knots\nTied slowly\nAnn Lee\n\nBowline\n50\n")
    assert code == 0, said
    assert run(CHECK, folder, environment) == (0, "shop: 1 product, no problems.\n")


def test_the_example_of_settings_says_what_is_to_be_filled_in(folder, environment):
    code, said = run(SETTINGS, folder, {**environment, "PORT": ""})
    assert code == 1
    for name in ("BOT_TOKEN", "PUBLIC_URL", "SECRET_KEY"):
        assert f"  {name} is missing" in said
