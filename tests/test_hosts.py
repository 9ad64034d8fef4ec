"""Whether hosts understand what we tell them: each file by its schema, and all of them together."""

import json
import os
import re
import subprocess
from configparser import ConfigParser
from importlib import resources
from typing import Any

import jsonschema
import pytest

from tests.kit import hosts
from tests.kit.processes import ROOT
from webapp import config
from webapp.host import platforms
from webapp.serving.supervisor import COMMANDS
from webapp.views import health

PUBLISHED = {"compose.yaml": "compose-spec", ".github/workflows/ci.yml": "github-workflows"}
OURS = {"app.json": "heroku", "render.yaml": "render", "railway.json": "railway", "fly.toml": "fly"}
RELEASE = "flask --app webapp release"


def schema_of(file: str) -> Any:
    if file in PUBLISHED:
        folder = resources.files("check_jsonschema") / "builtin_schemas" / "vendor"
        return json.loads((folder / f"{PUBLISHED[file]}.json").read_text(encoding="utf-8"))
    return hosts.read(f"tests/schemas/{OURS[file]}.json")


@pytest.mark.parametrize("file", [*PUBLISHED, *OURS])
def test_a_host_understands_its_file(file):
    schema = schema_of(file)
    validator = jsonschema.validators.validator_for(schema)(schema)
    assert [error.message for error in validator.iter_errors(hosts.read(file))] == []


@pytest.mark.parametrize("file", [*PUBLISHED, *OURS])
def test_a_name_that_is_misspelt_is_found(file):
    """A schema that takes everything would prove nothing."""
    told = hosts.read(file)
    key = next(key for key in ("services", "jobs", "deploy", "env") if key in told)
    first = told[key][0] if isinstance(told[key], list) else told[key]
    inner = next((one for one in first.values() if isinstance(one, dict)), first)
    inner["helathCheck"] = {"a": [None]}
    schema = schema_of(file)
    assert list(jsonschema.validators.validator_for(schema)(schema).iter_errors(told))


def render() -> dict[str, Any]:
    [service] = hosts.read("render.yaml")["services"]
    found: dict[str, Any] = service
    return found


def test_every_host_releases_by_the_same_command():
    compose = hosts.read("compose.yaml")["services"]
    told = [
        hosts.procfile()["release"],
        render()["preDeployCommand"],
        *hosts.read("railway.json")["deploy"]["preDeployCommand"],
        compose["release"]["command"],
    ]
    assert set(told) == {RELEASE}
    assert " ".join(COMMANDS["release"]) == f"-m {RELEASE}"


def test_every_host_runs_what_the_procfile_runs():
    services = hosts.read("compose.yaml")["services"]
    plain = {name: command.replace('"', "") for name, command in hosts.procfile().items()}
    assert {name: services[name]["command"] for name in plain} == plain
    assert " ".join(("python", *COMMANDS["web"])) == plain["web"]
    assert " ".join(("python", *COMMANDS["bot"])) == plain["bot"]
    after_a_release_phase = {
        render()["startCommand"],
        hosts.read("railway.json")["deploy"]["startCommand"],
    }
    assert after_a_release_phase == {f"{hosts.container_command()} --no-release"}


def test_every_host_probes_what_needs_no_database():
    """A database that is away for a moment must have nobody end the processes that wait for it."""
    [check] = hosts.read("fly.toml")["http_service"]["checks"]
    [dokku] = hosts.read("app.json")["healthchecks"]["web"]
    railway = hosts.read("railway.json")["deploy"]["healthcheckPath"]
    assert {check["path"], dokku["path"], railway, render()["healthCheckPath"]} == {"/healthz"}
    assert "/healthz" in hosts.container_healthcheck()[-1]
    assert health.healthz.__code__.co_names == ("jsonify", "__version__")


def test_a_container_is_nobody_in_particular_and_waits_long_enough():
    users = [rest for name, rest in hosts.dockerfile() if name == "USER"]
    assert users
    assert users[-1] not in {"root", "0"}
    assert "EXPOSE" not in dict(hosts.dockerfile())
    assert hosts.read("fly.toml")["kill_timeout"] >= "15s"


def test_the_container_installs_as_the_lock_says_and_on_the_locked_python():
    [install] = [rest for name, rest in hosts.dockerfile() if name == "RUN" and "pip" in rest]
    assert {"--no-deps", "--require-hashes", "--only-binary", "requirements.txt"} <= set(install.split())
    version = (ROOT / ".python-version").read_text(encoding="utf-8").strip()
    assert dict(hosts.dockerfile())["FROM"] == f"python:{version}-alpine"


def test_what_is_typed_is_the_token_alone():
    env = hosts.read("app.json")["env"]
    assert [name for name, facts in env.items() if "generator" not in facts] == ["BOT_TOKEN"]
    told = [one["key"] for one in render()["envVars"] if one.get("sync") is False]
    assert told == ["BOT_TOKEN"]
    volume = hosts.read("fly.toml")["env"]
    found = config.load(
        {
            **volume,
            "FLY_APP_NAME": "shop",
            "BOT_TOKEN": "7342037359:AAHwq3Vn0k-3Uq0kTzZqz0m0bX1cY2dE3fG",
            "SECRET_KEY": "kV9dT2xQw8Lr4ZbN6hYc1JmPf3GsUe5a",
        }
    )
    [mount] = hosts.read("fly.toml")["mounts"]
    assert found.database_url.startswith(f"sqlite:///{mount['destination']}/")
    assert found.public_url == "https://shop.fly.dev"


def test_compose_asks_for_what_it_cannot_do_without():
    text = (ROOT / "compose.yaml").read_text(encoding="utf-8")
    assert set(re.findall(r"\$\{(\w+):\?", text)) == {
        "BOT_TOKEN",
        "DOMAIN",
        "SECRET_KEY",
        "POSTGRES_PASSWORD",
    }
    services = hosts.read("compose.yaml")["services"]
    assert "ports" not in services["db"]
    assert [name for name, one in services.items() if "ports" in one] == ["caddy"]


@pytest.mark.parametrize("platform", [one.name for one in platforms.PLATFORMS])
def test_a_platform_of_ours_is_known_by_what_it_sets(platform):
    [one] = [one for one in platforms.PLATFORMS if one.name == platform]
    for marker in one.markers:
        assert platforms.detect({marker: "1"}) is one
    assert platforms.detect(dict.fromkeys(one.markers, "")) is None


# The pages


PAGES = sorted((ROOT / "docs" / "deploy").glob("*.md"))
UNITS = ROOT / "docs" / "deploy" / "systemd"
TYPED = {"BOT_TOKEN": "7342037359:AAHwq3Vn0k-3Uq0kTzZqz0m0bX1cY2dE3fG", "DOMAIN": "shop.starfront.app"}


def unit(name: str) -> ConfigParser:
    parser = ConfigParser(interpolation=None, delimiters=("=",))
    parser.optionxform = str  # type: ignore[assignment,method-assign]
    parser.read_string((UNITS / f"starfront-{name}.service").read_text(encoding="utf-8"))
    return parser


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_a_page_leads_to_files_that_are_there(page):
    text = page.read_text(encoding="utf-8")
    targets = re.findall(r"\]\((?!https?:)([^)#]+)", text)
    assert [target for target in targets if not (page.parent / target).resolve().exists()] == []
    assert "Configure Mini App" in text
    assert ("`/newapp`" in text) == (page.stem == "README")


def test_every_host_has_its_page():
    index = (ROOT / "docs" / "deploy" / "README.md").read_text(encoding="utf-8")
    assert {f"{page.name}" for page in PAGES} - {"README.md"} == set(re.findall(r"\]\((\w+\.md)\)", index))


@pytest.mark.parametrize("name", ["release", "web", "bot"])
def test_a_unit_runs_what_the_procfile_runs(name):
    service = unit(name)["Service"]
    folder = service["WorkingDirectory"]
    assert service["ExecStart"] == f"{folder}/.venv/bin/{hosts.procfile()[name]}"
    assert service["User"] == "starfront"
    page = "\n".join(hosts.blocks_of("docs/deploy/debian.md"))
    assert f" {folder}\n" in page
    assert service["EnvironmentFile"] in (ROOT / "docs/deploy/debian.md").read_text(encoding="utf-8")
    if name != "release":
        assert unit(name)["Unit"]["Requires"] == "starfront-release.service"
        assert int(service["TimeoutStopSec"]) > 10


def test_caddy_speaks_to_where_the_unit_listens():
    told = unit("web")["Service"]["Environment"]
    address = re.fullmatch(r"BIND_HOST=(\S+) PORT=(\d+)", told)
    assert address
    caddyfile = (UNITS / "Caddyfile").read_text(encoding="utf-8")
    assert f"reverse_proxy {address[1]}:{address[2]}\n" in caddyfile


def test_everybody_installs_by_the_lock():
    [container] = [rest for name, rest in hosts.dockerfile() if name == "RUN" and "pip" in rest]
    [debian] = [one for one in hosts.commands_of("docs/deploy/debian.md") if "pip" in one]
    told = [container, debian, render()["buildCommand"]]
    assert all("pip install " in one for one in told)
    for one in told:
        assert {"--no-deps", "--require-hashes", "requirements.txt"} <= set(one.split())


@pytest.mark.parametrize("page", ["debian", "compose"])
def test_the_settings_that_a_page_writes_are_enough(page, tmp_path):
    """Its own commands, run as they stand, with the two values that an owner types."""
    file = tmp_path / ".env"
    commands = [one for one in hosts.commands_of(f"docs/deploy/{page}.md") if "venv" not in one]
    assert commands
    environ = {"PATH": os.environ["PATH"], "SETTINGS": str(file), **TYPED}
    subprocess.run(["bash", "-euc", "\n".join(commands)], check=True, cwd=tmp_path, env=environ)
    assert file.stat().st_mode & 0o077 == 0
    written = dict(line.split("=", 1) for line in file.read_text().splitlines())
    if page == "compose":
        service = hosts.read("compose.yaml")["services"]["web"]
        filled = {name: fill(value, written) for name, value in service["environment"].items()}
        assert filled["DATABASE_URL"].endswith(f":{written['POSTGRES_PASSWORD']}@db/starfront")
    else:
        filled = written
    assert config.load(filled).public_url == f"https://{TYPED['DOMAIN']}"


def fill(value: str, written: dict[str, str]) -> str:
    """Do as compose does with ${NAME}, ${NAME:-} and ${NAME:?why}."""
    return re.sub(r"\$\{(\w+)(?::[-?][^}]*)?\}", lambda found: written.get(found[1], ""), value)
