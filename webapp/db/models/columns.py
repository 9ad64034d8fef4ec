"""Columns that tables share."""

from sqlalchemy import BigInteger, Integer

# Telegram user ids have at most 52 significant bits (Bot API: User).
TelegramId = BigInteger

# SQLite counts by itself only in a column declared INTEGER.
RowId = BigInteger().with_variant(Integer, "sqlite")
