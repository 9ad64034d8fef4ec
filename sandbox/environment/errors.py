"""Why nothing can be installed."""


class CannotInstall(Exception):
    """The sentence says why, and what to do."""


class NothingChanged(CannotInstall):
    """What was installed before still is."""
