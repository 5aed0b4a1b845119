"""What Prometheus reads: requests by route, runs by state, and which model serves.

Request figures are those of the answering process; with several web processes set PROMETHEUS_MULTIPROC_DIR to an
empty folder, and prometheus_client adds them up. Runs and champion come from the database at every scrape.
"""

import os
import time
from collections.abc import Callable, Iterator

import structlog
from django.db import DatabaseError
from django.db.models import Count
from django.http import HttpRequest, HttpResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe
from prometheus_client import CONTENT_TYPE_LATEST, REGISTRY, CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.multiprocess import MultiProcessCollector

from fashionrec.common.models import Run
from fashionrec.common.runs import run_models
from recommender.models import ModelAlias

logger = structlog.get_logger(__name__)

METHODS = {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"}
# The serving goals lie between 5 and 100 ms.
BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0)
REQUESTS = Counter("fashionrec_http_requests", "Requests answered.", ["method", "route", "status"])
LATENCY = Histogram("fashionrec_http_request_seconds", "Time to answer.", ["method", "route"], buckets=BUCKETS)


class MetricsMiddleware:
    """Counts and times every request under its route, never its path: ids would make endless series."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        started = time.perf_counter()
        response = self.get_response(request)
        method = request.method if request.method in METHODS else "OTHER"
        route = request.resolver_match.route if request.resolver_match else "unmatched"
        REQUESTS.labels(method, route, response.status_code).inc()
        LATENCY.labels(method, route).observe(time.perf_counter() - started)
        return response


class DatabaseCollector:
    """Runs by kind and state, and the champion; silent while the database is."""

    def collect(self) -> Iterator[Metric]:
        runs = GaugeMetricFamily("fashionrec_runs", "Long work by state.", labels=["kind", "state"])
        champion = GaugeMetricFamily("fashionrec_champion_info", "The model that serves.", labels=["model", "kind"])
        try:
            for model in run_models():
                rows = model._default_manager.order_by().values_list("state").annotate(Count("pk"))
                counts = dict.fromkeys(Run.State.values, 0) | dict(rows)
                for state, count in counts.items():
                    runs.add_metric([model._meta.model_name or "", state], count)
            for alias in ModelAlias.objects.filter(name=ModelAlias.Name.CHAMPION).select_related("version"):
                champion.add_metric([alias.version.name, alias.version.kind], 1)
        except DatabaseError as error:
            logger.warning("metrics_without_database", error=str(error))
            return
        yield runs
        yield champion


@never_cache
@require_safe
def metrics(request: HttpRequest) -> HttpResponse:
    """All figures in Prometheus' text format."""
    requests = REGISTRY
    if os.environ.get("PROMETHEUS_MULTIPROC_DIR"):  # the library's own variable
        requests = CollectorRegistry()
        MultiProcessCollector(requests)
    rows = CollectorRegistry()
    rows.register(DatabaseCollector())  # type: ignore[arg-type]
    return HttpResponse(generate_latest(requests) + generate_latest(rows), content_type=CONTENT_TYPE_LATEST)
