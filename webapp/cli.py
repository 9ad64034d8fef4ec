"""The owner's commands: ``flask --app webapp COMMAND``."""

import sys
from pathlib import Path

import click
from flask import Flask, current_app
from flask.cli import AppGroup, with_appcontext
from flask_migrate import upgrade

from webapp import bot_api, clock, registration
from webapp.bot_api import BotApiError
from webapp.checkout import Checkout
from webapp.config import current
from webapp.domain import catalogue, catalogue_files, entitlements, shops
from webapp.domain.catalogue_files import CatalogueInvalid
from webapp.errors import ShopError
from webapp.extensions import transaction

SHIPPED_CATALOGUE = Path(__file__).parent.parent / "catalog.toml"

catalog = AppGroup("catalog", help="Read, write and check the catalogue file.")
entitlement = AppGroup("entitlements", help="What people may open.")


def init_app(app: Flask) -> None:
    """Add the commands to ``flask``."""
    for command in (catalog, entitlement, release, refund, reconcile):
        app.cli.add_command(command)


@click.command()
@with_appcontext
def release() -> None:
    """Migrate, claim the database, import the catalogue if there is none, tell Telegram."""
    config = current()
    upgrade()
    client = bot_api.get_client(config.bot_api_url, config.bot_token)
    try:
        bot = client.call("getMe")
        with transaction():
            shops.claim(config.bot_id, str(bot["username"]), config.bot_environment)
        if not catalogue.on_sale():
            _import(SHIPPED_CATALOGUE)
        registration.register(client, config)
    except (BotApiError, shops.ForeignDatabase, registration.RegistrationError) as error:
        raise click.ClickException(str(error)) from error
    click.echo(f"Released as @{bot['username']}.")


@catalog.command("import")
@click.argument(
    "file", type=click.Path(exists=True, dir_okay=False, path_type=Path), default=SHIPPED_CATALOGUE
)
def catalog_import(file: Path) -> None:
    """Make the shop sell what FILE lists, all of it or, if anything is wrong, nothing."""
    _import(file)


@catalog.command("export")
def catalog_export() -> None:
    """Print the catalogue as a file that can be imported."""
    items = [
        catalogue.Item(
            slug=product.slug,
            kind=product.kind,
            section=product.section,
            title=product.title,
            description=product.description,
            details=tuple(product.details),
            picture=product.picture,
            stars=product.stars,
            pass_days=product.pass_days,
            keys=tuple(product.keys),
        )
        for product in catalogue.on_sale()
    ]
    click.echo(catalogue_files.write(items), nl=False)


@catalog.command("check")
@click.argument(
    "file", type=click.Path(exists=True, dir_okay=False, path_type=Path), default=SHIPPED_CATALOGUE
)
def catalog_check(file: Path) -> None:
    """Say whether FILE could be imported."""
    click.echo(f"{file.name}: {len(_read(file))} products, nothing to object to.")


@entitlement.command("rebuild")
@click.option("--check", is_flag=True, help="Change nothing; fail if anything differs from the ledger.")
def entitlements_rebuild(check: bool) -> None:
    """Write everybody's entitlements anew from the ledger."""
    differences = entitlements.differences()
    click.echo(f"{len(differences)} differences")
    for telegram_id, key in differences:
        click.echo(f"  {telegram_id} {key}")
    if check:
        sys.exit(1 if differences else 0)
    with transaction():
        count = entitlements.rebuild()
    click.echo(f"{count} entitlements written")


@click.command()
@click.argument("charge")
@click.option("--reason", required=True, help="Why, for the records and the buyer.")
@with_appcontext
def refund(charge: str, reason: str) -> None:
    """Give the Stars of CHARGE (Telegram's payment charge id) back and take its access away."""
    try:
        result = _checkout().refund(charge, reason=reason, requested_by="owner")
    except ShopError as error:
        raise click.ClickException(error.sentence) from error
    if result.status == "done":
        click.echo(f"Refunded: {result.stars} Stars went back to {result.telegram_id}.")
    elif result.status == "refused":
        raise click.ClickException(f"Telegram refused: {result.refused_because}")
    else:
        click.echo("Telegram did not answer. Access is suspended; the bot keeps asking until it knows.")
        sys.exit(2)


@click.command()
@with_appcontext
def reconcile() -> None:
    """Compare the ledger with Telegram's statement and put right what was missed."""
    try:
        report = _checkout().reconcile()
    except BotApiError as error:
        raise click.ClickException(f"Telegram did not give its statement: {error}") from error
    click.echo(
        f"{report.rows} rows read, {report.charges_added} charges and {report.refunds_added} refunds added."
    )


def _checkout() -> Checkout:
    checkout: Checkout = current_app.extensions["checkout"]
    return checkout


def _read(file: Path) -> list[catalogue.Item]:
    try:
        return catalogue_files.read(file.read_text(encoding="utf-8"))
    except UnicodeDecodeError as error:
        raise click.ClickException(f"{file.name}: not UTF-8 text") from error
    except CatalogueInvalid as error:
        raise click.ClickException(f"{file.name}, {error}. Nothing was changed.") from error


def _import(file: Path) -> None:
    items = _read(file)
    with transaction():
        counts = catalogue.replace(items, clock.now())
    click.echo(", ".join(f"{count} {what}" for what, count in counts.items()))
