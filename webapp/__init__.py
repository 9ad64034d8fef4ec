"""Starfront: a storefront that lives inside Telegram."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from flask import Flask

    from webapp.config import Config


def create_app(settings: "Config | None" = None) -> "Flask":
    """Return the shop, ready to serve; see :func:`webapp.application.create_app`."""
    # Imported here so that the domain and the tools can be used without the web.
    from webapp import application

    return application.create_app(settings)
