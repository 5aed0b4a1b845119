"""The doorbell: send a task by name once the current transaction has committed."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

import structlog
from celery import current_app
from django.db import transaction

logger = structlog.get_logger(__name__)

_silenced: ContextVar[bool] = ContextVar("silenced", default=False)


@contextmanager
def without_ringing() -> Iterator[None]:
    """Do the work in this process instead: nothing is sent inside the block (a command that works by itself)."""
    token = _silenced.set(True)
    try:
        yield
    finally:
        _silenced.reset(token)


def enqueue(task_name: str, *args: Any) -> None:
    """Send `task_name(*args)` on commit. A broker that cannot be reached costs a delay, not the work:

    rows are the truth, and beat rings again for every run without a live lease.
    """
    if not _silenced.get():
        transaction.on_commit(lambda: _send(task_name, args))


def _send(task_name: str, args: tuple[Any, ...]) -> None:
    try:
        current_app.send_task(task_name, args=args, retry=False)
    except Exception as error:  # broker errors differ by transport
        logger.warning("queue_unreachable", task=task_name, error=str(error))
