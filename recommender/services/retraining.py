"""Retrainings: starting one, when the schedule says so or a person does, and writing down how it went."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import IntegrityError, transaction
from django.utils import timezone

from fashionrec.common.errors import Conflict, Invalid
from fashionrec.common.queue import enqueue
from fashionrec.common.runs import advance
from recommender.models import EvaluationReport, ModelKind, ModelVersion, Retraining, RetrainingStep
from recommender.selectors import part_of
from recommender.services.models import BASELINE, measured_beside_baselines, promote, set_challenger
from recommender.services.training import can_continue, check_seed, start_training, trainable_kinds


def start_retraining(
    *,
    kinds: Sequence[str] | None = None,
    seed: int = 0,
    continues: bool | None = None,
    promotes: bool | None = None,
    scheduled: bool = False,
) -> Retraining:
    """Queue a retraining; what is not given is as the shop's settings say (FASHIONREC["RETRAIN"]).

    The baseline is always among the kinds, the blend comes last. Raises Invalid for a kind without a trainer or a seed
    outside 0..MAX_SEED, Conflict while another retraining is open.
    """
    check_seed(seed)
    configured: dict[str, Any] = settings.FASHIONREC["RETRAIN"]
    ordered = _in_order(configured["KINDS"] if kinds is None else kinds)
    try:
        with transaction.atomic():
            retraining = Retraining.objects.create(
                kinds=ordered,
                seed=seed,
                continues=configured["CONTINUE"] if continues is None else continues,
                promotes=configured["PROMOTE"] if promotes is None else promotes,
                scheduled=scheduled,
                total=len(ordered) + 1,  # and the comparison
            )
    except IntegrityError as error:
        raise Conflict.for_field("retraining", None, "one is queued or running") from error
    enqueue(Retraining.task_name, str(retraining.pk))
    return retraining


def retrain_when_due() -> Retraining | None:
    """Start the retraining that the schedule asks for by now; None when there is none, or one is open."""
    if not is_due(now=timezone.now()):
        return None
    try:
        return start_retraining(scheduled=True)
    except Conflict:  # a person was first
        return None


def is_due(*, now: datetime) -> bool:
    """Whether the hour of the day has come, or the interval is over, since the last retraining was started."""
    configured: dict[str, Any] = settings.FASHIONREC["RETRAIN"]
    hour, every = configured["HOUR"], configured["EVERY_HOURS"]
    if hour is None and not every:
        return False
    last = Retraining.objects.order_by("-created_at").values_list("created_at", flat=True).first()
    if hour is not None:
        today = now.replace(hour=hour, minute=0, second=0, microsecond=0)
        latest = today if today <= now else today - timedelta(days=1)
        # A shop that was only now told to retrain at night does not begin at noon.
        if now - latest < timedelta(hours=1) and (last is None or last < latest):
            return True
    return bool(every) and (last is None or now - last >= timedelta(hours=every))


def step_of(*, retraining: Retraining, kind: str, champion: ModelVersion | None) -> RetrainingStep:
    """The step that trains `kind`: the one that was begun, or a new one with a training of its own.

    Raises Conflict while somebody else's training of this kind is open. Nobody is rung for: who retrains trains.
    """
    step = retraining.steps.select_related("training").filter(kind=kind).first()
    if step is not None:
        return step
    earlier = part_of(champion, kind) if retraining.continues and champion is not None else None
    with transaction.atomic():
        training = start_training(
            kind=kind, seed=retraining.seed, continue_from=earlier if earlier and can_continue(earlier) else None
        )
        return RetrainingStep.objects.create(retraining=retraining, kind=kind, training=training)


@transaction.atomic
def record_step(*, retraining: Retraining, done: int, report: EvaluationReport | None = None) -> None:
    """Write down how many steps are finished. Raises LeaseLost when another process has the retraining now."""
    retraining.report = report or retraining.report
    advance(retraining, done=done, report=retraining.report)


@transaction.atomic
def record_outcome(*, retraining: Retraining, outcome: str, best: ModelVersion | None = None) -> None:
    """Say in words what came of it, all steps being finished. Raises LeaseLost as `record_step` does."""
    retraining.outcome, retraining.best = outcome, best
    advance(retraining, done=retraining.total, outcome=outcome, best=best)


@transaction.atomic
def conclude(*, retraining: Retraining, best: ModelVersion, outcome: str, promote_it: bool) -> None:
    """Make the best version challenger, or champion where that is wished and `promote_it` says it is better.

    Neither when a person retired or promoted it meanwhile. Raises LeaseLost, changing nothing, as `record_step` does.
    """
    actor = f"retraining {str(retraining.pk)[:8]}"
    ending = "It challenges."
    try:
        if retraining.promotes and promote_it and measured_beside_baselines(best):
            promote(version=best, actor=actor)
            ending = "It serves now."
        else:
            set_challenger(version=best, actor=actor)
    except Conflict as error:
        ending = f"Nothing was changed; {error.message}."
    record_outcome(retraining=retraining, outcome=f"{outcome}. {ending}", best=best)


def _in_order(kinds: Sequence[str]) -> list[str]:
    unknown = [kind for kind in kinds if kind not in trainable_kinds()]
    if unknown:
        raise Invalid.for_field("kinds", unknown[0], f"expected some of {', '.join(trainable_kinds())}")
    wanted = {str(BASELINE), *kinds}
    # In the order of ModelKind the blend, which is made of the others, is last.
    return [kind for kind in ModelKind.values if kind in wanted]
