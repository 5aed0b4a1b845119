"""The Celery application: which task goes where, and pool processes that do not outlive their worker."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest
from celery import current_app
from django.conf import settings

from fashionrec.processes import QUEUES


@pytest.mark.parametrize(
    ("task", "queue"),
    [
        ("fashionrec.common.tasks.resume_stalled", "default"),
        ("catalog.tasks.work_import_run", "default"),
        ("catalog.tasks.embed_dirty", "embed"),
        ("catalog.tasks.work_embedding_run", "embed"),
        ("personas.tasks.work_rating_run", "rate"),
        ("recommender.tasks.work_training_run", "train"),
        ("recommender.tasks.work_retraining", "train"),
        ("recommender.tasks.place_new_products", "default"),
    ],
)
def test_each_task_has_its_queue_and_a_worker_listens_to_it(task, queue):
    assert current_app.amqp.router.route({}, task)["queue"].name == queue
    assert queue in QUEUES.split(",")


def test_no_results_are_kept_and_redelivery_is_not_relied_on():
    assert current_app.conf.task_ignore_result is True
    assert current_app.conf.result_backend is None
    assert "visibility_timeout" not in current_app.conf.broker_transport_options


def test_beat_rings_for_stalled_work_as_often_as_the_environment_says():
    entry = settings.CELERY_BEAT_SCHEDULE["resume-stalled"]
    assert entry["task"] == "fashionrec.common.tasks.resume_stalled"
    assert entry["schedule"] == settings.FASHIONREC["RESUME_SECONDS"]


@pytest.mark.skipif(not Path("/proc").exists(), reason="parent-death signals are Linux's")
def test_a_pool_process_dies_with_its_killed_worker():
    code = (
        "import os, time\n"
        "from fashionrec.celery import die_with_the_worker\n"
        "child = os.fork()\n"
        "if child == 0:\n"
        "    die_with_the_worker()\n"
        "    print(os.getpid(), flush=True)\n"
        "time.sleep(60)\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code],
        stdout=subprocess.PIPE,
        cwd=settings.BASE_DIR,
        env={**os.environ, "PYTHONPATH": str(settings.BASE_DIR)},
    ) as worker:
        child = psutil.Process(int(worker.stdout.readline()))
        os.kill(worker.pid, signal.SIGKILL)
    deadline = time.monotonic() + 10
    while child.is_running() and child.status() != psutil.STATUS_ZOMBIE:
        assert time.monotonic() < deadline, "it outlived its worker"
        time.sleep(0.02)
