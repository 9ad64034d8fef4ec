"""The tables, and the questions a single row can answer about itself."""

from webapp.db.models.access import Entitlement as Entitlement
from webapp.db.models.access import LedgerEntry as LedgerEntry
from webapp.db.models.access import Signal as Signal
from webapp.db.models.catalogue import Product as Product
from webapp.db.models.catalogue import TermsAcceptance as TermsAcceptance
from webapp.db.models.catalogue import Wording as Wording
from webapp.db.models.charges import Charge as Charge
from webapp.db.models.charges import Movement as Movement
from webapp.db.models.charges import Refund as Refund
from webapp.db.models.charges import Subscription as Subscription
from webapp.db.models.columns import RowId as RowId
from webapp.db.models.columns import TelegramId as TelegramId
from webapp.db.models.orders import Order as Order
from webapp.db.models.orders import PreCheckout as PreCheckout
from webapp.db.models.orders import SweptPreCheckouts as SweptPreCheckouts
from webapp.db.models.owner import AuditEntry as AuditEntry
from webapp.db.models.owner import Broadcast as Broadcast
from webapp.db.models.owner import SupportMessage as SupportMessage
from webapp.db.models.owner import SupportRelay as SupportRelay
from webapp.db.models.owner import SupportThread as SupportThread
from webapp.db.models.people import Logout as Logout
from webapp.db.models.people import RateLimit as RateLimit
from webapp.db.models.people import SignInCode as SignInCode
from webapp.db.models.people import User as User
from webapp.db.models.queue import UNTOLD as UNTOLD
from webapp.db.models.queue import InboxItem as InboxItem
from webapp.db.models.queue import OutboxMessage as OutboxMessage
from webapp.db.models.shop import Lease as Lease
from webapp.db.models.shop import RetiredSecret as RetiredSecret
from webapp.db.models.shop import Shop as Shop

# Triggers of the database refuse to change or remove their rows.
APPEND_ONLY = (LedgerEntry.__tablename__, Charge.__tablename__, AuditEntry.__tablename__)
