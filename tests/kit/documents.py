"""The examples that a document of docs/ gives, to be run."""

import re

from tests.kit.processes import ROOT


def block(name: str, kind: str, number: int = 0) -> str:
    """Return one example of a document: the one of this number among those of a kind."""
    text = (ROOT / "docs" / name).read_text(encoding="utf-8")
    return str(re.findall(rf"```{re.escape(kind)}\n(.*?)```", text, re.DOTALL)[number])
