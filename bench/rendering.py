"""What the catalogue costs the server: CPU of a page of 24 products, next to a Flask that says hello.

    python -m bench.rendering [rounds]

Both run under gunicorn as the Procfile runs it, one worker each, and are asked by turns over connections
that stay open; what counts is the workers' own CPU time. The shop does all that it does in production: it
looks whether the catalogue changed, logs a line and counts the request. To reach: at most 1.6 times.
"""

import http.client
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from flask import Flask

from bench import stock
from tests.kit.processes import eventually, free_port

MOST_TIMES = 1.6
ROUNDS, REQUESTS = 31, 200
HELLO = ("gunicorn", "-c", "python:webapp.gunicorn", "bench.rendering:hello()")
HEADERS = {"Accept-Encoding": "gzip, deflate, br", "Accept-Language": "en", "X-Forwarded-Proto": "https"}


def hello() -> Flask:
    """Return the least that Flask can be asked for."""
    app = Flask("hello")
    app.add_url_rule("/", view_func=lambda: "Hello")
    return app


def main() -> int:
    """Print the ratio; the exit code says whether it is reached."""
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else ROUNDS
    with tempfile.TemporaryDirectory() as folder:
        stage = stock.open_shop(Path(folder), WEB_CONCURRENCY="1", PROXY_HOPS="1")
        port = free_port()
        stage.environment["PORT"] = str(port)
        try:
            bare = stage.start("hello", " ".join(map(repr, HELLO)))
            eventually(lambda: stage.answers(f"http://localhost:{port}/"))
            taken = compare(
                {"hello": (bare, port), "catalogue": (stage.processes["web"], stage.web_port)}, rounds
            )
        finally:
            stage.close()
    hello_us, catalogue_us = (statistics.median(times) for times in taken.values())
    times = catalogue_us / hello_us
    print(f"catalogue {catalogue_us:.0f} us, hello {hello_us:.0f} us: {times:.2f}x (at most {MOST_TIMES})")
    return 0 if times <= MOST_TIMES else 1


def compare(servers: dict[str, tuple[subprocess.Popen[bytes], int]], rounds: int) -> dict[str, list[float]]:
    """Return the microseconds of CPU that a request took of each, round for round."""
    connections = {name: http.client.HTTPConnection("localhost", port) for name, (_, port) in servers.items()}
    taken: dict[str, list[float]] = {name: [] for name in servers}
    # The first round fills caches.
    for _ in range(rounds + 1):
        for name, (process, _) in servers.items():
            before = cpu(process)
            for _ in range(REQUESTS):
                ask(connections[name])
            taken[name].append((cpu(process) - before) / REQUESTS * 1e6)
    return {name: times[1:] for name, times in taken.items()}


def ask(connection: http.client.HTTPConnection) -> None:
    connection.request("GET", "/", headers=HEADERS)
    answer = connection.getresponse()
    answer.read()
    assert answer.status == 200, answer.status


def cpu(process: subprocess.Popen[bytes]) -> float:
    """Return the seconds of CPU that a server's worker has taken."""
    [worker] = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
    # Linux: the clock of another process, as clock_getcpuclockid(3) makes it.
    return time.clock_gettime(~int(worker) << 3 | 2)


if __name__ == "__main__":
    sys.exit(main())
