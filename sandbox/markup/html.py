"""Telegram's HTML: a few tags, four named entities, and no forgiveness."""

import re
from dataclasses import dataclass, field

from sandbox.markup.entities import Entities, Text, Unparsable, byte_offset

STYLES = {
    "b": "bold",
    "strong": "bold",
    "i": "italic",
    "em": "italic",
    "u": "underline",
    "ins": "underline",
    "s": "strikethrough",
    "strike": "strikethrough",
    "del": "strikethrough",
    "span": "spoiler",
    "tg-spoiler": "spoiler",
}
TAGS = {*STYLES, "a", "code", "pre", "blockquote", "tg-emoji", "tg-time"}
NAMED = {"lt": "<", "gt": ">", "amp": "&", "quot": '"'}
REFERENCE = re.compile(r"&(?:#x([0-9a-f]{1,6})|#([0-9]{1,7})|(lt|gt|amp|quot));?", re.IGNORECASE)
NAME_TOKEN = re.compile(r"[A-Za-z0-9.-]*")


@dataclass(frozen=True)
class Tag:
    """A tag that is open, and where its text begins."""

    name: str
    begin: int  # in UTF-16 code units
    place: int  # in characters of the text
    attributes: dict[str, str] = field(default_factory=dict)


def parse(source: str) -> tuple[str, Entities]:
    """Return the text and its marks.

    :raise Unparsable: a tag that Telegram does not know, or that does not fit
    """
    return _Html(source).read()


class _Html:
    def __init__(self, source: str) -> None:
        self.source = source
        self.at = 0
        self.open: list[Tag] = []
        self.out = Text()

    def read(self) -> tuple[str, Entities]:
        while self.at < len(self.source):
            if self._next() == "<":
                self._end_tag() if self._next(1) == "/" else self._start_tag()
            else:
                self._character()
        if self.open:
            raise Unparsable(f'Can\'t find end tag corresponding to start tag "{self.open[-1].name}"')
        return self.out.text, self.out.marks

    def _next(self, further: int = 0) -> str:
        return self.source[self.at + further : self.at + further + 1]

    def _character(self) -> None:
        reference = REFERENCE.match(self.source, self.at)
        self.out.write(_meant(reference) if reference else self._next())
        self.at = reference.end() if reference else self.at + 1

    def _start_tag(self) -> None:
        begin = self.at
        self.at += 1
        name = self._until(">").lower()
        if not self._next():
            raise self._unclosed(begin)
        if name not in TAGS:
            raise self._wrong(f'Unsupported start tag "{name}"', begin)
        attributes = {}
        while self._skip_spaces() != ">":
            key, value = self._attribute(name, begin)
            attributes[key] = value
        self.at += 1
        if name == "span" and attributes.get("class") != "tg-spoiler":
            raise self._wrong('Tag "span" must have class "tg-spoiler"', begin)
        self.open.append(Tag(name, self.out.units, len(self.out.text), attributes))

    def _attribute(self, tag: str, begin: int) -> tuple[str, str]:
        name = self._until("=>")
        if not name:
            raise self._empty(tag, begin)
        follows = self._skip_spaces()
        if follows != "=" and (tag, name) == ("blockquote", "expandable"):
            return name, ""
        if follows != "=":
            raise self._wrong(f'Expected equal sign in declaration of an attribute of the tag "{tag}"', begin)
        self.at += 1
        quote = self._skip_spaces()
        value = self._literal(quote) if quote and quote in "'\"" else self._token()
        if not self._next():
            raise self._unclosed(begin)
        return name, value

    def _literal(self, quote: str) -> str:
        end = self.source.find(quote, self.at + 1)
        end = len(self.source) if end < 0 else end
        raw = self.source[self.at + 1 : end]
        self.at = end + 1
        return REFERENCE.sub(_meant, raw)

    def _token(self) -> str:
        begin = self.at
        token = NAME_TOKEN.match(self.source, begin)
        self.at = token.end() if token else begin
        if self._next() and not self._next().isspace() and self._next() != ">":
            raise self._wrong("Unexpected end of name token", begin)
        return self.source[begin : self.at].lower()

    def _end_tag(self) -> None:
        begin = self.at
        if not self.open:
            raise self._wrong("Unexpected end tag", begin)
        self.at += 2
        name = self._until(">").lower()
        if self._skip_spaces() != ">":
            raise self._wrong("Unclosed end tag", begin)
        self.at += 1
        tag = self.open.pop()
        if name not in {"", tag.name}:
            where = byte_offset(self.source, begin)
            raise Unparsable(
                f'Unmatched end tag at byte offset {where}, expected "</{tag.name}>", found "</{name}>"'
            )
        self._mark(tag)

    def _mark(self, tag: Tag) -> None:
        out, told = self.out, tag.attributes
        if tag.name in STYLES:
            out.mark(STYLES[tag.name], tag.begin)
        elif tag.name == "a":
            out.link(tag.begin, told.get("href") or out.text[tag.place :])
        elif tag.name == "tg-emoji":
            out.emoji(tag.begin, told.get("emoji-id", ""))
        elif tag.name == "tg-time":
            out.moment(tag.begin, told.get("unix", ""), told.get("format", ""))
        elif tag.name == "blockquote":
            out.mark("expandable_blockquote" if "expandable" in told else "blockquote", tag.begin)
        else:
            self._mark_code(tag)

    def _mark_code(self, tag: Tag) -> None:
        """Mark code; ``pre`` and ``code`` of the same text are one, in the language that is named."""
        language = tag.attributes.get("class", "").removeprefix("language-")
        inner = self.out.marks[-1] if self.out.marks else {}
        span = (tag.begin, self.out.units - tag.begin)
        if tag.name == "pre" and (inner.get("offset"), inner.get("length")) == span and "code" in inner:
            inner["type"], inner["language"] = "pre", inner.pop("code")
            return
        outer = self.open[-1].name if self.open else ""
        named = {"code": language} if tag.name == "code" and language and outer == "pre" else {}
        self.out.mark(tag.name, tag.begin, **named)

    def _until(self, ends: str) -> str:
        begin = self.at
        while self._next() and not self._next().isspace() and self._next() not in ends:
            self.at += 1
        return self.source[begin : self.at]

    def _skip_spaces(self) -> str:
        while self._next().isspace():
            self.at += 1
        return self._next()

    def _empty(self, tag: str, begin: int) -> Unparsable:
        if not self._next():
            return self._unclosed(begin)
        return self._wrong(f'Empty attribute name in the tag "{tag}"', begin)

    def _unclosed(self, begin: int) -> Unparsable:
        return self._wrong("Unclosed start tag", begin)

    def _wrong(self, words: str, place: int) -> Unparsable:
        return Unparsable(f"{words} at byte offset {byte_offset(self.source, place)}")


def _meant(reference: re.Match[str]) -> str:
    """Return the character that a reference stands for; one that is none stands for itself."""
    hexadecimal, decimal, name = reference.groups()
    if name:
        return NAMED[name.lower()]
    code = int(hexadecimal, 16) if hexadecimal else int(decimal)
    is_character = 0 < code < 0x110000 and not 0xD800 <= code < 0xE000
    return chr(code) if is_character else reference[0]
