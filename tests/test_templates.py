"""Every template by itself."""

import re
from pathlib import Path

import pytest
from flask import Flask

FOLDER = Path(__file__).parent.parent / "templates"
TEMPLATES = sorted(file.name for file in FOLDER.glob("*.html"))


@pytest.mark.parametrize("name", TEMPLATES)
def test_a_template_compiles(app_without_tables: Flask, name: str) -> None:
    assert app_without_tables.jinja_env.get_template(name).name == name


@pytest.mark.parametrize("name", TEMPLATES)
def test_nothing_is_marked_safe(name: str) -> None:
    source = (FOLDER / name).read_text(encoding="utf-8")
    assert not re.search(r"\|\s*safe|autoescape", source)


@pytest.mark.proves("S57")
@pytest.mark.parametrize("name", TEMPLATES)
def test_nothing_inline_that_the_policy_would_block(name: str) -> None:
    source = (FOLDER / name).read_text(encoding="utf-8")
    assert not re.search(r"""\s(style|on[a-z]+)=["']|javascript:|<script>""", source)


@pytest.mark.parametrize("name", [name for name in TEMPLATES if name.startswith("_")])
def test_a_fragment_says_what_it_is_made_of(name: str) -> None:
    assert (FOLDER / name).read_text(encoding="utf-8").startswith("{#")


@pytest.mark.parametrize("name", TEMPLATES)
def test_ids_are_unique_within_a_template(name: str) -> None:
    source = (FOLDER / name).read_text(encoding="utf-8")
    ids = re.findall(r'\sid="([^"{]+)"', source)
    assert len(ids) == len(set(ids))
