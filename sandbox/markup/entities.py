"""Entities: the marks on a text, counted in UTF-16 code units, and which of them can be together."""

import re
from collections.abc import Iterable
from typing import Any
from urllib.parse import parse_qs, urlsplit

from sandbox.errors import bad_request
from sandbox.keyboards import link_problem

Entity = dict[str, Any]
Entities = list[Entity]
Span = tuple[int, int]

SPLITTABLE = ("bold", "italic", "underline", "strikethrough", "spoiler")
QUOTES = ("blockquote", "expandable_blockquote")
CODES = ("pre", "code")
# What the Bot API takes from a bot, each with what else it needs.
NEEDS = {kind: "" for kind in (*SPLITTABLE, *QUOTES, *CODES)} | {
    "text_link": "url",
    "text_mention": "user",
    "custom_emoji": "custom_emoji_id",
    "date_time": "unix_time",
}
# Telegram finds these; what a bot says of them is not asked.
FOUND = ("url", "email", "mention", "hashtag", "cashtag", "bot_command", "phone_number", "bank_card_number")
# Of entities that begin and end together, the one that is told first.
ORDER = (*QUOTES, *CODES, "text_link", "text_mention", *FOUND, *SPLITTABLE, "custom_emoji", "date_time")
PATTERNS = (
    ("email", re.compile(r"(?<![\w.+-])[\w.+-]+@(?:[\w-]+\.)+[a-z]{2,}", re.IGNORECASE)),
    (
        "url",
        re.compile(
            r"(?:https?://|(?<![\w@./])(?:(?:www\.|t\.me/|telegram\.me/)|(?:[\w-]+\.)+(?:com|org|net|io|ru)\b))"
            r"(?:[^\s<>\"]*[^\s<>\".,!?:;)\]])?",
            re.IGNORECASE,
        ),
    ),
    ("mention", re.compile(r"(?<![\w@])@[a-z]\w{3,31}\b", re.IGNORECASE | re.ASCII)),
    ("bot_command", re.compile(r"(?<![\w/<>@.])/[A-Za-z0-9_]{1,64}(?:@\w{3,32})?(?![\w/])", re.ASCII)),
    ("hashtag", re.compile(r"(?<![\w#])#(?=\w*[^\W\d])\w{1,256}")),
)  # fmt: skip
SPACES = " \t\r\n\v\f"
DATE_FORMAT = re.compile(r"r|[wdDtT]*")


class Unparsable(Exception):
    """A text breaks the rules of its markup; says how, in Telegram's words."""


class Text:
    """A text that grows while marks on it begin and end."""

    def __init__(self) -> None:
        self.text = ""
        self.units = 0
        self.marks: Entities = []

    def write(self, text: str) -> None:
        self.text += text
        self.units += units(text)

    def mark(self, kind: str, begin: int, **facts: Any) -> None:
        """Have a mark from somewhere up to here, unless nothing is there."""
        if self.units > begin:
            self.marks.append({"type": kind, "offset": begin, "length": self.units - begin, **facts})

    def link(self, begin: int, url: str) -> None:
        """Have a link from somewhere up to here, unless it leads nowhere."""
        parts = urlsplit(url)
        user = parse_qs(parts.query).get("id", [""])[0] if url.startswith("tg://user?") else ""
        if user.isdigit():
            self.mark("text_mention", begin, user={"id": int(user)})
        elif not link_problem(url):
            self.mark("text_link", begin, url=_whole(url))

    def emoji(self, begin: int, number: str) -> None:
        if not number.isdigit() or int(number) == 0:
            raise Unparsable("Invalid custom emoji identifier specified")
        self.mark("custom_emoji", begin, custom_emoji_id=number)

    def moment(self, begin: int, unix: str, form: str) -> None:
        """Have a moment that each reader sees in their own zone (Bot API 9.5)."""
        if not unix.isdigit():
            raise Unparsable("Invalid Unix time specified")
        if not DATE_FORMAT.fullmatch(form):
            raise Unparsable("Invalid date-time format specified")
        ordered = form if form == "r" else "".join(_first(form, one) for one in ("w", "dD", "tT"))
        self.mark("date_time", begin, unix_time=int(unix), date_time_format=ordered)


def units(text: str) -> int:
    """Return the length of a text as the Bot API counts it."""
    return len(text.encode("utf-16-le")) // 2


def byte_offset(source: str, at: int) -> int:
    """Return the place of a character as Telegram's refusals name it."""
    return len(source[:at].encode())


def checked(text: str, entities: Any) -> Entities:
    """Return the entities that a bot sends, without those that Telegram finds.

    :raise ApiError: one of them is none, or ends after the text
    """
    if entities is None or entities == "":
        return []
    if not isinstance(entities, list):
        raise bad_request("can't parse entities JSON object")
    return [_checked(text, one) for one in entities if not _is_found(one)]


def found(text: str, marks: Entities) -> Entities:
    """Return the links, mentions and commands in a text, outside of code and of other links."""
    taken = [_span(one) for one in marks if one["type"] not in (*SPLITTABLE, *QUOTES)]
    entities = []
    for kind, pattern in PATTERNS:
        for match in pattern.finditer(text):
            span = (units(text[: match.start()]), units(text[: match.end()]))
            if not _overlaps(span, taken):
                taken.append(span)
                entities.append({"type": kind, "offset": span[0], "length": span[1] - span[0]})
    return entities


def settled(text: str, marks: Entities) -> tuple[str, Entities]:
    """Return a text without the blanks around it, and those of its marks that can be together.

    Bold and its like are cut where code is; of quotes, links and code within each other the outer one stays.
    """
    quotes = _apart(one for one in marks if one["type"] in QUOTES)
    others = _apart(one for one in marks if one["type"] not in (*QUOTES, *SPLITTABLE))
    codes = [_span(one) for one in others if one["type"] in CODES]
    styles = [
        {"type": kind, "offset": begin, "length": end - begin}
        for kind in SPLITTABLE
        for begin, end in _without(_joined(_span(one) for one in marks if one["type"] == kind), codes)
    ]
    kept = text.strip(SPACES)
    before = units(text[: len(text) - len(text.lstrip(SPACES))])
    moved = (_moved(one, before, units(kept)) for one in (*quotes, *others, *styles))
    return kept, sorted((one for one in moved if one["length"] > 0), key=_place)


def _first(form: str, of: str) -> str:
    return next((one for one in of if one in form), "")


def _whole(url: str) -> str:
    """Return a link as Telegram writes it: with a scheme, and a path."""
    if url.startswith(("tg:", "ton:")):
        return url
    parts = urlsplit(url if "://" in url else f"http://{url}")
    return parts._replace(scheme=parts.scheme.lower(), path=parts.path or "/").geturl()


def _is_found(entity: Any) -> bool:
    return isinstance(entity, dict) and entity.get("type") in FOUND


def _checked(text: str, entity: Any) -> Entity:
    kind = entity.get("type") if isinstance(entity, dict) else None
    if kind not in NEEDS or type(entity.get("offset")) is not int or type(entity.get("length")) is not int:
        raise bad_request("can't parse MessageEntity: it needs a known type, an offset and a length")
    if NEEDS[kind] and not entity.get(NEEDS[kind]):
        raise bad_request(f"can't parse MessageEntity: Can't find field \"{NEEDS[kind]}\"")
    end, last = entity["offset"] + entity["length"], units(text)
    if entity["offset"] < 0 or entity["length"] < 0:
        raise bad_request("entity has a negative offset or length")
    if end > last:
        raise bad_request(
            f"entity beginning at UTF-16 offset {entity['offset']} ends after the end of the text at "
            f"UTF-16 offset {last}"
        )
    return dict(entity)


def _span(entity: Entity) -> Span:
    return entity["offset"], entity["offset"] + entity["length"]


def _place(entity: Entity) -> tuple[int, int, int]:
    return entity["offset"], -entity["length"], ORDER.index(entity["type"])


def _overlaps(span: Span, others: Iterable[Span]) -> bool:
    return any(span[0] < end and begin < span[1] for begin, end in others)


def _apart(marks: Iterable[Entity]) -> Entities:
    """Return marks of which none overlaps another: of two, the one that begins first, or is longer."""
    kept: Entities = []
    for one in sorted(marks, key=_place):
        if not _overlaps(_span(one), map(_span, kept)):
            kept.append(one)
    return kept


def _joined(spans: Iterable[Span]) -> list[Span]:
    """Return spans with those that touch made one."""
    kept: list[Span] = []
    for begin, end in sorted(spans):
        if kept and begin <= kept[-1][1]:
            kept[-1] = (kept[-1][0], max(end, kept[-1][1]))
        else:
            kept.append((begin, end))
    return kept


def _without(spans: list[Span], holes: list[Span]) -> list[Span]:
    for begin, end in holes:
        halves = [((a, min(b, begin)), (max(a, end), b)) for a, b in spans]
        spans = [half for both in halves for half in both if half[0] < half[1]]
    return spans


def _moved(entity: Entity, before: int, last: int) -> Entity:
    begin, end = (min(max(0, place - before), last) for place in _span(entity))
    return {**entity, "offset": begin, "length": end - begin}
