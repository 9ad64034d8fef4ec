"""Find Chromium, or install it: ``python -m tests.browser`` prints where it is."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

from playwright.sync_api import sync_playwright

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
# No sandbox, since tests run as root in containers; nothing that calls home.
FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    # Letters and colours alike on every machine, for pictures that are compared.
    "--font-render-hinting=none",
    "--disable-lcd-text",
    "--force-color-profile=srgb",
)


def find() -> str | None:
    """Return the path of a Chromium that is there already."""
    named = os.environ.get("CHROMIUM")
    system = next((path for path in map(shutil.which, NAMES) if path), None)
    if named or system:
        return named or system
    with sync_playwright() as playwright:
        own = playwright.chromium.executable_path
    return own if Path(own).exists() else None


def install() -> None:
    """Install Chromium with the system's packages or, failing that, playwright's own build."""
    if shutil.which("apt-get") and os.geteuid() == 0:
        quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, "check": False}
        subprocess.run(["apt-get", "update"], **quiet)
        subprocess.run(["apt-get", "install", "--yes", "chromium"], **quiet)
    if find() is None:
        subprocess.run([sys.executable, "-m", "playwright", "install", "chromium"], check=True)


def main() -> int:
    """Print the browser's path, installing it if need be."""
    if find() is None:
        install()
    path = find()
    if path is None:
        sys.stderr.write("No Chromium could be found or installed; set CHROMIUM to one.\n")
        return 1
    sys.stdout.write(f"Chromium: {path}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
