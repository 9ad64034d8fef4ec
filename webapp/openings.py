"""Which entitlements open anything here; pages of the shop and routes of the owner's say so."""

_keys: set[str] = set()


def declare(key: str) -> None:
    """Remember that something waits behind an entitlement key."""
    _keys.add(key)


def keys() -> frozenset[str]:
    """Return the entitlement keys that open something."""
    return frozenset(_keys)
