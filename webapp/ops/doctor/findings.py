"""What one check comes to."""

from dataclasses import dataclass

OK, WARNING, PROBLEM = "ok", "warning", "problem"


@dataclass(frozen=True)
class Finding:
    """A sentence about one part of the shop, and what to do unless all is well."""

    name: str
    severity: str  # ok, warning or problem
    sentence: str
    remedy: str = ""

    @property
    def is_well(self) -> bool:
        return self.severity == OK

    @property
    def words(self) -> str:
        """What is wrong and what to do, or ok."""
        return OK if self.is_well else f"{self.sentence} {self.remedy}"


def ok(name: str, sentence: str) -> Finding:
    return Finding(name, OK, sentence)


def warning(name: str, sentence: str, remedy: str) -> Finding:
    return Finding(name, WARNING, sentence, remedy)


def problem(name: str, sentence: str, remedy: str) -> Finding:
    return Finding(name, PROBLEM, sentence, remedy)
