"""Sentences of the plug-in's Python, marked so that translators find them."""


def N_(sentence: str) -> str:
    """Mark a sentence that a template translates."""
    return sentence
