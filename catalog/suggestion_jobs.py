"""Suggesting categories, colours and patterns where products have none: measure first, then ask for each product."""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import structlog
from django.db import transaction
from numpy.typing import NDArray

from catalog.missing_attributes import lacking, valued_products, with_vectors
from catalog.ml import attribute_sources as sources
from catalog.ml.attribute_suggestions import FEWEST_MEASURED, SuggestionModel, fit_model, fit_weights, measure, softmax
from catalog.ml.encoder import Vectors
from catalog.ml.hybrid import hybrid_vectors
from catalog.models import AttributeSuggestion, Encoder, Product, SuggestionRun
from catalog.product_captions import caption_of
from catalog.query_encoding import encode_queries
from catalog.services.suggestions import Suggestion, drop_overtaken_suggestions, store_suggestions
from catalog.vectors import stored_vectors
from fashionrec.common.runs import advance, check_held, fail_run, hold_run

logger = structlog.get_logger(__name__)

FEWEST_EXAMPLES = 5
"""A value that fewer products have is not suggested."""
MOST_REFERENCES = 20_000
"""Products whose vectors are held in memory (120 MB of 512 dimensions in three kinds); a seeded sample of more."""
MOST_MEASURED = 1_500
"""Products that measure a field: an accuracy is then known to ± .026 or better. 2,000 products × 30 values ≈ 3 s."""
SHOWN_NEIGHBOURS = 4
SEED = 20_140
BATCH = 200
_KINDS = ("image", "text", "hybrid")


@dataclass(frozen=True)
class FieldReference:
    """The products that have a value in one field, ready to be asked."""

    product_ids: list[int]
    values: list[str]
    """(R,) what each product has, rare values too."""
    groups: list[str]
    numbers: sources.Reference


def work_suggestion_run(run_id: str, *, progress: Callable[[SuggestionRun], None] | None = None) -> bool:
    """Measure each field on products that have it, then suggest for those that lack it; False when another process
    holds the run or it has ended.

    The cursor and the fitted model are kept in the run's report, so a run that is taken up again goes on after the last
    batch. `progress` is called after every batch. An encoder without a text tower here fails the run.
    """
    run = SuggestionRun.objects.select_related("encoder").filter(pk=run_id).first()
    if run is None or not run.is_open:
        return False
    try:
        encode_texts(run.encoder, [""])
    except Exception as error:  # too little memory, a GPU that is away: beat would ring for it for ever
        logger.exception("encoder_not_opened", encoder=run.encoder.name)
        fail_run(run=run, error=f"encoder: {error or type(error).__name__}")
        return False
    with hold_run(SuggestionRun, run_id) as held:
        if held is None:
            return False
        report = held.report
        fields = report["parameters"]["fields"]
        if "fields" not in report:
            report |= {"fields": {}, "overtaken": drop_overtaken_suggestions()}
            held.total = sum(with_vectors(lacking(name), held.encoder).count() for name in fields)
            advance(held, done=held.done, total=held.total, report=report)
        for name in fields:
            if not report["fields"].get(name, {}).get("finished"):
                _work_field(held, name, progress or (lambda _: None))
        report["overtaken"] += drop_overtaken_suggestions()
        advance(held, done=held.done, report=report)
    return True


def encode_texts(encoder: Encoder, texts: Sequence[str]) -> Vectors:
    """(N, D) float32 by the encoder's text tower, with torch only where it has no ONNX file.

    Raises EncoderError when there is no such tower here, or it has other weights.
    """
    vectors = encode_queries(texts, encoder=encoder)
    if vectors is not None:
        return vectors
    from catalog.embedding_jobs import model_of

    return model_of(encoder).encode_texts(texts)


def load_reference(encoder: Encoder, field: str) -> FieldReference:
    valued = valued_products(field, encoder)
    if len(valued) > MOST_REFERENCES:
        chosen = np.random.default_rng(SEED).choice(len(valued), size=MOST_REFERENCES, replace=False)
        valued = [valued[position] for position in np.sort(chosen)]
    counts = Counter(product.value for product in valued)
    values = tuple(sorted(value for value, count in counts.items() if count >= FEWEST_EXAMPLES))
    code_of = {value: code for code, value in enumerate(values)}
    ids = [product.pk for product in valued]
    prompts = [prompt for value in values for prompt in sources.prompts(value)]
    vectors = encode_texts(encoder, prompts) if prompts else np.zeros((0, encoder.dimensions), dtype=np.float32)
    groups = [product.gender for product in valued]
    numbers = sources.Reference(
        values=values,
        codes=np.array([code_of.get(product.value, -1) for product in valued], dtype=np.int64),
        vectors={kind: stored_vectors(encoder=encoder, kind=kind, product_ids=ids) for kind in _KINDS},
        groups=groups,
        prompt_vectors=sources.mean_prompts(vectors),
    )
    return FieldReference(ids, [product.value for product in valued], groups, numbers)


def measure_field(run: SuggestionRun, field: str, reference: FieldReference) -> dict[str, Any]:
    """Ask for products that have the value, as if they had not; returns what is measured, and what is fitted on it."""
    rng = np.random.default_rng(SEED)
    count = min(MOST_MEASURED, len(reference.product_ids))
    sample = np.sort(rng.choice(len(reference.product_ids), size=count, replace=False))
    products = Product.objects.select_related("brand", "category").in_bulk(
        [reference.product_ids[position] for position in sample]
    )
    # Some may have been deleted since the reference was read.
    sample = np.array([position for position in sample if reference.product_ids[position] in products], dtype=np.int64)
    ids = [reference.product_ids[position] for position in sample]
    images = stored_vectors(encoder=run.encoder, kind="image", product_ids=ids)
    texts = np.zeros_like(images)
    for start in range(0, len(ids), BATCH):
        check_held(run)
        captions = [caption_of(products[pk], without=field) for pk in ids[start : start + BATCH]]
        texts[start : start + BATCH] = encode_texts(run.encoder, captions)
    hybrid = hybrid_vectors(images, texts, np.asarray(images.any(axis=1)), run.encoder.image_weight)
    asked = sources.Asked(
        vectors={"image": images, "text": texts, "hybrid": hybrid},
        titles=[products[pk].title for pk in ids],
        groups=[reference.groups[position] for position in sample],
        own=sample,
    )
    scores, truth = sources.ask(reference.numbers, asked).scores, _truth_without_itself(reference, sample)
    part = sources.parts(scores)
    zero_shot = sources.SOURCE_GROUPS["zero_shot"]
    weights = fit_weights(np.stack([scores[name] for name in zero_shot]), truth)
    return {
        **measure(scores, truth, part, groups=sources.SOURCE_GROUPS, part_names=sources.PART_NAMES, seed=SEED),
        "model": fit_model(scores, truth, part, seed=SEED).as_dict(),
        "zero_shot_weights": {name: float(weight) for name, weight in zip(zero_shot, weights, strict=True)},
    }


def _truth_without_itself(reference: FieldReference, sample: NDArray[np.int64]) -> NDArray[np.int64]:
    """(M,) the code of each product's value; -1 where without that product too few would have it to be suggested."""
    codes = reference.numbers.codes
    counts = np.bincount(codes[codes >= 0], minlength=len(reference.numbers.values))
    own = codes[sample]
    return np.asarray(np.where((own >= 0) & (counts[own] > FEWEST_EXAMPLES), own, -1), dtype=np.int64)


def _work_field(run: SuggestionRun, field: str, progress: Callable[[SuggestionRun], None]) -> None:
    report, waiting = run.report, with_vectors(lacking(field), run.encoder).order_by("pk")
    check_held(run)
    found = report["fields"].get(field)
    reference = load_reference(run.encoder, field)
    if found is None:
        found = {
            "lacking": lacking(field).count(),
            "with_vectors": waiting.count(),
            "have_it": len(reference.product_ids),
            "values": len(reference.numbers.values),
            "rare_values": len(set(reference.values) - set(reference.numbers.values)),
            "suggested": 0,
            "abstained": 0,
            "cursor": 0,
            "finished": False,
        }
        report["fields"][field] = found
        if len(reference.product_ids) < FEWEST_MEASURED or len(reference.numbers.values) < 2:
            found |= {"finished": True, "skipped": _too_few(reference)}
            advance(run, done=run.done + found["with_vectors"], report=report)
            progress(run)
            return
        found |= measure_field(run, field, reference)
        advance(run, done=run.done, report=report)
    while batch := list(waiting.filter(pk__gt=found["cursor"])[:BATCH]):
        check_held(run)
        suggestions = suggest_values(run, field, reference, batch)
        with transaction.atomic():
            asked = [product.pk for product in batch]
            stored = store_suggestions(run=run, field=field, asked=asked, suggestions=suggestions)
            found["cursor"] = batch[-1].pk
            found["suggested"] += stored
            found["abstained"] += len(batch) - stored
            advance(run, done=run.done + len(batch), report=report)
        progress(run)
    found["finished"] = True
    advance(run, done=run.done, report=report)


def suggest_values(
    run: SuggestionRun, field: str, reference: FieldReference, products: Sequence[Product]
) -> list[Suggestion]:
    """The best value of each product that is sure enough. What a person decided on before is passed over."""
    ids, numbers, found = [product.pk for product in products], reference.numbers, run.report["fields"][field]
    vectors = {kind: stored_vectors(encoder=run.encoder, kind=kind, product_ids=ids) for kind in _KINDS}
    titles, groups = [product.title for product in products], [product.gender for product in products]
    own = np.full(len(ids), -1, dtype=np.int64)
    answers = sources.ask(numbers, sources.Asked(vectors=vectors, titles=titles, groups=groups, own=own))
    model = SuggestionModel.from_dict(found["model"])
    part = sources.parts(answers.scores)
    chances = model.probabilities(answers.scores, part)
    zero_shot = softmax(
        np.asarray(sum(weight * answers.scores[name] for name, weight in found["zero_shot_weights"].items()))
    )
    code_of, row_of = (
        {value: code for code, value in enumerate(numbers.values)},
        {pk: row for row, pk in enumerate(ids)},
    )
    decided = AttributeSuggestion.objects.filter(product_id__in=ids, field=field).exclude(state="open")
    for pk, value in decided.values_list("product_id", "value"):
        if value in code_of:
            chances[row_of[pk], code_of[value]] = 0.0
    best = chances.argmax(axis=1)
    confidence = model.confidence(chances.max(axis=1), part)
    floor = run.report["parameters"]["minimum_confidence"]
    return [
        Suggestion(
            product_id=pk,
            value=numbers.values[best[row]],
            confidence=float(confidence[row]),
            evidence={
                **_neighbours(reference, answers, row, numbers.values[best[row]]),
                "zero_shot": round(float(zero_shot[row, best[row]]), 3),
                "in_title": bool(answers.scores["title"][row, best[row]] > 0),
                "runner_up": _runner_up(numbers.values, chances[row], int(best[row])),
            },
        )
        for row, pk in enumerate(ids)
        if confidence[row] >= floor and chances[row, best[row]] > 0.0
    ]


def _neighbours(reference: FieldReference, answers: sources.Answers, row: int, value: str) -> dict[str, Any]:
    near = [
        (reference.product_ids[position], reference.values[position], float(cosine))
        for position, cosine in zip(answers.neighbours[row], answers.cosines[row], strict=True)
        if np.isfinite(cosine)
    ]
    shown = [
        {"product": pk, "value": other, "similarity": round(cosine, 3)} for pk, other, cosine in near[:SHOWN_NEIGHBOURS]
    ]
    agreeing = sum(other == value for _, other, _ in near)
    return {"neighbours": shown, "agreeing": agreeing, "asked": len(near)}


def _runner_up(values: tuple[str, ...], chances: NDArray[np.float64], best: int) -> str:
    others = np.where(np.arange(len(values)) == best, -1.0, chances)
    return values[int(others.argmax())]


def _too_few(reference: FieldReference) -> str:
    return (
        f"{len(reference.product_ids)} products have it, with {len(reference.numbers.values)} values that at least "
        f"{FEWEST_EXAMPLES} share; {FEWEST_MEASURED} products and two values are needed to measure anything"
    )
