"""Out of the ranking, the slate: under the strictest rules that leave something, and varied."""

from collections.abc import Sequence
from dataclasses import astuple, dataclass
from typing import Any

from catalog.models import Product
from catalog.querysets import ProductQuerySet
from recommender.serving.blend import Blended
from recommender.serving.context import Context
from recommender.serving.diversify import OnShelf, diversify
from recommender.serving.rules import NEVER_EMPTY_FROM, RULE_SETS, eligible

FILL = "catalogue"
"""The source of products that no candidate source named."""


@dataclass(frozen=True)
class Stage:
    """What one rule set gave to a slate.

    n: how many were missing; head: the best eligible candidates, of which diversity chose; chosen: the outcome;
    fill: the newest other eligible products, where the candidates did not suffice.
    """

    rules: str
    n: int
    head: list[tuple[Blended, Product]]
    chosen: list[tuple[Blended, Product]]
    fill: list[tuple[Blended, Product]]

    def as_log(self) -> dict[str, Any]:
        """JSON-ready, and all that `replay` needs: products change, so what diversity looked at is kept too."""
        head = [[item.product, item.score, *astuple(OnShelf.of(product))] for item, product in self.head]
        return {"rules": self.rules, "n": self.n, "head": head, "fill": [item.product for item, _ in self.fill]}


def choose(context: Context, pool: Sequence[Blended]) -> list[Stage]:
    """At most context.n products, stage by stage; no stage only when the shop has nothing to show."""
    stages: list[Stage] = []
    taken: set[int] = set()
    for rule_set, may_fill in _steps(context):
        missing = context.n - len(taken)
        if missing <= 0 or (taken and (rule_set >= NEVER_EMPTY_FROM or _is_narrow(context))):
            break
        stage = _stage(context, pool, rule_set, n=missing, taken=taken, may_fill=may_fill)
        if stage.chosen or stage.fill:
            stages.append(stage)
            taken |= {item.product for item, _ in stage.chosen + stage.fill}
    return stages


def _steps(context: Context) -> list[tuple[int, bool]]:
    """Rule sets in turn, and whether the newest may fill a stage up."""
    steps = [(rule_set, True) for rule_set in range(len(RULE_SETS))]
    if _is_narrow(context):
        return [(rule_set, False) for rule_set in range(NEVER_EMPTY_FROM + 1)] + steps
    return steps


def _is_narrow(context: Context) -> bool:
    """Beside a product a short list of good matches beats one filled up with anything."""
    return context.product is not None


def _stage(
    context: Context, pool: Sequence[Blended], rule_set: int, *, n: int, taken: set[int], may_fill: bool
) -> Stage:
    products, forbidden = eligible(context, rule_set)
    forbidden |= taken
    candidates = {item.product: item for item in pool if item.product not in forbidden}
    allowed = set(products.filter(pk__in=list(candidates)).values_list("pk", flat=True))
    # Diversity reorders the head of the ranking; the whole pool would let a far product in.
    best = [item for pk, item in candidates.items() if pk in allowed][: max(3 * n, 24)]
    cards = products.filter(pk__in=[item.product for item in best]).for_cards().select_related("placement").in_bulk()
    head = [(item, cards[item.product]) for item in best if item.product in cards]
    order = diversify(
        [OnShelf.of(product) for _, product in head], [item.score for item, _ in head], n=n, relevance=context.relevance
    )
    chosen = [head[position] for position in order]
    fill = []
    if may_fill and len(chosen) < n:
        used = forbidden | {item.product for item, _ in chosen}
        fill = _newest(products.exclude(pk__in=used), n - len(chosen))
    return Stage(RULE_SETS[rule_set][0], n, head, chosen, fill)


def _newest(products: ProductQuerySet, n: int) -> list[tuple[Blended, Product]]:
    newest = products.order_by("-created_at", "-pk").for_cards()[:n]
    return [(Blended(product.pk, 0.0, FILL, None), product) for product in newest]
