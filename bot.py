"""The companion bot: ``python bot.py``. What it does stands in :mod:`webapp.bot`."""

import sys

from webapp import create_app
from webapp.bot import process


def main() -> int:
    """Run until told to stop, and return the exit code."""
    return process.main(create_app())


if __name__ == "__main__":
    sys.exit(main())
