"""What is to be done about an error of the database, in words for its owner."""

from sqlalchemy.exc import SQLAlchemyError

from webapp.db import postgresql
from webapp.host import disks

NOT_MIGRATED = "The database is not ready: run flask --app webapp release first."
# PostgreSQL: undefined_table, undefined_column (Appendix A of its manual).
MISSING_SQLSTATES = frozenset({"42P01", "42703"})


def remedy(error: BaseException) -> str:
    """Return what is to be done about an error of the database, in words, or nothing if that is not known."""
    cause = getattr(error, "orig", None) or error
    if isinstance(cause, postgresql.Unfit | disks.Unwritable):
        return str(cause)
    return postgresql.REMEDIES.get(getattr(cause, "sqlstate", None) or "", "")


def is_unmigrated(error: SQLAlchemyError) -> bool:
    """Tell whether tables or columns are missing, as against a database that is away for a while."""
    cause = getattr(error, "orig", None)
    missing = ("no such table", "no such column", "has no column")  # in SQLite's words
    return getattr(cause, "sqlstate", None) in MISSING_SQLSTATES or any(
        words in str(cause) for words in missing
    )
