"""Which release this is: the number that CHANGELOG.md and pyproject.toml name."""

__version__ = "0.2.0"
