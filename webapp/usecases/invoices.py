"""Orders, with the links that open their invoices in Telegram."""

from typing import Any

from webapp import clock
from webapp.db.models import Order, User
from webapp.db.transactions import run_in_transaction, transaction
from webapp.domain.people import rate_limits
from webapp.domain.sales import orders
from webapp.i18n import languages
from webapp.shop import documents
from webapp.usecases import calls
from webapp.usecases.context import Context

INVOICES_A_MINUTE = 6


def open_invoice(
    context: Context,
    buyer: User,
    slug: str,
    *,
    terms_version: str,
    correlation_id: str,
    trial: bool = False,
    beside_plan: bool = False,
    language: str = languages.ENGLISH.code,
) -> Order:
    """Return the buyer's open order for a product, with the link that opens its invoice.

    :param trial: what is bought is the product's trial
    :param beside_plan: the buyer was told that a plan of theirs opens the same already
    :param language: the code of the language that title and description are to be in
    :raise TelegramBusy: Telegram did not answer in time, or too many wait for it already
    :raise TelegramRefused: Telegram will not make this invoice
    :raise ShopError: whatever :func:`webapp.domain.sales.orders.place` refuses
    """

    def place() -> Order:
        now = clock.now()
        order = orders.place(
            buyer,
            slug,
            terms_version=terms_version,
            current_terms=documents.terms().version,
            correlation_id=correlation_id,
            keys=context.keys,
            now=now,
            trial=trial,
            beside_plan=beside_plan,
            language=language,
            period_seconds=context.config.subscription_seconds,
        )
        if order.invoice_link is None:
            rate_limits.hit(f"invoice:{buyer.telegram_id}", INVOICES_A_MINUTE, 60, now)
        return order

    order = run_in_transaction(place)
    if order.invoice_link is None:
        link = _create_link(context, order, language)
        with transaction():
            orders.remember_link(order, link)
    return order


def _create_link(context: Context, order: Order, language: str) -> str:
    invoice: dict[str, Any] = {
        "title": order.title,
        "description": order.product.worded(language).description,
        "payload": order.payload,
        "provider_token": "",  # empty for Telegram Stars
        "currency": "XTR",
        "prices": [{"label": order.title, "amount": order.stars}],
    }
    if order.period_seconds:
        invoice["subscription_period"] = order.period_seconds
    return str(calls.ask_for_person(context, "createInvoiceLink", invoice, order=order.public_id))
