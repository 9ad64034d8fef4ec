"""The catalogue as a file kept in git: read, checked whole, written."""

import re
from collections.abc import Callable, Collection, Iterable
from typing import Any

from webapp.domain.catalogue import toml_files
from webapp.domain.catalogue.catalogue import Item
from webapp.domain.catalogue.toml_files import (
    Faults,
    FileInvalid,
    Refuse,
    Tables,
    quoted,
    read_days,
    read_flag,
    read_number,
    read_text,
    read_texts,
)

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
PICTURE = re.compile(r"[a-z0-9][a-z0-9._-]*\.(svg|webp|png|jpe?g)", re.IGNORECASE)
NO_PICTURE_NAME = (
    "must be the name of a file in the folder pictures, such as 'guide.svg', 'Guide_2.PNG' or 'guide.webp'"
)
ENTITLEMENTS = "entitlements"  # tables that say what each key opens; see webapp/shop/openings.py
TRANSLATED = ("title", "description", "details", "section")
LONGEST_SECTION = 64
LONGEST_DETAIL = 200
OF_A_SUBSCRIPTION = ("trial_stars", "trial_days", "grace_days")


def read(
    text: str,
    *,
    picture_problem: Callable[[str], str] | None = None,
    opened: Collection[str] | None = None,
) -> list[Item]:
    """Return the items of a catalogue file.

    :param picture_problem: says what is wrong with a picture by its name, or nothing; any will do unless told
    :param opened: the entitlement keys that open something; any will do unless told
    :raise FileInvalid: the first thing that is wrong, with its line, and whatever else was seen
    """
    tables = _products(text)
    faults = Faults()
    items = faults.every(lambda index: _item(tables, index, tables.rows[index]), len(tables.rows))
    faults.stop()
    first_lines: dict[str, int] = {}

    def check(index: int) -> None:
        item, line = items[index], tables.line(index, "slug")
        if first_lines.setdefault(item.slug, line) != line:
            raise tables.error(
                index, "slug", f"{item.slug!r} is already used on line {first_lines[item.slug]}"
            )
        if picture_problem and (reason := picture_problem(item.picture)):
            raise tables.error(index, "picture", reason)
        unopened = next((key for key in item.keys if opened is not None and key not in opened), None)
        if unopened:
            raise tables.error(index, "entitlements", _dead_end(unopened))

    faults.every(check, len(items))
    faults.stop()
    return items


def warnings(items: Iterable[Item]) -> list[str]:
    """Return what an owner may not have meant, a sentence each."""
    return [
        f"{item.slug}: the refund window is as long as the {what}, so people can use all of it for nothing."
        for item in items
        for what, days in (("pass", item.pass_days), ("trial", item.trial_days))
        if days and item.refund_days == days
    ]


def write(items: Iterable[Item]) -> str:
    """Return a catalogue file that reads back as these items."""
    return "\n".join(_table(item) for item in items)


def _products(text: str) -> Tables:
    parsed, lines = toml_files.parse(text), text.splitlines()
    for key in parsed:
        if key not in ("products", ENTITLEMENTS):
            raise FileInvalid(toml_files.line_of(lines, key, 0), key, _stray(key))
    rows = parsed.get("products")
    if not isinstance(rows, list) or not rows or not all(isinstance(row, dict) for row in rows):
        raise FileInvalid(1, "products", "there must be at least one [[products]] table")
    return Tables("products", "slug", lines, rows)


def _stray(key: str) -> str:
    if key == "opened_elsewhere":
        return 'write an [[entitlements]] table for each of these keys instead, with opens = "bot"'
    return "only [[products]] and [[entitlements]] tables belong here"


def _item(tables: Tables, index: int, table: dict[str, Any]) -> Item:
    def refuse(key: str, reason: str) -> FileInvalid:
        return tables.error(index, key, reason)

    _check_names(table, refuse)
    slug = read_text(table, "slug", LONGEST_SLUG, refuse)
    if not SLUG.fullmatch(slug):
        raise refuse("slug", "may hold lower-case letters, digits and single hyphens")
    kind = _kind(table, refuse)
    keys = read_texts(table, "entitlements", 64, refuse)
    if not keys or not all(SLUG.fullmatch(key) for key in keys) or len(set(keys)) != len(keys):
        raise refuse("entitlements", "must be one or more different keys such as 'guide'")
    if kind == "bundle" and len(keys) < 2:
        raise refuse("entitlements", "a bundle grants at least two")
    is_plan, has_trial = kind == "subscription", "trial_stars" in table
    picture = read_text(table, "picture", 128, refuse)
    if not PICTURE.fullmatch(picture):
        raise refuse("picture", NO_PICTURE_NAME)
    item = Item(
        slug=slug,
        kind=kind,
        section=read_text(table, "section", LONGEST_SECTION, refuse),
        title=read_text(table, "title", LONGEST_TITLE, refuse),
        description=read_text(table, "description", LONGEST_DESCRIPTION, refuse),
        details=tuple(read_texts(table, "details", LONGEST_DETAIL, refuse)),
        picture=picture,
        stars=read_number(table, "stars", MOST_SUBSCRIPTION_STARS if is_plan else MOST_STARS, refuse),
        pass_days=read_number(table, "days", LONGEST_PASS_DAYS, refuse) if kind == "pass" else None,
        keys=tuple(keys),
        translations=_translations(tables, index, table),
        trial_stars=read_number(table, "trial_stars", MOST_STARS, refuse) if has_trial else None,
        trial_days=read_number(table, "trial_days", LONGEST_TRIAL_DAYS, refuse) if has_trial else None,
        grace_days=read_days(
            table, "grace_days", USUAL_GRACE_DAYS if is_plan else 0, LONGEST_GRACE_DAYS, refuse
        ),
        refund_days=read_days(table, "refund_days", 0, LONGEST_REFUND_DAYS, refuse),
        on_sale=read_flag(table, "on_sale", refuse),
    )
    for what, days in (("pass", item.pass_days), ("trial", item.trial_days)):
        if days and item.refund_days > days:
            raise refuse("refund_days", f"outlasts the {what} of {days} days: people could use it up first")
    return item


def _check_names(table: dict[str, Any], refuse: Refuse) -> None:
    for key in table:
        if key not in REQUIRED + OPTIONAL + OF_A_SUBSCRIPTION:
            raise refuse(key, "is not a key of a product")
    for key in REQUIRED:
        if key not in table:
            raise refuse(key, "is missing")


def _kind(table: dict[str, Any], refuse: Refuse) -> str:
    """Return what kind of product it is; no key of another kind stands beside it."""
    kind = table["kind"]
    if kind not in KINDS:
        raise refuse("kind", f"must be one of {', '.join(KINDS)}")
    if (kind == "pass") != ("days" in table):
        raise refuse("days", "is missing" if kind == "pass" else "belongs to a pass only")
    stray = next((key for key in OF_A_SUBSCRIPTION if key in table and kind != "subscription"), None)
    if stray:
        raise refuse(stray, "belongs to a subscription only")
    if ("trial_stars" in table) != ("trial_days" in table):
        raise refuse("trial_stars", "a trial needs both trial_stars and trial_days")
    return str(kind)


def _dead_end(key: str) -> str:
    return (
        f"nothing opens {key!r}, so people would pay for nothing; write an [[entitlements]] table with "
        f'key = "{key}", a title, a picture and opens'
    )


def _translations(tables: Tables, index: int, table: dict[str, Any]) -> dict[str, dict[str, Any]]:
    translated = toml_files.translations(tables, index)
    return {code: _translation(tables, index, code, table) for code in translated}


def _translation(tables: Tables, index: int, code: str, table: dict[str, Any]) -> dict[str, Any]:
    def refuse(key: str, reason: str) -> FileInvalid:
        return tables.error_in_translation(index, code, key, reason)

    told = table["translations"][code]
    stray = next((key for key in told if key not in TRANSLATED), None)
    if stray is not None:
        raise refuse(stray, f"only {', '.join(TRANSLATED)} can be translated")
    if "title" not in told:
        raise refuse("title", "is missing")
    longest = {"title": LONGEST_TITLE, "description": LONGEST_DESCRIPTION, "section": LONGEST_SECTION}
    words: dict[str, Any] = {
        key: read_text(told, key, most, refuse) for key, most in longest.items() if key in told
    }
    if "details" in told:
        words["details"] = read_texts(told, "details", LONGEST_DETAIL, refuse)
        if len(words["details"]) != len(table.get("details", [])):
            raise refuse("details", "must have as many lines as the product's own details")
    return words


def _table(item: Item) -> str:
    lines = [
        "[[products]]",
        f"slug = {quoted(item.slug)}",
        f"kind = {quoted(item.kind)}",
        f"section = {quoted(item.section)}",
        f"title = {quoted(item.title)}",
        f"description = {quoted(item.description)}",
        f"picture = {quoted(item.picture)}",
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
    return quoted(words) if isinstance(words, str) else f"[{', '.join(map(quoted, words))}]"
