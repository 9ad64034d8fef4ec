"""Opening the shop on a phone, next to a React Mini App and to a page without scripts.

    python -m bench.pages [rounds]

Each shows the same 24 products at 390x844, with an empty cache, 150 ms from the server, at 1.6 Mbit/s and
with a processor four times slower than this one; they take turns. The React app is the usual stack, built
here from bench/react with npm, and spared Telegram's own script. The page without scripts is ours, byte for
byte, with its scripts fetched and never run: nothing that shows as much can be there before it.

first and largest are paints; interactive is when a tap on a product is answered, by a link that leads to its
page or by a script, and scripted when it is by a script; blocked adds up what tasks take beyond 50 ms; again
is what opening the page a second time transfers. Times are milliseconds.
"""

import json
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import brotli
import httpx
from playwright.sync_api import Browser, sync_playwright

from bench import stock
from bench.catalogue import MOST_BYTES, MOST_REQUESTS, watch
from tests.kit.browser import FLAGS, find
from tests.kit.factories import SHOP
from tests.kit.processes import ROOT, Stage
from webapp.web.assets import TYPES

ROUNDS = 15
REACT = ROOT / "bench" / "react"
PROBE = (ROOT / "bench" / "probe.js").read_text(encoding="utf-8")
SLOW_NETWORK = {"offline": False, "latency": 150, "downloadThroughput": 200_000, "uploadThroughput": 200_000}
SLOWER_TIMES = 4
PASSED_ON = (
    "content-type",
    "content-encoding",
    "content-security-policy",
    "cache-control",
    "permissions-policy",
)
MOST_BYTES_AGAIN = 8_000  # on the second visit
FIGURES = ("bytes", "requests", "first", "largest", "interactive", "scripted", "blocked", "shift", "again")
Figures = dict[str, float]


@dataclass(frozen=True)
class File:
    """What is answered for a path."""

    body: bytes
    headers: dict[str, str]


def main() -> int:
    """Print the figures; the exit code says whether they are reached."""
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else ROUNDS
    with tempfile.TemporaryDirectory() as folder:
        react = build(Path(folder) / "react")
        stage = stock.open_shop(Path(folder))
        try:
            with serving(react) as react_address, serving(without_scripts(stage)) as bare_address:
                visits = compare({"ours": stage.web, "react": react_address, "bare": bare_address}, rounds)
        finally:
            stage.close()
    return report({name: medians(found) for name, found in visits.items()})


def build(folder: Path) -> dict[str, File]:
    """Return the React app as Vite builds it, compressed as well as can be."""
    shutil.copytree(REACT, folder)
    items = stock.items()
    sections: dict[str, list[dict[str, Any]]] = {}
    for item in items:
        product = {name: getattr(item, name) for name in ("slug", "title", "description", "picture", "stars")}
        sections.setdefault(item.section, []).append(product)
    listed = [{"section": name, "products": products} for name, products in sections.items()]
    (folder / "products.json").write_text(json.dumps(listed))
    (folder / "public" / "pictures").mkdir(parents=True)
    for name in {item.picture for item in items}:
        shutil.copy(SHOP.pictures / name, folder / "public" / "pictures" / name)
    run(folder, "npm", "ci", "--no-audit", "--no-fund")
    run(folder, "npx", "vite", "build", "--logLevel", "error")
    files = [file for file in (folder / "dist").rglob("*") if file.is_file()]
    built = {f"/{file.relative_to(folder / 'dist').as_posix()}": packed(file) for file in files}
    return {**built, "/": built["/index.html"]}


def run(folder: Path, *command: str) -> None:
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def packed(file: Path) -> File:
    headers = {"content-type": TYPES.get(file.suffix, "text/html; charset=utf-8"), "content-encoding": "br"}
    lasting = "no-cache" if file.suffix == ".html" else "max-age=31536000, immutable"
    return File(brotli.compress(file.read_bytes()), {**headers, "cache-control": lasting})


def without_scripts(stage: Stage) -> dict[str, File]:
    """Return our page and all that it loads, its scripts fetched in their turn but never run."""
    page = fetched(f"{stage.web}/")
    text = brotli.decompress(page.body).decode()
    own, telegram = (part.partition('"')[0] for part in text.split('<script src="')[1:])
    text = text.replace('<script src="', '<link rel="preload" as="script" fetchpriority="low" href="')
    text = text.replace('" defer></script>', '">').replace('" id="telegram" async></script>', '">')
    text = text.replace(telegram, "/telegram-web-app.js")
    pictures = "/static/pictures" + text.partition('src="/static/pictures')[2].partition("#")[0]
    return {
        "/": File(brotli.compress(text.encode()), page.headers),
        own: fetched(f"{stage.web}{own}"),
        "/telegram-web-app.js": fetched(telegram),
        pictures: fetched(f"{stage.web}{pictures}"),
    }


def fetched(address: str) -> File:
    with httpx.stream("GET", address, headers={"Accept-Encoding": "gzip, br"}) as answer:
        headers = {name: value for name, value in answer.headers.items() if name in PASSED_ON}
        return File(b"".join(answer.iter_raw()), headers)


@contextmanager
def serving(files: dict[str, File]) -> Iterator[str]:
    """Answer with these files, and return the address."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def do_GET(self) -> None:  # noqa: N802 - its name in the standard library
            file = files.get(self.path, File(b"", {}))
            self.send_response(200 if self.path in files else 404)
            for name, value in {**file.headers, "content-length": str(len(file.body))}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(file.body)

        def log_message(self, *_: Any) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://localhost:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()


def compare(addresses: dict[str, str], rounds: int) -> dict[str, list[Figures]]:
    """Return what each visit found, by turns."""
    visits: dict[str, list[Figures]] = {name: [] for name in addresses}
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=find(), args=list(FLAGS))
        for lap in range(rounds + 1):
            for name in sorted(addresses, reverse=bool(lap % 2)):
                visits[name].append(visit(chromium, addresses[name]))
        chromium.close()
    # The first visits fill the servers' caches.
    return {name: found[1:] for name, found in visits.items()}


def visit(chromium: Browser, address: str) -> Figures:
    """Open a page for the first time, and then once more."""
    context = chromium.new_context(viewport={"width": 390, "height": 844})
    page = context.new_page()
    page.add_init_script(PROBE)
    session = context.new_cdp_session(page)
    loads = watch(session)
    session.send("Network.emulateNetworkConditions", SLOW_NETWORK)
    session.send("Emulation.setCPUThrottlingRate", {"rate": SLOWER_TIMES})
    page.goto(address, wait_until="networkidle")
    page.wait_for_function("seen.largest && seen.interactive", polling=200)
    found: Figures = page.evaluate("seen")
    first = list(loads)
    page.goto("about:blank")
    page.goto(address, wait_until="networkidle")
    context.close()
    again = sum(size for _, size in loads[len(first) :])
    return {**found, "bytes": sum(size for _, size in first), "requests": len(first), "again": again}


def medians(visits: Iterable[Figures]) -> Figures:
    return {name: statistics.median(one[name] for one in visits) for name in FIGURES}


def report(found: dict[str, Figures]) -> int:
    """Print the medians with what ours are to the others', and return 0 if every figure is reached."""
    print(f"{'':12}" + "".join(f"{name:>10}" for name in (*found, "x react", "x bare")))
    for name in FIGURES:
        ours, *others = (figures[name] for figures in found.values())
        ratios = (f"{ours / other:10.2f}" if other else f"{'-':>10}" for other in others)
        print(f"{name:12}" + "".join(f"{round(one, 2):10g}" for one in (ours, *others)) + "".join(ratios))
    reached = compliance(**found)
    for figure, is_reached in reached.items():
        print(f"{'reached' if is_reached else 'MISSED':8} {figure}")
    return 0 if all(reached.values()) else 1


def compliance(ours: Figures, react: Figures, bare: Figures) -> dict[str, bool]:
    return {
        f"at most {MOST_BYTES} bytes": ours["bytes"] <= MOST_BYTES,
        f"at most {MOST_REQUESTS} requests": ours["requests"] <= MOST_REQUESTS,
        f"at most {MOST_BYTES_AGAIN} bytes when opened again": ours["again"] <= MOST_BYTES_AGAIN,
        "first paint at most 0.3x react": ours["first"] <= 0.3 * react["first"],
        "first paint at most 1.15x bare": ours["first"] <= 1.15 * bare["first"],
        "largest paint at most 0.3x react": ours["largest"] <= 0.3 * react["largest"],
        "largest paint at most 1.15x bare": ours["largest"] <= 1.15 * bare["largest"],
        "interactive at most 0.4x react": ours["interactive"] <= 0.4 * react["interactive"],
        "blocked for less than 60 ms": ours["blocked"] < 60,
        "nothing shifts": ours["shift"] == 0,
    }


if __name__ == "__main__":
    sys.exit(main())
