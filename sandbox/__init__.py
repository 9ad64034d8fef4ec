"""Telegram in a box: a Bot API and a phone, for rehearsing a shop without a token or a network."""

import os
import sys

# Said here, in words that every Python can read: an old one would stumble over the modules' grammar first.
if sys.version_info < (3, 11):  # noqa: UP036
    found = "%s is %s" % (sys.executable, sys.version.split()[0])  # noqa: UP031
    sys.exit("Starfront needs Python 3.11 or newer, and %s." % found)  # noqa: UP031
if os.name == "nt":
    sys.exit("Starfront runs on Linux and macOS. On Windows, run it in WSL: wsl --install")
