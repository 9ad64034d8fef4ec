"""In which language the bot talks to a person."""

from webapp.db.engine import db
from webapp.domain.people import users
from webapp.i18n import localize


def code_of(telegram_id: int) -> str | None:
    """Return the language that a person chose or has in Telegram; None if that cannot be known now."""
    try:
        user = users.get(telegram_id)
    except Exception:
        # A message in English is better than none.
        db.session.rollback()
        return None
    language = localize.known_of(user) if user else None
    return language.code if language else None
