"""Whether the shop is set up."""

from webapp.config import Config
from webapp.domain.catalogue import catalogue, toml_files
from webapp.domain.owner import shops
from webapp.i18n import languages
from webapp.ops.doctor.findings import Finding, ok, problem, warning
from webapp.shop import brand, catalogue_file, leftovers

NO_SUPPORT = "Nobody answers people who ask for help, and Telegram requires every seller to."
NO_SUPPORT_REMEDY = (
    "Set OWNER_IDS to your Telegram id: what people write after /support comes to you, and your reply goes "
    "back. Or set SUPPORT_CONTACT."
)


def settings(config: Config) -> list[Finding]:
    """Return what is missing among what an owner sets and writes, and no start insists on."""
    return [_owners(config), _support(config), _example(config)]


def examine(config: Config) -> list[Finding]:
    """Return whether what is sold and spoken is what the owner wrote."""
    return [_identity(config), _catalogue(config), _translations(config)]


def _owners(config: Config) -> Finding:
    if config.owner_chats:
        return ok("owners", "You hear about payments that need a look.")
    return warning(
        "owners",
        "Nobody hears about payments that need a look.",
        "Set OWNER_IDS to your Telegram id, and write to the bot once so that it can write to you.",
    )


def _support(config: Config) -> Finding:
    if config.owner_chats or config.support_contact or brand.known().contact:
        return ok("support", "Requests for help reach someone.")
    return warning("support", NO_SUPPORT, NO_SUPPORT_REMEDY)


def _example(config: Config) -> Finding:
    left = leftovers.find(config.shop, brand.known()) if config.app_env == "production" else []
    if not left:
        return ok("example", "Nothing of the example shop is left.")
    return warning(
        "example",
        f"The shop still shows the example's: {', '.join(left)}.",
        "Put your own into the shop folder: shop.toml, terms.md, pictures.",
    )


def _identity(config: Config) -> Finding:
    try:
        shops.check(config.bot_id, config.bot_environment)
    except shops.ForeignDatabase as error:
        return problem("identity", str(error), "The shop won't start until this is fixed.")
    if shops.bot_username():
        return ok("identity", "The database belongs to this bot.")
    return problem("identity", "The database belongs to no bot yet.", "Run flask --app webapp release.")


def _catalogue(config: Config) -> Finding:
    if not config.shop.catalogue.exists():
        return warning(
            "catalogue",
            f"There is no {config.shop.catalogue}, so the shop sells what it sold before.",
            "Write one; flask --app webapp catalog export prints what the shop sells as one.",
        )
    try:
        differences = catalogue.differences(catalogue_file.read(config.shop, config.public_url).items)
    except toml_files.FileInvalid as error:
        return problem("catalogue", f"catalog.toml, {error}.", "Fix it: the next release stops there.")
    if not differences:
        return ok("catalogue", "The shop sells what catalog.toml lists.")
    sentence = "What the shop sells differs from catalog.toml: catalog diff shows how."
    if config.catalogue == "database":
        keep = "To keep what the shop sells, run flask --app webapp catalog export > catalog.toml."
        return warning(
            "catalogue", sentence, f"{keep} To sell what it lists, set CATALOGUE=file and release."
        )
    return warning("catalogue", sentence, "Run flask --app webapp release.")


def _translations(config: Config) -> Finding:
    unheard = languages.not_offered(config.shop.translations)
    if not unheard:
        return ok("translations", "The shop speaks every language in the translations folder.")
    return warning(
        "translations",
        f"Nobody sees {', '.join(unheard)}: the shop itself doesn't speak that language.",
        "Add the language (make messages LANGUAGE=...), or remove the file.",
    )
