from dataclasses import replace

import pytest
from sqlalchemy.exc import IntegrityError

from tests.kit.arrange import (
    ATLAS,
    BOB,
    DAY,
    KEYS,
    MINUTE,
    NOTES,
    NOW,
    decide,
    facts,
    item,
    meet,
    open_shop,
    order,
    pay,
    question,
    settle,
)
from tests.kit.factories import TERMS_VERSION
from webapp.db.engine import db
from webapp.db.models import Order, User
from webapp.db.transactions import transaction
from webapp.domain.catalogue import catalogue, terms
from webapp.domain.people import users
from webapp.domain.people.keys import KeyRing
from webapp.domain.sales import orders, payloads, refunds
from webapp.errors import (
    AlreadyOwned,
    Banned,
    OffSale,
    OrderNotFound,
    ProductNotFound,
    RateLimited,
    TermsChanged,
)

pytestmark = pytest.mark.usefixtures("app")


@pytest.fixture
def alice(app):
    open_shop()
    return meet()


def change_price(stars: int) -> None:
    with transaction():
        catalogue.replace([item(stars=stars), NOTES], NOW)


@pytest.mark.proves("I12")
def test_an_order_freezes_what_was_agreed(alice):
    agreed = order(alice)
    change_price(999)
    kept = orders.find(agreed.public_id)
    assert (kept.stars, kept.title, kept.keys, kept.product_version) == (250, "Atlas", ["atlas"], 1)
    assert payloads.unseal(kept.payload, KEYS).stars == 250


def test_a_double_tap_is_one_order(alice):
    assert order(alice).public_id == order(alice).public_id


def test_the_database_itself_keeps_one_open_order(alice):
    order(alice)
    names = [column.name for column in Order.__table__.c if column.name not in {"id", "public_id", "payload"}]
    columns = ", ".join(f'"{name}"' for name in names)
    copy = f"INSERT INTO orders ({columns}, public_id, payload) SELECT {columns}, 'x', 'x' FROM orders"
    with pytest.raises(IntegrityError), transaction():
        db.session.execute(db.text(copy))


def test_an_order_near_its_end_is_replaced(alice):
    first = order(alice)
    assert order(alice, now=NOW + 13 * MINUTE).public_id == first.public_id
    assert order(alice, now=NOW + 14 * MINUTE).public_id != first.public_id


def test_a_new_price_makes_a_new_order_and_ends_the_old_one(alice):
    old = order(alice)
    change_price(300)
    assert order(alice).stars == 300
    assert decide(question(old)) == "OrderClosed"


def test_other_terms_make_another_order(alice):
    old = order(alice)
    with transaction():
        new = orders.place(
            alice,
            "atlas",
            terms_version="another",
            current_terms="another",
            correlation_id="tap",
            keys=KEYS,
            now=NOW,
        )
    assert (old.terms_version, new.terms_version) == (TERMS_VERSION, "another")
    assert decide(question(old)) == "OrderClosed"


def test_accepting_the_terms_is_remembered_once(alice):
    order(alice)
    order(alice, "notes", now=NOW + DAY)
    assert terms.accepted_at(alice.telegram_id, TERMS_VERSION) == NOW
    assert terms.accepted_at(alice.telegram_id, "1999-01") is None


@pytest.mark.parametrize(
    ("slug", "version", "refusal"),
    [
        ("nothing", TERMS_VERSION, ProductNotFound),
        ("", TERMS_VERSION, ProductNotFound),
        ("atlas", "2020-01", TermsChanged),
        ("atlas", "", TermsChanged),
    ],
)
def test_an_order_that_makes_no_sense_is_refused(alice, slug, version, refusal):
    with pytest.raises(refusal), transaction():
        orders.place(
            alice,
            slug,
            terms_version=version,
            current_terms=TERMS_VERSION,
            correlation_id="tap",
            keys=KEYS,
            now=NOW,
        )


def test_what_went_off_sale_cannot_be_ordered(alice):
    with transaction():
        catalogue.replace([NOTES], NOW)
    with pytest.raises(OffSale):
        order(alice)


def test_somebody_banned_cannot_order(alice):
    with transaction():
        users.ban(alice.telegram_id, NOW)
    with pytest.raises(Banned):
        order(users.get(alice.telegram_id))


def test_what_is_owned_for_ever_cannot_be_ordered_again(alice):
    pay(facts(order(alice)))
    with pytest.raises(AlreadyOwned):
        order(alice)


def test_a_pass_can_be_ordered_again(alice):
    first = order(alice, "week")
    pay(facts(first))
    assert order(alice, "week").public_id != first.public_id


def test_a_bundle_can_be_ordered_while_part_of_it_is_missing(alice):
    pay(facts(order(alice)))
    assert order(alice, "whole-sky").keys == ["atlas", "notes"]


@pytest.mark.proves("S51")
def test_thirty_open_orders_are_enough(alice):
    with transaction():
        catalogue.replace([item(f"item-{number}") for number in range(31)], NOW)
    for number in range(30):
        order(alice, f"item-{number}")
    with pytest.raises(RateLimited):
        order(alice, "item-30")
    assert order(alice, "item-30", now=NOW + DAY)


def test_a_stranger_cannot_see_an_order(alice):
    made = order(alice)
    assert orders.get_for(alice, made.public_id).public_id == made.public_id
    with pytest.raises(OrderNotFound):
        orders.get_for(meet(BOB), made.public_id)
    with pytest.raises(OrderNotFound):
        orders.get_for(alice, "AAAAAAAAAAAAAAAA")


def test_the_first_invoice_link_is_kept(alice):
    made = order(alice)
    with transaction():
        assert orders.remember_link(made, "https://t.me/$one") == "https://t.me/$one"
        assert orders.remember_link(made, "https://t.me/$two") == "https://t.me/$one"


def test_the_ledger_says_what_became_of_an_order(alice):
    made = order(alice)

    def state(**later: object) -> str:
        return orders.state(orders.find(made.public_id), NOW, **later)

    assert state() == "open"
    charge = pay(facts(made))
    assert state() == "paid"
    with transaction():
        refund = refunds.request_refund(charge, "asked", requested_by="owner", now=NOW)
    assert state() == "refunding"
    with transaction():
        refunds.mark_rejected(refund, "no", NOW)
    assert state() == "paid"
    settle(charge)
    assert state() == "refunded"


def test_an_unpaid_order_ends(alice):
    made = order(alice)
    assert orders.state(made, NOW + 15 * MINUTE) == "expired"
    with transaction():
        assert orders.close_expired(NOW + 14 * MINUTE) == 0
        assert orders.close_expired(NOW + 15 * MINUTE) == 1
        assert orders.close_expired(NOW + 15 * MINUTE) == 0
    change_price(300)
    second = order(alice, now=NOW + DAY)
    change_price(400)
    order(alice, now=NOW + DAY)
    assert orders.state(orders.find(second.public_id), NOW + DAY) == "closed"


def test_a_payload_leads_back_to_the_tap_it_came_from(alice):
    made = order(alice)
    assert orders.correlation_id(made.payload, KEYS) == "tap"
    assert orders.correlation_id("", KEYS) is None
    assert orders.correlation_id(made.payload[:-1], KEYS) is None
    assert orders.correlation_id(made.payload, KeyRing.of("Zt7Rk1WbXq9Lm3VnC5hYd8JpGf2SaUe4")) is None


def test_what_can_still_be_paid_is_unfinished(alice):
    atlas, notes = order(alice), order(alice, "notes", now=NOW + MINUTE)
    order(meet(BOB), "atlas")
    assert orders.unfinished(alice, NOW) == []
    with transaction():
        orders.remember_link(atlas, "https://t.me/$atlas")
        orders.remember_link(notes, "https://t.me/$notes")
    assert [one.public_id for one in orders.unfinished(alice, NOW)] == [notes.public_id, atlas.public_id]
    assert [one.public_id for one in orders.unfinished(alice, NOW + 15 * MINUTE)] == [notes.public_id]
    pay(facts(notes))
    assert [one.public_id for one in orders.unfinished(alice, NOW)] == [atlas.public_id]


def test_the_shop_sells_what_is_listed(alice):
    sold = ["atlas", "notes", "week", "whole-sky", "plan", "big-plan"]
    assert [product.slug for product in catalogue.on_sale()] == sold
    assert [product.slug for product in catalogue.giving("atlas")] == ["atlas", "big-plan", "whole-sky"]
    before = catalogue.version()
    with transaction():
        assert catalogue.replace([ATLAS, item("new")], NOW) == {"added": 1, "changed": 0, "retired": 5}
    assert catalogue.version() != before
    with transaction():
        assert catalogue.replace([item("new"), ATLAS], NOW)["changed"] == 2
    assert catalogue.get("notes", include_retired=True).retired_at == NOW
    with pytest.raises(ProductNotFound):
        catalogue.get("notes")


def test_what_is_listed_as_off_sale_is_kept_and_not_sold(alice):
    gone = replace(NOTES, on_sale=False)
    with transaction():
        assert catalogue.replace([ATLAS, gone, item("old", on_sale=False)], NOW)["retired"] == 5
    assert [product.slug for product in catalogue.on_sale()] == ["atlas"]
    old, notes = (catalogue.get(slug, include_retired=True) for slug in ("old", "notes"))
    assert (old.keys, old.retired_at, notes.retired_at) == (["old"], NOW, NOW)
    with transaction():
        assert catalogue.replace([ATLAS, gone, item("old", on_sale=False)], NOW + DAY)["changed"] == 0
    assert catalogue.get("notes", include_retired=True).retired_at == NOW
    with transaction():
        assert catalogue.replace([ATLAS, NOTES], NOW + DAY)["changed"] == 1
    assert catalogue.get("notes").is_on_sale


RUSSIAN = item("atlas", translations={"ru": {"title": "Атлас", "description": "Двадцать объектов."}})


def placed_in(buyer: User, language: str) -> Order:
    with transaction():
        return orders.place(
            buyer,
            "atlas",
            terms_version=TERMS_VERSION,
            current_terms=TERMS_VERSION,
            correlation_id="tap",
            keys=KEYS,
            now=NOW,
            language=language,
        )


def test_an_order_is_called_as_its_buyer_was_offered_it():
    open_shop(RUSSIAN)
    alice = meet()
    made = placed_in(alice, "ru")
    assert made.title == "Атлас"
    assert placed_in(alice, "ru").public_id == made.public_id
    assert pay(facts(made)).title == "Атлас"


def test_somebody_who_changes_their_language_gets_an_invoice_in_the_new_one():
    open_shop(RUSSIAN)
    alice = meet()
    first, second = placed_in(alice, "ru"), placed_in(alice, "fa")
    assert (first.title, second.title) == ("Атлас", "Atlas")
    assert first.public_id != second.public_id
    assert orders.state(first, NOW) == "closed"


def test_what_nobody_translated_is_as_the_catalogue_has_it():
    open_shop(RUSSIAN)
    words = catalogue.get("atlas").worded("ru")
    assert (words.title, words.section, words.details) == (
        "Атлас",
        "Unlock for good",
        ["One thing", "Another"],
    )
    assert catalogue.get("atlas").worded("es").title == "Atlas"


def test_a_new_translation_is_a_change_of_the_catalogue():
    open_shop(ATLAS)
    before = catalogue.version()
    open_shop(RUSSIAN)
    assert catalogue.version() != before
