"""The catalogue that lies beside the code, and what its products need to be there."""

from pathlib import Path

from webapp import openings
from webapp.domain import catalogue_files
from webapp.domain.catalogue import Item
from webapp.domain.toml_files import FileInvalid

ROOT = Path(__file__).parent.parent
FILE = ROOT / "catalog.toml"
PICTURES = ROOT / "static" / "pictures"


def read() -> list[Item]:
    """Return the items of the file beside the code.

    :raise webapp.domain.toml_files.FileInvalid: the first thing that is wrong, with its line
    """
    try:
        return parse(FILE.read_text(encoding="utf-8-sig"))
    except (OSError, UnicodeDecodeError) as error:
        raise FileInvalid(1, "TOML", "it cannot be read as UTF-8 text") from error


def parse(text: str) -> list[Item]:
    """Return the items of a catalogue, each with a picture and with something to open once it is paid for.

    :raise webapp.domain.toml_files.FileInvalid: the first thing that is wrong, with its line
    """
    pictures = {picture.name for picture in PICTURES.iterdir()}
    return catalogue_files.read(text, pictures=pictures, opened=openings.keys())
