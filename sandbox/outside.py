"""The way to the internet, through the proxies and with the certificate authorities of the environment."""

import os
import ssl
from contextlib import suppress
from pathlib import Path
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

import aiohttp

# Python reads SSL_CERT_FILE itself. These are for other programs, and name what this machine trusts, too.
AUTHORITIES = ("NODE_EXTRA_CA_CERTS", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "PIP_CERT")


async def get(url: str, patience_seconds: float, authorities: str = "") -> tuple[int, bytes]:
    """Return the status and the body of an answer.

    :param authorities: one more file of certificates to trust
    :raise aiohttp.ClientError: nobody answers, or a proxy or a certificate is in the way
    :raise OSError: likewise, and when it takes too long (TimeoutError)
    :raise ValueError: the address, or the proxy's, is none
    """
    timeout = aiohttp.ClientTimeout(total=patience_seconds)
    connector = aiohttp.TCPConnector(ssl=_trusted(authorities))
    session = aiohttp.ClientSession(timeout=timeout, connector=connector)
    async with session, session.get(url, proxy=_proxy(url)) as answer:
        return answer.status, await answer.read()


def _trusted(authorities: str) -> ssl.SSLContext:
    context = ssl.create_default_context()
    named = {authorities, *(os.environ.get(name, "") for name in AUTHORITIES)}
    for name in named - {"", os.environ.get("SSL_CERT_FILE")}:
        # A file that is not there is a setting of somebody else, for something else.
        with suppress(OSError):
            context.load_verify_locations(**{"capath" if Path(name).is_dir() else "cafile": name})
    if not context.cert_store_stats()["x509_ca"]:
        _trust_what_browsers_do(context)
    return context


def _trust_what_browsers_do(context: ssl.SSLContext) -> None:
    """Python from python.org knows no authority on a Mac; the shop's packages bring a list."""
    with suppress(ImportError):
        import certifi

        context.load_verify_locations(certifi.where())


def _proxy(url: str) -> str | None:
    # aiohttp would look for HTTPS_PROXY as well, but not for ALL_PROXY.
    address, proxies = urlsplit(url), getproxies()
    if not address.hostname or proxy_bypass(address.netloc):
        return None
    return proxies.get(address.scheme) or proxies.get("all")
