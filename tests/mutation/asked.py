"""How many mutants are wanted, of which files, and the seed by which they are drawn."""

import os
import random
import re
import sys
from dataclasses import dataclass
from pathlib import Path

from tests.mutation.javascript import SCRIPTS
from tests.mutation.mutants import files

ROOT = Path(__file__).parent.parent.parent


@dataclass(frozen=True)
class Asked:
    """What the environment asks for."""

    seed: int
    sample: int  # mutants of Python
    scripts: int  # mutants of static/*.js
    only: str  # of files that begin so


def asked() -> Asked:
    """Read the environment; a setting that makes no sense ends the run with a sentence."""
    only = os.environ.get("ONLY", "")
    if not any(name.startswith(only) for name in (*files(ROOT), *SCRIPTS)):
        sys.exit(f"ONLY is {only!r}, and no file of the shop begins so. webapp/domain/ is an example.")
    seed = _number("SEED", random.randrange(10**6))
    return Asked(seed, _number("SAMPLE", 400), _number("SCRIPTS", 100), only)


def _number(name: str, default: int) -> int:
    value = os.environ.get(name) or str(default)
    if not re.fullmatch(r"\d{1,9}", value, re.ASCII):
        sys.exit(f"{name} is {value!r}. Give a whole number.")
    return int(value)
