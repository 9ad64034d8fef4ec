"""Telegram spoken to: its client, and what a release tells it."""
