"""Secrets found in a text, whole and in the forms in which programs write them down."""

import html
import json
import re
from base64 import b64encode, urlsafe_b64encode
from collections.abc import Iterable, Iterator
from urllib.parse import quote, quote_plus

SHORTEST = 8  # characters; what is shorter may be part of any word
CUT = 4  # base64's own unit


def pattern(secrets: Iterable[str]) -> re.Pattern[str] | None:
    """Return what finds these secrets in a text; one that is short, only where it stands by itself."""
    forms = {form for secret in secrets for form in _forms(secret)}
    long = [re.escape(form) for form in _longest_first(forms) if len(form) >= SHORTEST]
    short = [re.escape(form) for form in _longest_first(forms) if len(form) < SHORTEST]
    alone = [rf"(?<![^\W_])(?:{'|'.join(short)})(?![^\W_])"] if short else []
    return re.compile("|".join([*long, *alone])) if forms else None


def _longest_first(forms: set[str]) -> list[str]:
    return sorted(forms, key=lambda form: (-len(form), form))


def _forms(secret: str) -> Iterator[str]:
    yield secret
    for quoted in (quote(secret, safe=""), quote(secret), quote_plus(secret)):
        yield quoted
        yield re.sub("%[0-9A-F]{2}", lambda found: found[0].lower(), quoted)
    yield json.dumps(secret)[1:-1]
    yield json.dumps(secret, ensure_ascii=False)[1:-1]
    yield repr(secret)[1:-1]
    yield html.escape(secret)
    yield from _base64(secret.encode())


def _base64(secret: bytes) -> Iterator[str]:
    """Yield what base64 makes of a secret wherever it begins, in "user:password" for example."""
    for before in range(3):
        # The first sign shares bits with what stands before, the last ones with what follows.
        begin = (0, 2, 3)[before]
        end = len(secret) + before
        whole = end // 3 * CUT
        for encode in (b64encode, urlsafe_b64encode):
            text = encode(b"\0" * before + secret).decode()
            if len(text[begin:whole]) >= SHORTEST:
                yield text[begin:whole]
