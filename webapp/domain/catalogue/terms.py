"""Which terms a buyer agreed to, and when."""

from datetime import datetime

from sqlalchemy import select

from webapp.db.engine import db
from webapp.db.models import TermsAcceptance
from webapp.db.writes import insert_once


def accept(telegram_id: int, version: str, now: datetime) -> None:
    """Remember that a person accepted a version of the terms; the first time counts."""
    acceptance = {"telegram_id": telegram_id, "version": version, "accepted_at": now}
    insert_once(TermsAcceptance, acceptance, returning="version")


def accepted_at(telegram_id: int, version: str) -> datetime | None:
    """Return when a person accepted a version of the terms."""
    query = select(TermsAcceptance.accepted_at).where(
        TermsAcceptance.telegram_id == telegram_id, TermsAcceptance.version == version
    )
    return db.session.scalar(query)
