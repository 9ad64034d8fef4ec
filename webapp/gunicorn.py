"""How the web process runs: ``gunicorn -c python:webapp.gunicorn``."""

import os
import shutil
import tempfile
from typing import Any

# Before anything imports prometheus_client, which decides at import where its numbers live:
# in files here, so that whichever worker is scraped answers for all of them.
IS_OURS = "PROMETHEUS_MULTIPROC_DIR" not in os.environ
if IS_OURS:
    os.environ["PROMETHEUS_MULTIPROC_DIR"] = tempfile.mkdtemp(prefix="starfront-metrics-")

bind = f"{os.environ.get('BIND_HOST', '0.0.0.0')}:{os.environ.get('PORT', '8080')}"
worker_class = "gthread"
workers = int(os.environ.get("WEB_CONCURRENCY", "") or os.cpu_count() or 1)
# Threads wait for Telegram far longer than they work: see bench/invoices.py for the choice.
threads = int(os.environ.get("WEB_THREADS", "32"))
# Without it one worker takes most connections that are kept alive, and throughput falls to a third.
reuse_port = True
preload_app = True
timeout = 30
graceful_timeout = 8  # the platform waits 30 s; the promise is 10
keepalive = 20
limit_request_line = 8190
limit_request_field_size = 8190
# Our own log has a line for each request, without addresses.
accesslog = None
forwarded_allow_ips = "*"  # who came from where is decided by PROXY_HOPS
control_socket_disable = True


def post_fork(_server: Any, _worker: Any) -> None:
    """Give every worker connections of its own: they must not cross a fork."""
    from webapp import application

    application.forget_connections()


def child_exit(_server: Any, worker: Any) -> None:
    """Forget the gauges of a worker that is gone; its counts stay."""
    from prometheus_client import multiprocess

    multiprocess.mark_process_dead(worker.pid)  # type: ignore[no-untyped-call]


def on_exit(_server: Any) -> None:
    """Leave no numbers lying about: the next start begins with its own."""
    if IS_OURS:
        shutil.rmtree(os.environ["PROMETHEUS_MULTIPROC_DIR"], ignore_errors=True)
