"""The Celery application: four queues, one beat, no result backend."""

import os
import signal
from typing import Any

from celery import Celery
from celery.signals import worker_process_init, worker_ready

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "fashionrec.settings.development")

app = Celery("fashionrec")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()


@worker_process_init.connect
def die_with_the_worker(**_: Any) -> None:
    """A pool process must not outlive a killed worker: it would keep its lease alive unsupervised."""
    from fashionrec.processes import die_with_parent

    die_with_parent(signal.SIGKILL)


@worker_ready.connect
def ring_for_stalled_work(**_: Any) -> None:
    from fashionrec.common.tasks import resume_stalled

    resume_stalled.delay()
