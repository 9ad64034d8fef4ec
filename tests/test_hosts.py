"""Whether hosts understand what we tell them: each file by its schema, and all of them together."""

import json
import re
from importlib import resources
from typing import Any

import jsonschema
import pytest

from tests import hosts
from tests.processes import ROOT
from webapp import config, platforms
from webapp.supervisor import COMMANDS
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
    assert " ".join(COMMANDS["web"]) == f"-m {plain['web']}"
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
