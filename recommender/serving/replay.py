"""A served slate once more, from what was logged with it and nothing else."""

from feedback.models import Slate
from recommender.serving.diversify import OnShelf, diversify


def replay(slate: Slate) -> list[int]:
    """Primary keys in the order in which they were shown. Raises KeyError for a slate without logged stages.

    Slates from before there were styles log none: their likeness is that of category, brand and colour, as it was.
    """
    chosen: list[int] = []
    for stage in slate.context["stages"]:
        products = [OnShelf(*seen) for _, _, *seen in stage["head"]]
        scores = [score for _, score, *_ in stage["head"]]
        order = diversify(products, scores, n=stage["n"], relevance=slate.rules["relevance"])
        chosen += [stage["head"][position][0] for position in order] + stage["fill"]
    return chosen
