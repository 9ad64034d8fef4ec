"""Addresses from outside, spelt as browsers spell them."""

import re
from ipaddress import IPv6Address, ip_address
from urllib.parse import SplitResult, urlsplit

import idna

USUAL_PORTS = {"https": 443, "http": 80}
# Each ends or divides something: a rule of a content policy, a header, a list of addresses.
UNFIT = re.compile(r"""[\s;,*'"<>\\^`{|}]""")
HOST = re.compile(
    r"(?=.{1,253}$)[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?(\.[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?)*"
)
NUMERIC = re.compile(r"(.*\.)?[0-9]+|(.*\.)?0x[0-9a-f]*")


class AddressInvalid(ValueError):
    """What is wrong with an address, as a clause that follows the setting's name."""


def origin(address: str) -> str:
    """Return the origin of a host's root: punycode, small letters, no port that goes without saying.

    :raise AddressInvalid: it is not the http or https address of a host, or says more
    """
    parts = split(address)
    if parts.path.strip("/") or parts.query or parts.fragment:
        raise AddressInvalid("must be the root of a host: leave the path away")
    return _origin(parts)


def split(address: str) -> SplitResult:
    """Return the parts of an http or https address that can stand in headers and policies.

    :raise AddressInvalid: it cannot
    """
    try:
        parts = urlsplit(address)
        is_whole = bool(parts.hostname) and (parts.port is None or parts.port > 0)
    except ValueError:
        is_whole = False
    if not is_whole or parts.scheme not in USUAL_PORTS or UNFIT.search(address) or not address.isprintable():
        raise AddressInvalid("must be an address such as https://shop.example.org")
    if "@" in parts.netloc:
        raise AddressInvalid("holds a user's name or password: leave it away")
    return parts


def is_loopback(host: str) -> bool:
    """Tell whether a host's name or address leads to this machine itself."""
    if host == "localhost" or host.endswith(".localhost"):
        return True
    return is_numeric(host) and ip_address(host).is_loopback


def is_public(host: str) -> bool:
    """Tell whether a host's address is one of the internet's; of a name nobody can tell."""
    return is_numeric(host) and ip_address(host).is_global


def is_numeric(host: str) -> bool:
    """Tell whether a host is given by its number rather than by a name."""
    try:
        ip_address(host)
    except ValueError:
        return False
    return True


def _origin(parts: SplitResult) -> str:
    port = "" if parts.port in {None, USUAL_PORTS[parts.scheme]} else f":{parts.port}"
    return f"{parts.scheme}://{_host(parts.hostname or '')}{port}"


def _host(name: str) -> str:
    """Return a host's name as it is looked up; a dot at its end, which says nothing, is left away."""
    try:
        address = ip_address(name)
    except ValueError:
        return _name(name.removesuffix("."))
    return f"[{address.compressed}]" if isinstance(address, IPv6Address) else str(address)


def _name(name: str) -> str:
    try:
        host = name.lower() if name.isascii() else idna.encode(name, uts46=True).decode()
    except idna.IDNAError as error:
        raise AddressInvalid("has a name that DNS cannot hold: write it in its form of xn--…") from error
    if not HOST.fullmatch(host) or NUMERIC.fullmatch(host):
        raise AddressInvalid("must be an address such as https://shop.example.org")
    return host
