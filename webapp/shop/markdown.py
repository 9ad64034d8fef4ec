"""Markdown of the owner's as markup of ours: what belongs into a page stays, and nothing else does."""

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple
from urllib.parse import unquote

import nh3
from markdown_it import MarkdownIt
from markdown_it.token import Token
from markupsafe import Markup

from webapp.shop.folder import Unreadable, read_file

LONGEST = 200_000  # characters; a long book chapter has 50,000, and all of it is sent at once
MORE = re.compile(r"^ {0,3}<!--\s*more\s*-->\s*$", re.MULTILINE | re.IGNORECASE)
TAGS = frozenset(
    {"a", "b", "blockquote", "br", "code", "dd", "del", "details", "div", "dl", "dt", "em", "h2", "h3", "h4"}
    | {"h5", "h6", "hr", "i", "img", "kbd", "li", "ol", "p", "pre", "s", "strong", "sub", "summary", "sup"}
    | {"table", "tbody", "td", "th", "thead", "tr", "ul"}
)
# Without the text between them, which is not meant for readers.
DROPPED_WHOLE = frozenset(
    {"iframe", "math", "noscript", "object", "script", "style", "svg", "template", "textarea", "title"}
)
ATTRIBUTES = {
    "a": {"href"},
    "img": {"src", "alt", "loading"},
    "ol": {"start"},
    "th": {"align"},
    "td": {"align"},
}
LINK = re.compile(r"(?:https?://|mailto:|tg:)[^\s]+|/(?![/\\])[^\s\\]*", re.IGNORECASE)
OTHER_PAGE = re.compile(r"(?:\.?/)?([a-z0-9]+(?:-[a-z0-9]+)*)\.md(#.*)?", re.IGNORECASE)
PICTURES = re.compile(r"(?:\.\./|\./|/)?pictures/")  # as an editor shows them that opens pages/guide.md
FOREIGN = re.compile(r"[a-z][a-z0-9+.-]*:|//", re.IGNORECASE)
HEADINGS = {f"h{level}": f"h{min(level + 1, 6)}" for level in range(1, 7)}

FindPicture = Callable[[str], str | None]


class TextInvalid(ValueError):
    """A text that cannot be shown; the sentence says which and why."""


class Reference(NamedTuple):
    """Something that a text names: a picture, or where a link leads."""

    line: int  # where its paragraph begins, counted from 1
    target: str


def read(file: Path) -> str:
    """Return the text of a Markdown file.

    :raise TextInvalid: it cannot be read, is no UTF-8, or is too long for a page
    """
    try:
        text = read_file(file, LONGEST + 1)
    except Unreadable as error:
        raise TextInvalid(f"{file.name} {error}") from error
    _check_length(text, file.name)
    return text.replace("\0", "\ufffd")


def render(text: str, picture: FindPicture) -> Markup:
    """Return Markdown as markup that can do nothing but be read.

    CommonMark with tables and strikethrough. Headings begin at the second level, below the page's own. A
    link to another page's file, such as ``guide.md``, leads to that page.

    :param picture: returns the address of a picture by its name; without one, its alternative text is shown
    :raise TextInvalid: it is too long for a page
    """
    _check_length(text, "This text")
    addresses: set[str] = set()
    tokens = _PARSER.parse(text)
    _lower_headings(tokens)
    for token in _every(tokens):
        _adapt(token, picture, addresses)
    return _cleaned(_PARSER.renderer.render(tokens, _PARSER.options, {}), addresses)


def split_title(text: str) -> tuple[str, str]:
    """Return the heading of the first level that a text begins with, if it does, and the rest of the text."""
    begin = _PARSER.parse(text)[:2]
    if [token.type for token in begin] != ["heading_open", "inline"] or begin[0].tag != "h1":
        return "", text
    rest = "".join(text.splitlines(keepends=True)[_end(begin[0]) :])
    return "".join(child.content for child in begin[1].children or ()), rest


def preview(text: str) -> str:
    """Return the part of a text that everybody may read, which is never all of it.

    It ends at ``<!-- more -->``, else before the second heading, else after the first paragraph.
    """
    if found := MORE.search(text):
        return text[: found.start()]
    tokens = [token for token in _PARSER.parse(text) if token.level == 0]
    headings = [_begin(token) for token in tokens if token.type == "heading_open"]
    ends = [_end(token) for token in tokens if token.type == "paragraph_open"]
    cut = headings[1] if len(headings) > 1 else next(iter(ends), 0)
    lines = text.splitlines(keepends=True)
    return "".join(lines[:cut]) if "".join(lines[cut:]).strip() else ""


def pictures(text: str) -> list[Reference]:
    """Return the pictures that a text shows, each by its name; one of another site by its address."""
    return [Reference(line, _picture_name(str(token.attrs["src"]))) for line, token in _inline(text, "image")]


def links(text: str) -> list[Reference]:
    """Return where the links of a text lead, as they are written."""
    return [Reference(line, unquote(str(token.attrs["href"]))) for line, token in _inline(text, "link_open")]


def is_link(target: str) -> bool:
    """Tell whether a page may lead there: by https, http, mailto or tg, to a path of ours or another page."""
    return bool(LINK.fullmatch(target) or OTHER_PAGE.fullmatch(target))


def other_page(target: str) -> str | None:
    """Return the file's name if a link leads to another page by it."""
    found = OTHER_PAGE.fullmatch(target)
    return f"{found[1].lower()}.md" if found else None


def is_foreign(picture: str) -> bool:
    """Tell whether a picture is another site's, which the content policy of our pages keeps out."""
    return bool(FOREIGN.match(picture))


def _parser() -> MarkdownIt:
    # Raw HTML goes through, so that it can be taken out as a browser would read it.
    parser = MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"])
    parser.add_render_rule("table_open", lambda *_: '<div class="scroll"><table>\n')
    parser.add_render_rule("table_close", lambda *_: "</table></div>\n")
    return parser


_PARSER = _parser()


def _check_length(text: str, name: str) -> None:
    if len(text) > LONGEST:
        raise TextInvalid(f"{name} has more than {LONGEST:,} characters, which is too long for one page")


def _every(tokens: list[Token]) -> Iterator[Token]:
    for token in tokens:
        yield token
        yield from token.children or ()


def _lower_headings(tokens: list[Token]) -> None:
    """Have no heading stand as high as the page's own."""
    headings = [token for token in tokens if token.type in {"heading_open", "heading_close"}]
    if any(token.tag == "h1" for token in headings):
        for token in headings:
            token.tag = HEADINGS[token.tag]


def _adapt(token: Token, picture: FindPicture, addresses: set[str]) -> None:
    """Have a token be what a page of ours shows for it."""
    if token.type == "image":
        _place(token, picture, addresses)
    elif token.type == "link_open" and (page := OTHER_PAGE.fullmatch(str(token.attrs["href"]))):
        token.attrs["href"] = f"/pages/{page[1].lower()}"
    elif "style" in token.attrs:  # the columns of a table; styles are not let in
        token.attrs["align"] = str(token.attrs.pop("style")).removeprefix("text-align:")


def _place(image: Token, picture: FindPicture, addresses: set[str]) -> None:
    address = picture(_picture_name(str(image.attrs["src"])))
    if address is None:
        image.type, image.content = "text", "".join(child.content for child in image.children or ())
        return
    image.attrs |= {"src": str(address), "loading": "lazy"}
    addresses.add(str(address))


def _picture_name(source: str) -> str:
    return PICTURES.sub("", unquote(source), count=1)


def _cleaned(markup: str, addresses: set[str]) -> Markup:
    def allowed(_tag: str, attribute: str, value: str) -> str | None:
        if attribute == "href":
            return value if LINK.fullmatch(value) else None
        return None if attribute == "src" and value not in addresses else value

    cleaned = nh3.clean(
        markup,
        tags=set(TAGS),
        clean_content_tags=set(DROPPED_WHOLE),
        attributes=ATTRIBUTES,
        attribute_filter=allowed,
        url_schemes={"https", "http", "mailto", "tg", "data"},  # data: is a picture of ours; see allowed
        allowed_classes={"div": {"scroll"}},
    )
    # Nothing but what stands above is left in it.
    return Markup(cleaned)  # noqa: S704


def _begin(token: Token) -> int:
    return token.map[0] if token.map else 0


def _end(token: Token) -> int:
    return token.map[1] if token.map else 0


def _inline(text: str, kind: str) -> Iterator[tuple[int, Token]]:
    for block in _PARSER.parse(text):
        for token in block.children or ():
            if token.type == kind:
                yield _begin(block) + 1, token
