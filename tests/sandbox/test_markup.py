"""Marked-up text: what Telegram makes of it, and in which words it refuses what it cannot parse."""

from typing import Any

import pytest

from tests.kit.played import ALICE

Marks = list[tuple[Any, ...]]
EMOJI = "5368324170671202286"


@pytest.fixture
def alice(telegram) -> int:
    telegram.control("PATCH", f"people/{ALICE}", started=True)
    return ALICE


def marks(message: dict[str, Any]) -> Marks:
    """Return entities as (type, offset, length, and whatever else they say)."""
    told = []
    for entity in message.get("entities", []):
        rest = [value for name, value in entity.items() if name not in {"type", "offset", "length"}]
        told.append((entity["type"], entity["offset"], entity["length"], *rest))
    return told


HTML: list[tuple[str, str, Marks]] = [
    ("plain", "plain", []),
    ("<b>a</b> <strong>b</strong>", "a b", [("bold", 0, 1), ("bold", 2, 1)]),
    ("<i>a</i> <em>b</em>", "a b", [("italic", 0, 1), ("italic", 2, 1)]),
    ("<u>a</u> <ins>b</ins>", "a b", [("underline", 0, 1), ("underline", 2, 1)]),
    ("<s>a</s><strike>b</strike><del>c</del>", "abc", [("strikethrough", 0, 3)]),
    ("<tg-spoiler>a</tg-spoiler>", "a", [("spoiler", 0, 1)]),
    ("<span class='tg-spoiler'>a</span>", "a", [("spoiler", 0, 1)]),
    ("<B>a</B>", "a", [("bold", 0, 1)]),
    ("😀<b>😀</b>", "😀😀", [("bold", 2, 2)]),
    ("<b>a<i>b</i></b>", "ab", [("bold", 0, 2), ("italic", 1, 1)]),
    ("<b>a<code>b</code>c</b>", "abc", [("bold", 0, 1), ("code", 1, 1), ("bold", 2, 1)]),
    ("<code>a<b>b</b></code>", "ab", [("code", 0, 2)]),
    ("<pre>a</pre>", "a", [("pre", 0, 1)]),
    ('<pre><code class="language-python">a</code></pre>', "a", [("pre", 0, 1, "python")]),
    ('<code class="language-python">a</code>', "a", [("code", 0, 1)]),
    ('<a href="https://a.example/x?b=1&amp;c=2">go</a>', "go", [("text_link", 0, 2, "https://a.example/x?b=1&c=2")]),
    ('<a href="https://a.example">go</a>', "go", [("text_link", 0, 2, "https://a.example/")]),
    ("<a href='a.example'>go</a>", "go", [("text_link", 0, 2, "http://a.example/")]),
    ('<a href="nonsense">go</a>', "go", []),
    ("<blockquote>a</blockquote>", "a", [("blockquote", 0, 1)]),
    ("<blockquote expandable>a</blockquote>", "a", [("expandable_blockquote", 0, 1)]),
    ("<blockquote>a<blockquote>b</blockquote></blockquote>", "ab", [("blockquote", 0, 2)]),
    ("<blockquote>a <b>b</b></blockquote>", "a b", [("blockquote", 0, 3), ("bold", 2, 1)]),
    (f'<tg-emoji emoji-id="{EMOJI}">👍</tg-emoji>', "👍", [("custom_emoji", 0, 2, EMOJI)]),
    ('<tg-time unix="1647531900" format="Tw">a</tg-time>', "a", [("date_time", 0, 1, 1647531900, "wT")]),
    ('<tg-time unix="1647531900">then</tg-time>', "then", [("date_time", 0, 4, 1647531900, "")]),
    ("&lt;b&gt; &amp; &quot;x&quot; &#8594; &#x2192; &copy;", '<b> & "x" → → &copy;', []),
    ("a<b></b>c", "ac", []),
    ("  <b>a</b>  ", "a", [("bold", 0, 1)]),
    ("<b>a</b >", "a", [("bold", 0, 1)]),
    ("<b>a</>", "a", [("bold", 0, 1)]),
]  # fmt: skip
MARKDOWN: list[tuple[str, str, Marks]] = [
    ("*a* _b_ `c`", "a b c", [("bold", 0, 1), ("italic", 2, 1), ("code", 4, 1)]),
    ("*a_b*", "a_b", [("bold", 0, 3)]),
    (r"\*a\_ \` \[", "*a_ ` [", []),
    ("a.b! (c) - >d", "a.b! (c) - >d", []),
    ("[go](https://a.example/b)", "go", [("text_link", 0, 2, "https://a.example/b")]),
    ("[go]", "go", []),
    ("```\na\n```", "a", [("pre", 0, 1)]),
    ("```python\na```", "a", [("pre", 0, 1, "python")]),
    ("😀*😀*", "😀😀", [("bold", 2, 2)]),
    ("a**b", "ab", []),
]
MARKDOWN_V2: list[tuple[str, str, Marks]] = [
    ("*a* _b_ __c__ ~d~ ||e||", "a b c d e",
     [("bold", 0, 1), ("italic", 2, 1), ("underline", 4, 1), ("strikethrough", 6, 1), ("spoiler", 8, 1)]),
    ("*a _b __c__ ~d ||e||~_*", "a b c d e",
     [("bold", 0, 9), ("italic", 2, 7), ("underline", 4, 1), ("strikethrough", 6, 3), ("spoiler", 8, 1)]),
    (r"\*a\. \_ \\ \!", r"*a. _ \ !", []),
    ("`a.b*`", "a.b*", [("code", 0, 4)]),
    (r"`a\`b`", "a`b", [("code", 0, 3)]),
    ("```a```", "a", [("pre", 0, 1)]),
    ("```python\nprint(1)\n```", "print(1)", [("pre", 0, 8, "python")]),
    (r"[go](https://a.example/b\)c)", "go", [("text_link", 0, 2, "https://a.example/b)c")]),
    ("[*go*](https://a.example)", "go", [("text_link", 0, 2, "https://a.example/"), ("bold", 0, 2)]),
    (f"![👍](tg://emoji?id={EMOJI})", "👍", [("custom_emoji", 0, 2, EMOJI)]),
    ("![then](tg://time?unix=1647531900&format=wDT)", "then", [("date_time", 0, 4, 1647531900, "wDT")]),
    (">a\n>b\nc", "a\nb\nc", [("blockquote", 0, 4)]),
    (">a||", "a", [("expandable_blockquote", 0, 1)]),
    (">a\n>b||\nc", "a\nb\nc", [("expandable_blockquote", 0, 4)]),
    (">a\n**>b", "a\nb", [("blockquote", 0, 2), ("blockquote", 2, 1)]),
    ("a\n>*b*", "a\nb", [("blockquote", 2, 1), ("bold", 2, 1)]),
    ("😀*😀*", "😀😀", [("bold", 2, 2)]),
]  # fmt: skip


def table(rows: list[tuple[str, str, Marks]]) -> Any:
    return pytest.mark.parametrize(("source", "words", "expected"), rows, ids=[row[0][:40] for row in rows])


def sent(bot: Any, alice: int, source: str, mode: str) -> tuple[str, Marks]:
    message = bot.call("sendMessage", chat_id=alice, text=source, parse_mode=mode)
    return message["text"], marks(message)


@table(HTML)
def test_40_html_is_parsed(bot, alice, source, words, expected):
    assert sent(bot, alice, source, "HTML") == (words, expected)


@table(MARKDOWN)
def test_40_markdown_is_parsed(bot, alice, source, words, expected):
    assert sent(bot, alice, source, "Markdown") == (words, expected)


@table(MARKDOWN_V2)
def test_40_markdown_v2_is_parsed(bot, alice, source, words, expected):
    assert sent(bot, alice, source, "markdownv2") == (words, expected)


REFUSED = [
    ("HTML", "a <b>b", 'Can\'t find end tag corresponding to start tag "b"'),
    ("HTML", "é<x>b</x>", 'Unsupported start tag "x" at byte offset 2'),
    ("HTML", "a<br>b", 'Unsupported start tag "br" at byte offset 1'),
    ("HTML", "<b>a</i>", 'Unmatched end tag at byte offset 4, expected "</b>", found "</i>"'),
    ("HTML", "a</b>", "Unexpected end tag at byte offset 1"),
    ("HTML", "a <b", "Unclosed start tag at byte offset 2"),
    ("HTML", "1 < 2", 'Unsupported start tag "" at byte offset 2'),
    ("HTML", '<a href="x>b</a>', "Unclosed start tag at byte offset 0"),
    ("HTML", "<span>a</span>", 'Tag "span" must have class "tg-spoiler" at byte offset 0'),
    (
        "HTML",
        "<b x>a</b>",
        'Expected equal sign in declaration of an attribute of the tag "b" at byte offset 0',
    ),
    ("HTML", '<tg-emoji emoji-id="x">a</tg-emoji>', "Invalid custom emoji identifier specified"),
    ("HTML", "<b>a</b", "Unclosed end tag at byte offset 4"),
    ("Markdown", "é *b", "Can't find end of the entity starting at byte offset 3"),
    ("Markdown", "user_name", "Can't find end of the entity starting at byte offset 4"),
    ("Markdown", "[a", "Can't find end of the entity starting at byte offset 0"),
    ("Markdown", "```a", "Can't find end of the entity starting at byte offset 0"),
    ("MarkdownV2", "a.", "Character '.' is reserved and must be escaped with the preceding '\\'"),
    ("MarkdownV2", "1-2", "Character '-' is reserved and must be escaped with the preceding '\\'"),
    ("MarkdownV2", "a|b", "Character '|' is reserved and must be escaped with the preceding '\\'"),
    ("MarkdownV2", "a!", "Character '!' is reserved and must be escaped with the preceding '\\'"),
    ("MarkdownV2", "a>b", "Character '>' is reserved and must be escaped with the preceding '\\'"),
    ("MarkdownV2", "a]", "Character ']' is reserved and must be escaped with the preceding '\\'"),
    ("MarkdownV2", "é *b", "Can't find end of Bold entity at byte offset 3"),
    ("MarkdownV2", "*a _b*", "Can't find end of Bold entity at byte offset 5"),
    ("MarkdownV2", "_a", "Can't find end of Italic entity at byte offset 0"),
    ("MarkdownV2", "```a", "Can't find end of Pre entity at byte offset 0"),
    ("MarkdownV2", "[a](b", "Can't find end of a URL at byte offset 4"),
    ("MarkdownV2", "![a]", "Custom emoji entity must contain a tg://emoji URL"),
    ("MarkdownV2", ">*a\nb*", "Can't find end of Bold entity at byte offset 1"),
]


@pytest.mark.parametrize(("mode", "source", "words"), REFUSED, ids=[f"{row[0]} {row[1]}" for row in REFUSED])
def test_40_what_cannot_be_parsed_is_refused_in_telegrams_words(telegram, bot, alice, mode, source, words):
    refused = bot.refusal("sendMessage", chat_id=alice, text=source, parse_mode=mode)
    assert refused == f"Bad Request: can't parse entities: {words}"
    assert telegram.messages(alice) == []


def test_40_an_unknown_mode_is_refused(bot, alice):
    told = {"chat_id": alice, "text": "x", "parse_mode": "BBCode"}
    assert bot.refusal("sendMessage", **told) == "Bad Request: unsupported parse_mode"


@pytest.mark.parametrize(
    ("mode", "source"), [("HTML", "<b></b>"), ("Markdown", "**"), ("MarkdownV2", "____"), ("", "  \n")]
)
def test_40_a_text_of_marks_alone_is_empty(bot, alice, mode, source):
    told = {"chat_id": alice, "text": source, "parse_mode": mode}
    assert bot.refusal("sendMessage", **told) == "Bad Request: message text is empty"


def test_40_a_mention_of_somebody_tells_who_they_are(bot, alice):
    [(kind, _, _, user)] = sent(bot, alice, f'<a href="tg://user?id={ALICE}">you</a>', "HTML")[1]
    assert (kind, user["id"], user["first_name"]) == ("text_mention", ALICE, "Alice")
    assert sent(bot, alice, "[nobody](tg://user?id=1)", "Markdown") == ("nobody", [])


FOUND: list[tuple[str, Marks]] = [
    ("/start now", [("bot_command", 0, 6)]),
    ("see /help@a_bot", [("bot_command", 4, 11)]),
    ("hi @alice_archer", [("mention", 3, 13)]),
    ("look at https://a.example/b?c=1.", [("url", 8, 23)]),
    ("t.me/durov", [("url", 0, 10)]),
    ("write to a@b.example", [("email", 9, 11)]),
    ("#sale is on", [("hashtag", 0, 5)]),
    ("1/2 and a_b@", []),
]  # fmt: skip


@pytest.mark.parametrize(("words", "expected"), FOUND, ids=[row[0] for row in FOUND])
def test_40_links_and_commands_are_found(telegram, bot, alice, words, expected):
    assert marks(bot.call("sendMessage", chat_id=alice, text=words)) == expected
    telegram.control("POST", f"people/{alice}/messages", text=words)
    assert marks(bot.updates("message")[-1]) == expected


def test_40_nothing_is_found_inside_code_and_links(bot, alice):
    source = '<code>/start</code> <a href="https://a.example">@alice_archer</a> <b>/help</b>'
    kinds = [one[0] for one in sent(bot, alice, source, "HTML")[1]]
    assert kinds == ["code", "text_link", "bot_command", "bold"]


@pytest.mark.parametrize(
    ("entity", "words"),
    [
        (
            {"type": "bold", "offset": 0, "length": 9},
            "entity beginning at UTF-16 offset 0 ends after the end",
        ),
        ({"type": "bold", "offset": -1, "length": 1}, "entity"),
        ({"type": "shout", "offset": 0, "length": 1}, "can't parse MessageEntity"),
        ({"type": "bold", "offset": "0", "length": 1}, "can't parse MessageEntity"),
        (7, "can't parse MessageEntity"),
        ({"type": "text_link", "offset": 0, "length": 1}, "can't parse MessageEntity"),
    ],
    ids=str,
)
def test_40_an_entity_that_is_none_is_refused(bot, alice, entity, words):
    told = {"chat_id": alice, "text": "Hello", "entities": [entity]}
    assert bot.refusal("sendMessage", **told).startswith(f"Bad Request: {words}")


def test_40_entities_are_kept_as_they_are_sent(bot, alice):
    entities = [
        {"type": "bold", "offset": 0, "length": 2},
        {"type": "pre", "offset": 3, "length": 2, "language": "c"},
    ]
    assert bot.call("sendMessage", chat_id=alice, text="Hi me", entities=entities)["entities"] == entities


def test_40_a_mode_wins_over_entities(bot, alice):
    told = {
        "text": "<b>a</b>",
        "parse_mode": "HTML",
        "entities": [{"type": "italic", "offset": 0, "length": 1}],
    }
    assert marks(bot.call("sendMessage", chat_id=alice, **told)) == [("bold", 0, 1)]


def test_40_a_text_is_as_long_as_its_words(bot, alice):
    assert bot.call("sendMessage", chat_id=alice, text=f"<b>{'a' * 4096}</b>", parse_mode="HTML")
    assert bot.refusal("sendMessage", chat_id=alice, text="a" * 4097) == "Bad Request: message is too long"
