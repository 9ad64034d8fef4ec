"""A release: the database claimed for its bot, and the catalogue of the release sold."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any

from webapp import clock
from webapp.config import Config
from webapp.db.transactions import run_in_transaction
from webapp.domain.catalogue import catalogue
from webapp.domain.catalogue.catalogue import Difference, Item
from webapp.domain.owner import shops
from webapp.domain.owner.audit import Decision
from webapp.domain.people import retired_secrets
from webapp.usecases.owner.catalogue import replace

BY_RELEASE = Decision(by="release", reason="the catalogue file of this release")


@dataclass(frozen=True)
class Catalogue:
    """What a release made of the catalogue."""

    differences: Sequence[Difference]
    counts: Mapping[str, int] | None  # None: nothing was changed
    sells_something: bool


def claim(config: Config, bot: Mapping[str, Any], items: Sequence[Item] | None) -> Catalogue:
    """Claim the database for a bot and sell what a release lists, unless the shop has a catalogue of its own.

    :param bot: what getMe returned
    :param items: None where there is no file: one that got lost takes nothing off sale
    :raise ForeignDatabase: the database is another bot's
    """
    return run_in_transaction(partial(_claim, config, bot, items, clock.now()))


def _claim(config: Config, bot: Mapping[str, Any], items: Sequence[Item] | None, now: datetime) -> Catalogue:
    # Whoever claims waits for another release that does, which would import the same.
    name = str(bot.get("first_name", ""))
    shops.claim(config.bot_id, str(bot["username"]), config.bot_environment, bot_name=name)
    found = _bring_catalogue(items, config, now)
    retired_secrets.note(config.previous_webhook_secret, now)
    return found


def _bring_catalogue(items: Sequence[Item] | None, config: Config, now: datetime) -> Catalogue:
    is_known = bool(catalogue.everything())
    if items is None:
        return Catalogue((), None, is_known)
    if config.catalogue == "file" or not is_known:
        differences, counts = replace(items, BY_RELEASE, now)
        return Catalogue(differences, counts, sells_something=True)
    return Catalogue(catalogue.differences(items), None, is_known)
