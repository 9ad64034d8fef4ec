"""An owner's folder begun: small, whole, and sold from its first minute."""

import json
import re
import shutil
import tempfile
import unicodedata
from dataclasses import dataclass
from pathlib import Path
from string import Template

from webapp.domain.catalogue.catalogue_files import LONGEST_SLUG
from webapp.shop import checks
from webapp.shop.checks import JudgeTemplates
from webapp.shop.folder import Folder

PATTERN = Path(__file__).parent / "beginning"
WRITTEN = {".toml", ".md"}  # what holds answers; the rest is copied as it is
FIRST = "first"  # what its first product is called in addresses, should its title hold no Latin letter


class CannotBegin(Exception):
    """The sentence says why; nothing was written."""


@dataclass(frozen=True)
class Answers:
    """What an owner is asked."""

    name: str
    tagline: str
    seller: str
    contact: str
    title: str  # of the first product
    stars: int

    @property
    def slug(self) -> str:
        plain = (
            unicodedata.normalize("NFKD", self.title.casefold()).encode("ascii", "ignore").decode().lower()
        )
        return re.sub(r"[^a-z0-9]+", "-", plain)[:LONGEST_SLUG].strip("-") or FIRST

    def facts(self) -> dict[str, str]:
        """Return what the files hold in the place of each $name, as TOML writes texts."""
        contact = f"contact = {_quoted(self.contact)}" if self.contact else '# contact = "@your_name"'
        return {
            "name": _quoted(self.name),
            "tagline": _quoted(self.tagline),
            "seller": _quoted(self.seller),
            "contact": contact,
            "title": _quoted(self.title),
            "slug": _quoted(self.slug),
            "page": self.slug,
            "stars": str(self.stars),
        }


def begin(folder: Path, answers: Answers, templates: JudgeTemplates) -> list[Path]:
    """Make a folder that holds a whole shop, and return its files; all of it or nothing.

    :param templates: yields what is wrong with the templates of a folder
    :raise CannotBegin: something is there already, nothing can be written there, or an answer will not do
    """
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise CannotBegin(f"{folder} is there already. Name another folder, or move it away.")
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder.parent) as beside:
            new = Folder(Path(beside) / "new")
            _write(new.path, answers)
            if wrong := checks.judge(new, templates).problems:
                raise CannotBegin("\n".join(wrong))
            new.path.rename(folder)
    except OSError as error:
        raise CannotBegin(f"{folder} cannot be written: {error.strerror}.") from error
    return sorted(file for file in folder.rglob("*") if file.is_file())


def _write(folder: Path, answers: Answers) -> None:
    shutil.copytree(PATTERN, folder)
    for file in list(folder.rglob("*")):
        if file.suffix in WRITTEN:
            file.write_text(Template(file.read_text("utf-8")).substitute(answers.facts()), "utf-8")
    (folder / "pages" / "first.md").rename(folder / "pages" / f"{answers.slug}.md")


def _quoted(text: str) -> str:
    # A JSON string is a basic string of TOML, DEL apart, which no title may hold.
    return json.dumps(text, ensure_ascii=False)
