"""Whether docs/guarantees.md, failures.md and proofs.md speak of what there is, and of all of it."""

import re

from tests import mutants, proofs

NUMBER = re.compile(r"[IFST]\d+")
RESERVED = ["S38", "S39", "S40", "S41"]  # for an area of the owner's
NOT_RUN = "not yet run"


def text_of(promise: str) -> str:
    page = proofs.GUARANTEES.read_text(encoding="utf-8")
    return re.search(rf"(?ms)^### {promise}: .+?$(.+?)(?=^#|\Z)", page)[1]


def numbers_in(text: str) -> set[str]:
    """Return the numbers that a text names; "S1 to S13" names thirteen."""
    spans = re.findall(r"\b([FS])(\d+) to \1(\d+)", text)
    through = {f"{letter}{n}" for letter, first, last in spans for n in range(int(first), int(last) + 1)}
    return through | set(re.findall(r"\b[FS]\d+\b", text))


def ids(letter: str, last: int) -> list[str]:
    return [f"{letter}{number}" for number in range(1, last + 1)]


def test_every_number_is_there_once():
    """Numbers stay what they are: nobody takes one out, or gives one to something else, unnoticed."""
    found = re.findall(r"(?m)^\| ([FST]\d+) \|", proofs.FAILURES.read_text(encoding="utf-8"))
    promised = re.findall(r"(?m)^### (I\d+): ", proofs.GUARANTEES.read_text(encoding="utf-8"))
    assert sorted(promised, key=lambda number: int(number[1:])) == ids("I", 29)
    assert [number for number in found if number[0] == "F"] == ids("F", 67)
    assert [number for number in found if number[0] == "S"] == [n for n in ids("S", 70) if n not in RESERVED]
    assert len(found) == len(set(found))


def test_every_failure_stands_under_a_promise():
    named = {number for promise in proofs.promises() for number in numbers_in(text_of(promise))}
    assert named ^ {number for number in proofs.failures() if number[0] != "T"} == set()


def test_a_promise_takes_two_lines():
    long = [promise for promise in proofs.promises() if len(text_of(promise).strip().split("\n\n")[0]) > 260]
    assert long == []


def test_every_promise_names_what_holds_it_and_all_of_that_exists():
    held = proofs.held_by()
    assert list(held) == list(proofs.promises())
    lacking = [number for number, text in held.items() if not proofs.PLACE.search(text)]
    gone = [f"{file}::{name}" for text in held.values() for file, name in proofs.PLACE.findall(text)]
    assert lacking == []
    assert [place for place in gone if not proofs.exists(*place.split("::"))] == []


def test_every_promise_and_every_failure_has_a_test_or_says_why_not():
    proved = proofs.marked()
    assert [number for number in proofs.promises() if number not in proved] == []
    unproved = {number for number in proofs.failures() if number not in proved}
    told = {number for number, cells in proofs.failures().items() if "No test: " in cells[-1]}
    assert unproved - {"T34"} == told  # T34 is no test but what tests the tests


def test_every_number_that_a_test_or_a_defect_names_is_in_the_catalogue():
    known = set(proofs.promises()) | set(proofs.failures())
    violated = {one for defect in mutants.load() for one in defect.violates if NUMBER.fullmatch(one)}
    assert (set(proofs.marked()) | violated) - known == set()


def test_the_page_of_proofs_is_fresh():
    fresh = proofs.PROOFS.read_text(encoding="utf-8") == proofs.page()
    assert fresh, "docs/proofs.md is stale: make proofs writes it"


def test_a_marker_is_found_beneath_others_and_missed_when_it_is_gone(tmp_path):
    (tmp_path / "tests").mkdir()
    file = tmp_path / "tests" / "test_money.py"
    file.write_text('@pytest.mark.proves("I1", "F2")\n@other\ndef test_once():\n    pass\n')
    test = ["tests/test_money.py::test_once"]
    assert proofs.marked.__wrapped__(tmp_path) == {"I1": test, "F2": test}
    file.write_text("def test_once():\n    pass\n")
    assert proofs.marked.__wrapped__(tmp_path) == {}


def test_every_figure_was_reached_on_a_day_or_not_yet():
    for number, cells in proofs.failures().items():
        if number[0] == "T" and len(cells) > 1:
            _command, _asked, reached, day = cells
            assert not day if reached == NOT_RUN else re.fullmatch(r"20\d\d-\d\d-\d\d", day), number
