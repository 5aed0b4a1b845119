"""The order of a learned blend, where one is champion: what was measured is what is served."""

import numpy as np

from catalog.models import Product
from recommender.ml.blend_scorer import BlendScorer
from recommender.serving.blend import RANK_OFFSET, Blended
from recommender.serving.candidates import POOL
from recommender.serving.champion import LoadedModel
from recommender.serving.context import Context


def learned_blend(context: Context, model: LoadedModel | None) -> list[Blended]:
    """POOL products and as many as were seen, best first, each with the component that lifts it most as its source.

    Empty when the champion is no blend, or knows none of the products of the shopper's history: then rank fusion orders
    what the sources name. Scores are 1 / (RANK_OFFSET + rank), as there: diversity weighs them against likeness.
    """
    if model is None or not isinstance(model.scorer, BlendScorer):
        return []
    history = model.history(context.shopper)
    if not len(history) and context.shopper.history:
        return []
    scores, contributions = model.scorer.score_and_contributions(history)
    eligible = np.arange(len(scores))
    if context.category is not None:
        inside = Product.objects.visible().in_category(context.category).values_list("pk", flat=True)
        eligible = np.flatnonzero(np.isin(model.product_ids, np.fromiter(inside, dtype=np.int64)))
    if not len(eligible):
        return []
    size = min(POOL + len(history), len(eligible))  # what was seen is left out later
    best = eligible[np.argpartition(-scores[eligible], size - 1)[:size]]
    best = best[np.argsort(-scores[best], kind="stable")]
    kinds = list(contributions)
    strongest = np.stack([contributions[kind][best] for kind in kinds]).argmax(axis=0)
    return [
        Blended(int(model.product_ids[item]), 1 / (RANK_OFFSET + rank), kinds[strongest[rank - 1]], None)
        for rank, item in enumerate(best, start=1)
    ]
