"""Pages that an entitlement opens: the owner's Markdown pages, and what every such page has."""

from dataclasses import dataclass

from flask import Blueprint, Response, current_app
from markupsafe import Markup

from webapp.domain.catalogue import catalogue
from webapp.errors import NotFound
from webapp.i18n import localize
from webapp.shop import markdown
from webapp.shop.destinations import Page
from webapp.shop.openings import Opening
from webapp.shop.openings import current as every_opening
from webapp.shop.owners_pages import OwnersPage
from webapp.views.read import gated_pages
from webapp.web import assets, guards, pages

bp = Blueprint("gated", __name__)

START = "page_"  # what a start parameter begins with that leads to a page; no product is called so


@dataclass(frozen=True)
class Text:
    """A page of the owner's as it is read."""

    title: str  # its own, if it begins with one
    whole: Markup
    preview: Markup


@bp.get("/pages/<name>")
def show(name: str) -> Response:
    for opening in every_opening().values():
        if isinstance(opening.destination, Page) and opening.destination.page.name == name:
            return _owners_page(opening, opening.destination.page)
    raise NotFound(page=name)


def lead_to(start: str) -> Response | None:
    """Return the Markdown page that a start parameter leads to, if it does."""
    opening = every_opening().get(start.removeprefix(START))
    if opening is None or not isinstance(opening.destination, Page):
        return None
    return _owners_page(opening, opening.destination.page)


def page(key: str, template: str, *, path: str, start: str, **facts: object) -> Response:
    """Return a page that an entitlement opens, or what it is about to people without it.

    :param template: shows it by ``is_open``; ``products`` are those that open it
    :param path: the page's own address, to which a start parameter leads as well
    """
    user, is_open = guards.current_user(), guards.may_open(key)
    return pages.page(
        template,
        path=path,
        start=start,
        tab="",
        viewer=user.telegram_id if user else "",
        gated_page=gated_pages.named([key])[key],
        is_open=is_open,
        products=[] if is_open else catalogue.giving(key),
        **facts,
    )


def _owners_page(opening: Opening, owners_page: OwnersPage) -> Response:
    guards.current_user()  # whose language it is read in
    path, start = f"/pages/{owners_page.name}", f"{START}{opening.key}"
    return page(opening.key, "owners_page.html", path=path, start=start, text=_text(owners_page))


def _text(owners_page: OwnersPage) -> Text:
    """Return a page in the language spoken, rendered once for as long as the process lives."""
    kept: dict[tuple[str, str], Text] = current_app.extensions.setdefault("owners_pages", {})
    language = localize.spoken().code
    key = owners_page.name, language if language in owners_page.translations else ""
    if key not in kept:
        kept[key] = _rendered(owners_page.text_in(language))
    return kept[key]


def _rendered(text: str) -> Text:
    title, body = markdown.split_title(text)
    _, preview = markdown.split_title(markdown.preview(text))
    return Text(title, *(markdown.render(part, assets.picture_file) for part in (body, preview)))
