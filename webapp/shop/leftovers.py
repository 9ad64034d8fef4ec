"""What of the example shop is still in somebody's own."""

from collections.abc import Iterator

from webapp.shop import brand_file, documents
from webapp.shop.brand import Brand
from webapp.shop.folder import EXAMPLE, Folder, FolderInvalid

MOST_NAMED = 3  # pictures


def find(folder: Folder, ours: Brand) -> list[str]:
    """Return what a folder has in common with the example, a few words each.

    :param ours: the brand of the shop at work
    """
    example = Folder(EXAMPLE)
    try:
        return [*_words(folder, ours, example), *_pictures(folder, example)]
    except FolderInvalid:
        # Somebody is at work on one of the two: there is nothing to compare it with.
        return []


def _words(folder: Folder, ours: Brand, example: Folder) -> Iterator[str]:
    theirs = brand_file.read(example)
    if theirs.name and theirs.name == ours.name:
        yield f"its name ({theirs.name})"
    own, others = (documents.read(one, "terms", theirs) for one in (folder, example))
    if others.texts and own.version == others.version:
        yield "its terms"


def _pictures(folder: Folder, example: Folder) -> Iterator[str]:
    known = {file.read_bytes() for file in example.pictures.glob("*") if file.is_file()}
    same = sorted(
        file.name for file in folder.pictures.glob("*") if file.is_file() and file.read_bytes() in known
    )
    if same:
        more = ", …" if len(same) > MOST_NAMED else ""
        yield f"pictures of it ({', '.join(same[:MOST_NAMED])}{more})"
