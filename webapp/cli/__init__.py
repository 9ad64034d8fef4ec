"""The owner's commands: ``flask --app webapp COMMAND``."""

from flask import Flask

from webapp.cli import catalog, entitlements, money, release


def init_app(app: Flask) -> None:
    """Add the commands to ``flask``."""
    commands = (catalog.group, entitlements.group, release.release, money.refund, money.reconcile)
    for command in commands:
        app.cli.add_command(command)
