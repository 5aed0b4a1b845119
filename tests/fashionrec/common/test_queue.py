import time

import pytest
from django.db import transaction

from fashionrec.common.queue import enqueue, without_ringing
from fashionrec.common.runs import ring_for_stalled_runs
from recommender.models import TrainingRun
from recommender.services.training import start_training

TASK = "personas.tasks.work_rating_run"


@pytest.mark.django_db(transaction=True)
def test_a_task_is_sent_when_the_transaction_commits_and_never_when_it_rolls_back(rung):
    with transaction.atomic():
        enqueue(TASK, "7")
        assert rung() == []
    assert rung() == [("rate", TASK, ["7"])]

    with transaction.atomic():
        enqueue(TASK, "8")
        transaction.set_rollback(True)
    assert rung() == []


@pytest.mark.django_db
def test_a_command_that_works_by_itself_rings_for_nobody(rung, django_capture_on_commit_callbacks):
    with django_capture_on_commit_callbacks(execute=True):
        with without_ringing():
            enqueue(TASK, "7")
        enqueue(TASK, "8")
    assert rung() == [("rate", TASK, ["8"])]


@pytest.mark.django_db
def test_a_broker_that_is_down_costs_a_moment_and_not_the_work(broker, rung, django_capture_on_commit_callbacks):
    broker("amqp://127.0.0.1:1//")
    started = time.monotonic()
    with django_capture_on_commit_callbacks(execute=True):
        run = start_training(kind="popularity")
    assert time.monotonic() - started < 5
    assert TrainingRun.objects.get(pk=run.pk).state == "queued"

    broker("memory://")  # it is back
    with django_capture_on_commit_callbacks(execute=True):
        ring_for_stalled_runs()
    assert rung() == [("train", "recommender.tasks.work_training_run", [str(run.pk)])]
