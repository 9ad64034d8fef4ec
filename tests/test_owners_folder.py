"""An owner's folder begun and judged: ``flask --app webapp shop new`` and ``shop check``."""

from pathlib import Path
from typing import Any

import pytest

from tests.kit.factories import write_folder
from tests.kit.processes import ROOT
from webapp import cli
from webapp.shop import checks
from webapp.shop import folder as folders
from webapp.shop.folder import Folder
from webapp.web import templates

ANSWERS = {
    "--name": 'Ann\'s "Knots"',
    "--tagline": "Knots, tied slowly",
    "--seller": "Ann Lee",
    "--contact": "@ann",
    "--product": "Führung zum Palstek",
    "--stars": "50",
}


@pytest.fixture
def run() -> Any:
    """Run a command where there are neither settings nor a database."""
    runner = cli.without_shop("The shop cannot start.").test_cli_runner()
    return lambda *words, **more: runner.invoke(args=["shop", *map(str, words)], **more)


def told(**changes: str) -> list[str]:
    answers = ANSWERS | {f"--{name}": value for name, value in changes.items()}
    return [word for answer in answers.items() for word in answer]


def test_a_folder_that_was_begun_can_be_sold_as_it_is(run, tmp_path):
    begun = run("new", tmp_path / "mine", *told())
    assert begun.exit_code == 0, begun.output
    assert str(tmp_path / "mine" / "pages" / "fuhrung-zum-palstek.md") in begun.output
    assert run("check", tmp_path / "mine").output == "mine: 1 product, no problems.\n"


def test_questions_are_asked_for_what_no_flag_says(run, tmp_path):
    answers = "Knots\nTied slowly\nAnn\n\nBowline\n50\n"
    begun = run("new", tmp_path / "mine", input=answers)
    assert begun.exit_code == 0, begun.output
    assert "What is your shop called" in begun.output
    assert '# contact = "@your_name"' in (tmp_path / "mine" / "shop.toml").read_text()


def test_where_nobody_answers_the_missing_flag_is_named(run, tmp_path):
    asked = run("new", tmp_path / "mine", "--name", "Knots")
    assert asked.exit_code == 2
    assert "give --tagline too" in asked.output
    assert not (tmp_path / "mine").exists()


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"name": "x" * 65}, "shop.toml, line"),
        ({"name": " "}, "shop.toml, line"),
        ({"product": "x" * 65}, "catalog.toml, line"),
        ({"product": "a\u202eb"}, "catalog.toml, line"),
        ({"stars": "0"}, "--stars"),
        ({"stars": "100001"}, "--stars"),
    ],
)
def test_an_answer_that_will_not_do_writes_nothing(run, tmp_path, changes, reason):
    begun = run("new", tmp_path / "mine", *told(**changes))
    assert begun.exit_code != 0
    assert reason in begun.output
    assert list(tmp_path.iterdir()) == []


def test_what_is_there_already_is_left_alone(run, tmp_path):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "notes.txt").write_text("mine")
    begun = run("new", tmp_path / "mine", *told())
    assert begun.exit_code == 1
    assert "is there already" in begun.output
    assert [file.name for file in (tmp_path / "mine").iterdir()] == ["notes.txt"]


def test_a_folder_where_nothing_can_be_written_is_named(run, tmp_path):
    (tmp_path / "file").touch()
    begun = run("new", tmp_path / "file" / "mine", *told())
    assert begun.exit_code == 1
    assert "cannot be written" in begun.output


@pytest.mark.proves("F66")
def test_everything_wrong_is_told_at_once(run, tmp_path):
    files = {
        "shop.toml": 'nome = "Knots"\nname = 3\n',
        "terms.md": "\u202ewrong\n",
        "catalog.toml": '[[products]]\nslug = "A"\n\n[[products]]\nslug = "b"\nkind = "gift"\n',
        "templates/support.html": "{% if %}",
        "translations/ru.po": 'msgid "Shop"\nmsgstr "%(no)s"\n',
    }
    folder = write_folder(tmp_path / "mine", files)
    (folder.path / "pictures").mkdir()
    (folder.path / "pictures" / "a.png").write_bytes(b"no picture")
    judged = run("check", folder.path)
    assert judged.exit_code == 1
    for place in (
        "shop.toml, line 1: nome",
        "shop.toml, line 2: name",
        "catalog.toml, line 1: kind: is missing",
        "catalog.toml, line 4: section: is missing",
        "pictures/a.png",
        "translations/ru.po, line 1",
        "templates/support.html, line 1",
    ):
        assert place in judged.output, place


@pytest.mark.proves("F66")
def test_a_plugin_that_raises_is_named_by_its_line(run, tmp_path):
    plugin = {"plugin.py": "def register(shop):\n    raise KeyError('x')\n"}
    judged = run("check", write_folder(tmp_path / "mine", plugin).path)
    assert judged.exit_code == 1
    assert "plugin.py, line 2: KeyError" in judged.output


def test_what_nobody_reads_is_warned_of(run, tmp_path):
    folder = write_folder(
        tmp_path / "mine", {"catalogue.toml": "", "terms.md": "Fair.\n", "translations/tlh.po": ""}
    )
    judged = run("check", folder.path)
    assert judged.exit_code == 0
    assert "Warning: catalogue.toml: the shop reads nothing of this name." in judged.output
    assert "translations/tlh.po" in judged.output
    assert "terms.md" not in judged.output


def test_a_folder_that_is_not_there_is_named(run, tmp_path):
    judged = run("check", tmp_path / "gone")
    assert judged.exit_code == 1
    assert "is not a folder" in judged.output


def test_a_catalogue_of_an_earlier_release_stops_the_start_in_words(tmp_path, monkeypatch):
    former = tmp_path / "catalog.toml"
    monkeypatch.setattr(folders, "FORMER", former)
    monkeypatch.setattr(folders, "OWN", tmp_path / "shop")
    assert folders.find({}) == folders.usual()
    former.touch()
    with pytest.raises(folders.FolderMissing, match="git mv catalog.toml shop/"):
        folders.find({})
    assert folders.find({"SHOP_DIR": str(tmp_path)}) == Folder(tmp_path)
    (tmp_path / "shop").mkdir()
    assert folders.find({}) == Folder(tmp_path / "shop")


@pytest.mark.parametrize("folder", sorted(ROOT.glob("examples/*")), ids=lambda folder: folder.name)
def test_every_example_is_right(folder: Path):
    verdict = checks.judge(Folder(folder), templates.problems)
    assert (verdict.problems, verdict.warnings) == ([], [])
