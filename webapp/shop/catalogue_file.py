"""The catalogue of an owner's folder, and what its products need to be there."""

from webapp import openings
from webapp.domain import catalogue_files
from webapp.domain.catalogue import Item
from webapp.domain.toml_files import FileInvalid
from webapp.shop import plugins
from webapp.shop.folder import Folder


def read(folder: Folder) -> list[Item]:
    """Return the items of a folder's catalogue.

    :raise webapp.domain.toml_files.FileInvalid: the first thing that is wrong, with its line
    """
    try:
        return parse(folder.catalogue.read_text(encoding="utf-8-sig"), folder)
    except (OSError, UnicodeDecodeError) as error:
        raise FileInvalid(1, "TOML", "it cannot be read as UTF-8 text") from error


def parse(text: str, folder: Folder) -> list[Item]:
    """Return the items of a catalogue, each with a picture and with something to open once it is paid for.

    :raise webapp.domain.toml_files.FileInvalid: the first thing that is wrong, with its line
    """
    pictures = {picture.name for picture in folder.pictures.glob("*")}
    return catalogue_files.read(text, pictures=pictures, opened=opened(folder))


def opened(folder: Folder) -> frozenset[str]:
    """Return the entitlement keys that open something here.

    :raise webapp.config.ConfigError: the folder's plug-in cannot be loaded
    """
    return openings.keys() | plugins.load(folder).keys
