"""``python3 -m sandbox.environment run``, or ``test``: what that target of the Makefile needs, installed."""

import argparse

from sandbox import environment
from sandbox.environment import locks

parser = argparse.ArgumentParser(prog="python3 -m sandbox.environment")
parser.add_argument("purpose", choices=locks.FILES)
parser.add_argument("--with-this-python", action="store_true", help="rather than with the one that .venv has")
asked = parser.parse_args()
environment.ensure(asked.purpose, with_this_python=asked.with_this_python)
