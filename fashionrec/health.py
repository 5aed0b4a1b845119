"""Is this process alive, and can it serve?

Answers one word as plain text; a client that accepts application/json gets the checks behind it too.
"""

from collections.abc import Callable

import psycopg
import structlog
from celery import current_app
from django.conf import settings
from django.db import DatabaseError, connection
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from recommender.models import ModelAlias

logger = structlog.get_logger(__name__)

OK, DEGRADED, UNAVAILABLE = "ok", "degraded", "unavailable"
CONNECT_SECONDS = 2


@never_cache
@require_safe
def live(request: HttpRequest) -> HttpResponse:
    """The process answers; nothing else is asked of it."""
    return HttpResponse(OK, content_type="text/plain; charset=utf-8")


@never_cache
@require_safe
def ready(request: HttpRequest) -> HttpResponse:
    """200 `ok`; 200 `degraded` without a champion (the fallback chain serves); 503 without database or queue."""
    checks = {"database": _passes(check_database), "queue": _passes(check_queue)}
    checks["champion"] = checks["database"] and _passes(check_champion)
    if not (checks["database"] and checks["queue"]):
        status = UNAVAILABLE
    else:
        status = OK if checks["champion"] else DEGRADED
    code = 503 if status == UNAVAILABLE else 200
    if request.get_preferred_type(["text/plain", "application/json"]) != "application/json":
        return HttpResponse(status, status=code, content_type="text/plain; charset=utf-8")
    named = {name: "ok" if passed else "missing" for name, passed in checks.items()}
    return JsonResponse({"status": status, "checks": named}, status=code)


def check_database() -> bool:
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")
    return True


def check_queue() -> bool:
    """The broker takes a connection; for the queue inside Postgres, its tables are there."""
    if settings.CELERY_BROKER_URL.startswith("pgmq"):
        # A plain connection: the queue client would open a pool of ten.
        address = str(settings.CELERY_BROKER_TRANSPORT_OPTIONS["conn_string"])
        with psycopg.connect(address, connect_timeout=CONNECT_SECONDS) as queue:
            queue.execute("SELECT 1 FROM pgmq.meta LIMIT 1")
        return True
    with current_app.connection_for_write(connect_timeout=CONNECT_SECONDS) as broker:
        broker.ensure_connection(max_retries=1, timeout=CONNECT_SECONDS)
    return True


def check_champion() -> bool:
    return ModelAlias.objects.filter(name=ModelAlias.Name.CHAMPION).exists()


def _passes(check: Callable[[], bool]) -> bool:
    try:
        return check()
    except DatabaseError as error:
        logger.warning("not_ready", check=check.__name__, error=str(error))
    except Exception as error:  # broker errors differ by transport
        logger.warning("not_ready", check=check.__name__, error=str(error))
    return False
