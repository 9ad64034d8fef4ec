"""What a sample says of the tests: a score for each module, the survivors, and whether that is enough."""

import tomllib
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.mutation.mutants import Mutant
from tests.mutation.trials import Verdict

EQUIVALENTS = Path(__file__).with_name("equivalents.toml")
# The share of mutants that has to be noticed, in percent. The first prefix that fits counts.
GOALS = {"webapp/domain/": 95, "static/": 80, "": 88}
NAMES = {"webapp/domain/": "the domain", "static/": "static/*.js", "": "everything else"}


@dataclass(frozen=True)
class Equivalent:
    """A mutant that behaves as the shop does."""

    file: str
    was: str
    becomes: str
    why: str

    def fits(self, mutant: Mutant) -> bool:
        return (self.file, self.was, self.becomes) == (mutant.file, mutant.was, mutant.becomes)

    def is_stale(self, root: Path) -> bool:
        """Tell whether its lines stand in its file no more."""
        text = (root / self.file).read_text(encoding="utf-8") if (root / self.file).exists() else ""
        return " ".join(self.was.split()) not in " ".join(text.split())


def equivalents(file: Path = EQUIVALENTS) -> list[Equivalent]:
    """Return every equivalent that somebody argued for."""
    listed = tomllib.loads(file.read_text(encoding="utf-8")).get("equivalent", [])
    return [Equivalent(**facts) for facts in listed]


def is_enough(verdicts: Iterable[Verdict]) -> bool:
    """Tell whether each part of the shop that was drawn from reaches its goal."""
    parts = _by(verdicts, lambda verdict: part_of(verdict.mutant.file))
    return all(_percent(each) >= GOALS[part] for part, each in parts.items())


def part_of(file: str) -> str:
    return next(prefix for prefix in GOALS if file.startswith(prefix))


def written(verdicts: Sequence[Verdict], left_out: int) -> str:
    """Return the report as people read it: survivors with their diffs, then the scores."""
    return "\n".join([*_survivors(verdicts), *_scores(verdicts), "", *_parts(verdicts, left_out)])


def _survivors(verdicts: Iterable[Verdict]) -> Iterator[str]:
    for verdict in verdicts:
        if not verdict.killer:
            yield f"{verdict}\n{verdict.mutant.diff}\n"


def _scores(verdicts: Iterable[Verdict]) -> Iterator[str]:
    yield f"{'module':40} {'noticed':>8} {'of':>4}"
    for file, each in sorted(_by(verdicts, lambda verdict: verdict.mutant.file).items()):
        yield f"{file:40} {_noticed(each):8} {len(each):4} {_percent(each):5.0f} %"


def _parts(verdicts: Iterable[Verdict], left_out: int) -> Iterator[str]:
    for part, each in _by(verdicts, lambda verdict: part_of(verdict.mutant.file)).items():
        reached = "" if _percent(each) >= GOALS[part] else ", too few"
        score = f"{_noticed(each):8} {len(each):4} {_percent(each):5.1f} %"
        yield f"{NAMES[part]:40} {score} of {GOALS[part]} %{reached}"
    yield f"{left_out} more are equivalent, as tests/mutation/equivalents.toml argues."


def _by(verdicts: Iterable[Verdict], key: Callable[[Verdict], str]) -> dict[str, list[Verdict]]:
    found: dict[str, list[Verdict]] = {}
    for verdict in verdicts:
        found.setdefault(key(verdict), []).append(verdict)
    return found


def _noticed(verdicts: Iterable[Verdict]) -> int:
    return sum(bool(verdict.killer) for verdict in verdicts)


def _percent(verdicts: Sequence[Verdict]) -> float:
    return 100 * _noticed(verdicts) / len(verdicts)
