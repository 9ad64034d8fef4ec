"""Mutants of the pages' scripts, which Stryker makes, and the tests in a browser that should notice.

Stryker lists what it would change. It is not asked to run anything:
each of its trials would run all our tests.
"""

import json
import re
import shutil
import subprocess
from itertools import islice
from pathlib import Path
from typing import Any

from tests.mutation.mutants import Mutant, Place, draw
from webapp.web import assets

TOOL = Path(__file__).with_name("stryker")
PARTS = tuple(f"static/app/{name}.js" for name in assets.PARTS)
SCRIPTS = ("static/aloud.js", "static/colours.js", *PARTS)
OLDEST_NODE = 20
# Whole files, in the order in which they are likely to notice; what asks no browser comes last.
TESTS = {
    "static/aloud.js": ["tests/gallery/test_keyboard.py", "tests/gallery/test_sessions.py"],
    "static/colours.js": ["tests/gallery/test_hostile.py", "tests/gallery/test_everyone.py"],
    **dict.fromkeys(
        PARTS,
        [
            "tests/gallery/test_sessions.py",
            "tests/e2e/test_reloads.py",
            "tests/e2e/test_manners.py",
            "tests/gallery/test_keyboard.py",
            "tests/e2e/test_offline.py",
            "tests/gallery/test_hostile.py",
            "tests/e2e/test_browser.py",
        ],
    ),
}
PATIENCE_SECONDS = 900


class NoStryker(Exception):
    """The sentence says what is missing."""


def sample(root: Path, kept: Path, size: int, seed: int, prefix: str) -> list[Mutant]:
    """Draw mutants of the scripts.

    :param kept: a folder into which npm puts Stryker
    :raise NoStryker: node or npm is missing, or too old
    """
    names = [name for name in SCRIPTS if name.startswith(prefix)]
    if not names or not size:
        return []
    texts = {name: (root / name).read_text(encoding="utf-8") for name in names}
    listed = _listed(_install(kept), texts)
    replacements = {one["id"]: one["replacement"] for one in listed}
    drawn = islice(draw(map(_place, listed), seed), size)
    return [_made(place, texts[place.file], replacements[key]) for place, (key, _) in drawn]


def _install(kept: Path) -> Path:
    """Have Stryker in a folder, exactly as the lock names it."""
    node, npm = shutil.which("node"), shutil.which("npm")
    if not node or not npm:
        raise NoStryker("Mutants of static/*.js need Node.js with npm. Install them, or set SCRIPTS=0.")
    said = subprocess.run([node, "--version"], capture_output=True, text=True).stdout
    if int((re.search(r"\d+", said) or ["0"])[0]) < OLDEST_NODE:
        raise NoStryker(f"Stryker needs Node.js {OLDEST_NODE} or newer, and this is {said.strip()}.")
    shutil.copytree(TOOL, kept, dirs_exist_ok=True)
    ended = subprocess.run(
        [npm, "ci", "--silent", "--no-audit", "--no-fund"], cwd=kept, capture_output=True, text=True
    )
    if ended.returncode:
        raise NoStryker(f"npm could not install Stryker: {ended.stderr.strip()[-500:]}")
    return kept


def _listed(tool: Path, texts: dict[str, str]) -> list[dict[str, Any]]:
    ended = subprocess.run(
        ["node", "list.mjs"], cwd=tool, input=json.dumps(texts), capture_output=True, text=True, check=True
    )
    listed: list[dict[str, Any]] = json.loads(ended.stdout)
    return listed


def _place(listed: dict[str, Any]) -> Place:
    start, end = (
        (at["line"] + 1, at["column"]) for at in (listed["location"]["start"], listed["location"]["end"])
    )
    return Place(
        listed["fileName"], start, end, f"{listed['mutatorName']} {listed['id']}", ((listed["id"], 0),)
    )


def _made(place: Place, before: str, replacement: str) -> Mutant:
    first, last = _offset(before, place.start), _offset(before, place.end)
    kind = place.kind.partition(" ")[0]
    return Mutant(place.file, place.start[0], kind, before, before[:first] + replacement + before[last:])


def _offset(text: str, position: tuple[int, int]) -> int:
    line, column = position
    return sum(map(len, text.splitlines(keepends=True)[: line - 1])) + column
