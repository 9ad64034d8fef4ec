"""Telegram's first Markdown: nothing nests, and four characters can be escaped."""

import re

from sandbox.markup.entities import Entities, Text, Unparsable, byte_offset

STYLES = {"*": "bold", "_": "italic", "`": "code"}
ESCAPABLE = "_*`["
FENCE = "```"
LANGUAGE = re.compile(r"([^\s`]+)(?=\s)")
NEW_LINE = re.compile(r"\r\n|\n\r|\n|\r")


def parse(source: str) -> tuple[str, Entities]:
    """Return the text and its marks.

    :raise Unparsable: a mark does not end
    """
    out, at = Text(), 0
    while at < len(source):
        if source[at] == "\\" and source[at + 1 : at + 2] in tuple(ESCAPABLE):
            out.write(source[at + 1])
            at += 2
        elif source[at] in ESCAPABLE:
            at = _entity(source, at, out)
        else:
            out.write(source[at])
            at += 1
    return out.text, out.marks


def fence_head(source: str, at: int) -> tuple[str, int]:
    """Return the language behind a fence, and where its text begins: one line break is left out."""
    named = LANGUAGE.match(source, at)
    at = named.end() if named else at
    line = NEW_LINE.match(source, at)
    return named[1] if named else "", line.end() if line else at


def _entity(source: str, at: int, out: Text) -> int:
    """Read what begins here, and return where it has ended."""
    begin = out.units
    if source.startswith(FENCE, at):
        language, inside = fence_head(source, at + 3)
        end = _end(source, FENCE, inside, at)
        out.write(source[inside:end])
        out.mark("pre", begin, **({"language": language} if language else {}))
        return end + 3
    end = _end(source, "]" if source[at] == "[" else source[at], at + 1, at)
    words = source[at + 1 : end]
    out.write(words)
    if source[at] != "[":
        out.mark(STYLES[source[at]], begin)
        return end + 1
    return _link(source, end, words, begin, out)


def _link(source: str, end: int, words: str, begin: int, out: Text) -> int:
    if source[end + 1 : end + 2] != "(":
        out.link(begin, words)
        return end + 1
    last = source.find(")", end + 2)
    last = len(source) if last < 0 else last
    out.link(begin, source[end + 2 : last])
    return last + 1


def _end(source: str, mark: str, inside: int, begin: int) -> int:
    end = source.find(mark, inside)
    if end < 0:
        raise Unparsable(f"Can't find end of the entity starting at byte offset {byte_offset(source, begin)}")
    return end
