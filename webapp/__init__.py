"""Starfront: a storefront that lives inside Telegram."""

import os
from typing import TYPE_CHECKING

from webapp.version import __version__ as __version__

OURS_ALONE = 0o077  # files for their owner only: they hold who bought what

if TYPE_CHECKING:
    from flask import Flask

    from webapp.config import Config


def create_app(settings: "Config | None" = None) -> "Flask":
    """Return the shop, ready to serve; see :func:`webapp.application.create_app`.

    :raise SystemExit: it cannot start as the environment has it, and says why
    """
    from webapp.ops import metrics_folder

    metrics_folder.leave_alone()
    # Imported here so that the domain and the tools can be used without the web, and once it is known where
    # numbers are kept.
    from webapp import application, cli
    from webapp.config import ConfigError, refusal
    from webapp.domain.owner.shops import ForeignDatabase
    from webapp.i18n.languages import TranslationInvalid

    if settings is None:
        os.umask(OURS_ALONE)  # of this process, which is the shop's
    try:
        return application.create_app(settings)
    except (ConfigError, ForeignDatabase, TranslationInvalid) as reason:
        if settings is not None:
            raise
        if cli.is_asked():
            return cli.without_shop(refusal(reason))
        # Called by a server or a tool, which would bury the sentence under a traceback.
        raise SystemExit(refusal(reason)) from None
