"""Serve one slate."""

import uuid
from collections.abc import Collection
from dataclasses import dataclass

from catalog.models import Category, Product
from fashionrec.common.errors import Invalid
from feedback.models import Visitor
from feedback.selectors import ShopperState, shopper_state
from feedback.services.slates import log_slate
from recommender.complements import complementary_products
from recommender.serving.blend import blend
from recommender.serving.candidates import Candidates, alike_on_the_shelf, gather
from recommender.serving.champion import LoadedModel, load_champion
from recommender.serving.choose import choose
from recommender.serving.context import Context
from recommender.serving.explain import explain
from recommender.serving.learned_blend import learned_blend

PLACEMENTS = ("home", "category", "similar", "complete_the_look", "basket", "search", "batch")
MAX_N = 100
FALLBACK_MODEL = "fallback"


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

    @property
    def shared_reason(self) -> str:
        """The reason, where all items have the same: a page says it once."""
        reasons = {item.reason for item in self.items}
        return reasons.pop() if len(reasons) == 1 else ""


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
    pool = (learned_blend(context, model) if product is None else []) or blend(
        _candidates(context, model), stranger=context.shopper.is_stranger and product is None
    )
    stages = choose(context, pool)
    chosen = [pair for stage in stages for pair in stage.chosen + stage.fill]
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
            rules={"rule_sets": [stage.rules for stage in stages], "diversify": "mmr", "relevance": context.relevance},
            context={**context.as_log(), "stages": [stage.as_log() for stage in stages]},
            seed=0,
        )
    return Recommendation(slate_id, placement, context.model, items)


def _candidates(context: Context, model: LoadedModel | None) -> list[Candidates]:
    if context.product is not None and context.placement == "similar":
        return [Candidates("similar", alike_on_the_shelf(context.product, n=max(40, 2 * context.n)))]
    if context.product is not None and context.placement == "complete_the_look":
        near = [item.product.pk for item in complementary_products(product=context.product, n=max(40, 2 * context.n))]
        return [Candidates("complement", near)]
    return gather(context, model)
