"""Whether every defect can still be planted, and whether what plants them can be believed."""

import os
import random
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests import mutants
from tests.mutants import ROOT, Mutant, Spoilt

KNOWN = mutants.load()
A_HANDFUL = 3  # planted in each run; python -m tests.mutants plants them all
LONG = ("tests/e2e/", "tests/campaigns/")  # tests that take long


def made(**changes: Any) -> Mutant:
    facts: dict[str, Any] = {
        "name": "gives-twice",
        "what": "Everything is given twice.",
        "violates": ["I1"],
        "file": "shop.py",
        "old": "n = 1",
        "new": "n = 2",
        "killers": ["test_shop.py"],
    }
    return Mutant(**{**facts, **changes})


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A shop of one line, with a test that holds it to it."""
    (tmp_path / "shop.py").write_text("n = 1\nunlooked_at = 1 + 0\n")
    (tmp_path / "test_shop.py").write_text("import shop\n\n\ndef test_once():\n    assert shop.n == 1\n")
    return tmp_path


def verdict(mutant: Mutant, tree: Path) -> mutants.Verdict:
    [one] = mutants.plant_all([mutant], tree)
    return one


def test_a_defect_that_a_test_notices_is_killed(tree):
    caught = verdict(made(), tree)
    assert caught.killer == "test_shop.py::test_once"
    assert str(caught).startswith("gives-twice: killed by test_shop.py::test_once")
    assert (tree / "shop.py").read_text().startswith("n = 1\n")


def test_a_defect_that_no_test_notices_survives(tree):
    assert str(verdict(made(old="1 + 0", new="2"), tree)) == "gives-twice: SURVIVED"
    assert verdict(made(killers=[]), tree).killer is None


@pytest.mark.parametrize("new", ["n = ", "import nothing_of_this_name"], ids=["syntax", "import"])
def test_a_shop_that_cannot_be_loaded_is_no_kill(tree, new):
    spoilt = verdict(made(new=new), tree)
    assert spoilt.killer is None
    assert "SURVIVED (no test failed" in str(spoilt)


def test_a_fixture_that_breaks_is_no_kill(tree):
    broken = "import pytest\n\n\n@pytest.fixture\ndef one():\n    assert not __import__('shop').n\n"
    (tree / "test_shop.py").write_text(f"{broken}\n\ndef test_once(one):\n    pass\n")
    assert verdict(made(), tree).killer is None


def test_a_test_that_is_not_there_is_no_kill(tree):
    assert verdict(made(killers=["test_shop.py::test_twice"]), tree).killer is None


def test_a_test_that_never_ends_is_no_kill(tree, monkeypatch):
    monkeypatch.setattr(mutants, "PATIENCE_SECONDS", 3)
    (tree / "test_shop.py").write_text(
        "import shop\n\n\ndef test_once():\n    while shop.n > 1:\n        pass\n"
    )
    assert verdict(made(), tree).why == "no verdict within 3 s"


@pytest.mark.parametrize("old", ["n = 3", "1"], ids=["not there", "twice there"])
def test_a_stale_defect_stops_the_run(tree, old):
    with pytest.raises(Spoilt, match="gives-twice is stale"):
        verdict(made(old=old), tree)


def test_every_defect_is_described():
    assert len(KNOWN) == len({one.name for one in KNOWN}) >= 45
    for one in KNOWN:
        assert one.what.endswith("."), one.name
        assert one.violates, one.name
        assert one.killers, one.name


def test_every_defect_can_be_planted_and_is_code(tmp_path):
    """A name that is not defined would make any test fail, and show nothing."""
    for one in KNOWN:
        assert one.new != one.old, one.name
        (tmp_path / f"{one.name}{Path(one.file).suffix}").write_text(one.planted(ROOT), encoding="utf-8")
    linted = [sys.executable, "-m", "ruff", "check", "--isolated", "--select", "E9,F82", str(tmp_path)]
    done = subprocess.run(linted, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


def test_every_test_that_should_kill_exists(request):
    named = {test for one in KNOWN for test in one.killers}
    collected = {one.nodeid for one in request.session.items}
    unknown = sorted(named - collected - {name.partition("[")[0] for name in collected})
    if unknown:  # in a run of a part, most of them
        collect = [sys.executable, "-m", "pytest", "--collect-only", "-q", *unknown]
        done = subprocess.run(collect, cwd=ROOT, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]


def test_a_handful_of_defects_is_killed():
    seed = int(os.environ.get("SEED", random.randrange(10**6)))
    print(f"SEED={seed}")
    quick = [one for one in KNOWN if not one.killers[0].startswith(LONG)]
    chosen = random.Random(seed).sample(quick, A_HANDFUL)
    survivors = [str(one) for one in mutants.plant_all(chosen) if one.killer is None]
    assert survivors == [], f"SEED={seed}"
