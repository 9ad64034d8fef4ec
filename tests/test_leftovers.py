"""The doctor on what is left of the example in somebody's shop."""

import shutil
from pathlib import Path

import pytest

from tests.kit.factories import SHOP, make_config
from webapp import create_app
from webapp.ops.doctor import shop as doctor
from webapp.ops.doctor.findings import Finding
from webapp.shop.folder import EXAMPLE, Folder


def found(folder: Folder, tmp_path: Path, app_env: str = "production") -> Finding:
    config = make_config(database_url=f"sqlite:///{tmp_path}/none.db", shop=folder, app_env=app_env)
    with create_app(config).app_context():
        return next(one for one in doctor.settings(config) if one.name == "example")


def test_the_example_in_production_is_warned_of_and_elsewhere_is_not(tmp_path: Path) -> None:
    finding = found(Folder(EXAMPLE), tmp_path)
    assert finding.severity == "warning"
    assert finding.sentence.startswith(
        "The shop still shows the example's: its name (Starfront Observatory), its terms, pictures of it ("
    )
    assert found(Folder(EXAMPLE), tmp_path, "development").is_well


def test_a_shop_of_ones_own_has_nothing_of_it(tmp_path: Path) -> None:
    assert found(SHOP, tmp_path).is_well


@pytest.mark.parametrize(
    ("kept", "words"),
    [
        ("shop.toml", "its name (Starfront Observatory)"),
        ("terms.md", "its terms"),
        ("pictures/whole-sky.svg", "pictures of it (moon.svg)"),
    ],
)
def test_each_thing_that_is_left_is_named(tmp_path: Path, kept: str, words: str) -> None:
    folder = tmp_path / "shop"
    (folder / "pictures").mkdir(parents=True)
    (folder / "pictures" / "hero.svg").write_text("<svg/>", encoding="utf-8")
    if kept == "terms.md":
        for file in EXAMPLE.glob("terms*.md"):
            shutil.copy(file, folder)
    else:
        # Whatever a picture is called now.
        shutil.copy(EXAMPLE / kept, folder / kept.replace("whole-sky", "moon"))
    assert found(Folder(folder), tmp_path).sentence == f"The shop still shows the example's: {words}."


def test_a_shop_beside_which_the_example_was_deleted_is_well(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("webapp.shop.leftovers.EXAMPLE", tmp_path / "gone")
    assert found(SHOP, tmp_path).is_well
