"""``python -m webapp.serving``: the web process, which is gunicorn with our settings.

What follows is passed on to gunicorn, such as ``--check-config``.
"""

import os
import sys

WHAT_IT_SERVES = ("-c", "python:webapp.gunicorn", "webapp:create_app()")
NUMBER_OF_WORKERS = "WEB_CONCURRENCY"


def main() -> None:
    """Serve until told to end."""
    # Gunicorn reads it when it is imported, and one that is empty or no number is a traceback to it. Our own
    # settings take an empty one for none, and have a sentence for the others.
    told = os.environ.pop(NUMBER_OF_WORKERS, "").strip()
    from gunicorn.app import wsgiapp

    if told:
        os.environ[NUMBER_OF_WORKERS] = told
    sys.argv = ["gunicorn", *WHAT_IT_SERVES, *sys.argv[1:]]
    wsgiapp.run()


if __name__ == "__main__":
    main()
