"""What an owner's Markdown becomes, and what never comes through."""

import re
from pathlib import Path

import pytest

from webapp.shop import markdown
from webapp.shop.markdown import TextInvalid

ADDRESSES = {"chart.png": "/static/pictures/chart.png", "two words.svg": "/static/two.svg?a=1&b=2"}


def rendered(text: str) -> str:
    return str(markdown.render(text, ADDRESSES.get))


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("# A\n\n## B\n\n###### F", "<h2>A</h2>\n<h3>B</h3>\n<h6>F</h6>"),
        ("## A\n\n### B", "<h2>A</h2>\n<h3>B</h3>"),
        ("Title\n=====", "<h2>Title</h2>"),
        ("*a* **b** ~~c~~ `d`", "<p><em>a</em> <strong>b</strong> <s>c</s> <code>d</code></p>"),
        ("```python\na < b\n```", "<pre><code>a &lt; b\n</code></pre>"),
        ("3. a\n4. b", '<ol start="3">\n<li>a</li>\n<li>b</li>\n</ol>'),
        (
            "![A chart](chart.png)",
            '<p><img src="/static/pictures/chart.png" alt="A chart" loading="lazy"></p>',
        ),
        ("![](../pictures/chart.png)", '<p><img src="/static/pictures/chart.png" alt="" loading="lazy"></p>'),
        ("![x](<two words.svg>)", '<p><img src="/static/two.svg?a=1&amp;b=2" alt="x" loading="lazy"></p>'),
        ("![a *chart* & all](none.png)", "<p>a chart &amp; all</p>"),
        ("![spy](https://spy.example/x.png)", "<p>spy</p>"),
        ("[a](https://a.example/?b=1&c)", 'href="https://a.example/?b=1&amp;c" rel="noopener noreferrer"'),
        ("<https://a.example>", 'href="https://a.example"'),
        ("[a](tg://resolve?domain=durov)", 'href="tg://resolve?domain=durov"'),
        ("[a](mailto:a@b.example)", 'href="mailto:a@b.example"'),
        ("[a](/atlas)", 'href="/atlas"'),
        ("[a](second-part.md)", 'href="/pages/second-part"'),
        ("a<sub>1</sub> <kbd>x</kbd>", "<p>a<sub>1</sub> <kbd>x</kbd></p>"),
        ("a <!-- a note --> b", "<p>a  b</p>"),
        ("", ""),
    ],
)
def test_markdown_is_shown(text: str, shown: str) -> None:
    assert shown in rendered(text)


def test_a_table_scrolls_and_keeps_its_columns_aligned() -> None:
    markup = rendered("| a | b |\n|---|--:|\n| 1 | 2 |")
    assert markup.startswith('<div class="scroll"><table>')
    assert markup.strip().endswith("</table></div>")
    assert '<td align="right">2</td>' in markup


@pytest.mark.proves("S70")
@pytest.mark.parametrize(
    "text",
    [
        "<script>alert(1)</script>",
        "a <script src=https://evil.example></script> b",
        "<iframe src='https://evil.example'></iframe>",
        "<iframe srcdoc='<script>alert(1)</script>'>",
        '<p onclick="alert(1)" hx-get="/x" hx-on:click="alert(1)" data-hx-get="/x">a</p>',
        '<a href="/x" data-invoice="1" hx-boost="true" id="main" name="main" target="_top">a</a>',
        '<p style="position:fixed" class="panel" id="problem">a</p>',
        "<style>body { display: none }</style>",
        "<link rel=stylesheet href=/x.css><base href=//evil.example><meta http-equiv=refresh content=0>",
        "[a](javascript:alert(1))",
        "[a](JaVaScRiPt:alert(1))",
        "[a](&#106;avascript:alert(1))",
        "[a](java\tscript:alert(1))",
        "[a](<java\nscript:alert(1)>)",
        "<javascript:alert(1)>",
        "[a](data:text/html,<script>alert(1)</script>)",
        "[a](vbscript:x)",
        "[a](//evil.example)",
        "[a](/\\evil.example)",
        '<a href="/\t/evil.example">a</a>',
        "[a][b]\n\n[b]: javascript:alert(1)",
        "![a](javascript:alert(1))",
        '<img src="https://spy.example/x.png" onerror="alert(1)">',
        "<img src=x:x onerror=alert(1)>",
        '<svg onload="alert(1)"><script>alert(1)</script></svg>',
        "<math><mtext><table><mglyph><style><img src=x onerror=alert(1)></style></table></mtext></math>",
        '<form action="/orders" method="post"><input name="product"><button>a</button></form>',
        '![a" onerror="alert(1)](chart.png)',
        '[a](https://a.example "x" onclick="alert(1)")',
        '[a](https://a.example/"onclick="alert)',
        '```x" onclick="alert(1)\n```',
        "<!--><script>alert(1)</script>-->",
    ],
)
def test_what_can_do_anything_is_gone(text: str) -> None:
    markup = rendered(text)
    tags = re.findall(r"<[^>]*>", markup)
    attributes = {
        name for tag in tags for name in re.findall(r'\s([^\s=]+)="', re.sub(r'="[^"]*"', '=""', tag))
    }
    names = {re.match(r"</?([a-z0-9]*)", tag)[1] for tag in tags}  # type: ignore[index]
    assert names <= markdown.TAGS
    assert attributes <= {"href", "rel", "src", "alt", "loading"}
    addresses = re.findall(r'(?:href|src)="([^"]*)"', markup)
    assert [
        one for one in addresses if not one.startswith(("https://a.example", "/static/", "/x", "/%5C"))
    ] == []


def test_html_of_another_picture_is_shown_without_it() -> None:
    assert rendered('<img src="https://spy.example/x.png" alt="a">') == '<img alt="a">'


@pytest.mark.parametrize(
    "piece",
    ["[", "![", "*a ", "**a* ", "`", "<", "> ", "- ", "[a](", "~~", "|a", "<!--", "&", "\\", "<a ", "1) "],
)
def test_hostile_texts_end(piece: str) -> None:
    text = piece * (20_000 // len(piece))
    assert len(rendered(text)) < 100 * len(text)


def test_five_megabytes_are_refused_in_words(tmp_path: Path) -> None:
    file = tmp_path / "guide.md"
    file.write_text("word " * 1_000_000)
    with pytest.raises(TextInvalid, match=r"guide\.md has more than 200,000 characters"):
        markdown.read(file)
    with pytest.raises(TextInvalid):
        rendered("word " * 1_000_000)


def test_a_file_that_is_no_text_is_refused_in_words(tmp_path: Path) -> None:
    (tmp_path / "guide.md").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(TextInvalid, match=r"guide\.md is no UTF-8 text"):
        markdown.read(tmp_path / "guide.md")
    with pytest.raises(TextInvalid, match=r"away\.md cannot be read"):
        markdown.read(tmp_path / "away.md")


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("# A\n\none\n\n<!-- more -->\n\ntwo", "# A\n\none\n\n"),
        ("# A\n\none\n\ntwo\n\n## B\n\nthree", "# A\n\none\n\ntwo\n\n"),
        ("one\n\n# A\n\ntwo\n\nthree", "one\n"),
        ("# A\n\none\nand\n\ntwo", "# A\n\none\nand\n"),
        ("```\n# no heading\n# nor this\n```\n\none\n\ntwo", "```\n# no heading\n# nor this\n```\n\none\n"),
        ("- a\n- b", ""),
        ("all of it", ""),
        ("# A\n\nall of it\n", ""),
        ("", ""),
    ],
)
def test_a_preview_ends_before_the_second_part(text: str, shown: str) -> None:
    assert markdown.preview(text) == shown


def test_pictures_and_links_are_found_with_their_lines() -> None:
    text = "# A\n\n![a](pictures/chart.png)\n\n> [b](other.md) ![c](https://spy.example/x.png)\n"
    assert markdown.pictures(text) == [(3, "chart.png"), (5, "https://spy.example/x.png")]
    assert markdown.links(text) == [(5, "other.md")]
    assert markdown.is_foreign("https://spy.example/x.png")
    assert not markdown.is_foreign("chart.png")
    assert markdown.other_page("other.md") == "other.md"
    assert not markdown.is_link("javascript:x")


@pytest.mark.parametrize(
    ("text", "title", "rest"),
    [
        ("# The *guide*\n\none", "The guide", "\none"),
        ("\n\nThe guide\n===\none", "The guide", "one"),
        ("## Part\n\none", "", "## Part\n\none"),
        ("one\n\n# Later", "", "one\n\n# Later"),
        ("", "", ""),
    ],
)
def test_a_text_that_begins_with_its_title_lends_it_to_the_page(text: str, title: str, rest: str) -> None:
    assert markdown.split_title(text) == (title, rest)
