"""Leases: how workers share long work, and how it survives their death.

`hold_run` is for work that one process does alone (training, an import); `work_through_chunks` lets any number
of processes share one run. Both renew their leases from a thread while the work goes on.
"""

import os
import socket
import threading
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any, TypeVar

import structlog
from django.apps import apps
from django.conf import settings
from django.db import connection, models, transaction
from django.db.models import F, Q
from django.db.models.functions import Greatest
from django.utils import timezone

from fashionrec.common.errors import Conflict
from fashionrec.common.models import Chunk, Run
from fashionrec.common.queue import enqueue

logger = structlog.get_logger(__name__)

AnyRun = TypeVar("AnyRun", bound=Run)
AnyChunk = TypeVar("AnyChunk", bound=Chunk)

MAX_ATTEMPTS = 5
"""A chunk, or a run held alone, that was claimed this often without getting on is taken for poison."""


class LeaseLost(Exception):
    """Somebody else holds the work now: drop what is not committed."""


class RunCancelled(Exception):
    """A person asked for the run to stop."""


class RunPaused(Exception):
    """Going on needs a person's consent (a budget is used up): the message says why."""


def lease_duration() -> timedelta:
    return timedelta(seconds=settings.FASHIONREC["LEASE_SECONDS"])


def free(now: datetime) -> Q:
    """Rows that nobody holds: never leased, or the lease ran out."""
    return Q(lease_until__isnull=True) | Q(lease_until__lt=now)


def run_models() -> list[type[Run]]:
    return [model for model in apps.get_models() if issubclass(model, Run)]


def ring_for_stalled_runs() -> int:
    """Ring for every open run without a live lease; returns how many."""
    if settings.USES_EMBEDDED_DATABASE:
        release_leases_of_the_dead()
    now, rung = timezone.now(), 0
    for model in run_models():
        for pk in model._default_manager.filter(free(now), state__in=Run.OPEN_STATES).values_list("pk", flat=True):
            enqueue(model.task_name, str(pk))
            rung += 1
    return rung


def release_leases_of_the_dead() -> int:
    """End leases whose process no longer exists, rather than wait for them to run out; returns how many.

    Only right while every worker runs on this machine, as with the embedded database. A recycled process id costs
    nothing but the wait.
    """
    released, now = 0, timezone.now()
    tables: list[type[models.Model]] = [m for m in apps.get_models() if issubclass(m, (Run, Chunk))]
    for model in tables:
        held = model._default_manager.filter(lease_until__gt=now, lease_owner__startswith=f"{_hostname()}:")
        for owner in held.values_list("lease_owner", flat=True).distinct():
            if _was_here_and_died(owner):
                released += held.filter(lease_owner=owner).update(lease_until=None)
    return released


def release_if_holder_died(run: Run) -> bool:
    """End a run's lease when its holder was a process of this machine that is gone; True when it was ended."""
    if not _was_here_and_died(run.lease_owner):
        return False
    held = type(run)._default_manager.filter(pk=run.pk, lease_owner=run.lease_owner, state__in=Run.OPEN_STATES)
    return held.update(lease_until=None) == 1


def request_cancel(*, run: Run) -> None:
    """Ask a run to stop; a run that nobody holds is closed at once. Raises Conflict when it has already ended."""
    model, now = type(run), timezone.now()
    with transaction.atomic():
        locked = model._default_manager.select_for_update().get(pk=run.pk)
        if not locked.is_open and locked.state != Run.State.PAUSED:
            raise Conflict.for_field("state", locked.state, "only a queued, running or paused run can be cancelled")
        locked.cancel_requested = True
        if locked.state == Run.State.PAUSED or locked.lease_until is None or locked.lease_until < now:
            locked.state, locked.finished_at = Run.State.CANCELLED, now
        locked.save(update_fields=["cancel_requested", "state", "finished_at"])
    run.refresh_from_db()


def resume_paused(*, run: Run) -> None:
    """Let a paused run go on where it stopped. Raises Conflict unless it is paused."""
    model = type(run)
    resumed = model._default_manager.filter(pk=run.pk, state=Run.State.PAUSED).update(state=Run.State.QUEUED, error="")
    run.refresh_from_db()
    if not resumed:
        raise Conflict.for_field("state", run.state, "only a paused run can be resumed")
    enqueue(model.task_name, str(run.pk))


@contextmanager
def hold_run(run_class: type[AnyRun], pk: Any) -> Iterator[AnyRun | None]:
    """Hold one run alone. Yields None when it is finished or held by another; otherwise the run, RUNNING.

    A run whose workers died MAX_ATTEMPTS times without `advance` is closed as FAILED: it would kill the next one too.
    A clean exit closes it as DONE; RunCancelled as CANCELLED; LeaseLost leaves it to its new holder; any other
    exception closes it as FAILED with its message and is raised again. When the process is told to stop (Ctrl-C),
    the run stays open and free.
    """
    owner = _owner()
    run = _claim_run(run_class, pk, owner)
    if run is None:
        yield None
        return
    with _heartbeat([(run_class, run.pk)], owner):
        try:
            yield run
        except LeaseLost:
            logger.warning("lease_lost", run=str(run.pk))
        except RunCancelled:
            _close(run, owner, Run.State.CANCELLED)
        except Exception as error:
            _close(run, owner, Run.State.FAILED, error=f"{type(error).__name__}: {error}")
            raise
        except BaseException:
            _release(run, owner)
            raise
        else:
            _close(run, owner, Run.State.DONE)
    run.refresh_from_db()


def check_held(run: Run) -> None:
    """Raise RunCancelled or LeaseLost when this process must stop working on `run`."""
    row = type(run)._default_manager.values("cancel_requested", "lease_owner").get(pk=run.pk)
    if row["cancel_requested"]:
        raise RunCancelled(str(run.pk))
    if row["lease_owner"] != run.lease_owner:
        raise LeaseLost(str(run.pk))


def advance(run: Run, *, done: int, **columns: Any) -> None:
    """Record progress of a run held alone, together with other columns of its row.

    Raises LeaseLost when another process holds it now: inside a transaction the results are rolled back with it.
    Call it last there, for it locks the run's row, which the heartbeat wants too.
    """
    progress = {"done": done} | ({"attempts": 0} if done > run.done else {})
    held = type(run)._default_manager.filter(pk=run.pk, lease_owner=run.lease_owner)
    if not held.update(**progress, **columns):
        raise LeaseLost(str(run.pk))
    run.done = done


def work_through_chunks(
    run: AnyRun,
    chunks: models.QuerySet[AnyChunk],
    process: Callable[[AnyRun, AnyChunk], None],
    *,
    retry_on: tuple[type[Exception], ...] = (),
) -> None:
    """Claim and process chunks of `run` until none can be claimed, then close the run if all are settled.

    `process(run, chunk)` runs in no transaction while it computes; it must write its results inside
    `finish_chunk(run, chunk)`, which commits them together with the chunk's state. An exception in `retry_on`
    returns the chunk for another attempt (at most MAX_ATTEMPTS); RunPaused returns it and pauses the run; any other
    marks it FAILED and the run goes on.
    """
    owner = _owner()
    run_class = type(run)
    run_class._default_manager.filter(pk=run.pk, state=Run.State.QUEUED).update(
        state=Run.State.RUNNING, started_at=timezone.now()
    )
    while True:
        run.refresh_from_db()
        if run.cancel_requested or not run.is_open:
            break
        chunk = _claim_chunk(chunks, owner)
        if chunk is None:
            break
        run_class._default_manager.filter(pk=run.pk).update(
            lease_owner=owner, lease_until=timezone.now() + lease_duration()
        )
        with _heartbeat([(type(chunk), chunk.pk)], owner, also_extend=(run_class, run.pk)):
            try:
                process(run, chunk)
            except LeaseLost:
                logger.warning("lease_lost", run=str(run.pk), chunk=chunk.index)
            except RunPaused as pause:
                _release(chunk, owner)
                # A run that was asked to stop meanwhile is closed below: pausing would leave it standing.
                run_class._default_manager.filter(pk=run.pk, state__in=Run.OPEN_STATES, cancel_requested=False).update(
                    state=Run.State.PAUSED, error=str(pause), lease_until=None
                )
            except retry_on as error:
                _return_chunk(chunk, owner, error)
            except Exception as error:
                logger.exception("chunk_failed", run=str(run.pk), chunk=chunk.index)
                _settle_chunk(chunk, owner, Chunk.State.FAILED, error)
            except BaseException:
                _release(chunk, owner)
                _release(run, owner)
                raise
    _close_if_settled(run, chunks)


@contextmanager
def finish_chunk(run: Run, chunk: Chunk) -> Iterator[None]:
    """Commit results and the chunk's DONE state together. Raises LeaseLost (rolling back) if it is no longer ours."""
    with transaction.atomic():
        yield
        updated = (
            type(chunk)
            ._default_manager.filter(pk=chunk.pk, lease_owner=chunk.lease_owner, state=Chunk.State.PENDING)
            .update(state=Chunk.State.DONE, finished_at=timezone.now(), lease_until=None, error="")
        )
        if not updated:
            raise LeaseLost(f"{run.pk} chunk {chunk.index}")
        type(run)._default_manager.filter(pk=run.pk).update(done=F("done") + chunk.size)


def fail_run(*, run: Run, error: str) -> None:
    """Close an open run that cannot even be begun, saying why: it would be rung for without end."""
    type(run)._default_manager.filter(pk=run.pk, state__in=Run.OPEN_STATES).update(
        state=Run.State.FAILED, error=error, finished_at=timezone.now(), lease_until=None
    )
    run.refresh_from_db()


def _owner() -> str:
    """Unique per call, so that a restarted process never mistakes an old lease for its own."""
    return f"{_hostname()}:{os.getpid()}:{uuid.uuid4().hex[:12]}"


def _hostname() -> str:
    return socket.gethostname().replace(":", "-")[:60]


def _was_here_and_died(owner: str) -> bool:
    host, _, rest = owner.partition(":")
    pid = rest.partition(":")[0]
    if host != _hostname() or not pid.isdigit():
        return False
    try:
        os.kill(int(pid), 0)
    except ProcessLookupError:
        return True
    except PermissionError:
        pass
    return False


def _claim_run(run_class: type[AnyRun], pk: Any, owner: str) -> AnyRun | None:
    now = timezone.now()
    with transaction.atomic():
        run = (
            run_class._default_manager.select_for_update(skip_locked=True)
            .filter(free(now), pk=pk, state__in=Run.OPEN_STATES)
            .first()
        )
        if run is None:
            return None
        if run.cancel_requested:
            run.state, run.finished_at = Run.State.CANCELLED, now
            run.save(update_fields=["state", "finished_at"])
            return None
        if run.attempts >= MAX_ATTEMPTS:
            run.state, run.finished_at = Run.State.FAILED, now
            run.error = f"given up after {run.attempts} attempts without progress: its workers died"
            run.save(update_fields=["state", "finished_at", "error"])
            return None
        run.state = Run.State.RUNNING
        run.attempts += 1
        run.started_at = run.started_at or now
        run.lease_owner, run.lease_until = owner, now + lease_duration()
        run.save(update_fields=["state", "attempts", "started_at", "lease_owner", "lease_until"])
        return run


def _claim_chunk(chunks: models.QuerySet[AnyChunk], owner: str) -> AnyChunk | None:
    now = timezone.now()
    with transaction.atomic():
        chunk = (
            chunks.select_for_update(skip_locked=True)
            .filter(free(now), state=Chunk.State.PENDING)
            .order_by("index")
            .first()
        )
        if chunk is None:
            return None
        chunk.attempts += 1
        if chunk.attempts > MAX_ATTEMPTS:
            chunk.state, chunk.finished_at = Chunk.State.FAILED, now
            chunk.error = chunk.error or f"given up after {MAX_ATTEMPTS} attempts: its workers died"
            chunk.save(update_fields=["attempts", "state", "finished_at", "error"])
        else:
            chunk.lease_owner, chunk.lease_until = owner, now + lease_duration()
            chunk.save(update_fields=["attempts", "lease_owner", "lease_until"])
            return chunk
    return _claim_chunk(chunks, owner)


def _return_chunk(chunk: Chunk, owner: str, error: Exception) -> None:
    # Left leased for a few seconds, so that a failing neighbour (a server, a network) is not hammered.
    retry_at = timezone.now() + timedelta(seconds=min(60, 2**chunk.attempts))
    type(chunk)._default_manager.filter(pk=chunk.pk, lease_owner=owner).update(
        lease_owner="", lease_until=retry_at, error=f"{type(error).__name__}: {error}"
    )


def _settle_chunk(chunk: Chunk, owner: str, state: str, error: Exception) -> None:
    type(chunk)._default_manager.filter(pk=chunk.pk, lease_owner=owner).update(
        state=state, finished_at=timezone.now(), lease_until=None, error=f"{type(error).__name__}: {error}"
    )


def _close_if_settled(run: Run, chunks: models.QuerySet[Any]) -> None:
    with transaction.atomic():
        locked = type(run)._default_manager.select_for_update().get(pk=run.pk)
        if locked.is_open:
            failed = chunks.filter(state=Chunk.State.FAILED)
            pending = chunks.filter(state=Chunk.State.PENDING)
            now = timezone.now()
            if locked.cancel_requested:
                locked.state = Run.State.CANCELLED
            elif not pending.exists():
                locked.state = Run.State.FAILED if failed.exists() else Run.State.DONE
                if (first := failed.first()) is not None:
                    locked.error = f"{failed.count()} of {chunks.count()} chunks failed; first: {first.error}"
            if not locked.is_open:
                locked.finished_at, locked.lease_until = now, None
                locked.save(update_fields=["state", "error", "finished_at", "lease_until"])
    run.refresh_from_db()


def _release(row: Run | Chunk, owner: str) -> None:
    # Without an owner, so that a heartbeat on its way cannot take it back. Being told to stop is no failed attempt.
    type(row)._default_manager.filter(pk=row.pk, lease_owner=owner).update(
        lease_owner="", lease_until=None, attempts=Greatest(F("attempts") - 1, 0)
    )


def _close(run: Run, owner: str, state: str, *, error: str = "") -> None:
    type(run)._default_manager.filter(pk=run.pk, lease_owner=owner).update(
        state=state, error=error, finished_at=timezone.now(), lease_until=None
    )


@contextmanager
def _heartbeat(
    held: list[tuple[type[models.Model], Any]], owner: str, *, also_extend: tuple[type[models.Model], Any] | None = None
) -> Iterator[None]:
    """Renew the leases of `held` rows every third of the lease while the block runs.

    `also_extend` names a run shared with other workers: its lease only says that somebody is at work.
    """
    stopped = threading.Event()
    interval = lease_duration().total_seconds() / 3

    def renew() -> None:
        while not stopped.wait(interval):
            try:
                until = timezone.now() + lease_duration()
                for model, pk in held:
                    model._default_manager.filter(pk=pk, lease_owner=owner).update(lease_until=until)
                if also_extend:
                    also_extend[0]._default_manager.filter(pk=also_extend[1]).update(lease_until=until)
            except Exception as error:  # the database is away: it may be back in time for the next beat
                logger.warning("heartbeat_missed", error=str(error))
                connection.close()
        connection.close()

    thread = threading.Thread(target=renew, name="lease-heartbeat", daemon=True)
    thread.start()
    try:
        yield
    finally:
        stopped.set()
        thread.join()
