"""The owner's folder: begun, and judged."""

from pathlib import Path
from typing import Any

import click

from webapp.cli import files
from webapp.cli.commands import OwnerGroup
from webapp.cli.terminal import printable
from webapp.domain.catalogue.catalogue_files import MOST_STARS
from webapp.shop import beginning, checks, folder
from webapp.shop.beginning import Answers, CannotBegin
from webapp.shop.folder import Folder
from webapp.web import templates

group = OwnerGroup("shop", help="Create the folder that makes this shop yours, and check it.")


class _Question(click.Option):
    """An option that is asked for where it is not given; without anybody to answer, it says its name."""

    def prompt_for_value(self, ctx: click.Context) -> Any:
        try:
            return super().prompt_for_value(ctx)
        except click.Abort as abort:
            raise click.UsageError(f"Nobody is here to answer: give {self.opts[0]} too.", ctx) from abort


@group.command("new", needs_shop=False)
@click.argument("place", metavar="FOLDER", type=click.Path(path_type=Path), default=folder.OWN)
@click.option("--name", cls=_Question, prompt="What is your shop called", help="In titles and on receipts.")
@click.option("--tagline", cls=_Question, prompt="In a sentence, what is it", help="On the front page.")
@click.option("--seller", cls=_Question, prompt="Who sells (you, or your company)", help="On receipts.")
@click.option(
    "--contact",
    cls=_Question,
    prompt="Where do people write to for help (such as @your_name; empty: to the bot)",
    default="",
    show_default=False,
    help="Such as @your_name; if empty, people write to the bot.",
)
@click.option("--product", cls=_Question, prompt="What is your first product called", help="Its title.")
@click.option(
    "--stars",
    cls=_Question,
    prompt="What does it cost, in Stars",
    type=click.IntRange(1, MOST_STARS),
    help="Its price, in Telegram Stars.",
)
def new(place: Path, product: str, **answers: Any) -> None:
    """Create an owner's folder, shop/ unless FOLDER is named: complete, and ready to sell."""
    try:
        made = beginning.begin(place, Answers(title=product, **answers), templates.problems)
    except CannotBegin as error:
        raise click.ClickException(f"{printable(str(error))} Nothing was written.") from error
    for file in made:
        click.echo(f"  {file}")
    click.echo("Edit them, see them with make run, and check them with flask --app webapp shop check.")
    if place != folder.OWN:
        click.echo(f"Set SHOP_DIR={place} to use it.")


@group.command("check", needs_shop=False)
@click.argument("place", metavar="[FOLDER]", type=click.Path(path_type=Path), required=False)
def check(place: Path | None) -> None:
    """Say what is wrong in an owner's folder, each thing by file, line and reason. It needs no settings."""
    judged = Folder(place) if place else files.shop_folder()
    if place and not place.is_dir():
        raise click.ClickException(f"{place} is not a folder.")
    verdict = checks.judge(judged, templates.problems, files.public_url())
    if verdict.problems:
        raise click.ClickException("\n".join(map(printable, verdict.problems)))
    for sentence in verdict.warnings:
        click.echo(f"Warning: {printable(sentence)}")
    products = f"{verdict.products} {'product' if verdict.products == 1 else 'products'}"
    click.echo(f"{judged.path.name}: {products}, no problems.")
