"""Everything a person may be told no about: facts, one sentence and one status each.

The page and the bot show the same words. Sentences are marked for translation here and
translated where they are shown.
"""

from typing import ClassVar


def N_(sentence: str) -> str:
    """Mark a sentence for translation without translating it yet."""
    return sentence


class ShopError(Exception):
    """An expected no: it has a sentence for the person and an HTTP status."""

    # In counters, logs and the database: it stays when the class is renamed.
    code: ClassVar[str] = "ShopError"
    status: ClassVar[int] = 400
    sentence: ClassVar[str] = N_("That didn't work. Please try again.")

    def __init__(self, **facts: object) -> None:
        super().__init__(type(self).__name__)
        self.facts = facts

    def __init_subclass__(cls) -> None:
        _by_code[cls.code] = cls


_by_code: dict[str, type[ShopError]] = {}


def of_code(code: str) -> ShopError:
    """Return the error that has a code; one that no release knows any more says the least."""
    return _by_code.get(code, ShopError)()


class SignInNeeded(ShopError):
    code = "SignInNeeded"
    status = 401
    sentence = N_("Open the shop from Telegram again to continue.")


class NotFound(ShopError):
    code = "NotFound"
    status = 404
    sentence = N_("There's nothing here.")


class ProductNotFound(NotFound):
    code = "ProductNotFound"
    sentence = N_("This item is no longer in the shop.")


class OrderNotFound(NotFound):
    code = "OrderNotFound"
    sentence = N_("This order doesn't exist.")


class ChargeNotFound(NotFound):
    code = "ChargeNotFound"
    sentence = N_("There's no such payment.")


class SubscriptionNotFound(NotFound):
    code = "SubscriptionNotFound"
    sentence = N_("There's no such subscription.")


class NotEntitled(ShopError):
    code = "NotEntitled"
    status = 403
    sentence = N_("You need an upgrade to open this page.")


class BadRequest(ShopError):
    code = "BadRequest"
    status = 400
    sentence = N_("We couldn't understand that request.")


class OffSale(ShopError):
    code = "OffSale"
    status = 409
    sentence = N_("This item isn't for sale right now. You haven't been charged.")


class PriceChanged(ShopError):
    code = "PriceChanged"
    status = 409
    sentence = N_("The price changed. Open the shop again to see the new one.")


class TermsChanged(ShopError):
    code = "TermsChanged"
    status = 409
    sentence = N_("The terms changed. Open the item again to read them before you pay.")


class AlreadyOwned(ShopError):
    code = "AlreadyOwned"
    status = 409
    sentence = N_("This is already yours. Nothing to pay.")


class AlreadySubscribed(ShopError):
    code = "AlreadySubscribed"
    status = 409
    sentence = N_("You already have this plan. Nothing to pay.")


class PassBesidePlan(ShopError):
    code = "PassBesidePlan"
    status = 409
    sentence = N_("Your plan already includes this. Open the item again to buy a pass for later.")


class TrialUsed(ShopError):
    code = "TrialUsed"
    status = 409
    sentence = N_("Each person gets one trial, and you've had yours.")


class OrderClosed(ShopError):
    code = "OrderClosed"
    status = 409
    sentence = N_("This order is closed. Open the item again to start a new one.")


class OrderExpired(ShopError):
    code = "OrderExpired"
    status = 409
    sentence = N_("This invoice has expired. Open the shop again for a new one.")


class NotYourOrder(ShopError):
    code = "NotYourOrder"
    status = 403
    sentence = N_("This invoice is for someone else. Open the shop to get your own.")


class PaymentInProgress(ShopError):
    code = "PaymentInProgress"
    status = 409
    sentence = N_("A payment for this is already being confirmed. Wait a minute, then try again.")


class CheckoutTooLate(ShopError):
    code = "CheckoutTooLate"
    status = 409
    sentence = N_("That took too long to confirm. You haven't been charged; please try again.")


class ShopUnavailable(ShopError):
    code = "ShopUnavailable"
    status = 503
    sentence = N_("The shop can't take payments right now. You haven't been charged; try again in a moment.")


class Banned(ShopError):
    code = "Banned"
    status = 403
    sentence = N_("You can't buy in this shop. Write to support if you think this is wrong.")


class RateLimited(ShopError):
    code = "RateLimited"
    status = 429
    sentence = N_("That was a bit fast. Wait a moment and try again.")

    def __init__(self, *, retry_after_seconds: int, **facts: object) -> None:
        super().__init__(retry_after_seconds=retry_after_seconds, **facts)
        self.retry_after_seconds = retry_after_seconds


class TelegramBusy(ShopError):
    code = "TelegramBusy"
    status = 503
    sentence = N_("Telegram is busy. Try again in a moment.")

    def __init__(self, *, retry_after_seconds: int = 2, **facts: object) -> None:
        super().__init__(retry_after_seconds=retry_after_seconds, **facts)
        self.retry_after_seconds = retry_after_seconds


class TelegramRefused(ShopError):
    code = "TelegramRefused"
    status = 502
    sentence = N_("Telegram didn't accept this invoice. The shop's owner has been told.")


class ChargeNotUnderstood(ShopError):
    code = "ChargeNotUnderstood"
    status = 409
    sentence = N_("This payment doesn't say what it was for. Name a product to unlock for it.")


class AlreadyGranted(ShopError):
    code = "AlreadyGranted"
    status = 409
    sentence = N_("This payment has already unlocked what it paid for.")


class RefundRefused(ShopError):
    code = "RefundRefused"
    status = 409
    sentence = N_("Telegram refused this refund a short while ago. Try again in an hour.")


class RefundDeclined(ShopError):
    code = "RefundDeclined"
    status = 409
    sentence = N_("The shop declined this refund. Write to support if you think this is wrong.")


class AlreadyRefunded(ShopError):
    code = "AlreadyRefunded"
    status = 409
    sentence = N_("This payment has already been refunded.")


class RefundWindowOver(ShopError):
    code = "RefundWindowOver"
    status = 409
    sentence = N_("It's too late to refund this yourself. Write to support, and we'll look at it.")


class RefundedBefore(ShopError):
    code = "RefundedBefore"
    status = 409
    sentence = N_(
        "You've already refunded this, or something that unlocks the same, once. Write to support, and "
        "we'll look at it."
    )
