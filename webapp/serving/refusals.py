"""What the server answers by itself, before any page could: few words, and what guards a page."""

from http import HTTPStatus

# Answers that are no pages, and that no page may hold (webapp/web/security.py).
UNFRAMED_POLICY = "default-src 'none'; frame-ancestors 'none'"
GUARDS = (("X-Content-Type-Options", "nosniff"), ("Referrer-Policy", "no-referrer"))
HEADERS = (
    ("Connection", "close"),
    ("Cache-Control", "no-store"),
    ("Content-Type", "text/plain; charset=utf-8"),
    ("Content-Security-Policy", UNFRAMED_POLICY),
    *GUARDS,
)


def refusal(status: HTTPStatus) -> bytes:
    """Return an answer after which the connection is closed."""
    body = f"{status.phrase}\n"
    lines = [
        f"HTTP/1.1 {status.value} {status.phrase}",
        *(f"{name}: {value}" for name, value in HEADERS),
        f"Content-Length: {len(body)}",
    ]
    return "\r\n".join([*lines, "", body]).encode()
