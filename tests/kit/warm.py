"""What every process of the shop does alike as it starts, done once for all that are forked."""

import importlib
import sys

from sqlalchemy.orm import configure_mappers

from webapp.bot_api import trust
from webapp.i18n import languages

# prometheus_client decides at import where its numbers live (webapp/gunicorn.py): whatever leads to it, a
# process imports once it knows.
NOT_YET = ("prometheus_client", "webapp.gunicorn", "webapp.application")
MODULES = (
    *("aiohttp.web", "alembic.ddl.impl", "anyio._backends._asyncio", "babel.support", "certifi"),
    *("concurrent.futures.thread", "cryptography.x509", "encodings.idna", "encodings.utf_8_sig", "flask.cli"),
    *("flask.views", "flask_migrate.cli", "gunicorn.app.wsgiapp", "gunicorn.glogging"),
    *("gunicorn.workers.gthread", "htmx_flask", "httpcore", "httpx", "jinja2.ext", "jwt", "psycopg"),
    *("psycopg_binary", "sqlalchemy.dialects.postgresql", "sqlalchemy.dialects.sqlite", "sqlite3"),
    *("telegram.ext", "werkzeug.debug", "werkzeug.middleware.proxy_fix"),
    *("sandbox.server", "webapp.bot.process", "webapp.bot.watch", "webapp.cli", "webapp.serving.worker"),
    *("webapp.usecases.clocks", "webapp.views.library", "webapp.views.purchases"),
    *("webapp.views.restorations", "webapp.views.shop", "webapp.views.telegram", "webapp.web.assets"),
    *("webapp.web.security",),
)


def up() -> None:
    """Import what they all need, and read what none of them reads differently."""
    for name in MODULES:
        importlib.import_module(name)
    early = [name for name in sys.modules if name.partition(".")[0] in NOT_YET or name in NOT_YET]
    assert not early, early
    configure_mappers()
    languages.read(languages.FOLDER, None)
    trust.authorities()
