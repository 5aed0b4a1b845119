"""The closed-form model of what comes later from what came before."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from recommender.ml.dataset import Interactions
from recommender.ml.scorers import load_scorer
from recommender.ml.slist import SLISTConfig, prefix_products
from recommender.ml.trainers import make_config, train


def random_world(seed: int) -> Interactions:
    rng = np.random.default_rng(seed)
    items = [rng.permutation(9)[: rng.integers(1, 8)] for _ in range(12)]
    users = np.repeat(np.arange(12), [len(history) for history in items])
    return Interactions.from_events(
        n_users=12,
        n_items=9,
        user=users,
        item=np.concatenate(items),
        time=np.arange(len(users)),
        weight=rng.uniform(0.1, 1.0, len(users)),
    )


@pytest.mark.parametrize("window", [9, 3, 1])
def test_prefix_products_equal_those_of_the_written_out_prefixes(window: int) -> None:
    world, config = random_world(2), SLISTConfig(source_decay=0.7, target_decay=0.4, window=window)
    sources, transitions = [], np.zeros((9, 9))
    for start, stop in zip(world.offsets[:-1], world.offsets[1:], strict=True):
        for cut in range(start + 1, stop):
            source = np.zeros(9)
            for event in range(max(start, cut - window), cut):
                source[world.item[event]] = np.sqrt(world.weight[event]) * 0.7 ** (cut - 1 - event)
                for later in range(cut, min(stop, event + window + 1)):
                    value = np.sqrt(world.weight[later]) * 0.4 ** (later - cut)
                    transitions[world.item[event], world.item[later]] += source[world.item[event]] * value
            sources.append(source)
    held, followed = prefix_products(world, config)
    np.testing.assert_allclose(held.toarray(), np.array(sources).T @ np.array(sources), atol=1e-5)
    np.testing.assert_allclose(followed.toarray(), transitions, atol=1e-5)


def test_weights_solve_the_regularised_least_squares(tmp_path: Path) -> None:
    world = random_world(3)
    train("slist", world, {"reg": 2.0, "window": 9}, directory=tmp_path)
    before, transitions = prefix_products(world, SLISTConfig(window=9))
    expected = np.linalg.solve(before.toarray() + 2.0 * np.eye(9), transitions.toarray())
    scorer = load_scorer(tmp_path)
    for item in range(9):
        np.testing.assert_allclose(scorer.score_one(np.array([item])), expected[item], atol=1e-5)


def test_bad_settings_are_refused_by_name() -> None:
    with pytest.raises(ValueError, match="target_decay: received 0"):
        make_config("slist", {"target_decay": 0})
    with pytest.raises(ValueError, match="window: received 0"):
        make_config("slist", {"window": 0})
