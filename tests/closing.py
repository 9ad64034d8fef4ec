"""The last line of a run: what ran on what, and what was left out."""

import os
from collections import Counter
from typing import Any

import pytest

FIXTURES = {"sqlite": "sqlite", "postgresql": "postgres", "browser": "browser"}
KINDS = {"sqlite": "on SQLite", "postgresql": "on PostgreSQL", "browser": "in Chromium"}
REACHED = ("passed", "failed", "error")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Have each test know what it runs on, and its report tell it."""
    for item in items:
        item.user_properties += [("runs on", kind) for kind in KINDS if _runs_on(item, kind)]


def _runs_on(item: pytest.Item, kind: str) -> bool:
    chosen = getattr(getattr(item, "callspec", None), "params", {}).values()
    names = getattr(item, "fixturenames", ())
    return kind in chosen or any(name.startswith(FIXTURES[kind]) for name in names)


@pytest.hookimpl(trylast=True)
def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    """Say what ran, and what was left out and why."""
    if not config.option.collectonly:
        terminalreporter.write_line(sentence(terminalreporter.stats, is_whole=is_whole(config)))


def sentence(stats: dict[str, list[Any]], *, is_whole: bool) -> str:
    reached = [one for name in REACHED for one in stats.get(name, ())]
    ran = {one.nodeid: one for one in reached if isinstance(one, pytest.TestReport)}
    kinds = Counter(kind for one in ran.values() for told, kind in one.user_properties if told == "runs on")
    parts = ", ".join(f"{kinds[kind]:,} {words}" for kind, words in KINDS.items())
    tests = f"{len(ran):,} {'test' if len(ran) == 1 else 'tests'}"
    left_out = [f"{one.nodeid} ({one.longrepr[-1]})" for one in stats.get("skipped", ())]
    left_out += [f"{one.nodeid} (not readable)" for one in reached if isinstance(one, pytest.CollectReport)]
    left_out += [] if is_whole else ["what was not asked for"]
    return f"Ran {tests}: {parts}. Left out: {'; '.join(left_out) or 'nothing'}."


def is_whole(config: pytest.Config) -> bool:
    """Tell whether a run was asked for everything."""
    is_narrowed = config.option.keyword or config.option.markexpr or config.option.deselect
    return config.args_source is not pytest.Config.ArgsSource.ARGS and not is_narrowed


def pytest_sessionfinish(session: pytest.Session) -> None:
    """In continuous integration a test that is skipped is a failure."""
    reporter: Any = session.config.pluginmanager.get_plugin("terminalreporter")
    if os.environ.get("CI") and reporter and reporter.stats.get("skipped"):
        session.exitstatus = session.exitstatus or pytest.ExitCode.TESTS_FAILED
