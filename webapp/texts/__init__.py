"""Sentences made of facts."""
