"""``make mutation``: mutants are drawn and tried, and a report says which of them no test noticed."""

import sys
from collections.abc import Sequence
from dataclasses import replace
from functools import partial

from tests.mutation import javascript, python, reach, report, trials
from tests.mutation.asked import ROOT, Asked, asked
from tests.mutation.mutants import Mutant
from tests.mutation.trials import Tree, Verdict

KEPT = ROOT / "var" / "mutation"


def main() -> int:
    """Draw, try, and report; the exit code says whether the tests notice enough."""
    told = asked()
    print(f"SEED={told.seed} SAMPLE={told.sample} SCRIPTS={told.scripts} ONLY={told.only}", flush=True)
    equivalents = report.equivalents()
    if stale := [f"{each.file}: {each.was}" for each in equivalents if each.is_stale(ROOT)]:
        sys.exit("These equivalents are about lines that are no more:\n" + "\n".join(stale))
    drawn = _draw(told)
    mutants = [one for one in drawn if not any(each.fits(one) for each in equivalents)]
    if not mutants:
        sys.exit("Nothing was drawn. Give SAMPLE= or SCRIPTS= a number, 1 or more.")
    verdicts = _confirmed(_try(mutants))
    text = report.written(verdicts, len(drawn) - len(mutants))
    print(f"\n{text}")
    (KEPT / "report.txt").write_text(f"SEED={told.seed}\n{text}\n", encoding="utf-8")
    return 0 if report.is_enough(verdicts) else 1


def _draw(told: Asked) -> list[Mutant]:
    try:
        scripts = javascript.sample(ROOT, KEPT / "stryker", told.scripts, told.seed, told.only)
    except javascript.NoStryker as reason:
        sys.exit(str(reason))
    return [*python.sample(ROOT, KEPT / "places", told.sample, told.seed, told.only), *scripts]


def _try(mutants: Sequence[Mutant]) -> list[Verdict]:
    is_python = any(one.file not in javascript.SCRIPTS for one in mutants)
    seen = reach.measure(ROOT, KEPT / "reach") if is_python else reach.Reach()
    verdicts: list[Verdict] = []
    for verdict in trials.in_trees(ROOT, partial(_judge, seen), mutants):
        verdicts.append(verdict)
        print(f"{len(verdicts)} of {len(mutants)}  {verdict}", flush=True)
    return verdicts


def _judge(seen: reach.Reach, tree: Tree, mutant: Mutant) -> Verdict:
    tests = javascript.TESTS.get(mutant.file) or seen.of(mutant)
    return trials.judge(tree, mutant, tests, patience_seconds=seen.patience_seconds(tests))


def _confirmed(verdicts: Sequence[Verdict]) -> list[Verdict]:
    """Return the verdicts without those of tests that fail anyway."""
    killers = sorted({one.killer for one in verdicts if "::" in one.killer})
    failing = trials.failing(ROOT, killers)
    for test in sorted(failing):
        print(f"{test} fails without any mutant: what it noticed does not count.")
    return [replace(one, killer="") if one.killer in failing else one for one in verdicts]


if __name__ == "__main__":
    sys.exit(main())
