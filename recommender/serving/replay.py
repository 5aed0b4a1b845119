"""A served slate once more, from what was logged with it and nothing else."""

from dataclasses import dataclass

from feedback.models import Slate
from recommender.serving.diversify import diversify


@dataclass(frozen=True)
class LoggedProduct:
    """What diversity saw of a product when the slate was served."""

    category_id: int | None
    brand_id: int | None
    colour: str


def replay(slate: Slate) -> list[int]:
    """Primary keys in the order in which they were shown. Raises KeyError for a slate without logged stages."""
    chosen: list[int] = []
    for stage in slate.context["stages"]:
        products = [LoggedProduct(category, brand, colour) for _, _, category, brand, colour in stage["head"]]
        scores = [score for _, score, *_ in stage["head"]]
        order = diversify(products, scores, n=stage["n"], relevance=slate.rules["relevance"])
        chosen += [stage["head"][position][0] for position in order] + stage["fill"]
    return chosen
