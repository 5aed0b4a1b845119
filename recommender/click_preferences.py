"""What shoppers took and passed over, as preference pairs that a rating model can be trained on.

Of a slate, a product that was taken (clicked, liked, put into the basket, bought) is preferred to the products shown
above it that were passed over: a reader from top to bottom has looked at those and gone on ("click > skip above",
Joachims 2002). What stood below says nothing, for it may never have been seen. Where the browser reported what came
into view, only that was passed over. A product that an exploration slot drew stands where it does by chance and not
because some model ranked it there, so it is compared first; then those nearest above.

Only slates tied to a visitor who consents count, and only events that were not taken back. Every comparison becomes
two pairs in the words of the shop's letters template: in the prompt of the product taken, the letter of TAKEN_POINT is
preferred to that of PASSED_POINT; in the prompt of the one passed over it is the other way round. Half of the pairs,
by a hash of their key, are asked in descending label order, so that no letter is taught for its own sake.

Deriving again records nothing twice, and removes the pairs that no longer follow: an event was taken back, a consent
withdrawn. A pair's key names its visitor and slate, so that erasing a visitor finds it (`services/erasure.py`).
"""

import hashlib
from bisect import bisect_right
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from django.db import transaction

from catalog.models import Product
from feedback.models import Event, Provenance, Slate, Visitor
from feedback.selectors import standing_events
from personas.ml.prompt_text import ASCENDING, DESCENDING, POINTS, fill_prefix, labels_by_point
from personas.models import Persona, PreferencePair, PromptTemplate
from personas.prompts import default_template, render_prefix, render_suffix
from personas.services.preferences import (
    CLICKS,
    SIMULATED_CLICKS,
    NewPreference,
    forget_preferences,
    record_preferences,
)
from recommender.persona_match import PersonaMatcher

TAKEN = (Event.Type.CLICK, Event.Type.LIKE, Event.Type.BASKET_ADD, Event.Type.PURCHASE)

TAKEN_POINT, PASSED_POINT = 9, 4
"""Points of the scale that a taken and a passed-over product are taught."""

MOST_PASSED_OVER = 3
"""Comparisons of one taken product: a click low in a long slate is one opinion, not fifty."""

ATTRIBUTION = timedelta(hours=24)
"""An event that names no slate belongs to the latest one within this time that showed its product."""

NOBODY = "a shopper"
"""Who is asked when no persona is like the visitor."""


@dataclass(frozen=True)
class Comparison:
    """In one slate, `taken` was preferred to `passed`; primary keys of products."""

    slate: Slate
    taken: int
    passed: int


@dataclass
class Derived:
    """What deriving did; pairs are two a comparison."""

    visitors: int = 0
    comparisons: int = 0
    pairs: int = 0
    created: int = 0
    removed: int = 0
    without_persona: int = 0

    def as_dict(self) -> dict[str, int]:
        return dict(vars(self))


def key_prefix(visitor_id: UUID | str) -> str:
    """How the keys of all pairs derived from a visitor begin."""
    return f"clicks:{visitor_id}:"


def derive_click_preferences() -> Derived:
    """Bring the stored click pairs in line with what consenting visitors took and passed over."""
    derived, template, matcher = Derived(), default_template(), PersonaMatcher.of_published_ratings()
    consenting = Visitor.objects.filter(consented=True, slates__isnull=False).values_list("pk", flat=True).distinct()
    seen = set()
    for visitor_id in list(consenting.order_by("pk")):
        seen.add(str(visitor_id))
        _derive_for(visitor_id, template, matcher, derived)
    keys = PreferencePair.objects.filter(provenance__in=(CLICKS, SIMULATED_CLICKS)).values_list("key", flat=True)
    gone = {str(key).split(":")[1] for key in keys.iterator() if key} - seen
    for visitor_text in sorted(gone):
        derived.removed += forget_preferences(key_prefix=key_prefix(visitor_text))
    return derived


@transaction.atomic
def _derive_for(visitor_id: UUID, template: PromptTemplate, matcher: PersonaMatcher, derived: Derived) -> None:
    # Locked, as erasing locks it: a visitor who is being erased leaves no pair behind.
    visitor = Visitor.objects.select_for_update().filter(pk=visitor_id, consented=True).first()
    if visitor is None:
        return
    comparisons = list(visitor_comparisons(visitor))
    shown = {pk for comparison in comparisons for pk in (comparison.taken, comparison.passed)}
    products = Product.objects.filter(pk__in=shown).select_related("brand", "category").in_bulk()
    comparisons = [c for c in comparisons if c.taken in products and c.passed in products]
    persona = _persona_of(visitor, matcher, [c.passed for c in comparisons]) if comparisons else None
    pairs = [
        pair
        for comparison in comparisons
        for pair in preference_pairs(comparison, products, visitor, persona, template)
    ]
    provenance = SIMULATED_CLICKS if visitor.provenance == Provenance.SIMULATED else CLICKS
    derived.visitors += 1
    derived.comparisons += len(comparisons)
    derived.pairs += len(pairs)
    derived.without_persona += len(pairs) if persona is None else 0
    derived.created += record_preferences(pairs=pairs, provenance=provenance)
    derived.removed += forget_preferences(key_prefix=key_prefix(visitor.pk), keep={pair.key for pair in pairs})


def visitor_comparisons(visitor: Visitor) -> Iterator[Comparison]:
    """Every comparison that a visitor's slates and standing events hold, oldest slate first."""
    slates = list(visitor.slates.order_by("created_at", "pk"))
    taken_in, ever_taken = _taken(visitor, slates)
    seen_in: dict[UUID, set[int]] = {}
    impressions = standing_events(visitor).filter(type=Event.Type.IMPRESSION_SEEN, slate__isnull=False)
    for slate_id, product_id in impressions.values_list("slate", "product_id"):
        if slate_id is not None and product_id is not None:
            seen_in.setdefault(slate_id, set()).add(product_id)
    for slate in slates:
        for taken in sorted(taken_in.get(slate.pk, ()), key=slate.products.index):
            passed = skipped_above(
                slate.products, slate.propensities, taken=taken, ever_taken=ever_taken, seen=seen_in.get(slate.pk)
            )
            for product in passed:
                yield Comparison(slate, taken, product)


def skipped_above(
    products: Sequence[int],
    propensities: Sequence[float],
    *,
    taken: int,
    ever_taken: Collection[int],
    seen: Collection[int] | None,
) -> list[int]:
    """At most MOST_PASSED_OVER products shown above `taken` and passed over: drawn ones first, then the nearest.

    seen: those known to have come into view; None where nothing was reported.
    """
    places = range(products.index(taken) - 1, -1, -1)
    open_to = [p for p in places if products[p] not in ever_taken and (seen is None or products[p] in seen)]
    ordered = sorted(open_to, key=lambda place: propensities[place] >= 1.0)  # stable: nearest first within each
    return [products[place] for place in ordered[:MOST_PASSED_OVER]]


def preference_pairs(
    comparison: Comparison,
    products: Mapping[int, Product],
    visitor: Visitor,
    persona: Persona | None,
    template: PromptTemplate,
) -> Iterator[NewPreference]:
    """The two training pairs of one comparison."""
    for asked, better, worse in (
        (comparison.taken, TAKEN_POINT, PASSED_POINT),
        (comparison.passed, PASSED_POINT, TAKEN_POINT),
    ):
        key = f"{key_prefix(visitor.pk)}{comparison.slate.pk}:{comparison.taken}>{comparison.passed}:{asked}"
        order = DESCENDING if hashlib.sha256(key.encode()).digest()[0] % 2 else ASCENDING
        letters = labels_by_point(order)
        yield NewPreference(
            prompt=_prefix(template, persona, order) + render_suffix(template, products[asked]),
            preferred=f" {letters[POINTS.index(better)]}",
            rejected=f" {letters[POINTS.index(worse)]}",
            key=key,
            persona=persona,
        )


def _prefix(template: PromptTemplate, persona: Persona | None, order: str) -> str:
    if persona is not None:
        return render_prefix(template, persona, order=order)
    shopper = {"name": NOBODY}
    return fill_prefix(template.prefix, shopper, order=order, meanings=template.meanings, examples=template.examples)


def _persona_of(visitor: Visitor, matcher: PersonaMatcher, passed: Collection[int]) -> Persona | None:
    if visitor.persona and (own := Persona.objects.filter(key=visitor.persona).first()) is not None:
        return own
    key = matcher.best_match(visitor, passed_over=passed)
    return Persona.objects.filter(key=key).first() if key else None


def _taken(visitor: Visitor, slates: Sequence[Slate]) -> tuple[dict[UUID, set[int]], set[int]]:
    """Products taken by slate, and all that the visitor ever took."""
    by_id = {slate.pk: slate for slate in slates}
    shown_at: dict[int, list[Slate]] = {}
    for slate in slates:
        for product in slate.products:
            shown_at.setdefault(product, []).append(slate)
    taken_in: dict[UUID, set[int]] = {}
    ever: set[int] = set()
    events = standing_events(visitor).filter(type__in=TAKEN, product__isnull=False)
    for event in events.only("slate", "product_id", "occurred_at"):
        product = int(event.product_id or 0)
        ever.add(product)
        shown = by_id.get(event.slate) if event.slate else _latest(shown_at.get(product, []), event)
        if shown is not None and product in shown.products:
            taken_in.setdefault(shown.pk, set()).add(product)
    return taken_in, ever


def _latest(slates: Sequence[Slate], event: Event) -> Slate | None:
    """Of slates by age, the last one served before the event, if it was not too long before."""
    place = bisect_right([slate.created_at for slate in slates], event.occurred_at)
    found = slates[place - 1] if place else None
    return found if found is not None and event.occurred_at - found.created_at <= ATTRIBUTION else None
