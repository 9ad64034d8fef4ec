"""Find Chromium, or install it: ``python -m tests.kit.browser`` prints where it is."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

from playwright.sync_api import sync_playwright

# The same Chromium without windows takes less than half the time for a page: it comes first.
WINDOWLESS = ("chromium-headless-shell", "chrome-headless-shell")
NAMES = (*WINDOWLESS, "chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
APT = ("apt-get", "install", "--yes")
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
    if may_install():
        say("Installing Chromium with apt-get, about a minute ...")
        # Debian has it without windows; others have it whole.
        if not (succeeds("apt-get", "update") and succeeds(*APT, WINDOWLESS[0])) and find() is None:
            succeeds(*APT, "chromium")
    if find() is None:
        say("Fetching playwright's Chromium into your cache folder, about 170 MB ...")
        subprocess.run([sys.executable, "-m", "playwright", "install", "chromium"], check=False)


def may_install() -> bool:
    """Tell whether the system's packages are ours to add to."""
    return bool(shutil.which("apt-get")) and os.geteuid() == 0


def succeeds(*command: str) -> bool:
    quiet = subprocess.DEVNULL
    return subprocess.run(command, stdout=quiet, stderr=quiet, check=False).returncode == 0


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
    slow = not os.environ.get("CHROMIUM") and may_install() and not any(map(shutil.which, WINDOWLESS))
    if slow or find() is None:
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
