"""Until when something waits, where the clock that said so may have been wrong."""

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, or_
from sqlalchemy.orm import InstrumentedAttribute


def is_over(until: InstrumentedAttribute[Any], longest_seconds: float, now: datetime) -> ColumnElement[bool]:
    """Tell whether a pause has come to its end.

    One that is longer than any there is was written by a clock that was ahead and has been set right
    since: whatever waits for it would wait for as long as the clock was ahead.
    """
    return or_(until <= now, until > now + timedelta(seconds=longest_seconds))
