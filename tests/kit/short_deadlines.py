"""The web process with deadlines for clients that a test can wait for, and little room for them."""

from webapp.gunicorn import *  # noqa: F403 - as it really runs
from webapp.serving.worker import Worker


class worker_class(Worker):  # type: ignore[misc]  # noqa: N801 - gunicorn's setting
    head_seconds = 1.0
    body_seconds = 1.0
    answer_seconds = 1.0
    most_bytes = 4 * 1024 * 1024


workers = 1
keepalive = 600  # who is idle leaves for others only
worker_connections = 200
threads = 4
