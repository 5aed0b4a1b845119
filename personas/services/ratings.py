"""Planning rating runs, storing what the model answered, publishing."""

from collections.abc import Sequence

import numpy as np
from django.db import transaction
from django.utils import timezone
from numpy.typing import NDArray

from catalog.models import Product
from fashionrec.common.errors import Conflict, Invalid
from fashionrec.common.locks import Lock, take_lock
from fashionrec.common.queue import enqueue
from personas.ml.distributions import expectation, label_mass, to_probabilities
from personas.models import LanguageModel, Persona, Rating, RatingChunk, RatingRun, RawScore
from personas.prompts import default_template
from personas.services.personas import MAX_SEED

CHUNK_SIZE = 64


@transaction.atomic
def plan_rating_run(
    *, personas: Sequence[Persona], language_model: LanguageModel, raters_per_product: int, seed: int = 0
) -> RatingRun:
    """Queue a run in which every visible product is rated by `raters_per_product` personas, spread evenly.

    Raises Invalid without personas or products, when fewer personas exist than raters are asked for, or for a
    negative seed; Conflict while a run of the same language model is open.
    """
    if not 0 <= seed <= MAX_SEED:
        raise Invalid.for_field("seed", seed, f"expected 0 to {MAX_SEED}")
    if not 1 <= raters_per_product <= len(personas):
        raise Invalid.for_field(
            "raters_per_product", raters_per_product, f"expected 1 to {len(personas)}, the personas"
        )
    products = list(Product.objects.visible().order_by("pk").values_list("pk", flat=True))
    if not products:
        raise Invalid.for_field("products", 0, "the catalogue has no visible product to rate")
    take_lock(Lock.RATING_PLAN)
    if RatingRun.objects.filter(language_model=language_model, state__in=RatingRun.OPEN_STATES).exists():
        raise Conflict.for_field("language_model", language_model.name, "a run of it is queued or running")
    run = RatingRun.objects.create(
        language_model=language_model,
        template=default_template(),
        seed=seed,
        total=len(products) * raters_per_product,
        plan={"personas": len(personas), "products": len(products), "raters_per_product": raters_per_product},
    )
    chunks: list[RatingChunk] = []
    for persona, product_ids in zip(personas, _assign(products, len(personas), raters_per_product, seed), strict=True):
        for start in range(0, len(product_ids), CHUNK_SIZE):
            piece = product_ids[start : start + CHUNK_SIZE]
            chunks.append(RatingChunk(run=run, index=len(chunks), size=len(piece), persona=persona, product_ids=piece))
    RatingChunk.objects.bulk_create(chunks)
    enqueue(RatingRun.task_name, str(run.pk))
    return run


def store_scores(
    *,
    run: RatingRun,
    persona: Persona,
    product_ids: Sequence[int],
    log_probabilities: NDArray[np.float32],
    prompt_digests: Sequence[str],
    latency_ms: float,
    model_digest: str,
    simulated: bool,
) -> None:
    """Store raw scores and the ratings they mean. log_probabilities: (N, 11), in the order of the scale.

    Raises ValueError quoting the shape unless there is one row and one digest per product.
    """
    if len(log_probabilities) != len(product_ids):
        raise ValueError(f"log_probabilities: received {len(log_probabilities)} rows for {len(product_ids)} products")
    if len(prompt_digests) != len(product_ids):
        raise ValueError(f"prompt_digests: received {len(prompt_digests)} for {len(product_ids)} products")
    probabilities = to_probabilities(log_probabilities)
    masses, means = label_mass(log_probabilities), expectation(probabilities)
    RawScore.objects.bulk_create(
        [
            RawScore(
                run=run,
                persona=persona,
                product_id=product_id,
                log_probabilities=[float(value) for value in log_probabilities[row]],
                label_mass=float(masses[row]),
                prompt_sha256=prompt_digests[row],
                model_digest=model_digest,
                latency_ms=latency_ms,
            )
            for row, product_id in enumerate(product_ids)
        ]
    )
    Rating.objects.bulk_create(
        [
            Rating(
                run=run,
                persona=persona,
                product_id=product_id,
                probabilities=[float(value) for value in probabilities[row]],
                expectation=float(means[row]),
                simulated=simulated,
            )
            for row, product_id in enumerate(product_ids)
        ]
    )


@transaction.atomic
def publish(*, run: RatingRun) -> RatingRun:
    """Let a finished run's ratings reach training. Raises Conflict unless the run is done."""
    locked = RatingRun.objects.select_for_update().get(pk=run.pk)
    if locked.state != RatingRun.State.DONE:
        raise Conflict.for_field("state", locked.state, "only a finished run can be published")
    if locked.published_at is None:
        locked.published_at = timezone.now()
        locked.save(update_fields=["published_at"])
    return locked


def _assign(products: Sequence[int], n_personas: int, raters: int, seed: int) -> list[list[int]]:
    """Products per persona: each product gets `raters` different personas, each persona nearly the same number."""
    generator = np.random.default_rng(seed)
    order = generator.permutation(n_personas)
    assigned: list[list[int]] = [[] for _ in range(n_personas)]
    for position, product in enumerate(generator.permutation(products)):
        for rater in range(raters):
            assigned[order[(position * raters + rater) % n_personas]].append(int(product))
    return [sorted(product_ids) for product_ids in assigned]
