"""What may be shown on the owner's terminal of words that others chose."""

import json
from collections.abc import Sequence

import click

from webapp.config import current
from webapp.ops.log_lines import JSONFormatter


def say(text: str) -> None:
    """Print a text without secrets, and without what would move the cursor or turn a line around."""
    click.echo(clean(text))


def say_table(rows: Sequence[Sequence[object]]) -> None:
    """Print rows in columns, each as wide as its widest cell; of a cell only its first line."""
    cells = [[printable(str(cell).partition("\n")[0]) for cell in row] for row in rows]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    for row in cells:
        say("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())


def clean(text: str) -> str:
    """Return a text in which no secret stands and every character shows."""
    return printable(JSONFormatter(current().secrets).without_secrets(text))


def printable(text: str) -> str:
    """Return a text with everything that shows no sign of its own written out, as JSON does."""
    return "".join(one if one.isprintable() or one == "\n" else json.dumps(one)[1:-1] for one in text)
