"""Bots as their libraries' own examples are written; each sells, refunds, reads the statement and asks."""
