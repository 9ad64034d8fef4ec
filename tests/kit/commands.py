"""An owner's commands, as the shell runs them."""

from flask import Flask

from webapp.db.engine import db


def run(app: Flask, *args: str) -> tuple[int, str]:
    """Run a command, and return its exit code with what it said."""
    db.session.rollback()
    result = app.test_cli_runner().invoke(args=args)
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    db.session.rollback()
    lines = [line for line in result.output.splitlines() if not line.startswith('{"time": ')]
    return result.exit_code, "\n".join(lines)
