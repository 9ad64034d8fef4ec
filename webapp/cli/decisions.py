"""What every decision of the owner's has on the shell: a reason, and somebody who decides."""

import getpass
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import click

from webapp.errors import ShopError
from webapp.usecases.owner import Decision, NotDone, Unfounded


def reason_option(help_text: str, *, default: str | None = None) -> Callable[[Any], Any]:
    """Return a ``--reason`` that refuses to be empty; required where there is no default."""
    return click.option(
        "--reason", required=default is None, default=default, callback=_decided, help=help_text
    )


@contextmanager
def explained(consequence: str = "Nothing was changed.") -> Iterator[None]:
    """End a command with one sentence when what was decided cannot be done, and with what follows."""
    try:
        yield
    except NotDone as error:
        raise click.ClickException(f"{error} {consequence}") from error
    except ShopError as error:
        raise click.ClickException(f"{error.sentence} {consequence}") from error


def _decided(context: click.Context, option: click.Parameter, reason: str | None) -> Decision:
    if reason is None:
        raise click.MissingParameter(ctx=context, param=option)
    try:
        return Decision(by=_who(), reason=reason)
    except Unfounded as error:
        raise click.BadParameter(str(error)) from error


def _who() -> str:
    try:
        return f"shell:{getpass.getuser()}"
    except (KeyError, OSError):
        return "shell"  # a container whose user has no name
