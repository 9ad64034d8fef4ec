"""``make shop ARGS="doctor"``: one of the owner's commands, for the shop that ``make run`` opened.

ARGS is read as a shell would read it, and nothing in it is run: only quotes mean something.
"""

import os
import shlex
import sys

from sandbox import folder
from sandbox.folder import CannotStart
from sandbox.settings import shop_environment


def main() -> None:
    """Become the command."""
    try:
        command = sys.argv[1:] or shlex.split(os.environ.get("ARGS", ""))
        environment = _environment()
    except ValueError:
        sys.exit(f"A quote in ARGS is not closed: {os.environ['ARGS']}")
    except CannotStart as reason:
        sys.exit(str(reason))
    if not folder.is_held():
        _warn("The sandbox is not running, so Telegram cannot be asked. Start it with make run.")
    program = [sys.executable, "-m", "flask", "--app", "webapp", *(command or ["--help"])]
    os.chdir(folder.ROOT)
    os.execve(program[0], program, environment)  # noqa: S606 - no shell is to read this again


def _environment() -> dict[str, str]:
    run = folder.last_run()
    if run is None or not folder.SECRETS.exists():
        raise CannotStart("There is no shop here yet: make run opens one.")
    return shop_environment(run, folder.secrets_of_this_folder())


def _warn(sentence: str) -> None:
    sys.stderr.write(f"{sentence}\n")
    sys.stderr.flush()


if __name__ == "__main__":
    main()
