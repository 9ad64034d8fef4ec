"""The keys that sign what Starfront writes: one a purpose, all derived from SECRET_KEY."""

import hmac
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from hashlib import sha256

PURPOSES = ("session", "payload", "code", "doctor")
# A plan repeats its payload for years. Whatever else a replaced key signed ends with it: it may have leaked.
OUTLIVING = frozenset({"payload"})
KID_BYTES = 4


@dataclass(frozen=True)
class KeyRing:
    """The current secret and those before it, which still open the payloads they signed."""

    secrets: tuple[bytes, ...]
    # The keys that open what they signed, by purpose and id; from configuration only.
    openers: Mapping[tuple[str, str], bytes] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        openers = {
            (purpose, kid): key
            for purpose in PURPOSES
            for kid, key in (_derived(secret, purpose) for secret in self._opening(purpose))
        }
        object.__setattr__(self, "openers", openers)

    @classmethod
    def of(cls, secret_key: str, previous: tuple[str, ...] = ()) -> "KeyRing":
        """Return the ring of the current secret key and its predecessors."""
        return cls(tuple(key.encode() for key in (secret_key, *previous)))

    def key(self, purpose: str) -> tuple[str, bytes]:
        """Return the id and the bytes of the key that signs for a purpose today."""
        return _derived(self.secrets[0], purpose)

    def _opening(self, purpose: str) -> tuple[bytes, ...]:
        return self.secrets if purpose in OUTLIVING else self.secrets[:1]


@lru_cache
def _derived(secret: bytes, purpose: str) -> tuple[str, bytes]:
    key = hmac.digest(secret, f"starfront:{purpose}".encode(), sha256)
    return sha256(b"kid:" + key).hexdigest()[: 2 * KID_BYTES], key
