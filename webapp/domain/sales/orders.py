"""Orders: what a person is about to pay for, at a price that no longer changes."""

from datetime import datetime, timedelta

from sqlalchemy import func, select, update
from sqlalchemy.orm.attributes import set_committed_value

from webapp.db.engine import db
from webapp.db.models import LedgerEntry, Order, Product, User
from webapp.domain.access import entitlements, ledger
from webapp.domain.catalogue import catalogue, terms
from webapp.domain.people.keys import KeyRing
from webapp.domain.sales import payloads, subscriptions
from webapp.domain.sales.payloads import SaleKind
from webapp.errors import (
    AlreadyOwned,
    AlreadySubscribed,
    Banned,
    OffSale,
    OrderNotFound,
    PassBesidePlan,
    ProductNotFound,
    RateLimited,
    TermsChanged,
    TrialUsed,
)
from webapp.i18n import languages

LIFE_SECONDS = 15 * 60
# An order this close to its end is replaced rather than offered: people need time to pay.
TOO_LITTLE_LEFT_SECONDS = 60
MOST_OPEN = 30


def place(
    buyer: User,
    slug: str,
    *,
    terms_version: str,
    current_terms: str,
    correlation_id: str,
    keys: KeyRing,
    now: datetime,
    trial: bool = False,
    beside_plan: bool = False,
    language: str = languages.ENGLISH.code,
    period_seconds: int = subscriptions.MONTH_SECONDS,
) -> Order:
    """Have one open order of this buyer for this product, at today's price.

    Asked again while one is open, it is the same order: a double tap is one invoice.

    :param terms_version: the terms that the person saw
    :param current_terms: the version of today's
    :param trial: what is bought is the product's trial
    :param beside_plan: the person was told that a plan of theirs opens the same already
    :param language: the code of the language in which the product was offered
    :param period_seconds: how often Telegram charges for a subscription
    :raise ProductNotFound: there is no such product, or it has no trial
    :raise OffSale: it is not sold at present
    :raise Banned: the shop is closed to this person
    :raise TermsChanged: the person saw other terms than today's
    :raise AlreadyOwned: nothing is left to buy
    :raise AlreadySubscribed: the person has this plan
    :raise TrialUsed: the person had this plan or its trial
    :raise PassBesidePlan: a plan opens the same, and the person was not told
    :raise RateLimited: thirty invoices of this person are open
    """
    if terms_version != current_terms:
        raise TermsChanged(version=current_terms)
    product = _offered(buyer, slug, trial=trial)
    ledger.lock(buyer.telegram_id)
    order = _agreed(product, trial, period_seconds, language)
    check_holdings(buyer.telegram_id, order, now)
    if not beside_plan and product.pass_days and subscriptions.cover(buyer.telegram_id, product.keys, now):
        raise PassBesidePlan(slug=slug)
    terms.accept(buyer.telegram_id, terms_version, now)
    order.terms_version = terms_version
    open_orders = _open(buyer)
    same = _standing(open_orders, order, now)
    if same:
        return same
    if sum(other.is_open(now) for other in open_orders) >= MOST_OPEN:
        raise RateLimited(retry_after_seconds=LIFE_SECONDS)
    return _create(buyer, order, correlation_id, keys, now)


def _offered(buyer: User, slug: str, *, trial: bool) -> Product:
    """Return a product that this person may buy, as far as the shop is concerned."""
    product = catalogue.get(slug, include_retired=True)
    if not product.is_on_sale:
        raise OffSale(slug=slug)
    if buyer.banned_at:
        raise Banned()
    if trial and product.trial_stars is None:
        raise ProductNotFound(slug=slug)
    return product


def get_for(buyer: User, public_id: str) -> Order:
    """Return a buyer's own order.

    :raise OrderNotFound: no such order, or someone else's
    """
    order = find(public_id)
    if order is None or order.telegram_id != buyer.telegram_id:
        raise OrderNotFound(order=public_id)
    return order


def find(public_id: str) -> Order | None:
    """Return an order by its public id, as the database has it now."""
    return db.session.scalar(
        select(Order).where(Order.public_id == public_id), execution_options={"populate_existing": True}
    )


def correlation_id(payload: str, keys: KeyRing) -> str | None:
    """Return the id of the tap that an invoice came from, so that logs can be followed to it."""
    try:
        described = payloads.unseal(payload, keys)
    except payloads.PayloadInvalid:
        return None
    return db.session.scalar(select(Order.correlation_id).where(Order.public_id == described.order_id))


def unfinished(buyer: User, now: datetime) -> list[Order]:
    """Return a buyer's orders that can still be paid, the latest first."""
    query = select(Order).where(
        Order.telegram_id == buyer.telegram_id,
        Order.closed_at.is_(None),
        Order.expires_at > now,
        Order.invoice_link.is_not(None),
    )
    return list(db.session.scalars(query.order_by(Order.created_at.desc()).limit(MOST_OPEN)))


def state(order: Order, now: datetime) -> str:
    """Return what the ledger makes of an order: open, paid, refunding, refunded, expired or closed."""
    if order.is_paid:
        kinds = db.session.scalars(
            select(LedgerEntry.kind).where(LedgerEntry.charge_id == order.charge_id)
        ).all()
        if "refund" in kinds:
            return "refunded"
        return "refunding" if kinds.count("suspension") > kinds.count("restoration") else "paid"
    if order.is_open(now):
        return "open"
    return "expired" if now >= order.expires_at else "closed"


def remember_link(order: Order, link: str) -> str:
    """Keep the first invoice link that Telegram gave for an order, and return it."""
    first = func.coalesce(Order.invoice_link, link)
    keep = update(Order).where(Order.id == order.id).values(invoice_link=first).returning(Order.invoice_link)
    kept = db.session.scalars(keep, execution_options={"synchronize_session": False}).one() or link
    # Known to be written: a changed attribute would be flushed once more.
    set_committed_value(order, "invoice_link", kept)
    return kept


def close_expired(now: datetime) -> int:
    """Close every order whose time is over, and return how many there were."""
    closed = db.session.execute(
        update(Order)
        .where(Order.closed_at.is_(None), Order.expires_at <= now)
        .values(closed_at=now)
        .returning(Order.id)
    )
    return len(closed.all())


def check_holdings(telegram_id: int, order: Order, now: datetime) -> None:
    """Refuse what a person has already."""
    if not order.pass_days and entitlements.owns_for_ever(telegram_id, order.keys):
        raise AlreadyOwned(slug=order.product.slug)
    if order.is_trial and subscriptions.had(telegram_id, order.product):
        raise TrialUsed(slug=order.product.slug)
    if order.period_seconds and subscriptions.holds(telegram_id, order.product, now):
        raise AlreadySubscribed(slug=order.product.slug)


def _open(buyer: User) -> list[Order]:
    """Return what a buyer has not paid yet, expired orders that nobody closed included."""
    query = select(Order).where(Order.telegram_id == buyer.telegram_id, Order.closed_at.is_(None))
    return list(db.session.scalars(query, execution_options={"populate_existing": True}))


def _standing(open_orders: list[Order], wanted: Order, now: datetime) -> Order | None:
    """Return the buyer's open order for the product if it still stands, or make room for a new one."""
    order = next((other for other in open_orders if other.product_id == wanted.product.id), None)
    if order is None:
        return None
    has_time = now < order.expires_at - timedelta(seconds=TOO_LITTLE_LEFT_SECONDS)
    is_the_same = all(
        getattr(order, fact) == getattr(wanted, fact)
        for fact in ("product_version", "is_trial", "title", "terms_version")
    )
    if has_time and is_the_same:
        return order
    order.closed_at = now
    db.session.flush()
    return None


def _agreed(product: Product, trial: bool, period_seconds: int, language: str) -> Order:
    """Return an order with everything that is frozen when it is made, but for its buyer."""
    return Order(
        product=product,
        product_version=product.version,
        title=product.worded(language).title,
        stars=product.trial_stars if trial else product.stars,
        pass_days=product.trial_days if trial else product.pass_days,
        keys=product.keys,
        period_seconds=period_seconds if product.is_subscription and not trial else None,
        is_trial=trial,
        grace_days=product.grace_days,
        refund_days=product.refund_days,
    )


def _create(buyer: User, order: Order, correlation_id: str, keys: KeyRing, now: datetime) -> Order:
    order.public_id = payloads.new_order_id()
    order.telegram_id = buyer.telegram_id
    order.correlation_id = correlation_id
    order.created_at = now
    order.expires_at = now + timedelta(seconds=LIFE_SECONDS)
    order.payload = payloads.seal(_described(order), keys)
    db.session.add(order)
    db.session.flush()
    return order


def _described(order: Order) -> payloads.Payload:
    return payloads.Payload(
        order_id=order.public_id,
        telegram_id=order.telegram_id,
        slug=order.product.slug,
        stars=order.stars,
        pass_days=order.pass_days,
        kind=_kind(order),
    )


def _kind(order: Order) -> SaleKind:
    if order.is_trial:
        return SaleKind.TRIAL
    return SaleKind.SUBSCRIPTION if order.period_seconds else SaleKind.ONCE
