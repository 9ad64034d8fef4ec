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
    """Install Chromium with the system's packages or, failing that, playwright's own build; say which."""
    if shutil.which("apt-get") and os.geteuid() == 0:
        say("Installing Chromium with apt-get, about a minute ...")
        for command in (["apt-get", "update"], ["apt-get", "install", "--yes", "chromium"]):
            subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False)
    if find() is None:
        say("Fetching playwright's Chromium into your cache folder, about 170 MB ...")
        subprocess.run([sys.executable, "-m", "playwright", "install", "chromium"], check=False)


def say(words: str) -> None:
    print(words, flush=True)


def starts(path: str) -> bool:
    """Tell whether a Chromium runs here, with every library that it needs."""
    try:
        return subprocess.run([path, "--version"], capture_output=True, check=False).returncode == 0
    except OSError:
        return False


def main() -> int:
    """Print the browser's path, installing it if need be."""
    if find() is None:
        install()
    path = find()
    if path and starts(path):
        say(f"Chromium: {path}")
        return 0
    if path:
        remedy = (
            f"as root, {sys.executable} -m playwright install-deps chromium brings the libraries it needs"
        )
        sys.stderr.write(f"{path} does not start; {remedy}.\n")
    else:
        sys.stderr.write("No Chromium could be found or fetched. Install one, or name one in CHROMIUM.\n")
    return 1


if __name__ == "__main__":
    sys.exit(main())
