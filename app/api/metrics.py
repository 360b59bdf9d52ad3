"""`/metrics` for Prometheus: the numbers of the installation, and the requests of this process."""

import hmac
import os
import time
from collections.abc import Iterator

from flask import Flask, Response, current_app, g, request
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from app.api.body import Blueprint
from app.errors import Unauthorized
from app.services import vitals
from app.services.vitals import Vitals

EXTENSION = "http metrics"
SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 25.0)
COUNTS = {
    "pending": "Executions that have not started",
    "queued": "Pending executions that may start now",
    "held": "Pending executions held back by a quota",
    "delayed": "Pending executions whose runAt has not come",
    "buffered": "Pending executions that wait for the one before them of their schedule",
    "running": "Executions that have started and not ended, waiting ones too",
    "waiting": "Running executions that wait and hold no slot",
}

blp = Blueprint("metrics", __name__, description="For Prometheus")


@blp.route("/metrics")
@blp.response(200, {"type": "string"}, content_type="text/plain", description="In Prometheus' text format.")
def show() -> Response:
    """Give the metrics; with METRICS_TOKEN set it must come as a Bearer token."""
    _require_token(current_app.config["SETTINGS"].metrics_token)
    body = generate_latest(_requests().registry)
    return Response(body, content_type=CONTENT_TYPE_LATEST)


class Requests:
    """Counts the requests of one process, which its number tells from the others behind the same address."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.registry.register(Installation())
        labels = ("method", "route", "process")
        self._count = Counter(
            "linea_http_requests", "Requests answered", (*labels, "status"), registry=self.registry
        )
        self._seconds = Histogram(
            "linea_http_request_seconds",
            "Seconds until an answer began",
            labels,
            buckets=SECONDS,
            registry=self.registry,
        )

    def note(self, status: int, seconds: float) -> None:
        """Count the current request by its route, never by its path."""
        route = request.url_rule.rule if request.url_rule else "none"
        method = request.method if request.url_rule else "any"
        labels = (method, route, str(os.getpid()))
        self._count.labels(*labels, str(status)).inc()
        self._seconds.labels(*labels).observe(seconds)


class Installation(Collector):
    """Asks for the numbers of the whole installation when they are collected."""

    def describe(self) -> Iterator[Metric]:
        """Name nothing before it is asked: that would be a question to the database at the start."""
        return iter(())

    def collect(self) -> Iterator[Metric]:
        """Give what there is; while the database is away only that it is."""
        found = vitals.recent()
        yield _gauge("linea_database_up", "Whether the database can be reached", found is not None)
        if found is not None:
            yield from _of_queue(found)
            yield from _of_counters(found)


def register(app: Flask) -> None:
    """Time and count every request of the application."""
    app.extensions[EXTENSION] = Requests()
    app.before_request(_begin)
    app.after_request(_note)


def _begin() -> None:
    g.began = time.perf_counter()


def _note(response: Response) -> Response:
    began = g.get("began")
    if began is not None:
        _requests().note(response.status_code, time.perf_counter() - began)
    return response


def _requests() -> Requests:
    found: Requests = current_app.extensions[EXTENSION]
    return found


def _require_token(token: str | None) -> None:
    if token is None:
        return
    scheme, _, given = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not hmac.compare_digest(given.strip().encode(), token.encode()):
        raise Unauthorized("Send the METRICS_TOKEN of the service: Authorization: Bearer <token>")


def _of_queue(found: Vitals) -> Iterator[Metric]:
    counts, workers = found.queue.counts, found.queue.workers
    for name, text in COUNTS.items():
        yield _gauge(f"linea_executions_{name}", text, getattr(counts, name))
    yield _gauge(
        "linea_oldest_pending_seconds",
        "How long the oldest queued or held execution has waited, 0 without one",
        max(counts.oldest_pending_seconds or 0, 0),
    )
    if counts.last_tick_seconds is not None:
        text = "Seconds since the clock last ticked; missing before its first tick"
        yield _gauge("linea_last_tick_seconds", text, counts.last_tick_seconds)
    yield _gauge("linea_paused", "Whether the queue is paused", counts.paused)
    yield _gauge("linea_redis_up", "Whether Redis can be reached", workers is not None)
    if workers is not None:
        yield _gauge("linea_workers", "Workers that give signs of life", workers)
    yield _gauge("linea_bulk_operations_running", "Bulk operations that are not completed", found.bulk)


def _of_counters(found: Vitals) -> Iterator[Metric]:
    ended = CounterMetricFamily("linea_executions_finished", "Executions that ended", labels=("status",))
    for status, total in found.finished.items():
        ended.add_metric((status,), total)
    repaired = CounterMetricFamily(
        "linea_tick_repairs", "What passes of the tick moved on, repaired or deleted", labels=("pass",)
    )
    for name, total in found.repairs.items():
        repaired.add_metric((name,), total)
    failing = GaugeMetricFamily(
        "linea_tick_pass_failing_seconds", "For how long a pass of the tick has failed", labels=("pass",)
    )
    for name, seconds in found.failing.items():
        failing.add_metric((name,), seconds)
    yield from (ended, repaired, failing)


def _gauge(name: str, text: str, value: float) -> Metric:
    return GaugeMetricFamily(name, text, value=float(value))
