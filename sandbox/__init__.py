"""Telegram in a box: a Bot API and a phone, for rehearsing a shop without a token or a network."""
