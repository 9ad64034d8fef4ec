"""Where the owner's folder is, and what lies where in it."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent
OWN = ROOT / "shop"
EXAMPLE = ROOT / "examples" / "observatory"


@dataclass(frozen=True)
class Folder:
    """An owner's folder; nothing in it has to be there."""

    path: Path

    @property
    def catalogue(self) -> Path:
        return self.path / "catalog.toml"

    @property
    def pictures(self) -> Path:
        return self.path / "pictures"

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


class FolderMissing(ValueError):
    """The folder that SHOP_DIR names cannot be read; the sentence says which."""


def find(environ: Mapping[str, str]) -> Folder:
    """Return the folder that SHOP_DIR names, beside the code unless its path is absolute; or the usual one.

    :raise FolderMissing: it names no folder that can be read
    """
    value = environ.get("SHOP_DIR", "").strip()
    path = ROOT / value
    if not value:
        return usual()
    if not path.is_dir() or not os.access(path, os.R_OK | os.X_OK):
        raise FolderMissing(f"SHOP_DIR must name a folder that can be read; {path} is none.")
    return Folder(path)


def usual() -> Folder:
    """Return the folder of a shop whose SHOP_DIR is not set: the owner's, else the example's."""
    return Folder(EXAMPLE if EXAMPLE.is_dir() and not OWN.is_dir() else OWN)
