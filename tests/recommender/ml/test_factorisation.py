"""Weighted matrix factorisation against what it minimises."""

from __future__ import annotations

import numpy as np

from recommender.ml.dataset import Interactions
from recommender.ml.factorisation import content_scale, factorise, mean_rows, scaled_content, solve_factors

CONFIDENCE, REG = 4.0, 0.5


def small_world() -> Interactions:
    return Interactions.from_events(
        n_users=4,
        n_items=5,
        user=[0, 0, 1, 1, 2, 2],
        item=[0, 1, 0, 1, 2, 3],
        time=np.arange(6),
        weight=[1.0, 0.5, 1.0, 1.0, 1.0, 0.3],
    )


def loss(users: np.ndarray, items: np.ndarray, world: Interactions) -> float:
    """Cell by cell, as the paper writes it."""
    total = REG * float((users**2).sum() + (items**2).sum())
    weight = {
        (u, i): w for u, i, w in zip(world.user.tolist(), world.item.tolist(), world.weight.tolist(), strict=True)
    }
    for user in range(world.n_users):
        for item in range(world.n_items):
            taken = (user, item) in weight
            counted = 1 + CONFIDENCE * weight.get((user, item), 0.0)
            total += counted * (float(taken) - users[user] @ items[item]) ** 2
    return total


def test_more_sweeps_lower_the_loss_and_neither_side_can_lower_it_alone() -> None:
    world = small_world()
    losses = []
    for sweeps in (1, 2, 30):
        users, items = factorise(
            world, size=2, confidence=CONFIDENCE, reg=REG, sweeps=sweeps, rng=np.random.default_rng(0)
        )
        losses.append(loss(users, items, world))
    assert losses[0] > losses[1] > losses[2]
    for user in range(3):
        for step in (np.array([0.01, 0.0]), np.array([0.0, -0.01])):
            moved = users.copy()
            moved[user] += step
            assert loss(moved, items, world) > losses[2]


def test_who_took_nothing_and_what_nobody_took_is_zero() -> None:
    users, items = factorise(
        small_world(), size=2, confidence=CONFIDENCE, reg=REG, sweeps=3, rng=np.random.default_rng(0)
    )
    assert (users[3].tolist(), items[4].tolist()) == ([0.0, 0.0], [0.0, 0.0])
    assert (users[:3] != 0).all()


def test_folding_in_a_history_gives_the_factors_of_the_half_step() -> None:
    world = small_world()
    users, items = factorise(world, size=2, confidence=CONFIDENCE, reg=REG, sweeps=60, rng=np.random.default_rng(0))
    weights = [world.weight[world.user == user].astype(np.float64) for user in range(4)]
    folded = solve_factors(world.histories(), weights, items, confidence=CONFIDENCE, reg=REG)
    np.testing.assert_allclose(folded, users, atol=1e-6)


def test_mean_rows_are_means_and_zeros_for_nothing() -> None:
    values = np.array([[1, 2], [3, 6]], np.float32)
    means = mean_rows([np.array([0, 1]), np.array([], np.int64), np.array([1])], values)
    assert means.tolist() == [[2, 4], [0, 0], [3, 6]]


def test_scaled_content_is_centred_with_a_mean_square_of_about_one_and_zero_where_there_is_none() -> None:
    content = np.array([[3, 1], [1, 1], [0, 0]], np.float32)
    centre, spread = content_scale(content)
    assert (centre.tolist(), round(spread, 6)) == ([2, 1], round(1 / 2**0.5, 6))
    np.testing.assert_allclose(
        scaled_content(content, centre, spread), [[2**0.5, 0], [-(2**0.5), 0], [0, 0]], rtol=1e-6
    )
    assert scaled_content(np.zeros((2, 0), np.float32), np.zeros(0, np.float32), 1.0).shape == (2, 0)
