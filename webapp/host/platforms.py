"""Which platform runs the shop, and what the platform says about itself."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Platform:
    """A place that runs the shop: how it is recognised, and what its variables give away."""

    name: str
    markers: tuple[str, ...]  # variables of which the platform always sets one
    address: str = ""  # where people reach the shop, made of the platform's own variables
    address_help: str = ""  # how an owner has the platform tell its address
    keeps_disk: bool = False

    def marker_in(self, environ: Mapping[str, str]) -> str:
        """Return the variable that gives the platform away, or nothing on any other."""
        return next((name for name in self.markers if environ.get(name)), "")

    def public_url(self, environ: Mapping[str, str]) -> str:
        """Return the shop's address, or nothing if a variable that it is made of is missing."""
        try:
            return self.address.format_map({name: value for name, value in environ.items() if value})
        except KeyError:
            return ""


# Here SQLite is refused unless the owner says that its file lies on a volume; on any other host its disk
# wants proof (disks.py). The first whose marker is set counts: Dokku sets Heroku's marker too. An address
# stands here only where the platform's documentation promises it; Heroku's own names end in random digits
# since June 2023.
PLATFORMS = (
    Platform(
        name="Dokku",
        markers=("DOKKU_APP_TYPE",),
        address_help="dokku config:set APP PUBLIC_URL=https://…, which Dokku does not tell the app",
    ),
    Platform(
        name="Heroku",
        markers=("DYNO",),
        address="https://{HEROKU_APP_DEFAULT_DOMAIN_NAME}",
        address_help="heroku labs:enable runtime-dyno-metadata, and deploy again",
    ),
    Platform(name="Render", markers=("RENDER",), address="{RENDER_EXTERNAL_URL}"),
    Platform(
        name="Railway",
        markers=("RAILWAY_ENVIRONMENT", "RAILWAY_ENVIRONMENT_ID", "RAILWAY_ENVIRONMENT_NAME"),
        address="https://{RAILWAY_PUBLIC_DOMAIN}",
        address_help="railway domain, and deploy again",
    ),
    Platform(name="Fly.io", markers=("FLY_APP_NAME",), address="https://{FLY_APP_NAME}.fly.dev"),
    Platform(name="Koyeb", markers=("KOYEB_APP_NAME",), address="https://{KOYEB_PUBLIC_DOMAIN}"),
    Platform(name="Cloud Run", markers=("K_SERVICE",)),
    Platform(
        name="Azure App Service", markers=("WEBSITE_INSTANCE_ID",), address="https://{WEBSITE_HOSTNAME}"
    ),
    Platform(name="Cloud Foundry", markers=("VCAP_APPLICATION",)),
    Platform(name="App Engine", markers=("GAE_SERVICE",)),
    Platform(name="AWS Lambda", markers=("AWS_LAMBDA_FUNCTION_NAME",)),
    Platform(name="Kubernetes", markers=("KUBERNETES_SERVICE_HOST",), keeps_disk=True),
)


def detect(environ: Mapping[str, str]) -> Platform | None:
    """Return the platform that set these variables; None on a machine of the owner's."""
    return next((platform for platform in PLATFORMS if platform.marker_in(environ)), None)
