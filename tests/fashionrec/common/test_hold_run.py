"""Runs that one process does alone, such as a training."""

import threading
import time
from datetime import timedelta

import pytest
from django.db import connection
from django.utils import timezone

from fashionrec.common.runs import (
    MAX_ATTEMPTS,
    LeaseLost,
    RunCancelled,
    advance,
    check_held,
    fail_run,
    hold_run,
    request_cancel,
)
from recommender.models import TrainingRun

pytestmark = pytest.mark.django_db


def new_run(**fields):
    return TrainingRun.objects.create(**{"kind": "popularity", "total": 4, **fields})


def stored(run):
    return TrainingRun.objects.get(pk=run.pk)


def test_a_held_run_is_running_and_a_clean_exit_closes_it():
    run = new_run()
    with hold_run(TrainingRun, run.pk) as held:
        assert (held.state, held.pk) == ("running", run.pk)
        assert timezone.now() < held.lease_until
        advance(held, done=3)
        assert stored(run).done == 3
    assert (held.state, held.lease_until, held.error) == ("done", None, "")
    assert held.started_at <= held.finished_at


@pytest.mark.parametrize("state", ["done", "failed", "cancelled"])
def test_a_finished_run_is_not_held_again(state):
    run = new_run(state=state)
    with hold_run(TrainingRun, run.pk) as held:
        assert held is None
    assert stored(run).state == state


def test_a_run_under_a_live_lease_is_left_to_its_holder():
    until = timezone.now() + timedelta(seconds=60)
    run = new_run(state="running", lease_owner="elsewhere:1:abc", lease_until=until)
    with hold_run(TrainingRun, run.pk) as held:
        assert held is None
    assert (stored(run).lease_owner, stored(run).lease_until) == ("elsewhere:1:abc", until)


def test_a_run_whose_lease_ran_out_is_taken_over_and_keeps_its_start():
    started = timezone.now() - timedelta(hours=1)
    run = new_run(state="running", lease_owner="dead:1:abc", lease_until=started, started_at=started)
    with hold_run(TrainingRun, run.pk) as held:
        assert held.lease_owner != "dead:1:abc"
        assert held.started_at == started
    assert stored(run).state == "done"


def test_an_exception_fails_the_run_with_its_message_and_goes_on_up():
    run = new_run()
    with pytest.raises(ValueError, match="nothing to learn from"), hold_run(TrainingRun, run.pk):
        raise ValueError("nothing to learn from: 0 products")
    assert (stored(run).state, stored(run).error) == ("failed", "ValueError: nothing to learn from: 0 products")
    assert stored(run).lease_until is None


def test_a_running_run_hears_that_it_is_cancelled_when_it_looks():
    run = new_run()
    with hold_run(TrainingRun, run.pk) as held:
        request_cancel(run=stored(run))
        assert stored(run).state == "running"  # its worker closes it
        check_held(held)
        pytest.fail("went on after the cancel")
    assert (stored(run).state, stored(run).cancel_requested) == ("cancelled", True)


def test_a_cancelled_run_whose_worker_died_is_closed_by_the_next_one():
    run = new_run(state="running", cancel_requested=True)
    with hold_run(TrainingRun, run.pk) as held:
        assert held is None
    assert stored(run).state == "cancelled"
    assert stored(run).finished_at is not None


def test_a_holder_that_lost_its_lease_stops_and_leaves_the_run_to_the_new_one():
    run = new_run()
    with hold_run(TrainingRun, run.pk) as held:
        TrainingRun.objects.filter(pk=run.pk).update(lease_owner="elsewhere:1:abc")
        with pytest.raises(LeaseLost):
            check_held(held)
        advance(held, done=4)
        pytest.fail("went on without the lease")
    assert (stored(run).state, stored(run).done, stored(run).lease_owner) == ("running", 0, "elsewhere:1:abc")


def test_a_process_that_is_told_to_stop_leaves_the_run_open_and_free():
    run = new_run()
    with pytest.raises(KeyboardInterrupt), hold_run(TrainingRun, run.pk):
        raise KeyboardInterrupt
    assert (stored(run).state, stored(run).lease_until) == ("running", None)


def test_a_run_that_kills_its_worker_each_time_fails_and_one_that_gets_on_does_not():
    stuck, slow = new_run(), new_run(kind="random")
    for attempt in range(1, MAX_ATTEMPTS + 3):
        for run, gets_on in ((stuck, False), (slow, True)):
            holding = hold_run(TrainingRun, run.pk)
            held = holding.__enter__()
            if held is None:
                assert (run, attempt) == (stuck, max(attempt, MAX_ATTEMPTS + 1))
                continue
            assert held.attempts == (1 if gets_on else attempt)
            if gets_on:
                advance(held, done=attempt)
                assert stored(run).attempts == 0
            # The worker is killed: nothing closes the run, and its lease runs out.
            TrainingRun.objects.filter(pk=run.pk).update(lease_owner="dead:1:abc", lease_until=None)
            holding.__exit__(LeaseLost, LeaseLost(), None)
    assert (stored(slow).state, stored(slow).done) == ("running", MAX_ATTEMPTS + 2)
    assert (stored(stuck).state, stored(stuck).error) == (
        "failed",
        f"given up after {MAX_ATTEMPTS} attempts without progress: its workers died",
    )
    assert stored(stuck).finished_at is not None


def test_being_told_to_stop_is_no_failed_attempt():
    run = new_run()
    for _ in range(MAX_ATTEMPTS + 1):
        with pytest.raises(KeyboardInterrupt), hold_run(TrainingRun, run.pk):
            raise KeyboardInterrupt
    assert (stored(run).state, stored(run).attempts) == ("running", 0)


def test_progress_backwards_is_recorded_and_is_none():
    run = new_run(done=3, attempts=2)
    with hold_run(TrainingRun, run.pk) as held:
        advance(held, done=1, total=9)
        assert (stored(run).done, stored(run).total, stored(run).attempts) == (1, 9, 3)


def test_run_cancelled_raised_by_the_work_itself_cancels():
    run = new_run()
    with hold_run(TrainingRun, run.pk):
        raise RunCancelled("enough")
    assert stored(run).state == "cancelled"


def test_a_run_that_cannot_be_begun_fails_and_a_finished_one_stays_as_it_is():
    run, done = new_run(), new_run(state="done", kind="random")
    fail_run(run=run, error="adapter: cannot be imported")
    fail_run(run=done, error="adapter: cannot be imported")
    assert (run.state, run.error) == ("failed", "adapter: cannot be imported")
    assert (done.state, done.error) == ("done", "")


@pytest.mark.django_db(transaction=True)
def test_of_two_processes_one_holds_the_run_and_keeps_it_longer_than_one_lease(settings):
    settings.FASHIONREC = {**settings.FASHIONREC, "LEASE_SECONDS": 1.2}
    run, held_by = new_run(), []
    start = threading.Barrier(2, timeout=20)

    def work(name):
        try:
            start.wait()
            with hold_run(TrainingRun, run.pk) as held:
                if held is not None:
                    held_by.append(name)
                    time.sleep(1.8)
                    with hold_run(TrainingRun, run.pk) as second:
                        assert second is None
                    check_held(held)
                    held_by.append(name)
        finally:
            connection.close()

    threads = [threading.Thread(target=work, args=(name,)) for name in "ab"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert len(held_by) == 2
    assert len(set(held_by)) == 1
    assert stored(run).state == "done"
