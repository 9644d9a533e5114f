"""The driver's figures for Prometheus: served as text on METRICS_HOST, made when asked for.

What they are stands in measures.py.
"""

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit
from wsgiref.simple_server import WSGIServer

from prometheus_client import CollectorRegistry, start_http_server
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from lakehouse.logs import event
from lakehouse.settings import Settings
from spark_jobs.lags import Distribution
from spark_jobs.measures import MEASURES, UP, Measure, Samples
from spark_jobs.metrics import Metrics

BOUNDS = (0.5, 1, 2, 3, 4, 5, 6, 8, 10, 15, 20, 30, 60, 120, 300, 600, 1800, 3600)
_CONNECT_SECONDS = 0.2
_FAMILIES: dict[str, Any] = {
    "counter": CounterMetricFamily,
    "gauge": GaugeMetricFamily,
    "histogram": HistogramMetricFamily,
}


class Figures(Collector):
    """Makes the families of all measures when they are asked for.

    Args:
        metrics: The driver's.
        settings: Where the other processes listen.
    """

    def __init__(self, metrics: Metrics, settings: Settings) -> None:
        self._metrics, self._settings = metrics, settings

    def collect(self) -> Iterator[Metric]:
        """One family per measure."""
        with self._metrics.lock:
            families = [_family(measure, measure.samples(self._metrics)) for measure in MEASURES]
        yield from families
        yield _family(UP, (((name,), float(_accepts(at))) for name, at in addresses(self._settings).items()))


@contextmanager
def served(metrics: Metrics, settings: Settings) -> Iterator[None]:
    """Serve the figures on METRICS_PORT while the context lasts; a port in use is logged and costs nothing else."""
    registry = CollectorRegistry()
    registry.register(Figures(metrics, settings))
    server = _listen(settings, registry) if settings.metrics_port else None
    try:
        yield
    finally:
        if server:
            server.shutdown()
            server.server_close()


def _listen(settings: Settings, registry: CollectorRegistry) -> WSGIServer | None:
    try:
        return start_http_server(settings.metrics_port, addr=settings.metrics_host, registry=registry)[0]
    except OSError as fault:
        event(
            "metrics are not served",
            level=30,
            port=settings.metrics_port,
            reason=fault.strerror,
            action="stop what listens there, or set METRICS_PORT to another port, 0 for none",
        )
        return None


def addresses(settings: Settings) -> dict[str, tuple[str, int]]:
    """By process, the host and port where it listens, as the settings say."""
    broker, _, port = settings.kafka_bootstrap_servers.split(",")[0].rpartition(":")
    found = {"broker": (broker, int(port))}
    for name, url in (("gateway", settings.aws_endpoint_url), ("connect", settings.connect_url)):
        place = urlsplit(url)
        if place.hostname:
            found[name] = (place.hostname, place.port or (443 if place.scheme == "https" else 80))
    return found


def _family(measure: Measure, samples: Samples) -> Metric:
    family = _FAMILIES[measure.kind](measure.name, measure.meaning, labels=measure.labels)
    for labels, value in samples:
        if isinstance(value, Distribution):
            buckets = [(str(bound), value.within(bound)) for bound in BOUNDS]
            family.add_metric(labels, [*buckets, ("+Inf", value.rows)], value.seconds)
        else:
            family.add_metric(labels, value)
    return family


def _accepts(address: tuple[str, int]) -> bool:
    try:
        socket.create_connection(address, timeout=_CONNECT_SECONDS).close()
    except OSError:
        return False
    return True
