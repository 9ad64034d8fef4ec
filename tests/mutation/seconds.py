"""A plugin of pytest that writes down how long each test that passed took, into seconds.json."""

import json
from collections import defaultdict

import pytest

SECONDS: dict[str, float] = defaultdict(float)
OTHERS: set[str] = set()  # failed or skipped: they notice nothing


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    SECONDS[report.nodeid] += report.duration
    if not report.passed:
        OTHERS.add(report.nodeid)


def pytest_sessionfinish(session: pytest.Session) -> None:
    if not hasattr(session.config, "workerinput"):
        passed = {test: seconds for test, seconds in SECONDS.items() if test not in OTHERS}
        (session.config.rootpath / "seconds.json").write_text(json.dumps(passed), encoding="utf-8")
