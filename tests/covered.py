"""How much of the shop's code a whole run reaches, branches included, and how much it has to."""

import io
from collections.abc import Container, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import coverage
import pytest

from tests.closing import is_whole

DOMAIN = "webapp/domain/*"


@dataclass(frozen=True)
class Part:
    """Files that are measured together, and the percentage of them that tests have to reach."""

    name: str
    least: float
    include: Sequence[str]
    omit: Sequence[str] = ()


@dataclass(frozen=True)
class Reached:
    """What a run reached of a part."""

    part: Part
    percent: float
    missing: str  # a table: which lines and branches of which files

    @property
    def is_enough(self) -> bool:
        return self.percent >= self.part.least

    def __str__(self) -> str:
        # Never rounded up: 99.96 is not 100.
        said = f"Reached {int(self.percent * 10) / 10:g} % of {self.part.name}"
        return f"{said}." if self.is_enough else f"{said}, less than {self.part.least:g} %:\n{self.missing}"


# No file and no line is left out of either.
PARTS = (
    Part("the domain", 100, [DOMAIN]),
    Part("everything else in webapp and bot.py", 97, ["webapp/*", "bot.py"], [DOMAIN]),
)
# Tracing costs as much again: it is spared where a test drives other processes, and where it goes again and
# again, by every visitor or in every order, through what other tests reach.
UNTRACED = {"campaigns", "e2e", "gallery", "installing", "sandbox"}
UNTRACED |= {"test_fuzz", "test_permutations", "test_routes"}
# Code that asks both databases alike goes the same way on either, so one is traced; these ask differently.
TRACED_ONCE = {"bot", "domain", "views"}
TRACED_TWICE = {"test_doctor", "test_leases", "test_ledger", "test_races", "test_statistics"}
MEASURED, SETTINGS = "COVERAGE_PROCESS_START", Path(__file__).with_suffix(".toml")
FOUND = pytest.StashKey[list[Reached]]()


def measured() -> dict[str, str]:
    """Return the variables by which a process is measured if this one is, and writes it down as it ends."""
    return {MEASURED: str(SETTINGS)} if coverage.Coverage.current() else {}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Trace only tests that reach something."""
    names = {item.nodeid for item in items}
    for item in items:
        if UNTRACED & {item.path.parent.name, item.path.stem} or _is_second(item, names):
            item.add_marker("no_cover")


def _is_second(item: pytest.Item, names: Container[str]) -> bool:
    """Tell whether a test runs on PostgreSQL, and all it reaches is traced on SQLite."""
    is_once = item.path.parent.name in TRACED_ONCE and item.path.stem not in TRACED_TWICE
    twin = item.nodeid.replace("postgresql", "sqlite")
    return is_once and twin != item.nodeid and twin in names


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    """Fail a whole run with ``--cov`` that reaches too little of a part."""
    config = session.config
    if _is_measured(config) and session.exitstatus in (pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED):
        config.stash[FOUND] = [_reached(part) for part in PARTS]
        if not all(one.is_enough for one in config.stash[FOUND]):
            session.exitstatus = session.exitstatus or pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    """Say what was reached, and what was not where that is too much."""
    for one in config.stash.get(FOUND, []):
        terminalreporter.write_line(str(one), red=not one.is_enough)


def _is_measured(config: pytest.Config) -> bool:
    is_first = not hasattr(config, "workerinput")  # it has what all processes of the run measured
    is_run = is_whole(config) and not config.option.collectonly
    return is_first and is_run and config.pluginmanager.has_plugin("_cov")


def _reached(part: Part) -> Reached:
    found, table = coverage.Coverage(), io.StringIO()
    found.load()
    percent = found.report(include=list(part.include), omit=list(part.omit), file=table)
    return Reached(part, percent, table.getvalue())
