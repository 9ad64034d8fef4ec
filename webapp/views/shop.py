"""The shop and its products."""

import re
from typing import Any

from flask import Blueprint, Response, g, jsonify
from flask.typing import ResponseReturnValue
from htmx_flask import request

from webapp import clock
from webapp.config import current
from webapp.db.models import Product, User
from webapp.domain.access import entitlements
from webapp.domain.catalogue import catalogue
from webapp.domain.catalogue.catalogue_files import LONGEST_SLUG, SLUG
from webapp.domain.owner import shops
from webapp.domain.sales import orders, subscriptions
from webapp.errors import NotFound, ProductNotFound
from webapp.i18n import localize
from webapp.i18n.localize import gettext
from webapp.shop import documents, plugins
from webapp.usecases import context, shares
from webapp.views import gated, help, library, plugged, purchases, settings
from webapp.views.read import holdings, offers, plans
from webapp.web import guards, pages, previews
from webapp.web.guards import signed_in

bp = Blueprint("shop", __name__)

PAGE_NUMBER = re.compile(r"[1-9][0-9]{0,5}")

# Where a start parameter leads that is not a product; it is looked up here, never followed.
TARGETS = {
    "upgrades": library.upgrades,
    "purchases": purchases.index,
    "why": library.why,
    "support": help.support,
    "terms": help.terms,
    "privacy": help.privacy,
    "settings": settings.show,
    "language": settings.show,
}


@bp.get("/")
def index() -> ResponseReturnValue:
    start = request.args.get("tgWebAppStartParam", "")
    if start in TARGETS:
        return TARGETS[start]()
    if start in plugins.current().targets:
        return plugged.open_target(start)
    if not start:
        return _shop(_page_number())
    try:
        return product(start)
    except ProductNotFound:
        return gated.lead_to(start) or _shop(1)


@bp.get("/products/<slug>")
def product(slug: str) -> Response:
    found = _find(slug)
    facts = {**_sold(found), "path": f"/products/{slug}", "start": slug, "preview": found.picture}
    user = guards.current_user() if request.htmx else None
    if user:
        return pages.page("product.html", **facts, **_offer(found, user))
    return pages.public(
        "product.html", slug, lambda: {**facts, "known": False, "holding": None, "offer": None}
    )


@bp.get("/products/<slug>/offer")
@signed_in
def offer(slug: str) -> Response:
    found = _find(slug)
    return pages.fragment("_offer.html", swapped=True, **_sold(found), **_offer(found, g.user))


@bp.post("/products/<slug>/share")
@signed_in
def share(slug: str) -> Response:
    """Have Telegram keep a message about a product that the person may send to anybody."""
    return jsonify(id=shares.prepare_share(context.current(), g.user, _card(_find(slug))))


@bp.get("/shelf")
def shelf() -> Response:
    user, found = guards.current_user(), catalogue.shelf(_page_number())
    holdings = _mine(found.products, user)["holdings"] if user else None
    return pages.fragment("_shelf.html", shelf=found, holdings=holdings)


@bp.get("/me")
@signed_in
def me() -> Response:
    products = catalogue.shelf(_page_number()).products
    return pages.fragment("_mine.html", products=products, swapped=True, **_mine(products, g.user))


def _shop(number: int) -> Response:
    facts = {"path": "/" if number == 1 else f"/?page={number}", "tab": "shop"}
    user = guards.current_user() if request.htmx else None
    if user:
        shelf = catalogue.shelf(number)
        return pages.page("shop.html", shelf=shelf, **facts, **_mine(shelf.products, user))
    return pages.public(
        "shop.html", str(number), lambda: {**facts, "shelf": catalogue.shelf(number), "holdings": None}
    )


def _page_number() -> int:
    """Return the page of the shop that is asked for.

    :raise NotFound: no page has such a number
    """
    told = request.args.get("page", "1")
    if not PAGE_NUMBER.fullmatch(told):
        raise NotFound(page=told)
    return int(told)


def _find(slug: str) -> Product:
    # Checked before the database is asked: PostgreSQL takes no zero bytes.
    if len(slug) > LONGEST_SLUG or not SLUG.fullmatch(slug):
        raise ProductNotFound(slug=slug)
    return catalogue.get(slug)


def _sold(product: Product) -> dict[str, Any]:
    return {"product": product, "terms_version": documents.terms().version}


def _card(product: Product) -> dict[str, Any]:
    """Return a product as a message with a way to it (Bot API: InlineQueryResultArticle)."""
    wording = localize.worded(product)
    address = f"https://t.me/{shops.bot_username()}?startapp={product.slug}"
    return {
        "type": "article",
        "id": product.slug,
        "title": wording.title,
        "description": wording.description,
        "thumbnail_url": previews.absolute_url(product.picture),
        "input_message_content": {
            "message_text": f"{wording.title}\n\n{wording.description}",
            "link_preview_options": {
                "url": f"{current().public_url}/products/{product.slug}",
                "prefer_large_media": True,
                "show_above_text": True,
            },
        },
        "reply_markup": {"inline_keyboard": [[{"text": gettext("Open in Telegram"), "url": address}]]},
    }


def _mine(products: list[Product], user: User) -> dict[str, object]:
    now = clock.now()
    held = entitlements.of(user.telegram_id)
    return {
        "holdings": holdings.by_slug(products, held, subscriptions.list_for(user.telegram_id), now),
        "waiting_orders": orders.unfinished(user, now),
    }


def _offer(product: Product, user: User) -> dict[str, object]:
    now = clock.now()
    offer = offers.for_user(product, user, now)
    plan = offer.plan
    return {
        "known": True,
        "holding": offer.holding,
        "offer": offer,
        # Only what is sold has a page with an offer.
        "standing": plans.standing(plan, now, is_sold=True) if plan else None,
    }
