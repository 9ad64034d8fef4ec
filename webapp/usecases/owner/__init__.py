"""The one door for what an owner decides: it is carried out and its audit row is written, or neither is.

The shell comes through here, and so will whatever else an owner acts by. What stays true whoever asks,
the domain decides; here stands what every decision has in common.
"""

from webapp.domain.owner.audit import Decision as Decision
from webapp.domain.owner.audit import Unfounded as Unfounded
from webapp.domain.owner.manual import LONGEST_DAYS as LONGEST_DAYS
from webapp.domain.owner.manual import NotDone as NotDone
from webapp.usecases.owner.access import extend as extend
from webapp.usecases.owner.access import grant as grant
from webapp.usecases.owner.access import rebuild_entitlements as rebuild_entitlements
from webapp.usecases.owner.access import revoke as revoke
from webapp.usecases.owner.catalogue import import_catalogue as import_catalogue
from webapp.usecases.owner.money import decline_refund as decline_refund
from webapp.usecases.owner.money import grant_quarantined as grant_quarantined
from webapp.usecases.owner.money import rebuild as rebuild
from webapp.usecases.owner.money import refund as refund
from webapp.usecases.owner.news import start_broadcast as start_broadcast
from webapp.usecases.owner.news import stop_broadcast as stop_broadcast
from webapp.usecases.owner.people import ban as ban
from webapp.usecases.owner.people import forget as forget
from webapp.usecases.owner.people import unban as unban
from webapp.usecases.owner.queue import dismiss_signals as dismiss_signals
from webapp.usecases.owner.queue import dismiss_updates as dismiss_updates
from webapp.usecases.owner.queue import replay_updates as replay_updates
from webapp.usecases.owner.queue import retry_signals as retry_signals
