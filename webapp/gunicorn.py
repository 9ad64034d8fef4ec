"""How the web process runs: what webapp.serving tells gunicorn."""

import os
import sys
from contextlib import suppress
from typing import Any

from gunicorn import glogging

from webapp.config import ConfigError, load, refusal
from webapp.host import capacity, disks, ports
from webapp.ops import metrics_folder
from webapp.serving import limits

try:
    settings = load()
except ConfigError as reason:
    sys.exit(refusal(reason))


class Logger(glogging.Logger):  # type: ignore[misc]
    """Gunicorn's log without a line for each request: our own has one, without addresses.

    Hosts ask for it in GUNICORN_CMD_ARGS, which counts for more than a setting.
    """

    def access(self, *_request: Any) -> None:
        return


# Before anything imports prometheus_client, which decides at import where its numbers live:
# in files here, so that whichever worker is scraped answers for all of them.
metrics_trouble = metrics_folder.prepare()

bind = ports.address(settings.bind_host, settings.port)
# Not gthread itself, whose threads wait for slow clients: webapp/serving.
worker_class = "webapp.serving.worker.Worker"
workers = settings.web_workers or capacity.workers(settings.database_url)
# Threads wait for Telegram far longer than they work: see bench/invoices.py for the choice.
threads = settings.web_threads
# Without it one worker takes most connections that are kept alive, and throughput falls to a third.
reuse_port = True
# With DEBUG=1 a worker starts again when its code changes, so each has to load the code itself.
reload = settings.debug
preload_app = not settings.debug
timeout = 30
graceful_timeout = 8  # the platform waits 30 s; the promise is 10
keepalive = 20
worker_connections = limits.connections()
limit_request_line = 8190
limit_request_field_size = 8190
accesslog = None
logger_class = Logger
# Nobody may name the scheme or SCRIPT_NAME to gunicorn: who came from where is decided by PROXY_HOPS.
forwarded_allow_ips = ""
sendfile = False  # answers leave from memory
control_socket_disable = True


def on_starting(_server: Any) -> None:
    """Start only where nobody listens: with reuse_port two shops would share a port, unseen."""
    if "GUNICORN_PID" in os.environ:
        return  # this one takes over from a running one (USR2)
    try:
        ports.claim(settings.bind_host, settings.port)
    except ports.PortRefused as reason:
        on_exit(_server)
        sys.exit(f"The web process cannot start. {reason}")


def when_ready(server: Any) -> None:
    """Say where the shop is, as gunicorn knows of no sockets that workers open, and what it does without."""
    if metrics_trouble:
        server.log.warning("%s", metrics_trouble)
    server.log.info("Listening at: http://%s", bind)
    disks.note_process(disks.file_of(settings.database_url), "web")


def post_fork(_server: Any, _worker: Any) -> None:
    """Give every worker connections of its own, which must not cross a fork, and room for its numbers."""
    from webapp import application
    from webapp.ops import metrics

    application.forget_connections()
    if trouble := metrics_folder.reserve(os.getpid()):
        metrics.switch_off(trouble)


def post_worker_init(worker: Any) -> None:
    """Have every worker look after the bot; the owners hear of it once."""
    from webapp.bot import watch

    watch.start(worker.app.wsgi())


def child_exit(_server: Any, worker: Any) -> None:
    """Forget the gauges of a worker that is gone; its counts stay."""
    from prometheus_client import multiprocess

    if metrics_folder.VARIABLE in os.environ:
        with suppress(OSError):
            multiprocess.mark_process_dead(worker.pid)  # type: ignore[no-untyped-call]


def on_exit(_server: Any) -> None:
    """Leave no numbers lying about: the next start begins with its own."""
    metrics_folder.discard()
