"""How many clients a worker has room for: each is an open file."""

import resource

MOST_FILES = 4096
FILES_APART = 256  # the database, Telegram, templates, logs


def connections() -> int:
    """Return how many connections a worker can have, after asking the system for as many as it gives."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    files = min(MOST_FILES, _number(hard))
    if files > _number(soft):
        resource.setrlimit(resource.RLIMIT_NOFILE, (files, hard))
    return room(files)


def room(files: int) -> int:
    """Return how many of these files are for clients."""
    return files - min(FILES_APART, files // 2)


def _number(limit: int) -> int:
    return 2**31 if limit == resource.RLIM_INFINITY else limit
