"""Work that nobody holds is rung for again."""

import os
import subprocess
import sys
from datetime import timedelta

import pytest
from django.utils import timezone

from fashionrec.common.runs import _hostname, release_leases_of_the_dead, ring_for_stalled_runs
from personas.models import RatingChunk, RatingRun
from recommender.models import TrainingRun
from tests.factories.personas import RatingRunFactory

pytestmark = pytest.mark.django_db


@pytest.fixture
def dead_process() -> int:
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    return process.pid


def test_it_rings_for_open_runs_that_nobody_holds_and_for_no_other(rung, django_capture_on_commit_callbacks):
    now = timezone.now()
    live, over = now + timedelta(seconds=60), now - timedelta(seconds=1)
    queued = RatingRunFactory()
    stalled = RatingRunFactory(state="running", lease_owner="elsewhere:1:a", lease_until=over)
    training = TrainingRun.objects.create(kind="popularity")
    RatingRunFactory(state="running", lease_owner="elsewhere:1:a", lease_until=live)
    for state in ("done", "failed", "cancelled"):
        RatingRunFactory(state=state)
    with django_capture_on_commit_callbacks(execute=True):
        assert ring_for_stalled_runs() == 3
    assert sorted(rung()) == sorted(
        [
            ("rate", "personas.tasks.work_rating_run", [str(queued.pk)]),
            ("rate", "personas.tasks.work_rating_run", [str(stalled.pk)]),
            ("train", "recommender.tasks.work_training_run", [str(training.pk)]),
        ]
    )


def test_leases_of_dead_processes_of_this_machine_end_at_once_and_others_stay(dead_process):
    live = timezone.now() + timedelta(seconds=60)
    host = _hostname()
    owners = {
        "dead": f"{host}:{dead_process}:abc",
        "alive": f"{host}:{os.getpid()}:abc",
        "another machine": f"elsewhere:{dead_process}:abc",
    }
    runs = {name: RatingRunFactory(state="running", lease_owner=o, lease_until=live) for name, o in owners.items()}
    run = RatingRunFactory(chunks=2, state="running")
    RatingChunk.objects.filter(run=run, index=0).update(lease_owner=owners["dead"], lease_until=live)
    RatingChunk.objects.filter(run=run, index=1).update(lease_owner=owners["alive"], lease_until=live)

    assert release_leases_of_the_dead() == 2

    free = {name: RatingRun.objects.get(pk=held.pk).lease_until is None for name, held in runs.items()}
    assert free == {"dead": True, "alive": False, "another machine": False}
    assert list(run.chunks.order_by("index").values_list("lease_until", flat=True)) == [None, live]


def test_with_workers_on_other_machines_only_the_clock_ends_a_lease(
    rung, settings, dead_process, django_capture_on_commit_callbacks
):
    settings.USES_EMBEDDED_DATABASE = False
    live = timezone.now() + timedelta(seconds=60)
    RatingRunFactory(state="running", lease_owner=f"{_hostname()}:{dead_process}:abc", lease_until=live)
    with django_capture_on_commit_callbacks(execute=True):
        assert ring_for_stalled_runs() == 0
    assert rung() == []
