"""Every template by itself."""

import re
from pathlib import Path

import pytest
from flask import Flask
from jinja2 import nodes

from tests.factories import make_config
from webapp import create_app

FOLDER = Path(__file__).parent.parent / "templates"
TEMPLATES = sorted(file.name for file in FOLDER.glob("*.html"))


@pytest.fixture(scope="module")
def bare(tmp_path_factory: pytest.TempPathFactory) -> Flask:
    file = tmp_path_factory.mktemp("templates") / "none.db"
    return create_app(make_config(database_url=f"sqlite:///{file}"))


@pytest.mark.parametrize("name", TEMPLATES)
def test_a_template_compiles(bare: Flask, name: str) -> None:
    assert bare.jinja_env.get_template(name).name == name


@pytest.mark.parametrize("name", TEMPLATES)
def test_nothing_is_marked_safe(name: str) -> None:
    source = (FOLDER / name).read_text(encoding="utf-8")
    assert not re.search(r"\|\s*safe|autoescape", source)


@pytest.mark.parametrize("name", TEMPLATES)
def test_nothing_inline_that_the_policy_would_block(name: str) -> None:
    source = (FOLDER / name).read_text(encoding="utf-8")
    assert not re.search(r"""\s(style|on[a-z]+)=["']|javascript:|<script>""", source)


@pytest.mark.parametrize("name", [name for name in TEMPLATES if name.startswith("_")])
def test_a_fragment_says_what_it_is_made_of(name: str) -> None:
    assert (FOLDER / name).read_text(encoding="utf-8").startswith("{#")


@pytest.mark.parametrize("name", TEMPLATES)
def test_every_sentence_can_be_translated(bare: Flask, name: str) -> None:
    source = (FOLDER / name).read_text(encoding="utf-8")
    for part in bare.jinja_env.parse(source).find_all(nodes.TemplateData):
        text = re.sub(r"<[^>]*>|<[^>]*$|^[^<]*>", " ", part.data)
        words = re.findall(r"[A-Za-z]{3,}(?: [A-Za-z]{2,}){2,}", text)
        assert not [word for word in words if "=" not in part.data.split(word)[0].rpartition("<")[2]], words


@pytest.mark.parametrize("name", TEMPLATES)
def test_ids_are_unique_within_a_template(name: str) -> None:
    source = (FOLDER / name).read_text(encoding="utf-8")
    ids = re.findall(r'\sid="([^"{]+)"', source)
    assert len(ids) == len(set(ids))
