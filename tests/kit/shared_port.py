"""Two web processes of one shop on one port: what no owner starts, and tests kill by turns."""

from webapp.gunicorn import *  # noqa: F403 - as it really runs


def on_starting(_server: object) -> None:
    """Ask nobody whether the port is free."""
