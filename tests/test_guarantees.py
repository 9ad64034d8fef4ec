"""Whether docs/guarantees.md speaks of what there is."""

import re

from tests.kit.processes import ROOT

PAGE = (ROOT / "docs" / "guarantees.md").read_text(encoding="utf-8")
NAMED = re.compile(r"`((?:tests|webapp|migrations|bench)/[\w./]+\.\w+|bot\.py)(?:::(\w+))?`")
TEST = re.compile(r"`tests/[\w/]+\.py::test_\w+`")
ROWS = [
    [cell.strip() for cell in line.split("|")[1:-1]]
    for line in PAGE.splitlines()
    if re.match(r"\| [A-Z]\d", line)
]
GUARANTEES = re.findall(r"(?ms)^### (I\d+): .*?- Held by (.*?)\n- Proved by (.*?)(?=\n#|\Z)", PAGE)
NOT_RUN = "not yet run"


def ids(letter: str, first: int, last: int) -> list[str]:
    return [f"{letter}{number}" for number in range(first, last + 1)]


def rows(letter: str) -> list[list[str]]:
    return [row for row in ROWS if re.fullmatch(rf"{letter}\d+", row[0])]


def exists(file: str, name: str) -> bool:
    if not (ROOT / file).is_file():
        return False
    text = (ROOT / file).read_text(encoding="utf-8")
    return not name or bool(re.search(rf"(?m)^ *(?:async )?(?:def|class) {name}\b", text))


def test_every_guarantee_fault_request_and_figure_is_there_once():
    assert [name for name, _, _ in GUARANTEES] == ids("I", 1, 17)
    assert [row[0] for row in rows("F")] == ids("F", 1, 56)
    assert [row[0] for row in rows("S")] == ids("S", 42, 55)
    assert [row[0] for row in rows("T")] == ids("T", 1, 22)


def test_what_is_named_exists():
    assert [f"{file}::{name}" for file, name in NAMED.findall(PAGE) if not exists(file, name)] == []


def test_every_guarantee_names_what_holds_it_and_what_proves_it():
    lacking = [name for name, held, proved in GUARANTEES if not (NAMED.search(held) and TEST.search(proved))]
    assert lacking == []


def test_every_fault_and_request_names_a_test_or_why_there_is_none():
    unproved = [
        row[0] for row in (*rows("F"), *rows("S")) if not re.search(rf"{TEST.pattern}|no test: ", row[3])
    ]
    assert unproved == []


def test_every_figure_was_reached_on_a_day_or_not_yet():
    for name, command, asked, reached, day in rows("T"):
        assert all((command, asked, reached)), name
        assert not day if reached == NOT_RUN else re.fullmatch(r"20\d\d-\d\d-\d\d", day), name
