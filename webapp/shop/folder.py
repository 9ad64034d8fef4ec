"""Where the owner's folder is, and what lies where in it."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from webapp.domain.catalogue.toml_files import FileInvalid

ROOT = Path(__file__).parent.parent.parent
OWN = ROOT / "shop"
EXAMPLE = ROOT / "examples" / "observatory"
FORMER = ROOT / "catalog.toml"  # where releases before 0.2 had what is sold


@dataclass(frozen=True)
class Folder:
    """An owner's folder; nothing in it has to be there."""

    path: Path

    @property
    def catalogue(self) -> Path:
        return self.path / "catalog.toml"

    @property
    def brand(self) -> Path:
        return self.path / "shop.toml"

    @property
    def pictures(self) -> Path:
        return self.path / "pictures"

    @property
    def pages(self) -> Path:
        return self.path / "pages"

    @property
    def plugin(self) -> Path:
        return self.path / "plugin.py"

    @property
    def templates(self) -> Path:
        return self.path / "templates"

    @property
    def translations(self) -> Path:
        return self.path / "translations"

    @property
    def static(self) -> Path:
        return self.path / "static"

    @property
    def migrations(self) -> Path:
        return self.path / "migrations"

    def text(self, file: Path) -> str:
        """Return what a file of the folder says.

        :raise FolderInvalid: it cannot be read as UTF-8 text
        """
        try:
            return read_file(file)
        except Unreadable as error:
            raise FolderInvalid(file.name, [FileInvalid(1, "text", f"it {error}")]) from error


class Unreadable(ValueError):
    """A file is no text; the clause that says why follows its name."""


class FolderMissing(ValueError):
    """The folder that SHOP_DIR names cannot be read; the sentence says which."""


class FolderInvalid(ValueError):
    """A file of the folder cannot be used; a sentence for each thing that is wrong says where and why."""

    def __init__(self, file: str, faults: Sequence[FileInvalid]) -> None:
        self.sentences = tuple(f"{file}, {fault}." for fault in faults)
        super().__init__("\n".join(self.sentences))


def read_file(file: Path, longest: int = -1) -> str:
    """Return what an owner's file says, without the mark that some editors begin it with.

    :param longest: as many characters are read, which is for those to know that show it; -1 for all
    :raise Unreadable: it cannot be read, or is not UTF-8
    """
    try:
        with file.open(encoding="utf-8-sig") as opened:
            return opened.read(longest)
    except OSError as error:
        raise Unreadable(f"cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise Unreadable("is no UTF-8 text: save it as that") from error


def find(environ: Mapping[str, str]) -> Folder:
    """Return the folder that SHOP_DIR names, beside the code unless its path is absolute; or the usual one.

    :raise FolderMissing: it names no folder that can be read
    """
    value = environ.get("SHOP_DIR", "").strip()
    path = ROOT / value
    if not value:
        if FORMER.is_file() and not OWN.is_dir():
            raise FolderMissing(
                "catalog.toml beside the code is no longer read: move it, and your pictures, into a folder "
                "shop (mkdir shop && git mv catalog.toml shop/), and say what each entitlement opens."
            )
        return usual()
    if not path.is_dir() or not os.access(path, os.R_OK | os.X_OK):
        raise FolderMissing(f"SHOP_DIR must name a folder that can be read; {path} is none.")
    return Folder(path)


def usual() -> Folder:
    """Return the folder of a shop whose SHOP_DIR is not set: the owner's, else the example's."""
    return Folder(EXAMPLE if EXAMPLE.is_dir() and not OWN.is_dir() else OWN)
