"""News as the owner writes them into a file: read, and checked whole."""

from collections.abc import Collection
from typing import Any

from webapp.domain.catalogue import toml_files
from webapp.domain.catalogue.catalogue_files import LONGEST_SLUG, SLUG
from webapp.domain.catalogue.toml_files import FileInvalid
from webapp.domain.owner.broadcasts import FOOTER, OF_A_KEY, SEGMENTS, News
from webapp.i18n import languages

REQUIRED = ("name", "text", "to")
OPTIONAL = ("product", "translations")
LONGEST_UNITS = 4096  # of UTF-16, the footer included; Bot API: sendMessage, text


def parse_news(text: str) -> News:
    """Return the news of a file.

    :raise FileInvalid: the first thing that is wrong, with its line
    """
    table, lines = toml_files.parse(text), text.splitlines()

    def refuse(key: str, reason: str, *, of: str = "") -> FileInvalid:
        head = toml_files.line_of(lines, of, 0) if of else 0
        return FileInvalid(toml_files.line_of(lines, key, head), f"{of}.{key}" if of else key, reason)

    for key in table:
        if key not in REQUIRED + OPTIONAL:
            raise refuse(key, "is not a key of news")
    for key in REQUIRED:
        if key not in table:
            raise refuse(key, "is missing")
    name, to, product = table["name"], table["to"], table.get("product")
    if not _is_slug(name, LONGEST_SLUG):
        raise refuse("name", f"must be up to {LONGEST_SLUG} lower-case letters, digits and single hyphens")
    if not _is_segment(to):
        raise refuse("to", f"must be one of {', '.join(SEGMENTS)}")
    if product is not None and not _is_slug(product, LONGEST_SLUG):
        raise refuse("product", "must be the slug of a product")
    texts = {languages.ENGLISH.code: table["text"], **_translations(table, refuse)}
    for code, words in texts.items():
        is_first = code == languages.ENGLISH.code
        readers = languages.all_().keys() - texts.keys() | {code} if is_first else {code}
        objection = _objection(words, readers)
        if objection:
            raise refuse("text", objection, of="" if is_first else f"translations.{code}")
    return News(name, to, {code: words.strip() for code, words in texts.items()}, product)


def _translations(table: dict[str, Any], refuse: Any) -> dict[str, Any]:
    tables = table.get("translations", {})
    if not isinstance(tables, dict) or not all(isinstance(one, dict) for one in tables.values()):
        raise refuse("translations", "must be tables such as [translations.ru]")
    others = [code for code in languages.all_() if code != languages.ENGLISH.code]
    for code, words in tables.items():
        of = f"translations.{code}"
        if code not in others:
            raise refuse(of, f"the shop does not speak it; a translation is into one of {', '.join(others)}")
        stray = next((key for key in words if key != "text"), None)
        if stray is not None:
            raise refuse(stray, "only the text is translated", of=of)
        if "text" not in words:
            raise refuse(of, "has no text")
    return {code: words["text"] for code, words in tables.items()}


def _objection(words: Any, readers: Collection[str]) -> str | None:
    """Return what is wrong with a text that is read in these languages."""
    if not isinstance(words, str) or not words.strip():
        return "must be a text that is not empty"
    if reason := next(filter(None, map(toml_files.unwanted, words.split("\n"))), None):
        return reason
    room = LONGEST_UNITS - max(_units(f"\n\n{languages.all_()[code].say(FOOTER)}") for code in readers)
    taken = _units(words.strip())
    return (
        f"has {taken} characters as Telegram counts them; there is room for {room}" if taken > room else None
    )


def _units(text: str) -> int:
    return len(text.encode("utf-16-le")) // 2


def _is_slug(value: Any, longest: int) -> bool:
    return isinstance(value, str) and len(value) <= longest and bool(SLUG.fullmatch(value))


def _is_segment(value: Any) -> bool:
    if not isinstance(value, str):
        return False
    kind, colon, key = value.partition(":")
    return _is_slug(key, 64) if colon and kind in OF_A_KEY else value in ("everyone", "buyers")
