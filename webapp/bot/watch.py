"""The web process watches the bot, and tells the owners when no bot process is at work."""

import logging
import threading
from datetime import timedelta

from flask import Flask
from sqlalchemy.exc import SQLAlchemyError

from webapp import clock
from webapp.bot.messages import Messages
from webapp.config import HEALTH, Config
from webapp.db.engine import db
from webapp.db.transactions import transaction
from webapp.domain.queue import leases, outbox

log = logging.getLogger(__name__)

LOOK_EVERY_SECONDS = 30.0
# A deploy takes as long; and what a killed bot held runs out half a minute after it.
DEAD_AFTER = timedelta(minutes=3)
DEAD = "owner_bot_dead"
BACK = "owner_bot_back"


def start(app: Flask) -> "Watch | None":
    """Watch the bot until told to stop, if an owner wants to hear of it."""
    config: Config = app.config["STARFRONT"]
    if not config.owner_chats or HEALTH not in config.owner_notices:
        return None
    log.info("this process looks after the bot", extra={"event": "watch_started"})
    watch = Watch(app)
    watch.thread.start()
    return watch


class Watch:
    """One process's eye on the bot. Several see the same, and the owners hear of it once."""

    def __init__(self, app: Flask) -> None:
        self.app = app
        self.config: Config = app.config["STARFRONT"]
        self.messages = Messages(app, holds=lambda _duty: False)  # alarms alone
        self.begun_at = clock.now()
        self.missing: str | None = None  # what the owners were told of
        self.stopping = threading.Event()
        self.thread = threading.Thread(target=self.run, name="watch", daemon=True)

    def stop(self) -> None:
        """Look no more; returns when nobody looks."""
        self.stopping.set()
        self.thread.join()

    def run(self) -> None:
        """Look again and again."""
        while not self.stopping.wait(LOOK_EVERY_SECONDS):
            try:
                self.look()
            except SQLAlchemyError as error:
                log.warning("the bot was not looked after: %s", type(error).__name__)
            except Exception:
                log.exception("the bot was not looked after")

    def look(self) -> None:
        """Tell the owners once that no bot is at work, and once that one is again."""
        with self.app.app_context():
            try:
                self._look()
            finally:
                db.session.remove()

    def _look(self) -> None:
        now = clock.now()
        is_at_work, last = leases.at_work(now)
        if is_at_work:
            self._greet()
            return
        # A shop that was just begun, or a database that was just brought back, has its bot started next.
        since = max(last, self.begun_at) if last else self.begun_at
        if now - since < DEAD_AFTER:
            return
        self.missing = last.isoformat() if last else f"{now:%Y-%m-%d}"
        with transaction():
            facts = {"since": (last or self.begun_at).isoformat()}
            outbox.tell_owners(self.config.owner_chats, DEAD, facts, about=self.missing, now=now)
        self.messages.send_alarms(DEAD)

    def _greet(self) -> None:
        if self.missing is None:
            return
        with transaction():
            outbox.tell_owners(self.config.owner_chats, BACK, {}, about=self.missing, now=clock.now())
        self.missing = None
