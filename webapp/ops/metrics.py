"""What Prometheus is told: this host's requests, and the shop's facts read from its rows.

Payments are not counted while they happen. Their rows are the count, so it is right whatever
process recorded them, whatever died, and nothing here can stand in a payment's way.
"""

import logging
import os
from collections.abc import Callable, Iterable
from typing import Any

from flask import Flask, Response, current_app, request
from prometheus_client import CollectorRegistry, Counter, Histogram
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.exposition import choose_encoder
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.registry import Collector
from prometheus_flask_exporter import PrometheusMetrics

from webapp import clock
from webapp.db.engine import db
from webapp.domain.owner import statistics
from webapp.ops import metrics_folder

log = logging.getLogger(__name__)

# Others are refused before any view; anybody may make methods up, and each would be a label.
MEASURED_METHODS = frozenset({"GET", "POST", "DELETE"})
_is_off = False
_is_unread = False  # said once
EXCHANGE_BUCKETS = (0.01, 0.05, 0.1, 0.5, 1.0)  # seconds


def init_app(app: Flask) -> None:
    """Measure requests and have the shop's metrics ready."""
    registry = CollectorRegistry()
    exporter = PrometheusMetrics(app, path=None, export_defaults=False, registry=registry)
    # Sums, not buckets: with every endpoint and status they would be a thousand series.
    exporter.export_defaults(group_by="endpoint", latency_as_histogram=False, app=_Guarded(app))
    app.extensions["metrics"] = _Metrics(registry)


def session_started() -> None:
    """Count a launch exchanged for a session; never raises."""
    _safely(lambda metrics: metrics.sessions.inc())


def exchange_took(seconds: float) -> None:
    """Observe how long an exchange took, granted or not; never raises."""
    _safely(lambda metrics: metrics.exchange.observe(seconds))


def exchange_refused(reason: str) -> None:
    """Count a launch that was refused, by reason; never raises."""
    _safely(lambda metrics: metrics.refusals.labels(reason).inc())


def launch_moved() -> None:
    """Count a launch that came from one more network than before; never raises."""
    _safely(lambda metrics: metrics.moves.inc())


def switch_off(trouble: str) -> None:
    """Count nothing more in this process, which has no room for numbers, and say so."""
    global _is_off
    _is_off = True
    log.warning("%s", trouble, extra={"event": "metrics_off"})


def render(accept: str) -> tuple[bytes, str]:
    """Return every metric as Prometheus wants it, with its content type."""
    metrics: _Metrics = current_app.extensions["metrics"]
    encoder, content_type = choose_encoder(accept)
    return encoder(metrics.everything()), content_type


class _Guarded:
    """Takes an exporter's hooks for an application, so that none of them can fail a request."""

    def __init__(self, app: Flask) -> None:
        self.app = app

    def before_request(self, hook: Callable[[], None]) -> None:
        self.app.before_request(lambda: self._run(hook))

    def after_request(self, hook: Callable[[Response], Response]) -> None:
        def measured(response: Response) -> Response:
            self._run(hook, response)
            return response

        self.app.after_request(measured)

    def teardown_request(self, hook: Callable[[BaseException | None], None]) -> None:
        self.app.teardown_request(lambda error: self._run(hook, error))

    def _run(self, hook: Callable[..., Any], *told: Any) -> None:
        if _is_off or request.url_rule is None or request.method not in MEASURED_METHODS:
            return
        try:
            hook(*told)
        except Exception:
            log.exception("a request could not be measured")


class _Metrics:
    def __init__(self, registry: CollectorRegistry) -> None:
        self.registry = registry
        self.sessions = Counter("miniapp_sessions", "Launches exchanged for a session", registry=registry)
        self.refusals = Counter(
            "miniapp_refused_exchanges", "Launches refused", ["reason"], registry=registry
        )
        self.moves = Counter(
            "miniapp_moved_launches", "Launches sent again from another network", registry=registry
        )
        self.exchange = Histogram(
            "miniapp_exchange_latency_seconds",
            "From a launch's arrival to its session",
            buckets=EXCHANGE_BUCKETS,
            registry=registry,
        )
        self.rows = _RowsCollector()

    def everything(self) -> CollectorRegistry:
        """Return a registry that answers for all web processes of this host and for the database."""
        answer = CollectorRegistry()
        answer.register(_Shared() if metrics_folder.VARIABLE in os.environ else _Collected(self.registry))
        answer.register(self.rows)
        return answer


class _Collected(Collector):
    """Another registry's metrics."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.registry = registry

    def collect(self) -> Iterable[Metric]:
        return self.registry.collect()

    def describe(self) -> Iterable[Metric]:
        return []


class _Shared(Collector):
    """What all web processes of this host counted, as far as their files can be read."""

    def describe(self) -> Iterable[Metric]:
        return []

    def collect(self) -> Iterable[Metric]:
        try:
            return list(MultiProcessCollector(None).collect())  # type: ignore[no-untyped-call]
        except Exception as error:
            # The folder is gone, or a file in it is broken. The shop's own numbers are worth having without.
            global _is_unread
            if not _is_unread:
                log.warning("the numbers of the web processes cannot be read: %s", error)
            _is_unread = True
            return []


class _RowsCollector(Collector):
    """The shop's metrics, read from the database at each scrape."""

    def __init__(self) -> None:
        self.sales = statistics.Running(statistics.Sales())
        self.gates = statistics.Running(statistics.Gates())

    def describe(self) -> Iterable[Metric]:
        return []

    def collect(self) -> Iterable[Metric]:
        try:
            return [*self._sales(), *self._gates(), *self._waiting()]
        except Exception:
            # The process's own metrics are worth having even while the database is away.
            log.exception("the shop's metrics could not be read")
            db.session.rollback()
            return []

    def _sales(self) -> Iterable[Metric]:
        sales = self.sales.read(clock.now())
        payments = CounterMetricFamily(
            "telegram_payments", "Charges recorded; failed ones wait for the owner", labels=["result"]
        )
        for result in ("success", "failed"):
            payments.add_metric([result], sales.results[result])
        value = CounterMetricFamily("telegram_payment_value", "Stars accepted", labels=["currency"])
        value.add_metric(["XTR"], sales.stars)
        back = CounterMetricFamily("telegram_refund_value", "Of those, Stars given back", labels=["currency"])
        back.add_metric(["XTR"], sales.refunded_stars)
        yield payments
        yield value
        yield back
        yield _histogram("telegram_paid_to_unlocked_seconds", "From Telegram's charge to access", sales.lag)

    def _gates(self) -> Iterable[Metric]:
        gates = self.gates.read(clock.now())
        declines = CounterMetricFamily(
            "telegram_pre_checkout_declines", "Payments declined before a charge", labels=["reason"]
        )
        for reason, count in gates.declines.items():
            declines.add_metric([reason], count)
        yield declines
        yield _histogram("telegram_pre_checkout_seconds", "From question to decision", gates.latency)

    def _waiting(self) -> Iterable[Metric]:
        now = clock.now()
        for name, value in statistics.waiting(now).items():
            yield GaugeMetricFamily(f"starfront_{name}", name.replace("_", " ").capitalize(), value)
        leases = GaugeMetricFamily(
            "starfront_duty_lease_seconds", "For how long each duty is still held", labels=["duty"]
        )
        for duty, expires_at in statistics.duties().items():
            leases.add_metric([duty], (expires_at - now).total_seconds())
        yield leases


def _histogram(name: str, help_text: str, facts: statistics.Histogram) -> Metric:
    family = HistogramMetricFamily(name, help_text)
    family.add_metric([], facts.cumulative(), facts.total_seconds)
    return family


def _safely(record: Callable[[Any], None]) -> None:
    if _is_off:
        return
    try:
        record(current_app.extensions["metrics"])
    except Exception:
        log.exception("a metric could not be recorded")
