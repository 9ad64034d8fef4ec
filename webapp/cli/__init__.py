"""The owner's commands: ``flask --app webapp COMMAND``."""

from flask import Flask

from webapp.cli import (
    broadcast,
    catalog,
    doctor,
    entitlements,
    inbox,
    money,
    quarantine,
    release,
    version,
    why,
)


def init_app(app: Flask) -> None:
    """Add the commands to ``flask``."""
    for group in (broadcast.group, catalog.group, entitlements.group, inbox.group, quarantine.group):
        app.cli.add_command(group)
    for command in (release.release, doctor.doctor, money.refund, money.reconcile, version.version, why.why):
        app.cli.add_command(command)
