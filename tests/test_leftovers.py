"""The doctor on what is left of the example in somebody's shop."""

import shutil
from pathlib import Path

import pytest

from tests.kit.factories import SHOP, make_config, write_folder
from webapp import create_app
from webapp.ops.doctor import shop as doctor
from webapp.ops.doctor.findings import Finding
from webapp.shop.folder import Folder


@pytest.fixture
def example(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Folder:
    """A folder that stands in the example's place."""
    files = {
        "shop.toml": 'version = 1\nname = "Paper Boats"\n',
        "terms.md": "Fold it.",
        "terms.es.md": "Doble.",
    }
    pictures = {
        f"pictures/{name}.svg": f"<svg><!-- {name} --></svg>" for name in ("boat", "hat", "kite", "star")
    }
    folder = write_folder(tmp_path / "example", files | pictures)
    monkeypatch.setattr("webapp.shop.leftovers.EXAMPLE", folder.path)
    return folder


def found(folder: Folder, tmp_path: Path, app_env: str = "production") -> Finding:
    config = make_config(database_url=f"sqlite:///{tmp_path}/none.db", shop=folder, app_env=app_env)
    with create_app(config).app_context():
        return next(one for one in doctor.settings(config) if one.name == "example")


def test_the_example_in_production_is_warned_of_and_elsewhere_is_not(example: Folder, tmp_path: Path) -> None:
    finding = found(example, tmp_path)
    assert finding.severity == "warning"
    assert finding.sentence == (
        "The shop still shows the example's: its name (Paper Boats), its terms, "
        "pictures of it (boat.svg, hat.svg, kite.svg, …)."
    )
    assert found(example, tmp_path, "development").is_well


def test_a_shop_of_ones_own_has_nothing_of_it(example: Folder, tmp_path: Path) -> None:
    assert found(SHOP, tmp_path).is_well


@pytest.mark.parametrize(
    ("kept", "words"),
    [
        ("shop.toml", "its name (Paper Boats)"),
        ("terms.md", "its terms"),
        ("pictures/boat.svg", "pictures of it (ship.svg)"),
    ],
)
def test_each_thing_that_is_left_is_named(example: Folder, tmp_path: Path, kept: str, words: str) -> None:
    folder = tmp_path / "shop"
    (folder / "pictures").mkdir(parents=True)
    (folder / "pictures" / "hero.svg").write_text("<svg/>", encoding="utf-8")
    if kept == "terms.md":
        for file in example.path.glob("terms*.md"):
            shutil.copy(file, folder)
    else:
        # Whatever a picture is called now.
        shutil.copy(example.path / kept, folder / kept.replace("boat", "ship"))
    assert found(Folder(folder), tmp_path).sentence == f"The shop still shows the example's: {words}."


def test_a_shop_beside_which_the_example_was_deleted_is_well(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("webapp.shop.leftovers.EXAMPLE", tmp_path / "gone")
    assert found(SHOP, tmp_path).is_well
