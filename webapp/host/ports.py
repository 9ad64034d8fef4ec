"""The port that the web process listens on: its own, or refused in a sentence."""

import errno
import socket
import sys
import time

PATIENCE_SECONDS = 3.0  # workers whose master was killed take a second to notice
_claims: list[socket.socket] = []  # held as long as the process lives
REASONS = {
    errno.EADDRINUSE: "Port {port} is taken: another program listens there. Stop it, or set PORT to another.",
    errno.EACCES: "Port {port} is not for everybody: set PORT to one above 1023.",
    errno.EADDRNOTAVAIL: "This machine has no address {host}: correct BIND_HOST, or unset it.",
}


class PortRefused(Exception):
    """Nobody can be served there; the sentence says why."""


def address(host: str, port: int) -> str:
    """Return where to listen as gunicorn spells it."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def claim(host: str, port: int) -> None:
    """Make sure that this process and its workers alone listen on a port.

    :raise PortRefused: somebody else does, or the port cannot be had
    """
    deadline = time.monotonic() + PATIENCE_SECONDS
    while error := _refused(host, port):
        if error.errno != errno.EADDRINUSE or time.monotonic() >= deadline:
            reason = REASONS.get(error.errno or 0, "{host}, port {port}, cannot be listened on ({error}).")
            told = error.strerror or str(error)
            while _claims:
                _claims.pop().close()
            raise PortRefused(reason.format(host=host, port=port, error=told)) from error
        time.sleep(0.1)


def _refused(host: str, port: int) -> OSError | None:
    try:
        if sys.platform == "linux" and not _claims:
            # Two that start at once both find the port free. A name is one's alone until its process ends.
            _claims.append(_bound(socket.AF_UNIX, f"\0starfront {address(host, port)}"))
        _bound(socket.AF_INET6 if ":" in host else socket.AF_INET, (host, port)).close()
    except OSError as error:
        return error
    return None


def _bound(family: int, place: str | tuple[str, int]) -> socket.socket:
    """Return a socket that listens, and shares its place with nobody."""
    one = socket.socket(family)
    try:
        if family != socket.AF_UNIX:
            # As gunicorn does: connections that ended a moment ago are no program.
            one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        one.bind(place)
        one.listen()
    except OSError:
        one.close()
        raise
    return one
