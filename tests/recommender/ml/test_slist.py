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


def test_prefix_products_equal_those_of_the_written_out_matrices() -> None:
    world, config = random_world(2), SLISTConfig(source_decay=0.7, target_decay=0.4, gap=9)
    sources, targets = [], []
    for start, stop in zip(world.offsets[:-1], world.offsets[1:], strict=True):
        events = range(start, stop)
        for cut in events[1:]:
            source, target = np.zeros(9), np.zeros(9)
            for event in events:
                value = np.sqrt(world.weight[event])
                if event < cut:
                    source[world.item[event]] = value * 0.7 ** (cut - 1 - event)
                else:
                    target[world.item[event]] = value * 0.4 ** (event - cut)
            sources.append(source)
            targets.append(target)
    source, target = np.array(sources), np.array(targets)
    before, transitions = prefix_products(world, config)
    np.testing.assert_allclose(before.toarray(), source.T @ source, atol=1e-5)
    np.testing.assert_allclose(transitions.toarray(), source.T @ target, atol=1e-5)


def test_weights_solve_the_regularised_least_squares(tmp_path: Path) -> None:
    world = random_world(3)
    train("slist", world, {"reg": 2.0, "gap": 9}, directory=tmp_path)
    before, transitions = prefix_products(world, SLISTConfig(gap=9))
    expected = np.linalg.solve(before.toarray() + 2.0 * np.eye(9), transitions.toarray())
    scorer = load_scorer(tmp_path)
    for item in range(9):
        np.testing.assert_allclose(scorer.score_one(np.array([item])), expected[item], atol=1e-5)


def test_bad_settings_are_refused_by_name() -> None:
    with pytest.raises(ValueError, match="target_decay: received 0"):
        make_config("slist", {"target_decay": 0})
    with pytest.raises(ValueError, match="gap: received 0"):
        make_config("slist", {"gap": 0})
