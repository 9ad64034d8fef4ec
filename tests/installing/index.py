"""A package index of our own: small packages under the names in the locks, and newer releases of each."""

import base64
import hashlib
import re
import zipfile
from collections.abc import Container, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib import metadata
from pathlib import Path
from threading import Event, Thread

from tests.kit.processes import ROOT

LOCKS = ("requirements.txt", "sandbox/requirements.txt", "requirements-dev.txt")
PIN = re.compile(r"(?m)^([\w.-]+)==([\w.+!]+)(.*?) \\\n(?:    --hash=\S+(?: \\)?\n)+")
NEWER = "9999"


@dataclass
class Index:
    """Packages over HTTP, as PyPI has them; what was asked for, and what it refuses."""

    folder: Path
    address: str = ""
    missing: set[str] = field(default_factory=set)  # names of files that it denies having
    asked: list[str] = field(default_factory=list)
    held: Event = field(default_factory=Event)  # unset, it answers nobody

    @property
    def url(self) -> str:
        return f"{self.address}/simple"

    def lock(self, file: str, only: Container[str] | None = None) -> str:
        """Return one of the locks, or some packages of it, with the hashes of this index."""
        pins = PIN.finditer((ROOT / file).read_text(encoding="utf-8"))
        return "".join(self._pin(pin) for pin in pins if only is None or pin[1] in only)

    def _pin(self, found: re.Match[str]) -> str:
        name, version, marker = found.groups()
        sha256 = digest(self.folder / file_name(name, version))
        return f"{name}=={version}{marker} \\\n    --hash=sha256:{sha256}\n"


@contextmanager
def serving(folder: Path) -> Iterator[Index]:
    """Have an index of these files as long as the block runs; it is a proxy to itself, too."""
    index = Index(folder)

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            path = re.sub(r"^http://[^/]+", "", self.path)
            index.asked.append(self.path)
            index.held.wait()
            body = page(folder, path)
            self.send_response(404 if body is None or path.rpartition("/")[2] in index.missing else 200)
            self.send_header("Content-Type", "text/html" if path.endswith("/") else "application/zip")
            self.end_headers()
            if self.command == "GET":
                self.wfile.write(body or b"")

        do_HEAD = do_GET

        def log_message(self, *_arguments: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        index.held.set()
        index.address = f"http://127.0.0.1:{server.server_port}"
        Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        yield index
        server.shutdown()


def page(folder: Path, path: str) -> bytes | None:
    """Return a file, or the page that lists a package's files."""
    name = path.strip("/").rpartition("/")[2]
    if not path.endswith("/"):
        file = folder / name
        return file.read_bytes() if file.is_file() else None
    files = sorted(folder.glob(f"{name.replace('-', '_')}-*.whl"))
    links = (f'<a href="../../{one.name}#sha256={digest(one)}">{one.name}</a>' for one in files)
    return f"<!DOCTYPE html><html><body>{''.join(links)}</body></html>".encode() if files else None


@cache
def digest(file: Path) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest()


def make_wheels(folder: Path) -> None:
    """Write everything that the locks name, with its real requirements, and a newer release of each."""
    for lock in LOCKS:
        for name, version, _marker in PIN.findall((ROOT / lock).read_text(encoding="utf-8")):
            for each in (version, NEWER):
                make_wheel(folder, name, each)


def make_wheel(folder: Path, name: str, version: str) -> None:
    module = name.replace("-", "_").replace(".", "_")
    head = ["Metadata-Version: 2.1", f"Name: {name}", f"Version: {version}", *requirements(name)]
    wheel = ["Wheel-Version: 1.0", "Generator: tests", "Root-Is-Purelib: true", "Tag: py3-none-any"]
    info = f"{module}-{version}.dist-info"
    texts = {
        f"{module}/__init__.py": f"VERSION = {version!r}\n\n\ndef main():\n    print(VERSION)\n",
        f"{info}/METADATA": "\n".join(head) + "\n",
        f"{info}/WHEEL": "\n".join(wheel) + "\n",
        f"{info}/entry_points.txt": f"[console_scripts]\n{module}-version = {module}:main\n",
    }
    record = [f"{path},sha256={_record_digest(text)},{len(text)}" for path, text in texts.items()]
    texts[f"{info}/RECORD"] = "\n".join([*record, f"{info}/RECORD,,"]) + "\n"
    with zipfile.ZipFile(folder / file_name(name, version), "w") as packed:
        for path, text in texts.items():
            packed.writestr(path, text)


def _record_digest(text: str) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).rstrip(b"=").decode()


def file_name(name: str, version: str) -> str:
    return f"{name.replace('-', '_').replace('.', '_')}-{version}-py3-none-any.whl"


def requirements(name: str) -> list[str]:
    """Return what a package requires, extras included, as the one that is installed here says."""
    try:
        facts = metadata.metadata(name)
    except metadata.PackageNotFoundError:  # one for other machines
        return []
    kept = ("Requires-Dist", "Provides-Extra")
    return [f"{key}: {value}" for key, value in facts.items() if key in kept]
