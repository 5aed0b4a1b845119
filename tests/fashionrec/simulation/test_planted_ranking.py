"""What the planted world is for: popularity is real, learners beat it, the oracle beats all."""

from __future__ import annotations

import numpy as np
import pytest

from fashionrec.simulation.shoppers import ShopperEvents


def split_last(events: ShopperEvents) -> tuple[list[np.ndarray], np.ndarray, np.ndarray]:
    """Histories without the last first-positive, those with at least two left, and what was held out."""
    clicks = events.first_positives()
    bounds = np.searchsorted(events.shopper[clicks], np.arange(1, events.n_shoppers))
    histories = np.split(events.product[clicks], bounds)
    users = np.array([index for index, items in enumerate(histories) if items.size >= 3])
    return [items[:-1] for items in histories], users, np.array([items[-1] for items in histories])


def ndcg_at_10(scores: np.ndarray, histories: list[np.ndarray], users: np.ndarray, targets: np.ndarray) -> float:
    """Full ranking, seen masked, one held-out item each; a tie counts as the middle of its places."""
    gains = []
    for row, user in enumerate(users):
        own = scores[row].astype(np.float64)
        own[histories[user]] = -np.inf
        target = own[targets[user]]
        rank = (own > target).sum() + ((own == target).sum() - 1) / 2
        gains.append(1.0 / np.log2(rank + 2.0) if rank < 10 else 0.0)
    return float(np.mean(gains))


@pytest.fixture(scope="module")
def ndcg(planted) -> dict[str, float]:
    world, events = planted
    histories, users, targets = split_last(events)
    n_items = events.n_products
    together = np.zeros((n_items, n_items))
    for items in histories:
        together[np.ix_(items, items)] += 1.0
    count = together.diagonal().copy()
    np.fill_diagonal(together, 0.0)
    cosine = together / np.sqrt(np.outer(count + 3.0, count + 3.0))
    rng = np.random.default_rng(0)
    scores = {
        "random": rng.random((users.size, n_items)),
        "popularity": np.broadcast_to(count, (users.size, n_items)),
        "persona": world.popularity + world.persona_part[events.persona[users]],
        "item_knn": np.stack([cosine[histories[user]].sum(axis=0) for user in users]),
        "oracle": world.utility(users),
    }
    return {name: ndcg_at_10(rows, histories, users, targets) for name, rows in scores.items()}


def test_popularity_is_a_real_baseline(ndcg: dict[str, float]) -> None:
    assert ndcg["popularity"] > 4 * ndcg["random"]


def test_item_knn_clearly_beats_popularity(ndcg: dict[str, float]) -> None:
    assert ndcg["item_knn"] > 2.0 * ndcg["popularity"]


def test_personas_alone_help_but_do_not_explain_shoppers(ndcg: dict[str, float]) -> None:
    assert 1.1 * ndcg["popularity"] < ndcg["persona"] < ndcg["item_knn"]


def test_the_oracle_beats_everything_by_far(ndcg: dict[str, float]) -> None:
    assert ndcg["oracle"] > 1.5 * max(value for name, value in ndcg.items() if name != "oracle")
    assert ndcg["oracle"] > 4.0 * ndcg["popularity"]


def test_item_knn_closes_a_third_of_the_way_to_the_oracle(ndcg: dict[str, float]) -> None:
    closed = (ndcg["item_knn"] - ndcg["popularity"]) / (ndcg["oracle"] - ndcg["popularity"])
    assert 0.30 < closed < 0.50


def test_nearly_every_shopper_can_be_held_out(planted) -> None:
    _, users, _ = split_last(planted[1])
    assert users.size > 0.97 * 1500
