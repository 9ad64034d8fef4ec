"""Templates compiled once in a run of the tests, whichever process of it opens one first."""

import atexit
import os
import shutil
import tempfile

from flask import Flask
from jinja2 import FileSystemBytecodeCache

NAME = "COMPILED_TEMPLATES"  # the folder, told to every process of a run


def share() -> None:
    """Have every shop made here take its templates from a folder that ends with the process that began it."""
    if NAME not in os.environ:
        os.environ[NAME] = tempfile.mkdtemp(prefix="starfront-templates-")
        atexit.register(shutil.rmtree, os.environ[NAME], ignore_errors=True)
    # Jinja looks at each template's text before it takes what was made of it.
    Flask.jinja_options = {**Flask.jinja_options, "bytecode_cache": FileSystemBytecodeCache(os.environ[NAME])}
