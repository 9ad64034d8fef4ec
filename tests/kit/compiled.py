"""Templates compiled once in a run of the tests, whichever process of it opens one first."""

import atexit
import os
import shutil
import tempfile

from flask import Flask
from jinja2 import FileSystemBytecodeCache

NAME = "COMPILED_TEMPLATES"  # the folder, told to every process of a run


def begin() -> None:
    """Have this process and those it starts share their templates, in a folder that ends with the first."""
    if NAME not in os.environ:
        os.environ[NAME] = tempfile.mkdtemp(prefix="starfront-templates-")
        atexit.register(shutil.rmtree, os.environ[NAME], ignore_errors=True)
    share()


def share() -> None:
    """Have every shop made here take its templates from the run's folder, if the run has one."""
    if NAME in os.environ:
        # Jinja looks at each template's text before it takes what was made of it.
        kept = FileSystemBytecodeCache(os.environ[NAME])
        Flask.jinja_options = {**Flask.jinja_options, "bytecode_cache": kept}
