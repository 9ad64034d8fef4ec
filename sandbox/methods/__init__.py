"""The methods of the Bot API, each strict about its parameters and in Telegram's words."""

from sandbox.methods import delivery, media, members, messages, money, profile
from sandbox.methods.registry import IN_TEST, METHODS

__all__ = ["IN_TEST", "METHODS", "delivery", "media", "members", "messages", "money", "profile"]
