"""The tests in a copy of the tree without one of the examples: ``python -m tests.apart [PYTEST'S WORDS]``.

An owner may delete either. Without words everything is collected, and the tests that look at examples run.
"""

import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from tests.kit.processes import ROOT

LOOKING = (
    "tests/test_separation.py",
    "tests/test_leftovers.py",
    "tests/test_owners_folder.py",
    "tests/views/test_documents.py",
    "tests/e2e/test_folders.py",
    "examples",
)
NOT_COPIED = (".git", ".venv", "var", "__pycache__", ".*_cache", ".hypothesis")


def main(words: Sequence[str]) -> int:
    names = sorted(folder.name for folder in (ROOT / "examples").iterdir() if folder.is_dir())
    return max(_run_without(name, words) for name in names)


def _run_without(name: str, words: Sequence[str]) -> int:
    with tempfile.TemporaryDirectory(prefix="starfront-apart-") as folder:
        tree = Path(folder) / "tree"
        shutil.copytree(ROOT, tree, ignore=shutil.ignore_patterns(*NOT_COPIED))
        shutil.rmtree(tree / "examples" / name)
        print(f"Without examples/{name}:", flush=True)
        if words:
            return _pytest(tree, *words)
        return _pytest(tree, "--collect-only", "-qq", "tests", "examples") or _pytest(tree, *LOOKING)


def _pytest(tree: Path, *words: str) -> int:
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "--no-header", "-q", *words]
    return subprocess.run(command, cwd=tree, check=False).returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
