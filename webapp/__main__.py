"""``python -m webapp``: release, web and bot under one supervisor, for a shop on one small machine."""

import argparse
import sys

from webapp.serving import supervisor
from webapp.version import __version__


def main() -> int:
    """Run the shop until told to end, and return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m webapp", description=__doc__)
    parser.add_argument("--version", action="version", version=f"Starfront {__version__}")
    parser.add_argument(
        "--no-release",
        action="store_true",
        help="the platform has a release phase of its own, which ran flask --app webapp release",
    )
    return supervisor.run(release=not parser.parse_args().no_release)


if __name__ == "__main__":
    sys.exit(main())
