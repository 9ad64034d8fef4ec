"""The mutation tester's own part: what it is asked, what it draws, and what it calls enough."""

from dataclasses import replace

import pytest

from tests.mutation import report
from tests.mutation.asked import ROOT, asked
from tests.mutation.mutants import Mutant, Place, draw
from tests.mutation.trials import Verdict

PLACES = [Place("bot.py", (line, 0), (line, 1), "AddNot", (("a", line), ("b", line))) for line in range(100)]
MUTANT = Mutant(
    "webapp/domain/access/ledger.py", 1, "AddNot", "if paid:\n    give()\n", "if not paid:\n    give()\n"
)


@pytest.mark.parametrize(
    ("name", "value", "sentence"),
    [
        ("SEED", "yesterday", "SEED is 'yesterday'. Give a whole number."),
        ("SAMPLE", "-1", "SAMPLE is '-1'. Give a whole number."),
        ("SCRIPTS", "1e3", "SCRIPTS is '1e3'. Give a whole number."),
        ("ONLY", "domain", "ONLY is 'domain', and no file of the shop begins so."),
    ],
)
def test_a_setting_that_makes_no_sense_ends_the_run_with_a_sentence(name, value, sentence, monkeypatch):
    monkeypatch.setenv(name, value)
    with pytest.raises(SystemExit) as ended:
        asked()
    assert str(ended.value).startswith(sentence)


def test_a_seed_draws_the_same_again():
    drawn = list(draw(PLACES, seed=7))
    assert drawn == list(draw(reversed(PLACES), seed=7)) != list(draw(PLACES, seed=8))
    assert sorted(place.start for place, _ in drawn) == [place.start for place in PLACES]


def test_every_equivalent_is_about_lines_that_stand():
    assert [one for one in report.equivalents() if one.is_stale(ROOT) or not one.why] == []
    assert report.Equivalent("bot.py", "no such line", "any", "none").is_stale(ROOT)


def test_an_equivalent_is_known_by_what_changes():
    known = report.Equivalent(MUTANT.file, "if paid:", "if not paid:", "made up")
    assert known.fits(MUTANT)
    assert not replace(known, becomes="if False:").fits(MUTANT)


def test_each_part_has_its_own_goal():
    noticed, survived = Verdict(MUTANT, 3, "tests/test_x.py::test_y"), Verdict(MUTANT, 3)
    assert report.is_enough([noticed] * 95 + [survived] * 5)
    assert not report.is_enough([noticed] * 94 + [survived] * 6)
    elsewhere = replace(survived, mutant=replace(MUTANT, file="bot.py"))
    assert not report.is_enough([noticed] * 95 + [elsewhere])
    assert "94.0 % of 95 %, too few" in report.written([noticed] * 94 + [survived] * 6, 0)
