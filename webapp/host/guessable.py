"""Whether a secret can be guessed: how much of it does not follow from what stands before."""

import re
from collections.abc import Iterator
from itertools import pairwise

ROWS = ("qwertyuiop", "asdfghjkl", "zxcvbnm", "1234567890")
BESIDE = frozenset(pair for row in ROWS for pairs in (pairwise(row), pairwise(row[::-1])) for pair in pairs)
ADDRESS = re.compile(r"[a-z][a-z0-9+.-]*://", re.IGNORECASE)
FEWEST_SURPRISES = 12  # letters; 32 random hexadecimal digits hold about 24


def is_guessable(secret: str) -> bool:
    """Tell whether a secret is an address, or mostly repetitions and sequences."""
    return bool(ADDRESS.match(secret)) or sum(_surprises(secret.lower())) < FEWEST_SURPRISES


def _surprises(text: str) -> Iterator[bool]:
    """Say of each letter whether neither a sequence nor what was there before tells it."""
    seen: set[tuple[str, str]] = set()
    yield True
    for pair in pairwise(text):
        before, letter = pair
        follows = abs(ord(letter) - ord(before)) <= 1 or pair in BESIDE or pair in seen
        seen.add(pair)
        yield not follows
