"""Telegram's second Markdown: marks nest, quotes are lines, and every mark has to be escaped elsewhere."""

from dataclasses import dataclass
from urllib.parse import parse_qs

from sandbox.markup.entities import Entities, Text, Unparsable, byte_offset
from sandbox.markup.markdown import FENCE, fence_head

RESERVED = "_*[]()~`>#+-=|{}.!\n"
# The longest first: what begins, and also ends, a mark.
MARKS = {
    FENCE: "pre",
    "__": "underline",
    "||": "spoiler",
    "_": "italic",
    "*": "bold",
    "~": "strikethrough",
    "`": "code",
}
ENDS = {kind: mark for mark, kind in MARKS.items()} | {"link": "]", "emoji": "]"}
# As Telegram's refusals call them.
NAMES = {"link": "TextUrl", "emoji": "CustomEmoji", "quote": "BlockQuote"}


@dataclass(frozen=True)
class Mark:
    """A mark that is open, and where its text begins."""

    kind: str
    begin: int  # in UTF-16 code units
    place: int  # in characters of the text
    at: int  # in the source
    language: str = ""

    @property
    def name(self) -> str:
        return "PreCode" if self.language else NAMES.get(self.kind, self.kind.capitalize())


def parse(source: str) -> tuple[str, Entities]:
    """Return the text and its marks.

    :raise Unparsable: a mark does not end, or a reserved character is not escaped
    """
    return _MarkdownV2(source).read()


class _MarkdownV2:
    def __init__(self, source: str) -> None:
        self.source = source
        self.at = 0
        self.open: list[Mark] = []
        self.out = Text()
        self.line_begins = True  # whether nothing is written on this line yet

    def read(self) -> tuple[str, Entities]:
        while self.at < len(self.source):
            self._step()
        if self._in_quote():
            self._end_quote()
        if self.open:
            raise self._unended()
        return self.out.text, self.out.marks

    def _step(self) -> None:
        char, follows = self.source[self.at], self.source[self.at + 1 : self.at + 2]
        kind = self.open[-1].kind if self.open else ""
        if char == "\\" and follows and 0 < ord(follows) <= 126:
            self._write(follows, 2)
        elif char not in ("`" if kind in {"code", "pre"} else RESERVED):
            self._write(char, 1)
        elif char == "\n":
            self._new_line(follows)
        elif kind in ENDS and self._mark_here(kind) == ENDS[kind]:
            self._end()
        else:
            self._begin(char, follows)

    def _mark_here(self, kind: str) -> str:
        """Return the mark that stands here: in code a fence is looked for only if one is open."""
        if kind == "code":
            return self.source[self.at]
        marks = (*MARKS, "]")
        return next((one for one in marks if self.source.startswith(one, self.at)), "")

    def _write(self, text: str, length: int) -> None:
        self.out.write(text)
        self.at += length
        self.line_begins = False

    def _begin(self, char: str, follows: str) -> None:
        mark = self._mark_here("")
        begin = self.at
        if mark in MARKS:
            self.at += len(mark)
            self._open(MARKS[mark], begin)
        elif char == "[":
            self.at += 1
            self._open("link", begin)
        elif char + follows == "![":
            self.at += 2
            self._open("emoji", begin)
        elif char == ">" and self.line_begins:
            self.at += 1
            if not self._in_quote():
                self._open("quote", begin)
        else:
            raise Unparsable(f"Character '{char}' is reserved and must be escaped with the preceding '\\'")

    def _open(self, kind: str, begin: int) -> None:
        language = ""
        if kind == "pre":
            language, self.at = fence_head(self.source, self.at)
        self.open.append(Mark(kind, self.out.units, len(self.out.text), begin, language))

    def _new_line(self, follows: str) -> None:
        self.out.write("\n")
        self.at += 1
        if self._in_quote() and follows != ">":
            self._end_quote()
        self.line_begins = True

    def _in_quote(self) -> bool:
        return any(one.kind == "quote" for one in self.open)

    def _end_quote(self) -> None:
        """End the quote of the lines up to here; a last ``||`` of nothing makes it expandable."""
        is_expandable = self.open[-1].kind == "spoiler" and not self.out.text[self.open[-1].place :].strip(
            "\n"
        )
        if is_expandable:
            self.open.pop()
        if self.open[-1].kind != "quote":
            raise self._unended()
        self.out.mark("expandable_blockquote" if is_expandable else "blockquote", self.open.pop().begin)

    def _end(self) -> None:
        mark = self.open.pop()
        self.at += len(ENDS[mark.kind])
        if mark.kind == "link":
            is_named = self.source[self.at : self.at + 1] == "("
            self.out.link(mark.begin, self._url("URL") if is_named else self.out.text[mark.place :])
        elif mark.kind == "emoji":
            self._emoji(mark)
        else:
            self.out.mark(mark.kind, mark.begin, **({"language": mark.language} if mark.language else {}))

    def _emoji(self, mark: Mark) -> None:
        if self.source[self.at : self.at + 1] != "(":
            raise Unparsable("Custom emoji entity must contain a tg://emoji URL")
        head, _, query = self._url("custom emoji URL").partition("?")
        told = {name: values[0] for name, values in parse_qs(query).items()}
        if head == "tg://emoji":
            self.out.emoji(mark.begin, told.get("id", ""))
        elif head == "tg://time":
            self.out.moment(mark.begin, told.get("unix", ""), told.get("format", ""))
        else:
            raise Unparsable("Custom emoji URL must have scheme tg")

    def _url(self, words: str) -> str:
        """Read an address in parentheses."""
        begin, url = self.at + 1, ""
        self.at = begin
        while self.source[self.at : self.at + 1] not in {")", ""}:
            self.at += self.source[self.at] == "\\"
            url += self.source[self.at : self.at + 1]
            self.at += 1
        if self.at >= len(self.source):
            raise Unparsable(f"Can't find end of a {words} at byte offset {byte_offset(self.source, begin)}")
        self.at += 1
        return url

    def _unended(self) -> Unparsable:
        mark = self.open[-1]
        where = byte_offset(self.source, mark.at)
        return Unparsable(f"Can't find end of {mark.name} entity at byte offset {where}")
