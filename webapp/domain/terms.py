"""Which terms a buyer agreed to, and when."""

from datetime import datetime

from webapp.extensions import db, insert
from webapp.models import TermsAcceptance

VERSION = "2026-11"  # change it together with templates/help/terms.html


def accept(telegram_id: int, version: str, now: datetime) -> None:
    """Remember that a person accepted a version of the terms; the first time counts."""
    db.session.execute(
        insert(TermsAcceptance)
        .values(telegram_id=telegram_id, version=version, accepted_at=now)
        .on_conflict_do_nothing()
    )
