"""What is wrong with the shop, and what to do."""

import json
import sys
from collections import Counter

import click
from flask import current_app
from flask.cli import with_appcontext

from webapp import clock
from webapp.cli.commands import OwnerCommand
from webapp.cli.terminal import clean, say
from webapp.config import current
from webapp.ops.doctor import Finding, examine
from webapp.version import __version__


@click.command(cls=OwnerCommand)
@click.option("--json", "as_json", is_flag=True, help="For programs: a list of findings.")
@with_appcontext
def doctor(as_json: bool) -> None:
    """Look the shop over without changing anything; fail if there is a problem."""
    findings = examine(current_app.extensions["context"].client, current(), clock.now())
    if as_json:
        facts = [{name: clean(fact) for name, fact in vars(finding).items()} for finding in findings]
        click.echo(json.dumps(facts, indent=2))
    else:
        _tell(findings)
    sys.exit(1 if any(finding.severity == "problem" for finding in findings) else 0)


def _tell(findings: list[Finding]) -> None:
    say(f"Starfront {__version__}\n")
    for finding in findings:
        say(f"{finding.severity:<9}{finding.name}: {finding.sentence}")
        if finding.remedy:
            say(f"{'':9}To do: {finding.remedy}")
    counts = Counter(finding.severity for finding in findings)
    click.echo(f"\n{counts['problem']} problems, {counts['warning']} warnings, {counts['ok']} well.")
