"""The .env file beside the code: settings for a machine where nobody else sets them."""

from collections.abc import MutableMapping
from io import StringIO
from pathlib import Path

FILE = Path(__file__).parent.parent.parent / ".env"


class FileInvalid(Exception):
    """The file cannot be read; the sentence says where and why."""


def load(environ: MutableMapping[str, str], file: Path = FILE) -> MutableMapping[str, str]:
    """Add what the file sets to the variables, which win where both set one, and return them.

    :raise FileInvalid: the file is there and cannot be read
    """
    if environ.get("FLASK_SKIP_DOTENV", "") in ("", "0") and file.exists():
        for name, value in _read(file).items():
            environ.setdefault(name, value)
    return environ


def _read(file: Path) -> dict[str, str]:
    # Imported where there is a file: most servers start without one.
    from dotenv import dotenv_values
    from dotenv.parser import parse_stream

    text = _text(file)
    for line in parse_stream(StringIO(text)):
        # A name alone is legal, means nothing, and was meant to be something.
        if line.error or (line.key and line.value is None):
            raise FileInvalid(f"{file.name}, line {line.original.line}: this is not NAME=value.")
    return {name: value or "" for name, value in dotenv_values(stream=StringIO(text)).items()}


def _text(file: Path) -> str:
    try:
        # Windows puts a byte order mark before the first name, and ends lines in its own way.
        return file.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError:
        raise FileInvalid(f"{file.name} is not UTF-8 text: save it as UTF-8.") from None
    except OSError as error:
        raise FileInvalid(f"{file.name} cannot be read ({error.strerror}).") from None
