"""The keys that sign what Starfront writes: one a purpose, all derived from SECRET_KEY."""

import hmac
from dataclasses import dataclass
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

    @classmethod
    def of(cls, secret_key: str, previous: tuple[str, ...] = ()) -> "KeyRing":
        """Return the ring of the current secret key and its predecessors."""
        return cls(tuple(key.encode() for key in (secret_key, *previous)))

    def key(self, purpose: str) -> tuple[str, bytes]:
        """Return the id and the bytes of the key that signs for a purpose today."""
        return _derived(self.secrets[0], purpose)

    def find(self, purpose: str, kid: str) -> bytes | None:
        """Return the key of this id, from configuration only, or nothing."""
        secrets = self.secrets if purpose in OUTLIVING else self.secrets[:1]
        return next((key for known, key in (_derived(one, purpose) for one in secrets) if known == kid), None)


@lru_cache
def _derived(secret: bytes, purpose: str) -> tuple[str, bytes]:
    key = hmac.digest(secret, f"starfront:{purpose}".encode(), sha256)
    return sha256(b"kid:" + key).hexdigest()[: 2 * KID_BYTES], key
