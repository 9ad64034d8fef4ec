"""Packages of npm's registry, fetched without npm from where npm would fetch them."""

import asyncio
import base64
import hashlib
import io
import os
import ssl
import tarfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from ipaddress import ip_address
from pathlib import Path
from threading import Thread
from urllib.parse import urlsplit

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from sandbox import npm, outside
from sandbox.client_script import INSIDE, ClientScript
from sandbox.client_script import PACKAGE as CLIENT_SCRIPT
from tests.kit import npm as kept

PACKAGE, PATH = "@scope/name@1.2.3", "/@scope/name/-/name-1.2.3.tgz"
NOWHERE = "http://127.0.0.1:1"
AUTHORITIES = ("SSL_CERT_FILE", "SSL_CERT_DIR", *outside.AUTHORITIES)


def packed(content: bytes) -> bytes:
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w:gz") as files:
        entry = tarfile.TarInfo("package/dist/it.js")
        entry.size = len(content)
        files.addfile(entry, io.BytesIO(content))
    return archive.getvalue()


ARCHIVE = packed(b"it")
INTEGRITY = f"sha512-{base64.b64encode(hashlib.sha512(ARCHIVE).digest()).decode()}"


class Registry(BaseHTTPRequestHandler):
    """A registry with one package, and a proxy to itself."""

    path_of_it, archive = PATH, ARCHIVE

    def do_GET(self) -> None:  # noqa: N802 - http.server's name
        known = urlsplit(self.path).path == self.path_of_it
        self.send_response(200 if known else 404)
        self.end_headers()
        self.wfile.write(self.archive if known else b"")

    def log_message(self, *_words: object) -> None:
        return


@contextmanager
def serving(handler: type[Registry] = Registry, certificate: Path | None = None) -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    if certificate:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate)
        server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield f"{'https' if certificate else 'http'}://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.fixture
def registry() -> Iterator[str]:
    with serving() as address:
        yield address


@pytest.fixture(autouse=True)
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """A machine without npm and its settings, whose proxy keeps it from the internet."""
    for name in os.environ:
        if name.lower().startswith("npm_config_") or name.lower().endswith("_proxy") or name in AUTHORITIES:
            monkeypatch.delenv(name)
    for name, value in {"PATH": "", "HOME": str(tmp_path), "HTTPS_PROXY": NOWHERE}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("NPM_CONFIG_GLOBALCONFIG", str(tmp_path / "global"))
    return monkeypatch


def fetch() -> bytes:
    return npm.member(asyncio.run(npm.fetch(PACKAGE, INTEGRITY)), "dist/it.js")


def refusal() -> str:
    with pytest.raises(npm.CannotFetch) as reason:
        fetch()
    return str(reason.value)


@pytest.mark.parametrize("name", ["NPM_CONFIG_REGISTRY", "npm_config_registry"])
def test_the_environment_names_the_registry_before_any_file(registry, machine, tmp_path, name):
    (tmp_path / ".npmrc").write_text(f"registry={NOWHERE}")
    machine.setenv(name, f"{registry}/")
    assert fetch() == b"it"


@pytest.mark.parametrize(
    ("file", "line"),
    [
        (".npmrc", "; mine\naudit\nregistry = {}"),
        (".npmrc", f'registry={NOWHERE}\n//host/:_authToken=x\n@scope:registry="{{}}"'),
        (".npmrc", "registry=${{WHERE}}"),
        ("global", "registry={}"),
    ],
    ids=["the person's file", "for this scope", "a variable", "the machine's file"],
)
def test_npms_files_name_the_registry(registry, machine, tmp_path, file, line):
    (tmp_path / "global").write_text(f"registry={NOWHERE}")
    (tmp_path / file).write_text(line.format(registry))
    machine.setenv("WHERE", registry)
    assert fetch() == b"it"


def test_a_person_without_settings_asks_npms_own_registry():
    assert refusal() == (
        "@scope/name@1.2.3 cannot be fetched from registry.npmjs.org: the proxy in HTTPS_PROXY or ALL_PROXY "
        "refuses."
    )


@pytest.mark.parametrize("host", ["registry.test", "127.0.0.2"])
def test_all_proxy_leads_there_unless_no_proxy_names_the_host(registry, machine, host):
    machine.setenv("NPM_CONFIG_REGISTRY", f"http://{host}")
    machine.setenv("ALL_PROXY", registry)
    assert fetch() == b"it"
    machine.setenv("NO_PROXY", host)
    assert refusal().endswith(": there is no connection.")


@pytest.mark.parametrize("named", [*outside.AUTHORITIES, "SSL_CERT_FILE", "NPM_CONFIG_CAFILE"])
def test_an_authority_of_the_machines_own_is_trusted_wherever_it_is_named(machine, tmp_path, named):
    certificate = signed_by_itself(tmp_path / "certificate.pem")
    machine.setenv("NO_PROXY", "127.0.0.1")
    with serving(certificate=certificate) as address:
        machine.setenv("NPM_CONFIG_REGISTRY", address)
        assert refusal().endswith("from 127.0.0.1: this machine does not trust its certificate.")
        machine.setenv(named, str(certificate))
        assert fetch() == b"it"


def signed_by_itself(file: Path) -> Path:
    key, name = ec.generate_private_key(ec.SECP256R1()), x509.Name([])
    now = datetime.now(UTC)
    builder = x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
    builder = builder.not_valid_before(now - timedelta(days=1)).not_valid_after(now + timedelta(days=1))
    names = x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))])
    certificate = builder.add_extension(names, critical=True).sign(key, SHA256())
    secret = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    file.write_bytes(secret + certificate.public_bytes(Encoding.PEM))
    return file


class Another(Registry):
    """A registry whose package is not the one that was published."""

    archive = packed(b"stolen")


@pytest.mark.parametrize(
    ("address", "reason"),
    [
        ("{}/nothing/here", "it answers 404"),
        (NOWHERE, "there is no connection"),
        ("http://person:secret@127.0.0.1:1", "there is no connection"),
        ("nonsense", "its address, or the proxy's, is wrong"),
        ("http://[", "its address, or the proxy's, is wrong"),
    ],
)
def test_a_registry_that_does_not_give_it_is_named_with_the_reason(registry, machine, address, reason):
    machine.setenv("NPM_CONFIG_REGISTRY", address.format(registry))
    told = refusal()
    assert told.startswith("@scope/name@1.2.3 cannot be fetched from ")
    assert told.endswith(f": {reason}.")
    assert "secret" not in told


def test_a_package_with_another_hash_is_refused(machine):
    with serving(Another) as address:
        machine.setenv("NPM_CONFIG_REGISTRY", address)
        assert refusal().endswith("from 127.0.0.1: it sends another one, whose hash differs.")


def test_settings_that_cannot_be_read_count_as_none(registry, machine, tmp_path):
    (tmp_path / "global").write_text(f"registry={registry}")
    (tmp_path / ".npmrc").write_bytes(b"registry=\xff\xfe")
    machine.setenv("NODE_EXTRA_CA_CERTS", str(tmp_path / "nowhere.pem"))
    assert fetch() == b"it"


def test_telegrams_client_script_is_found_without_npm(machine, tmp_path):
    class Mirror(Registry):
        path_of_it = "/@twa-dev/sdk/-/sdk-8.0.2.tgz"
        archive = kept.archive(CLIENT_SCRIPT).read_bytes()

    script = ClientScript(tmp_path / "copy.js")
    with serving(Mirror) as address:
        machine.setenv("NPM_CONFIG_REGISTRY", address)
        asyncio.run(script.find())
    assert script.said == f"Telegram's client script is here, from the npm package {CLIENT_SCRIPT}."
    assert script.now.plain == kept.read(CLIENT_SCRIPT, INSIDE)
