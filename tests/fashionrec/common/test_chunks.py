"""Runs that any number of workers share, chunk by chunk."""

import threading
import time
from datetime import timedelta

import pytest
from django.db import connection
from django.utils import timezone

from fashionrec.common.errors import Conflict
from fashionrec.common.runs import (
    MAX_ATTEMPTS,
    RunPaused,
    finish_chunk,
    request_cancel,
    resume_paused,
    ring_for_stalled_runs,
    work_through_chunks,
)
from personas.models import Persona, RatingChunk, RatingRun
from tests.factories.personas import PersonaFactory, RatingRunFactory

pytestmark = pytest.mark.django_db
ELSEWHERE = "elsewhere:1:abc"


def chunks_of(run):
    return RatingChunk.objects.filter(run=run)


def states(run):
    return list(chunks_of(run).order_by("index").values_list("state", flat=True))


def hold(run, index, *, seconds):
    until = timezone.now() + timedelta(seconds=seconds)
    chunks_of(run).filter(index=index).update(lease_owner=ELSEWHERE, lease_until=until, attempts=1)


class Work:
    """Finishes every chunk it is given and remembers which; `before(chunk)` runs first, outside the transaction."""

    def __init__(self, before=lambda chunk: None):
        self.before, self.indexes = before, []

    def __call__(self, run, chunk):
        self.before(chunk)
        with finish_chunk(run, chunk):
            self.indexes.append(chunk.index)


def test_chunks_are_worked_through_in_order_and_close_the_run():
    run, work = RatingRunFactory(chunks=3), Work()
    work_through_chunks(run, chunks_of(run), work)
    assert work.indexes == [0, 1, 2]
    assert (run.state, run.done, run.total, run.error) == ("done", 6, 6, "")
    assert run.started_at <= run.finished_at
    assert run.lease_until is None
    assert set(chunks_of(run).values_list("state", "attempts", "lease_until")) == {("done", 1, None)}


def test_a_chunk_that_another_worker_holds_is_left_alone_and_keeps_the_run_open():
    run, work = RatingRunFactory(chunks=3), Work()
    hold(run, 1, seconds=60)
    work_through_chunks(run, chunks_of(run), work)
    assert work.indexes == [0, 2]
    assert run.state == "running"
    held = chunks_of(run).get(index=1)
    assert (held.state, held.lease_owner, held.attempts) == ("pending", ELSEWHERE, 1)


def test_a_chunk_whose_lease_ran_out_is_claimed_again():
    run, work = RatingRunFactory(chunks=1, state="running"), Work()
    hold(run, 0, seconds=-1)
    work_through_chunks(run, chunks_of(run), work)
    assert (work.indexes, run.state, run.done) == ([0], "done", 2)
    assert chunks_of(run).get().attempts == 2


def test_results_of_a_lost_lease_are_rolled_back():
    run = RatingRunFactory(chunks=1)

    def work(run, chunk):
        hold(run, 0, seconds=60)  # this worker slept too long, and another one took over
        with finish_chunk(run, chunk):
            PersonaFactory(key="too-late")

    work_through_chunks(run, chunks_of(run), work)
    assert not Persona.objects.filter(key="too-late").exists()
    assert (run.state, run.done) == ("running", 0)
    assert chunks_of(run).get().lease_owner == ELSEWHERE
    assert states(run) == ["pending"]


def test_a_chunk_that_fails_does_not_stop_the_others_and_fails_the_run_with_its_message():
    def refuse_the_first(chunk):
        if chunk.index == 0:
            raise ValueError("log_probabilities: received nan")

    run, work = RatingRunFactory(chunks=3), Work(refuse_the_first)
    work_through_chunks(run, chunks_of(run), work)
    assert states(run) == ["failed", "done", "done"]
    assert (run.state, run.done) == ("failed", 4)
    assert run.error == "1 of 3 chunks failed; first: ValueError: log_probabilities: received nan"
    assert run.finished_at is not None


@pytest.mark.parametrize(("attempts", "delay"), [(0, 2), (1, 4), (3, 16)])
def test_a_chunk_whose_neighbour_is_away_comes_back_after_a_growing_delay(attempts, delay):
    def nobody_answers(chunk):
        raise ConnectionError("refused")

    run = RatingRunFactory(chunks=1)
    chunks_of(run).update(attempts=attempts)
    work_through_chunks(run, chunks_of(run), Work(nobody_answers), retry_on=(ConnectionError,))
    chunk = chunks_of(run).get()
    assert (chunk.state, chunk.error, run.state) == ("pending", "ConnectionError: refused", "running")
    assert delay - 1 < (chunk.lease_until - timezone.now()).total_seconds() <= delay

    unable = Work()
    work_through_chunks(run, chunks_of(run), unable)
    assert unable.indexes == []  # not before the delay is over
    chunks_of(run).update(lease_until=timezone.now() - timedelta(seconds=1))
    work_through_chunks(run, chunks_of(run), Work())
    assert (run.state, chunks_of(run).get().error) == ("done", "")


def test_a_poison_chunk_is_given_up_and_named():
    run, work = RatingRunFactory(chunks=2), Work()
    chunks_of(run).filter(index=0).update(attempts=MAX_ATTEMPTS)  # every one of its workers died
    work_through_chunks(run, chunks_of(run), work)
    assert work.indexes == [1]
    assert states(run) == ["failed", "done"]
    assert run.state == "failed"
    assert run.error == f"1 of 2 chunks failed; first: given up after {MAX_ATTEMPTS} attempts: its workers died"


def test_a_run_cancelled_at_work_stops_after_the_chunk_in_hand():
    run = RatingRunFactory(chunks=3)
    work = Work(lambda chunk: request_cancel(run=RatingRun.objects.get(pk=run.pk)))
    work_through_chunks(run, chunks_of(run), work)
    assert work.indexes == [0]
    assert (run.state, run.done) == ("cancelled", 2)
    assert states(run) == ["done", "pending", "pending"]


def test_a_queued_run_is_cancelled_at_once_and_never_worked_on():
    run, work = RatingRunFactory(chunks=1), Work()
    request_cancel(run=run)
    assert run.state == "cancelled"
    assert run.finished_at is not None
    work_through_chunks(run, chunks_of(run), work)
    assert (work.indexes, run.state) == ([], "cancelled")
    closed = "state: only a queued, running or paused run can be cancelled \\(received 'cancelled'"
    with pytest.raises(Conflict, match=closed):
        request_cancel(run=run)


def test_a_worker_that_is_told_to_stop_gives_its_chunk_back():
    def interrupted(chunk):
        raise KeyboardInterrupt

    run = RatingRunFactory(chunks=1)
    with pytest.raises(KeyboardInterrupt):
        work_through_chunks(run, chunks_of(run), Work(interrupted))
    run.refresh_from_db()
    assert (run.state, run.lease_until) == ("running", None)
    work_through_chunks(run, chunks_of(run), Work())
    assert run.state == "done"


@pytest.mark.django_db(transaction=True)
def test_two_workers_share_a_run_and_no_chunk_is_done_twice():
    run = RatingRunFactory(chunks=10)
    both = threading.Barrier(2, timeout=20)
    first = threading.local()
    workers = [Work(), Work()]

    def wait_for_the_other(chunk):
        if not getattr(first, "seen", False):
            first.seen = True
            both.wait()  # each holds its first chunk now

    def work(own):
        own.before = wait_for_the_other
        try:
            work_through_chunks(RatingRun.objects.get(pk=run.pk), chunks_of(run), own)
        finally:
            connection.close()

    threads = [threading.Thread(target=work, args=(own,)) for own in workers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    run.refresh_from_db()
    assert all(own.indexes for own in workers)
    assert sorted(workers[0].indexes + workers[1].indexes) == list(range(10))
    assert (run.state, run.done) == ("done", 20)
    assert set(chunks_of(run).values_list("attempts", flat=True)) == {1}


@pytest.mark.django_db(transaction=True)
def test_a_living_worker_keeps_its_chunk_longer_than_one_lease(settings):
    settings.FASHIONREC = {**settings.FASHIONREC, "LEASE_SECONDS": 1.2}
    run, thief = RatingRunFactory(chunks=1), Work()

    def take_long(chunk):
        time.sleep(1.8)
        work_through_chunks(RatingRun.objects.get(pk=run.pk), chunks_of(run), thief)

    work = Work(take_long)
    work_through_chunks(run, chunks_of(run), work)
    assert (work.indexes, thief.indexes) == ([0], [])
    assert (run.state, chunks_of(run).get().attempts) == ("done", 1)


def test_a_run_that_was_asked_to_stop_is_cancelled_and_not_paused():
    def stop_and_run_out(chunk):
        request_cancel(run=RatingRun.objects.get(pk=run.pk))
        raise RunPaused("the budget is used up")

    run, work = RatingRunFactory(chunks=2), Work(before=stop_and_run_out)
    work_through_chunks(run, chunks_of(run), work)
    assert (run.state, run.error, states(run)) == ("cancelled", "", ["pending", "pending"])


def test_a_pause_gives_the_chunk_back_and_nobody_rings_until_it_is_resumed():
    def pause(chunk):
        if chunk.index == 1:
            raise RunPaused("the budget is used up")

    run, work = RatingRunFactory(chunks=3), Work(before=pause)
    work_through_chunks(run, chunks_of(run), work)
    assert (run.state, run.error, run.lease_until) == ("paused", "the budget is used up", None)
    assert (work.indexes, states(run)) == ([0], ["done", "pending", "pending"])
    assert chunks_of(run).get(index=1).attempts == 0
    assert ring_for_stalled_runs() == 0
    work_through_chunks(run, chunks_of(run), work)
    assert work.indexes == [0]
    resume_paused(run=run)
    assert (run.state, run.error) == ("queued", "")
    work.before = lambda chunk: None
    work_through_chunks(run, chunks_of(run), work)
    assert (work.indexes, run.state) == ([0, 1, 2], "done")
    with pytest.raises(Conflict, match="only a paused run can be resumed"):
        resume_paused(run=run)


def test_a_paused_run_is_cancelled_at_once_whatever_its_lease_says():
    run = RatingRunFactory(chunks=2, state="paused", lease_until=timezone.now() + timedelta(seconds=60))
    request_cancel(run=run)
    assert (run.state, run.finished_at is not None) == ("cancelled", True)
