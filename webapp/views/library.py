"""What a person owns: upgrades, receipts, and the pages that upgrades open."""

from flask import Blueprint, Response

from webapp import atlas as deep_sky
from webapp import clock, exposures, sky
from webapp.domain import catalogue, entitlements, payments, refunds
from webapp.views import doors, guards, pages

bp = Blueprint("library", __name__)


@bp.get("/upgrades")
def upgrades() -> Response:
    user = guards.current_user()
    held = entitlements.of(user.telegram_id) if user else {}
    return pages.page(
        "upgrades.html",
        path="/upgrades",
        start="upgrades",
        tab="upgrades",
        viewer=user.telegram_id if user else "",
        opened=doors.opened(held, clock.now()),
    )


@bp.get("/purchases")
def purchases() -> Response:
    user = guards.current_user()
    return pages.page(
        "purchases.html",
        path="/purchases",
        start="purchases",
        tab="purchases",
        viewer=user.telegram_id if user else "",
        charges=payments.of(user.telegram_id) if user else [],
        refunds=refunds.of(user.telegram_id) if user else {},
    )


@bp.get("/atlas")
def atlas() -> Response:
    return _gated("atlas", objects=deep_sky.OBJECTS)


@bp.get("/tonight")
def tonight() -> Response:
    now = clock.now()
    return _gated("tonight", tonight=sky.tonight(now))


@bp.get("/field-notes")
def field_notes() -> Response:
    return _gated("field-notes", table=exposures.table(), sensors=exposures.SENSORS)


def _gated(key: str, **content: object) -> Response:
    """Return a page that an entitlement opens, or what it is about to people without it."""
    user = guards.current_user()
    door = doors.DOORS[key]
    is_open = guards.may_open(key)
    return pages.page(
        f"{key.replace('-', '_')}.html",
        path=door.path,
        start=key,
        tab="",
        viewer=user.telegram_id if user else "",
        door=door,
        is_open=is_open,
        products=[] if is_open else catalogue.giving(key),
        **content,
    )
