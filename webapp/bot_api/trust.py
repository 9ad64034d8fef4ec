"""The authorities whose certificates are believed, read once in a process rather than for each client."""

import ssl
from functools import cache

import httpx


@cache
def authorities() -> ssl.SSLContext:
    """Return what every client of the Bot API checks certificates with; SSL_CERT_FILE counts."""
    return httpx.create_ssl_context()
