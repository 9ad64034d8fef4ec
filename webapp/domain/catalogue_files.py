"""The catalogue as a file kept in git: read, checked whole, written."""

import re
from collections.abc import Collection, Iterable, Sequence
from typing import Any

from webapp import languages
from webapp.domain import toml_files
from webapp.domain.catalogue import Item
from webapp.domain.toml_files import FileInvalid

SLUG = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
LONGEST_SLUG = 32  # so that a payload of 128 bytes can name it
LONGEST_TITLE = 32  # Bot API: createInvoiceLink, title
LONGEST_DESCRIPTION = 255  # Bot API: createInvoiceLink, description
MOST_STARS = 100_000  # measured ceiling of one invoice; not documented
MOST_SUBSCRIPTION_STARS = 10_000  # Bot API: createInvoiceLink, subscription_period
LONGEST_PASS_DAYS = 3650
LONGEST_TRIAL_DAYS = 90
LONGEST_GRACE_DAYS = 30
USUAL_GRACE_DAYS = 1  # a renewal takes Telegram a moment, and its failing a person's attention
LONGEST_REFUND_DAYS = 365
KINDS = ("unlock", "pass", "bundle", "subscription")
REQUIRED = ("slug", "kind", "section", "title", "description", "picture", "stars", "entitlements")
OPTIONAL = ("details", "days", "refund_days", "on_sale", "translations")
ELSEWHERE = "opened_elsewhere"  # keys that nothing in the shop opens, and something of the owner's does
TRANSLATED = ("title", "description", "details", "section")
LONGEST_SECTION = 64
LONGEST_DETAIL = 200
OF_A_SUBSCRIPTION = ("trial_stars", "trial_days", "grace_days")


def read(
    text: str, *, pictures: Collection[str] | None = None, opened: Collection[str] | None = None
) -> list[Item]:
    """Return the items of a catalogue file.

    :param pictures: the names of the pictures there are; any will do unless told
    :param opened: the entitlement keys that open something in the shop; any will do unless told
    :raise FileInvalid: the first thing that is wrong, with its line
    """
    file = _File(text)
    file.pictures, file.opened = pictures, opened
    items = [_item(file, index, table) for index, table in enumerate(file.products)]
    first_lines: dict[str, int] = {}
    for index, item in enumerate(items):
        if item.slug in first_lines:
            raise file.error(index, "slug", f"{item.slug!r} is already used on line {first_lines[item.slug]}")
        first_lines[item.slug] = file.line(index, "slug")
    return items


def warnings(items: Iterable[Item]) -> list[str]:
    """Return what an owner may not have meant, a sentence each."""
    return [
        f"{item.slug}: the refund window is as long as the {what}, so people can use all of it for nothing."
        for item in items
        for what, days in (("pass", item.pass_days), ("trial", item.trial_days))
        if days and item.refund_days == days
    ]


def write(items: Iterable[Item], *, elsewhere: Sequence[str] = ()) -> str:
    """Return a catalogue file that reads back as these items.

    :param elsewhere: entitlement keys that nothing in the shop opens
    """
    head = f"{ELSEWHERE} = {_written(list(elsewhere))}\n\n" if elsewhere else ""
    return head + "\n".join(_table(item) for item in items)


class _File:
    """The parsed file together with the lines that its keys stand on."""

    pictures: Collection[str] | None = None
    opened: Collection[str] | None = None

    def __init__(self, text: str) -> None:
        self.lines = text.splitlines()
        parsed = toml_files.parse(text)
        self.elsewhere = self._elsewhere(parsed.pop(ELSEWHERE, []))
        self.products = self._tables(parsed)

    def opens(self, key: str) -> bool:
        """Tell whether anything waits behind an entitlement, as far as anybody said."""
        return self.opened is None or key in self.opened or key in self.elsewhere

    def _elsewhere(self, keys: object) -> list[str]:
        if isinstance(keys, list) and all(isinstance(key, str) and SLUG.fullmatch(key) for key in keys):
            return keys
        line = toml_files.line_of(self.lines, ELSEWHERE, 0)
        raise FileInvalid(line, ELSEWHERE, "must be a list of entitlement keys such as 'atlas'")

    def _tables(self, parsed: dict[str, Any]) -> list[dict[str, Any]]:
        stray = next((key for key in parsed if key != "products"), None)
        if stray is not None:
            raise FileInvalid(
                toml_files.line_of(self.lines, stray, 0), stray, "only [[products]] tables belong here"
            )
        tables = parsed.get("products")
        if not isinstance(tables, list) or not tables or not all(isinstance(one, dict) for one in tables):
            raise FileInvalid(1, "products", "there must be at least one [[products]] table")
        return tables

    def line(self, index: int, key: str) -> int:
        """Return the line of a key in the index-th table, or of the table's head."""
        heads = [
            number for number, line in enumerate(self.lines) if re.match(r"\s*\[\[\s*products\s*\]\]", line)
        ]
        head = heads[index] if index < len(heads) else 0
        end = heads[index + 1] if index + 1 < len(heads) else len(self.lines)
        named = toml_files.line_of(self.lines, key, head)
        return named if head < named <= end else head + 1

    def error(self, index: int, key: str, reason: str) -> FileInvalid:
        return FileInvalid(self.line(index, key), key, reason)

    def error_in_translation(self, index: int, code: str, key: str, reason: str) -> FileInvalid:
        product = self.products[index]
        line = self.line(index, f"products.translations.{code}")
        if key in product["translations"][code]:
            line = toml_files.line_of(self.lines, key, line)
        return FileInvalid(line, f"{product['slug']}, translations.{code}.{key}", reason)


def _item(file: _File, index: int, table: dict[str, Any]) -> Item:
    def refuse(key: str, reason: str) -> FileInvalid:
        return file.error(index, key, reason)

    for key in table:
        if key not in REQUIRED + OPTIONAL + OF_A_SUBSCRIPTION:
            raise refuse(key, "is not a key of a product")
    for key in REQUIRED:
        if key not in table:
            raise refuse(key, "is missing")
    slug = _text(table, "slug", LONGEST_SLUG, refuse)
    if not SLUG.fullmatch(slug):
        raise refuse("slug", "may hold lower-case letters, digits and single hyphens")
    kind = table["kind"]
    if kind not in KINDS:
        raise refuse("kind", f"must be one of {', '.join(KINDS)}")
    keys = _texts(table, "entitlements", 64, refuse)
    if not keys or not all(SLUG.fullmatch(key) for key in keys) or len(set(keys)) != len(keys):
        raise refuse("entitlements", "must be one or more different keys such as 'atlas'")
    if kind == "bundle" and len(keys) < 2:
        raise refuse("entitlements", "a bundle grants at least two")
    if (kind == "pass") != ("days" in table):
        raise refuse("days", "is missing" if kind == "pass" else "belongs to a pass only")
    is_plan = kind == "subscription"
    stray = next((key for key in OF_A_SUBSCRIPTION if key in table and not is_plan), None)
    if stray:
        raise refuse(stray, "belongs to a subscription only")
    if ("trial_stars" in table) != ("trial_days" in table):
        raise refuse("trial_stars", "a trial needs both trial_stars and trial_days")
    has_trial = "trial_stars" in table
    picture = _text(table, "picture", 128, refuse)
    if not re.fullmatch(r"[a-z0-9-]+\.(svg|webp|png|jpg)", picture):
        raise refuse("picture", "must be the name of a file in the folder pictures, such as 'atlas.svg'")
    if file.pictures is not None and picture not in file.pictures:
        raise refuse("picture", f"there is no {picture} in the folder pictures")
    unopened = next((key for key in keys if not file.opens(key)), None)
    if unopened:
        raise refuse("entitlements", _dead_end(unopened, file.opened or ()))
    item = Item(
        slug=slug,
        kind=kind,
        section=_text(table, "section", LONGEST_SECTION, refuse),
        title=_text(table, "title", LONGEST_TITLE, refuse),
        description=_text(table, "description", LONGEST_DESCRIPTION, refuse),
        details=tuple(_texts(table, "details", LONGEST_DETAIL, refuse)),
        picture=picture,
        stars=_number(table, "stars", MOST_SUBSCRIPTION_STARS if is_plan else MOST_STARS, refuse),
        pass_days=_number(table, "days", LONGEST_PASS_DAYS, refuse) if kind == "pass" else None,
        keys=tuple(keys),
        translations=_translations(file, index, table),
        trial_stars=_number(table, "trial_stars", MOST_STARS, refuse) if has_trial else None,
        trial_days=_number(table, "trial_days", LONGEST_TRIAL_DAYS, refuse) if has_trial else None,
        grace_days=_days(table, "grace_days", USUAL_GRACE_DAYS if is_plan else 0, LONGEST_GRACE_DAYS, refuse),
        refund_days=_days(table, "refund_days", 0, LONGEST_REFUND_DAYS, refuse),
        on_sale=_flag(table, "on_sale", refuse),
    )
    for what, days in (("pass", item.pass_days), ("trial", item.trial_days)):
        if days and item.refund_days > days:
            raise refuse("refund_days", f"outlasts the {what} of {days} days: people could use it up first")
    return item


def _dead_end(key: str, opened: Collection[str]) -> str:
    return (
        f"nothing opens {key!r}, so people would pay for nothing; the shop's pages and routes open "
        f"{', '.join(sorted(opened))}. If something else of yours opens it, begin the file with "
        f'{ELSEWHERE} = ["{key}"]'
    )


def _translations(file: _File, index: int, table: dict[str, Any]) -> dict[str, dict[str, Any]]:
    told = table.get("translations", {})
    if not isinstance(told, dict) or not all(isinstance(one, dict) for one in told.values()):
        raise file.error(index, "translations", "must be tables such as [products.translations.ru]")
    known = languages.all_()
    stranger = next((code for code in told if code not in known), None)
    if stranger is not None:
        line = file.line(index, f"products.translations.{stranger}")
        reason = f"the shop does not speak it; it speaks {', '.join(known)}"
        raise FileInvalid(line, f"{table['slug']}, translations.{stranger}", reason)
    return {code: _translation(file, index, code, table) for code in told}


def _translation(file: _File, index: int, code: str, table: dict[str, Any]) -> dict[str, Any]:
    def refuse(key: str, reason: str) -> FileInvalid:
        return file.error_in_translation(index, code, key, reason)

    told = table["translations"][code]
    stray = next((key for key in told if key not in TRANSLATED), None)
    if stray is not None:
        raise refuse(stray, f"only {', '.join(TRANSLATED)} can be translated")
    if "title" not in told:
        raise refuse("title", "is missing")
    longest = {"title": LONGEST_TITLE, "description": LONGEST_DESCRIPTION, "section": LONGEST_SECTION}
    words: dict[str, Any] = {
        key: _text(told, key, most, refuse) for key, most in longest.items() if key in told
    }
    if "details" in told:
        words["details"] = _texts(told, "details", LONGEST_DETAIL, refuse)
        if len(words["details"]) != len(table.get("details", [])):
            raise refuse("details", "must have as many lines as the product's own details")
    return words


def _text(table: dict[str, Any], key: str, longest: int, refuse: Any) -> str:
    value = table[key]
    if not isinstance(value, str) or not value.strip():
        raise refuse(key, "must be a text that is not empty")
    if len(value) > longest:
        raise refuse(key, f"has {len(value)} characters; Telegram and the page take at most {longest}")
    if reason := toml_files.unwanted(value):
        raise refuse(key, reason)
    return value


def _texts(table: dict[str, Any], key: str, longest: int, refuse: Any) -> list[str]:
    values = table.get(key, [])
    if not isinstance(values, list):
        raise refuse(key, "must be a list of texts")
    return [_text({key: value}, key, longest, refuse) for value in values]


def _number(table: dict[str, Any], key: str, largest: int, refuse: Any, *, smallest: int = 1) -> int:
    value = table[key]
    if not isinstance(value, int) or isinstance(value, bool) or not smallest <= value <= largest:
        raise refuse(key, f"must be a whole number from {smallest} to {largest}")
    return value


def _days(table: dict[str, Any], key: str, usual: int, largest: int, refuse: Any) -> int:
    return _number(table, key, largest, refuse, smallest=0) if key in table else usual


def _flag(table: dict[str, Any], key: str, refuse: Any) -> bool:
    value = table.get(key, True)
    if not isinstance(value, bool):
        raise refuse(key, "must be true or false")
    return value


def _table(item: Item) -> str:
    lines = [
        "[[products]]",
        f"slug = {_quoted(item.slug)}",
        f"kind = {_quoted(item.kind)}",
        f"section = {_quoted(item.section)}",
        f"title = {_quoted(item.title)}",
        f"description = {_quoted(item.description)}",
        f"picture = {_quoted(item.picture)}",
        f"stars = {item.stars}",
        *([f"days = {item.pass_days}"] if item.pass_days else []),
        *(
            [f"trial_stars = {item.trial_stars}", f"trial_days = {item.trial_days}"]
            if item.trial_days
            else []
        ),
        *([f"grace_days = {item.grace_days}"] if item.kind == "subscription" else []),
        *([f"refund_days = {item.refund_days}"] if item.refund_days else []),
        *([] if item.on_sale else ["on_sale = false"]),
        f"entitlements = {_written(list(item.keys))}",
        *([f"details = {_written(list(item.details))}"] if item.details else []),
    ]
    for code, words in sorted(item.translations.items()):
        lines += ["", f"[products.translations.{code}]"]
        lines += [f"{key} = {_written(words[key])}" for key in TRANSLATED if key in words]
    return "\n".join(lines) + "\n"


def _written(words: str | list[str]) -> str:
    return _quoted(words) if isinstance(words, str) else f"[{', '.join(map(_quoted, words))}]"


def _quoted(text: str) -> str:
    # Texts hold no control characters (see _text), so these two are all that TOML wants escaped.
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
