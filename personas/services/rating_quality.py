"""Calibrating a run's answers and judging them. The model is not asked again: everything comes from stored scores."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from django.conf import settings
from django.db import transaction

from fashionrec.common.batching import batched
from fashionrec.common.errors import Conflict, Invalid
from fashionrec.common.locks import Lock, take_lock
from personas.models import Calibration, Purpose, QualityReport, Rating, RatingRun
from personas.selectors import StoredScores, pooled_scores, stored_scores

if TYPE_CHECKING:
    from personas.ml.calibration import Calibrated
    from personas.ml.quality import CellScores

DECLARED = "declared"
MOST_ROWS = 50_000
"""Cells a calibration is fitted on at most: at 5,000 the held-out KS is .010 already; 50,000 take some seconds."""


@transaction.atomic
def ensure_judged(*, run: RatingRun) -> QualityReport:
    """The run's report; calibrates and judges it when nobody has. Raises as `judge_run` does."""
    take_lock(Lock.RATING_JUDGEMENT)
    return QualityReport.objects.filter(run=run).first() or judge_run(run=run)


@transaction.atomic
def judge_run(*, run: RatingRun, target: Sequence[float] | None = None, target_source: str = DECLARED) -> QualityReport:
    """Calibrate a finished run to a target distribution and write its quality report; both again when asked again.

    target: (11,) shares of the scale's points, default the declared ones. The calibration is fitted on all answers
    that the same model (by digest) gave to the same template, never per persona. Raises Conflict unless the run is
    done, Invalid for a target that is no distribution or a run without answers.
    """
    # SciPy takes a second and 75 MB: only a process that judges pays for it, not every web process.
    from personas.ml import calibration as numerics
    from personas.ml.quality import GateThresholds, gate, quality_figures

    take_lock(Lock.RATING_JUDGEMENT)
    locked = (
        RatingRun.objects.select_for_update(of=("self",)).select_related("language_model", "template").get(pk=run.pk)
    )
    if locked.state != RatingRun.State.DONE:
        raise Conflict.for_field("state", locked.state, "only a finished run can be calibrated")
    try:
        wanted = numerics.declared_target() if target is None else numerics.check_target(target)
    except ValueError as error:
        raise Invalid.for_field("target", list(target or []), str(error)) from error
    scores = stored_scores(run=locked, purpose=Purpose.RATING)
    if not len(scores.product):
        raise Invalid.for_field("run", str(run.pk), "nothing was answered, so there is nothing to calibrate")
    digest = scores.model_digest
    pooled = pooled_scores(template=locked.template, model_digest=digest, at_most=MOST_ROWS, seed=locked.seed)
    fitted = numerics.fit_calibration(pooled, wanted)
    calibrated = numerics.apply_calibration(fitted, scores.log_probabilities)
    locked.calibration = Calibration.objects.create(
        language_model=locked.language_model,
        template=locked.template,
        model_digest=digest,
        target=[float(share) for share in wanted],
        target_source=target_source,
        parameters=fitted.as_dict(),
        rows=len(pooled),
    )
    locked.save(update_fields=["calibration"])
    _store_calibrated(locked, scores, calibrated)
    figures = quality_figures(
        _cells(locked, scores),
        calibrated_ratings=calibrated.ratings,
        calibrated_probabilities=calibrated.probabilities,
        target=wanted,
        seed=locked.seed,
    )
    try:
        thresholds = GateThresholds(**settings.FASHIONREC["RATING_GATE"])
    except TypeError as error:
        raise Invalid.for_field("FASHIONREC_RATING_GATE", settings.FASHIONREC["RATING_GATE"], str(error)) from error
    reasons = gate(figures, thresholds)
    report, _ = QualityReport.objects.update_or_create(
        run=locked, defaults={"figures": figures, "passed": not reasons, "reasons": reasons}
    )
    run.refresh_from_db()
    return report


def _cells(run: RatingRun, scores: StoredScores) -> CellScores:
    from personas.ml.quality import CellScores

    retest = stored_scores(run=run, purpose=Purpose.RETEST)
    control = stored_scores(run=run, purpose=Purpose.CONTROL)
    row_of_cell = {
        (int(persona), int(product)): row
        for row, (persona, product) in enumerate(zip(scores.persona, scores.product, strict=True))
    }
    row_of_product = {int(product): row for row, product in enumerate(scores.product)}
    again = [row_of_cell.get((int(p), int(i)), -1) for p, i in zip(retest.persona, retest.product, strict=True)]
    others = [row_of_product.get(int(product), -1) for product in control.product]
    kept_retest, kept_control = np.array(again, dtype=np.int64), np.array(others, dtype=np.int64)
    return CellScores(
        persona=scores.persona,
        product=scores.product,
        log_probabilities=scores.log_probabilities,
        retest_rows=kept_retest[kept_retest >= 0],
        retest_log_probabilities=retest.log_probabilities[kept_retest >= 0],
        control_rows=kept_control[kept_control >= 0],
        control_log_probabilities=control.log_probabilities[kept_control >= 0],
    )


def _store_calibrated(run: RatingRun, scores: StoredScores, calibrated: Calibrated) -> None:
    ratings = {
        (persona, product): pk
        for persona, product, pk in Rating.objects.filter(run=run).values_list("persona_id", "product_id", "pk")
    }
    cells = zip(scores.persona.tolist(), scores.product.tolist(), strict=True)
    known = [(row, ratings[cell]) for row, cell in enumerate(cells) if cell in ratings]
    for piece in batched(known, 500):  # so that memory stays bounded: a row's distribution is large as Python objects
        changed = [
            Rating(
                pk=pk,
                calibrated=float(calibrated.ratings[row]),
                calibrated_probabilities=calibrated.probabilities[row].tolist(),
            )
            for row, pk in piece
        ]
        Rating.objects.bulk_update(changed, ["calibrated", "calibrated_probabilities"])
