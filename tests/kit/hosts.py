"""What hosts read at the top of the repository, as they read it."""

import json
import re
import shlex
import shutil
import subprocess
import tomllib
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

from tests.kit.processes import ROOT

READERS = {".json": json.loads, ".toml": tomllib.loads, ".yaml": YAML(typ="safe", pure=True).load}
READERS[".yml"] = READERS[".yaml"]


def read(name: str) -> Any:
    """Return what a file says, whatever it is written in."""
    file = ROOT / name
    return READERS[file.suffix](file.read_text(encoding="utf-8"))


def procfile() -> dict[str, str]:
    lines = (ROOT / "Procfile").read_text(encoding="utf-8").splitlines()
    return {name: command.strip() for name, _, command in (line.partition(":") for line in lines)}


def dockerfile() -> list[tuple[str, str]]:
    """Return the Dockerfile's instructions with what follows each."""
    text = (ROOT / "Dockerfile").read_text(encoding="utf-8").replace("\\\n", " ")
    lines = [line for line in text.splitlines() if line and not line.startswith("#")]
    return [(line.partition(" ")[0], line.partition(" ")[2].strip()) for line in lines]


def container_command() -> str:
    [told] = [rest for name, rest in dockerfile() if name == "CMD"]
    return shlex.join(json.loads(told))


def container_healthcheck() -> list[str]:
    [told] = [rest for name, rest in dockerfile() if name == "HEALTHCHECK"]
    command: list[str] = json.loads(told.partition("CMD ")[2])
    return command


def build_image(folder: Path) -> Path:
    """Return a folder that holds what ``COPY . .`` would put into an image, and nothing else."""
    lines = (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
    wanted = [line[1:] for line in lines if line.startswith("!")]
    tracked = subprocess.run(["git", "ls-files", "-z", *wanted], cwd=ROOT, capture_output=True, check=True)
    for name in filter(None, tracked.stdout.decode().split("\0")):
        copy = folder / name
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(ROOT / name, copy)
    return folder


def commands_of(page: str) -> list[str]:
    """Return the lines of a page's shell blocks."""
    blocks = re.findall(r"(?ms)^```sh\n(.*?)^```", (ROOT / page).read_text(encoding="utf-8"))
    return [line for block in blocks for line in block.splitlines() if line and not line.startswith("#")]


def blocks_of(page: str) -> list[str]:
    """Return a page's blocks of commands, of whatever kind."""
    return re.findall(r"(?ms)^```(?:sh|text)\n(.*?)^```", (ROOT / page).read_text(encoding="utf-8"))
