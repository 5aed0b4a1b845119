"""The rating head of a two-tower model: ratings from rows, what is held out of all training, and its figures.

Personas' ratings come as whole distributions, never as one draw from them; shoppers' as the point they gave.
"""

import hashlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from feedback.models import Event
from personas.selectors import published_ratings
from recommender.datasets import PERSONA_WEIGHT, Dataset
from recommender.ml.dataset import History, Interactions
from recommender.ml.ratings import LABELS, Ratings
from recommender.stated_preferences import PSEUDO_USER

HELD_OUT_SHARE = 0.1
"""Of the cells of raters and products."""


def is_held_out(user_id: str, product_id: int, *, seed: int) -> bool:
    """Whether what this user says of this product is kept from all training: by a hash, so that every reader agrees."""
    digest = hashlib.blake2b(f"{seed}:{user_id}:{product_id}".encode(), digest_size=4).digest()
    return int.from_bytes(digest, "big") < HELD_OUT_SHARE * 2**32


def without_held_out(interactions: Interactions, dataset: Dataset, *, seed: int) -> Interactions:
    """Without the likes of personas that the rating head will be measured on: towers must not have seen them either.

    interactions: of the dataset's users and products.
    """
    kept = np.ones(len(interactions.item), dtype=bool)
    for event in np.flatnonzero(interactions.synthetic).tolist():
        user_id = dataset.user_ids[interactions.user[event]]
        product_id = int(dataset.product_ids[interactions.item[event]])
        kept[event] = not is_held_out(user_id, product_id, seed=seed)
    return interactions if kept.all() else interactions.take(kept)


def read_ratings(dataset: Dataset, *, seed: int) -> tuple[Ratings, list[str], NDArray[np.bool_]]:
    """Ratings of the dataset's products, the ids of their raters by index, and (R,) which are held out.

    Published ratings of personas, and the latest standing rating of each product by each consenting visitor.
    """
    item_of = {int(pk): index for index, pk in enumerate(dataset.product_ids)}
    raters: dict[str, int] = {}
    user, item, distribution, synthetic, held_out = [], [], [], [], []

    def add(user_id: str, product_id: int, answer: Sequence[float], *, persona: bool) -> None:
        index = item_of.get(product_id)
        if index is None:
            return
        user.append(raters.setdefault(user_id, len(raters)))
        item.append(index)
        distribution.append(answer)
        synthetic.append(persona)
        held_out.append(is_held_out(user_id, product_id, seed=seed))

    for key, product_id, _, answer in published_ratings():
        add(f"{PSEUDO_USER}{key}", product_id, answer, persona=True)
    rates = Event.objects.filter(type=Event.Type.RATE, retracted_by__isnull=True, visitor__consented=True)
    rates = rates.filter(product__isnull=False, value__isnull=False).order_by(
        "visitor_id", "product_id", "-occurred_at"
    )
    latest = rates.distinct("visitor_id", "product_id").values_list("visitor_id", "product_id", "value")
    points = np.array(LABELS, dtype=np.float64)
    for visitor_id, product_id, value in latest.iterator(chunk_size=10_000):
        one_hot = np.zeros(len(LABELS))
        one_hot[int(np.abs(points - float(value or 0)).argmin())] = 1.0
        add(str(visitor_id), int(product_id or 0), one_hot.tolist(), persona=False)

    answers = np.array(distribution, dtype=np.float32).reshape(-1, len(LABELS))
    by_persona = np.array(synthetic, dtype=bool)
    ratings = Ratings(
        user=np.array(user, dtype=np.int64),
        item=np.array(item, dtype=np.int64),
        distribution=answers / np.maximum(answers.sum(axis=1, keepdims=True), 1e-9),
        weight=np.where(by_persona, PERSONA_WEIGHT, 1.0).astype(np.float32),
        synthetic=by_persona,
    )
    return ratings, list(raters), np.array(held_out, dtype=bool)


def train_head(dataset: Dataset, known: Interactions, *, directory: Path, seed: int) -> dict[str, float]:
    """Train the rating head of the two-tower model in `directory`; returns its figures, none with too few ratings.

    known: the events that the towers were trained on.
    """
    from recommender.ml.rating_head import FEWEST_RATINGS, RatingHeadConfig, train_rating_head
    from recommender.ml.two_tower_scorer import TwoTowerScorer

    ratings, raters, held_out = read_ratings(dataset, seed=seed)
    if (~held_out).sum() < FEWEST_RATINGS or not held_out.any():
        return {}
    index_of = {user_id: index for index, user_id in enumerate(dataset.user_ids)}
    shoppers = iter(known.shoppers([index_of[rater] for rater in raters if rater in index_of]))
    nothing = History(np.zeros(0, np.int64))
    histories = [next(shoppers) if rater in index_of else nothing for rater in raters]
    scorer = TwoTowerScorer.load(directory)
    config = RatingHeadConfig(seed=seed)
    figures = train_rating_head(scorer, ratings, histories, config, held_out=held_out, directory=directory)
    return {name: round(value, 4) for name, value in figures.items()}
