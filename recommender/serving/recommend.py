"""Serve one slate."""

import uuid
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

from catalog.models import Category, Product
from catalog.selectors import similar_products
from fashionrec.common.errors import Invalid
from feedback.models import Visitor
from feedback.selectors import ShopperState, shopper_state
from feedback.services.slates import log_slate
from recommender.complements import complementary_products
from recommender.serving.blend import Blended, blend
from recommender.serving.candidates import SOURCES, Candidates
from recommender.serving.champion import LoadedModel, load_champion
from recommender.serving.context import Context
from recommender.serving.diversify import diversify
from recommender.serving.explain import explain
from recommender.serving.rules import RULE_SETS, eligible, fetch

PLACEMENTS = ("home", "category", "similar", "complete_the_look", "basket", "search", "batch")
MAX_N = 100
FALLBACK_MODEL = "fallback"
LOGGED_POOL = 60


@dataclass(frozen=True)
class RecommendedItem:
    product: Product
    position: int
    """From 0."""
    score: float
    source: str
    reason: str


@dataclass(frozen=True)
class Recommendation:
    slate_id: uuid.UUID
    placement: str
    model: str
    """Name of the model version that ranked, or "fallback"."""
    items: list[RecommendedItem]


def recommend(
    *,
    visitor: Visitor | None,
    placement: str = "home",
    n: int = 12,
    category: Category | None = None,
    product: Product | None = None,
    exclude: Collection[int] = (),
    state: ShopperState | None = None,
    log: bool = True,
) -> Recommendation:
    """At most `n` products for a visitor (None: unknown), never none while the catalogue has a visible one.

    `product` is what `similar` and `complete_the_look` stand beside (None: a slate for the visitor alone); `exclude`
    holds primary keys; `state` spares a read when the caller has it. Raises Invalid for an unknown placement, or n
    outside 1..100.
    """
    if placement not in PLACEMENTS:
        raise Invalid.for_field("placement", placement, f"expected one of {', '.join(PLACEMENTS)}")
    if not 1 <= n <= MAX_N:
        raise Invalid.for_field("n", n, f"expected 1 to {MAX_N}")
    model = load_champion()
    context = Context(
        placement=placement,
        n=n,
        shopper=state if state is not None else shopper_state(visitor),
        product=product,
        category=category,
        exclude=frozenset(exclude),
        model=model.name if model else FALLBACK_MODEL,
    )
    pool = blend(_candidates(context, model), stranger=not context.shopper.history and product is None)
    chosen, rules = _choose(context, pool)
    reasons = explain(context, model, [item for item, _ in chosen])
    items = [
        RecommendedItem(chosen_product, position, item.score, item.source, reasons[item.product])
        for position, (item, chosen_product) in enumerate(chosen)
    ]
    slate_id = uuid.uuid4()
    if log:
        log_slate(
            slate_id=slate_id,
            visitor=visitor,
            placement=placement,
            products=[item.product.pk for item in items],
            sources=[item.source for item in items],
            scores=[item.score for item in items],
            propensities=[1.0] * len(items),  # nothing is drawn yet
            model=context.model,
            rules=rules,
            context={
                **context.as_log(),
                "pool": [[item.product, round(item.score, 9), item.source] for item in pool[:LOGGED_POOL]],
            },
            seed=0,
        )
    return Recommendation(slate_id, placement, context.model, items)


def _candidates(context: Context, model: LoadedModel | None) -> list[Candidates]:
    if context.product is not None and context.placement == "similar":
        near = [item.product.pk for item in similar_products(product=context.product, n=max(40, 2 * context.n))]
        return [Candidates("similar", near)]
    if context.product is not None and context.placement == "complete_the_look":
        near = [item.product.pk for item in complementary_products(product=context.product, n=max(40, 2 * context.n))]
        return [Candidates("complement", near)]
    return [candidates for source in SOURCES for candidates in source(context, model)]


def _choose(context: Context, pool: Sequence[Blended]) -> tuple[list[tuple[Blended, Product]], dict[str, Any]]:
    """Diversify what the strictest rules allow; relax them one by one until the slate is full."""
    chosen: list[tuple[Blended, Product]] = []
    used: list[str] = []
    for rule_set, (name, _) in enumerate(RULE_SETS):
        missing = context.n - len(chosen)
        if missing <= 0 or (chosen and rule_set > 0 and _narrow(context)):
            break
        products, forbidden = eligible(context, rule_set)
        forbidden |= {item.product for item, _ in chosen}
        of_pool = {item.product: item for item in pool if item.product not in forbidden}
        allowed = fetch(products, list(of_pool)[: max(60, 4 * context.n)])
        # Diversity reorders the head of the ranking; the whole pool would let a far product in.
        head = allowed[: max(3 * missing, 24)]
        order = diversify(head, [of_pool[p.pk].score for p in head], n=missing)
        picked = [(of_pool[head[i].pk], head[i]) for i in order]
        last_resort = rule_set == len(RULE_SETS) - 1 and not chosen
        if len(picked) < missing and (last_resort or not _narrow(context)):
            forbidden |= {item.product for item, _ in picked}
            picked += _fill(products.exclude(pk__in=forbidden), missing - len(picked))
        if picked:
            used.append(name)
        chosen += picked
    return chosen, {"rule_sets": used, "diversify": "mmr"}


def _narrow(context: Context) -> bool:
    """Beside a product a short list of good matches beats one filled up with anything."""
    return context.product is not None


def _fill(products: Any, n: int) -> list[tuple[Blended, Product]]:
    return [(Blended(product.pk, 0.0, "new", None), product) for product in products.order_by("-pk").for_cards()[:n]]
