"""Bytes to be sent, in the smallest form that whoever asks can read."""

import gzip
import re
from dataclasses import dataclass
from functools import cached_property, lru_cache

import brotli

MOST_HEADERS = 200  # remembered, each with what it asks for


@dataclass(frozen=True)
class Encoded:
    """Bytes together with their compressed forms."""

    body: bytes
    is_kept: bool = True  # worth compressing well; what is sent once is compressed fast

    @cached_property
    def brotli(self) -> bytes:
        packed: bytes = brotli.compress(self.body, quality=11 if self.is_kept else 4)
        return packed

    @cached_property
    def gzip(self) -> bytes:
        return gzip.compress(self.body, compresslevel=9 if self.is_kept else 6, mtime=0)

    def best(self, accepted: str) -> tuple[str | None, bytes]:
        """Return the smallest form that an Accept-Encoding header allows, and its name."""
        names = _encodings(accepted)
        if "br" in names:
            return "br", self.brotli
        return ("gzip", self.gzip) if "gzip" in names else (None, self.body)


@lru_cache(maxsize=MOST_HEADERS)
def _encodings(accepted: str) -> frozenset[str]:
    """Return what an Accept-Encoding header allows; browsers differ little in it."""
    offers = [offer.strip().lower() for offer in accepted.split(",")]
    return frozenset(offer.partition(";")[0] for offer in offers if not re.search(r";\s*q=0(\.0*)?$", offer))
