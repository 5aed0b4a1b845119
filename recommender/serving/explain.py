"""Why a product is on the page, in one sentence that is true."""

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from catalog.models import Product
from recommender.ml.blend_scorer import BlendScorer
from recommender.models import ModelKind
from recommender.serving.blend import Blended
from recommender.serving.candidates import trending_products
from recommender.serving.champion import LoadedModel
from recommender.serving.context import Context

CONSIDERED = 8
"""Of the history, how many of the latest products can be named as a reason."""

MODEL_SOURCES = frozenset({"model", *ModelKind.values})
"""What a champion's choices are put down to: itself, or the component of a blend."""

SENTENCES = {"trending": "Popular right now", "new": "New in the shop", "catalogue": "More from the shop"}


def explain(context: Context, model: LoadedModel | None, items: Sequence[Blended]) -> dict[int, str]:
    """Reason by primary key.

    A model's choice is put down to the history item that alone scores it highest, if that item lifts it above the place
    it has for everybody; what it does not lift is there because it is popular, and says so.
    """
    causes: dict[int, int] = {}
    by_model = [item for item in items if item.source in MODEL_SOURCES]
    for source in {item.source for item in by_model}:
        causes |= _causes(context, model, source, [item.product for item in by_model if item.source == source])
    causes.update({item.product: item.anchor for item in items if item.anchor is not None})
    popular = {item.product for item in by_model} - set(causes)
    popular &= set(trending_products())
    titles = dict(Product.objects.filter(pk__in=set(causes.values())).values_list("pk", "title"))
    return {
        item.product: SENTENCES["trending"]
        if item.product in popular
        else _sentence(context, item, causes.get(item.product), titles)
        for item in items
    }


def _sentence(context: Context, item: Blended, cause: int | None, titles: Mapping[int, str]) -> str:
    if context.product is not None and item.source == "similar":
        return f"Looks like {context.product.title}"
    if context.product is not None and item.source == "complement":
        return f"Goes with {context.product.title}"
    if cause is not None and cause in titles:
        deed = (
            "liked" if cause in context.shopper.liked else "bought" if cause in context.shopper.purchased else "viewed"
        )
        return f"Because you {deed} {titles[cause]}"
    return SENTENCES.get(item.source, "Picked for you")


def _causes(context: Context, model: LoadedModel | None, source: str, products: Sequence[int]) -> dict[int, int]:
    """The product of the history behind each product; of a blend, the component that lifted it is asked."""
    if model is None or not products:
        return {}
    known = [pk for pk in context.shopper.history if pk in model.index_of][-CONSIDERED:]
    if not known:
        return {}
    scorer = model.scorer.components.get(source) if isinstance(model.scorer, BlendScorer) else model.scorer
    if scorer is None:
        return {}
    everybody, *alone = scorer.score([np.array([], dtype=np.int64)] + [np.array([model.index_of[pk]]) for pk in known])
    causes = {}
    for product in products:
        target = model.index_of[product]
        strongest = max(range(len(known)), key=lambda row: float(alone[row][target]))
        if _place(alone[strongest], target) < _place(everybody, target):
            causes[product] = known[strongest]
    return causes


def _place(scores: NDArray[np.float32], target: int) -> int:
    """How many products score higher than this one."""
    return int((scores > scores[target]).sum())
