"""The owner's commands: ``flask --app webapp COMMAND``."""

import os
import sys

from flask import Flask

from webapp.cli import (
    broadcast,
    catalog,
    doctor,
    entitlements,
    inbox,
    money,
    people,
    quarantine,
    refunds,
    release,
    shop,
    signals,
    version,
    why,
)

# Flask's own, which make no sense of a shop without settings.
FLASKS_OWN = {"db", "routes", "run", "shell"}


def init_app(app: Flask) -> None:
    """Add the commands to ``flask``."""
    groups = (broadcast, catalog, entitlements, inbox, quarantine, refunds, shop, signals)
    for group in (one.group for one in groups):
        app.cli.add_command(group)
    for command in (people.ban, people.unban, people.grant, people.revoke, people.extend, people.forget):
        app.cli.add_command(command)
    for command in (release.release, doctor.doctor, money.refund, money.reconcile, version.version, why.why):
        app.cli.add_command(command)


def is_asked() -> bool:
    """Tell whether a command of ours, or what there is, is asked of ``flask`` in this process."""
    return os.environ.get("FLASK_RUN_FROM_CLI") == "true" and not FLASKS_OWN & set(sys.argv)


def without_shop(reason: str) -> Flask:
    """Return what carries the commands where no shop can be made; those that need one say the reason."""
    app = Flask("webapp", static_folder=None)
    app.extensions["refusal"] = reason
    init_app(app)
    return app
