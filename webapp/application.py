"""The application put together: settings, database, domain, pages."""

import logging
import os
import threading
from pathlib import Path
from weakref import WeakSet

from flask import Flask
from htmx_flask import Htmx
from sqlalchemy.exc import DBAPIError
from werkzeug.middleware.proxy_fix import ProxyFix

from webapp import cli, config
from webapp.config import Config, ConfigError
from webapp.db import postgresql
from webapp.db.engine import configure_engine, db, engine_options, migrate
from webapp.db.remedies import is_unmigrated, remedy
from webapp.domain.access import signals
from webapp.domain.catalogue.toml_files import FileInvalid
from webapp.domain.owner import shops
from webapp.domain.people import init_data
from webapp.domain.people.keys import KeyRing
from webapp.host import disks
from webapp.i18n import localize
from webapp.ops import logs, metrics
from webapp.shop import brand, brand_file, documents, openings, plugins
from webapp.shop.folder import Folder, FolderInvalid
from webapp.usecases.context import Context
from webapp.views import (
    gated,
    health,
    help,
    library,
    orders,
    plugged,
    previews,
    purchases,
    restorations,
    session,
    settings,
    shop,
    subscriptions,
    telegram,
)
from webapp.web import assets, guards, pages, polled, problems, security, templates

log = logging.getLogger(__name__)

ROOT = Path(__file__).parent.parent
# Threads that may wait for Telegram in one web process; four of 32 always serve pages (gunicorn.py).
CALLS_AT_ONCE = 28

_applications: "WeakSet[Flask]" = WeakSet()


def create_app(settings: Config | None = None) -> Flask:
    """Return the shop, ready to serve, with its settings checked.

    :raise webapp.config.ConfigError: a setting is missing or unsafe, or the database unfit
    :raise webapp.i18n.languages.TranslationInvalid: a file of translations is broken
    :raise webapp.domain.owner.shops.ForeignDatabase: the database is another bot's
    """
    settings = settings or config.load()
    logs.init(settings)
    app = Flask(__name__, static_folder=None, template_folder=str(ROOT / "templates"))
    app.jinja_loader = templates.loader(settings.shop, is_debug=settings.debug)
    app.config["STARFRONT"] = settings
    app.debug = settings.debug
    app.config["SQLALCHEMY_DATABASE_URI"] = _anchored(settings.database_url)
    app.config["SQLALCHEMY_ENGINE_OPTIONS"] = engine_options(settings.database_url)
    _init_shop(app, settings.shop)
    _init_extensions(app)
    _init_domain(app, settings)
    _init_views(app, settings)
    _init_signals(app)
    _check_database(app, settings)
    _applications.add(app)
    return app


def _anchored(database_url: str) -> str:
    """Return the address with a SQLite file's path made absolute and its folder made.

    :raise webapp.config.ConfigError: the folder cannot be made
    """
    file = disks.file_of(database_url)
    if file is None:
        return database_url
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ConfigError(
            f"DATABASE_URL: the folder {file.parent} cannot be made ({error.strerror})."
        ) from error
    return f"{disks.PREFIX}{file}"


def _init_shop(app: Flask, folder: Folder) -> None:
    """Read the owner's folder, once: what changes in it waits for the next start.

    :raise webapp.config.ConfigError: something in it is wrong
    """
    try:
        brand.init_app(app, brand_file.read(folder))
        documents.init_app(app, folder)
        openings.init_app(app, folder, plugins.load(folder).paths)
    except FolderInvalid as error:
        raise ConfigError(*error.sentences) from error
    except FileInvalid as error:
        raise ConfigError(f"{folder.catalogue.name}, {error}.") from error


def _init_extensions(app: Flask) -> None:
    db.init_app(app)
    migrate.init_app(app, db, directory=str(ROOT / "migrations"), render_as_batch=True)
    localize.init_app(app, app.config["STARFRONT"].shop.translations)
    Htmx(app)
    with app.app_context():
        configure_engine(db.engine)


def _init_domain(app: Flask, settings: Config) -> None:
    keys = KeyRing.of(settings.secret_key, settings.previous_secret_keys)
    app.extensions["keys"] = keys
    app.extensions["init_data_secret"] = init_data.secret_of(settings.bot_token)
    app.extensions["context"] = Context(settings, keys, threading.BoundedSemaphore(CALLS_AT_ONCE))
    cli.init_app(app)


def _init_views(app: Flask, config: Config) -> None:
    for views in (
        shop,
        orders,
        subscriptions,
        purchases,
        restorations,
        library,
        gated,
        help,
        settings,
        session,
        telegram,
        health,
        previews,
    ):
        app.register_blueprint(views.bp)
    logs.init_app(app)
    metrics.init_app(app)
    problems.init_app(app)
    security.init_app(app)
    guards.init_app(app)
    assets.init_app(app)
    pages.init_app(app)
    polled.init_app(app)
    plugged.init_app(app, config.shop)
    if config.proxy_hops:
        # Only as many hops as the owner counted: anything further left is the client's own word.
        app.wsgi_app = ProxyFix(app.wsgi_app, x_for=config.proxy_hops, x_proto=1, x_host=0)  # type: ignore[method-assign]


def _init_signals(app: Flask) -> None:
    with app.app_context():
        signals.listen(name for name, signal in plugins.current().signals.items() if signal.receivers)


def forget_connections() -> None:
    """Let a forked worker open database connections of its own."""
    for app in _applications:
        with app.app_context():
            db.engine.dispose(close=False)


def _check_database(app: Flask, settings: Config) -> None:
    with app.app_context():
        try:
            shops.check(settings.bot_id, settings.bot_environment)
        except DBAPIError as error:
            told = remedy(error)
            if isinstance(error.orig, postgresql.Unfit):
                raise ConfigError(told) from error
            # /readyz says so too, and the release or time mends it.
            if is_unmigrated(error) and "FLASK_RUN_FROM_CLI" not in os.environ:
                return problems.tell_unmigrated(app)
            log.warning("the database cannot be read yet%s", told and f": {told}")
        finally:
            db.session.rollback()
            # Of the process that only forks workers it would be one more than capacity counts.
            db.engine.dispose()
