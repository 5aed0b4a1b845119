"""Suggested values for empty fields: planning a run, storing what it finds, and a person's decisions."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from catalog.missing_attributes import SUGGESTED_FIELDS, value_of
from catalog.models import AttributeSuggestion, Category, Encoder, Product, SuggestionRun
from catalog.selectors import product_as_data
from catalog.services.product_batches import lock_source
from catalog.services.products import save_product
from catalog.vectors import live_encoder
from fashionrec.common.errors import AppError, Conflict, Invalid, NotFound
from fashionrec.common.queue import enqueue
from fashionrec.common.services.audit import record_audit

MINIMUM_CONFIDENCE = 0.5


@dataclass(frozen=True, slots=True)
class Suggestion:
    product_id: int
    value: str
    confidence: float
    evidence: dict[str, Any]


@dataclass(slots=True)
class Decisions:
    """What became of many suggestions; refused ones with the reason."""

    decided: list[AttributeSuggestion] = field(default_factory=list)
    refused: list[tuple[int, str]] = field(default_factory=list)


@transaction.atomic
def plan_suggestion_run(
    *, fields: Collection[str] = SUGGESTED_FIELDS, minimum_confidence: float = MINIMUM_CONFIDENCE
) -> SuggestionRun:
    """Queue a pass over the products that lack one of `fields`, or return the open one that asks for the same.

    minimum_confidence: below it nothing is suggested. Raises Invalid for a field that is not suggested or a confidence
    outside 0..1; Conflict when no encoder is live, or an open run asks for something else.
    """
    wanted = [name for name in SUGGESTED_FIELDS if name in fields]
    for name in fields:
        if name not in SUGGESTED_FIELDS:
            raise Invalid.for_field("fields", name, f"expected one of {', '.join(SUGGESTED_FIELDS)}")
    if not wanted:
        raise Invalid.for_field("fields", "", f"name at least one of {', '.join(SUGGESTED_FIELDS)}")
    if not 0.0 <= minimum_confidence <= 1.0:
        raise Invalid.for_field("minimum_confidence", minimum_confidence, "must be within 0..1")
    encoder = live_encoder()
    if encoder is None:
        raise Conflict.for_field("encoder", "", "none is live: embed the catalogue first")
    Encoder.objects.select_for_update().get(pk=encoder.pk)  # two people who start at once get one run
    parameters = {"fields": wanted, "minimum_confidence": minimum_confidence}
    run = SuggestionRun.objects.filter(state__in=SuggestionRun.OPEN_STATES).first()
    if run is None:
        run = SuggestionRun.objects.create(encoder=encoder, report={"parameters": parameters})
    elif run.report.get("parameters") != parameters:
        raise Conflict.for_field("run", str(run.pk), "is still open and asks for something else: wait, or cancel it")
    enqueue(SuggestionRun.task_name, str(run.pk))
    return run


def store_suggestions(
    *, run: SuggestionRun, field: str, asked: Collection[int], suggestions: Sequence[Suggestion]
) -> int:
    """Replace the open suggestions for `field` of the products `asked`; returns how many stand now.

    A value that somebody decided on before is not suggested to that product again. Must run inside a transaction.
    """
    stored = AttributeSuggestion.objects.select_for_update().filter(product_id__in=asked, field=field).order_by("pk")
    open_rows: dict[int, AttributeSuggestion] = {}
    decided: set[tuple[int, str]] = set()
    for row in stored:
        if row.state == AttributeSuggestion.State.OPEN:
            open_rows[row.product_id] = row
        else:
            decided.add((row.product_id, row.value))
    known = set(Product.objects.filter(pk__in=[found.product_id for found in suggestions]).values_list("pk", flat=True))
    new: list[AttributeSuggestion] = []
    changed: list[AttributeSuggestion] = []
    for found in suggestions:
        if found.product_id not in known or (found.product_id, found.value) in decided:
            continue
        row = open_rows.pop(found.product_id, AttributeSuggestion(product_id=found.product_id, field=field))
        (new if row.pk is None else changed).append(row)
        row.run, row.value, row.confidence, row.evidence = run, found.value, found.confidence, found.evidence
    AttributeSuggestion.objects.filter(pk__in=[row.pk for row in open_rows.values()]).delete()
    AttributeSuggestion.objects.bulk_update(changed, ["run", "value", "confidence", "evidence"], batch_size=500)
    AttributeSuggestion.objects.bulk_create(new, batch_size=500)
    return len(new) + len(changed)


def drop_overtaken_suggestions() -> int:
    """Delete open suggestions whose product has a value by now, or left the shop; returns how many."""
    filled = (
        Q(field="category", product__category__isnull=False)
        | (Q(field="colour") & ~Q(product__colour=""))
        | (Q(field="pattern") & ~Q(product__pattern=""))
    )
    overtaken = AttributeSuggestion.objects.filter(
        filled | Q(product__status=Product.Status.ARCHIVED), state=AttributeSuggestion.State.OPEN
    )
    return overtaken.delete()[0]


@transaction.atomic
def accept_suggestion(*, suggestion_id: int, actor: str) -> AttributeSuggestion:
    """Give the product the suggested value, as an edit in admin would.

    Raises NotFound; Conflict when it is not open any more, the product has a value by now, or the category is gone.
    """
    suggestion = _open_suggestion(suggestion_id)
    # The order of every other writer: the source first, then its products.
    lock_source(suggestion.product.source)
    products = Product.objects.select_for_update(of=("self",)).select_related("brand", "category")
    product = products.get(pk=suggestion.product_id)
    if (present := value_of(product, suggestion.field)) != "":
        raise Conflict.for_field(suggestion.field, present, "the product has a value by now")
    value = suggestion.value
    if suggestion.field == "category" and not Category.objects.filter(path=value).exists():
        raise Conflict.for_field("category", value, "there is no such category any more")
    wanted: dict[str, Any] = {suggestion.field: value, "variants": None}
    save_product(source=product.source, data=replace(product_as_data(product), **wanted))
    return _decide(suggestion, AttributeSuggestion.State.ACCEPTED, actor)


@transaction.atomic
def reject_suggestion(*, suggestion_id: int, actor: str) -> AttributeSuggestion:
    """The value is never suggested to this product again. Raises NotFound, or Conflict when it is not open any more."""
    return _decide(_open_suggestion(suggestion_id), AttributeSuggestion.State.REJECTED, actor)


def accept_suggestions(*, suggestion_ids: Collection[int], actor: str) -> Decisions:
    """Each on its own: what is refused leaves the others accepted."""
    return _each(accept_suggestion, suggestion_ids, actor)


def reject_suggestions(*, suggestion_ids: Collection[int], actor: str) -> Decisions:
    return _each(reject_suggestion, suggestion_ids, actor)


def _each(decide: Any, suggestion_ids: Collection[int], actor: str) -> Decisions:
    decisions = Decisions()
    for suggestion_id in sorted(suggestion_ids):
        try:
            decisions.decided.append(decide(suggestion_id=suggestion_id, actor=actor))
        except AppError as error:
            decisions.refused.append((suggestion_id, error.message))
    return decisions


def _open_suggestion(suggestion_id: int) -> AttributeSuggestion:
    """Locked until the transaction ends."""
    suggestion = (
        AttributeSuggestion.objects.select_for_update(of=("self",))
        .select_related("product")
        .filter(pk=suggestion_id)
        .first()
    )
    if suggestion is None:
        raise NotFound.for_field("suggestion", suggestion_id, "no such suggestion")
    if suggestion.state != AttributeSuggestion.State.OPEN:
        raise Conflict.for_field("state", suggestion.state, "somebody has decided on this suggestion already")
    return suggestion


def _decide(suggestion: AttributeSuggestion, state: AttributeSuggestion.State, actor: str) -> AttributeSuggestion:
    suggestion.state, suggestion.decided_by, suggestion.decided_at = state, actor[:150], timezone.now()
    suggestion.save(update_fields=["state", "decided_by", "decided_at"])
    record_audit(
        actor=actor,
        action=f"suggestion.{'accept' if state == AttributeSuggestion.State.ACCEPTED else 'reject'}",
        object=suggestion,
        details={
            "product": suggestion.product.public_id,
            "field": suggestion.field,
            "value": suggestion.value,
            "confidence": round(suggestion.confidence, 3),
        },
    )
    return suggestion
