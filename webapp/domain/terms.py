"""Which terms a buyer agreed to, and when."""

from datetime import datetime

from webapp.extensions import insert_once
from webapp.models import TermsAcceptance

VERSION = "2026-11"  # change it together with templates/help/terms.html


def accept(telegram_id: int, version: str, now: datetime) -> None:
    """Remember that a person accepted a version of the terms; the first time counts."""
    acceptance = {"telegram_id": telegram_id, "version": version, "accepted_at": now}
    insert_once(TermsAcceptance, acceptance, returning="version")
