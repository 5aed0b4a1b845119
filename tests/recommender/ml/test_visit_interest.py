"""Interest that lasts for a visit: what is counted, what is fitted to it, and where it is added."""

from __future__ import annotations

import numpy as np
import pytest

from recommender.ml.dataset import History, Interactions
from recommender.ml.visit_interest import (
    DOUBT,
    LATER,
    UNKNOWN,
    VISIT,
    VISIT_SECONDS,
    add_interest,
    fitted,
    moment,
    transitions,
)

GROUP = np.array([0, 0, 1, 1, -1])


def simulated(rng: np.random.Generator, when: int, odds: float, count: int = 20_000) -> np.ndarray:
    """(count, 3) transitions of which a group of chance p is kept with p raised by `odds`."""
    chance = rng.uniform(0.02, 0.6, count)
    raised = chance * np.exp(odds) / (1 - chance + chance * np.exp(odds))
    return np.stack([rng.random(count) < raised, chance, np.full(count, when)], axis=1).astype(np.float64)


def test_planted_log_odds_are_recovered() -> None:
    rng = np.random.default_rng(0)
    seen = np.concatenate([simulated(rng, VISIT, 1.5), simulated(rng, LATER, -0.7)])
    odds = fitted(seen)
    assert (odds.shape, odds.dtype) == ((3,), np.float32)
    np.testing.assert_allclose(odds[[VISIT, LATER]], [1.5, -0.7], atol=0.08)
    # Where the moment is unknown, all transitions tell together.
    assert 0 < odds[UNKNOWN] < 1.2


def test_where_taste_explains_all_no_interest_is_found() -> None:
    odds = fitted(simulated(np.random.default_rng(1), VISIT, 0.0))
    np.testing.assert_allclose(odds, [0, 0, 0], atol=0.06)
    assert odds[LATER] == 0
    assert fitted(np.zeros((0, 3))).tolist() == [0, 0, 0]


def test_few_transitions_are_hardly_believed() -> None:
    five = np.tile([1.0, 0.1, VISIT], (5, 1))
    value = float(fitted(five)[VISIT])
    raised = 0.1 * np.exp(value) / (0.9 + 0.1 * np.exp(value))
    # All five kept their group, so that likelihood alone would say infinity.
    assert 5 * (1 - raised) == pytest.approx(DOUBT * value, rel=1e-4)
    assert 0.1 < value < 0.3
    assert fitted(np.tile(five, (100, 1)))[VISIT] > 3.5


def test_certain_and_impossible_chances_stay_finite() -> None:
    seen = np.array([[1, 0.0, VISIT], [0, 1.0, VISIT], [1, 1.0, LATER], [0, 0.0, LATER]])
    assert np.isfinite(fitted(seen)).all()


def test_transitions_are_those_of_a_hand_count() -> None:
    world = Interactions.from_events(
        n_users=3,
        n_items=5,
        user=[0, 0, 0, 0, 0, 1, 2, 2],
        item=[0, 1, 2, 4, 3, 2, 3, 2],
        time=[0, VISIT_SECONDS - 1, 2 * VISIT_SECONDS - 1, 1e5, 1e5 + 1, 0, 0, 1],
        kind=[1, 2, 1, 1, 1, 1, 1, 0],
    )
    probabilities = np.array([[0.1, 0.2, 0.3, 0.15, 0.25], [0.4, 0.1, 0.2, 0.2, 0.1]], np.float32)
    found = transitions(world, probabilities, np.array([2, 0]), GROUP)
    expected = [
        [1, 0.3 / 0.85, UNKNOWN],  # user 2, 3 → 2: of the group without item 3, which is not taken again
        [1, 0.1 / 0.6, VISIT],  # user 0, 0 → 1
        [0, 0.4 / 0.9, LATER],  # 1 → 2, half an hour after
        [0, 0.2 / 0.8, LATER],  # 2 → 4, into no group; from there on nothing is told
    ]
    np.testing.assert_allclose(found, expected, atol=1e-6)


def test_one_event_or_no_group_makes_no_transition() -> None:
    world = Interactions.from_events(n_users=2, n_items=5, user=[0, 1, 1], item=[0, 0, 1], time=[0, 0, 1])
    chances = np.full((1, 5), 0.2)
    assert transitions(world, chances, np.array([0]), GROUP).shape == (0, 3)
    assert transitions(world, chances, np.array([1]), np.full(5, -1)).shape == (0, 3)
    assert transitions(world, chances[:0], np.array([], np.int64), GROUP).shape == (0, 3)


def test_the_moment_is_told_by_now() -> None:
    items, time = np.array([3, 1]), np.array([50.0, 1000.0])
    assert moment(History(items, time=time, now=1000.0 + VISIT_SECONDS - 1)) == VISIT
    assert moment(History(items, time=time, now=1000.0 + VISIT_SECONDS)) == LATER
    assert moment(History(items, time=time)) == UNKNOWN
    assert moment(History(items, now=1001.0)) == UNKNOWN
    assert moment(History(items[:0], time=time[:0], now=1001.0)) == UNKNOWN
    assert moment(items) == UNKNOWN


def test_interest_raises_the_group_of_the_newest_item() -> None:
    scores = np.tile(np.arange(5, dtype=np.float32), (5, 1))
    histories = [np.array(items, np.int64) for items in ([3, 0], [0, 3], [1], [], [0, 4])]
    interest = {"brand": np.array([1.0, 0.25, 0.5], np.float32), "colour": np.array([8.0, 0, 0], np.float32)}
    groups = {"brand": GROUP, "colour": np.array([0, 1, 2, 3, 4])}
    add_interest(scores, histories, [VISIT, LATER, UNKNOWN, UNKNOWN, VISIT], interest, groups)
    expected = [
        [1.0 + 8.0, 1.0, 0, 0, 0],
        [0, 0, 0.25, 0.25, 0],
        [0.5, 0.5, 0, 0, 0],
        [0, 0, 0, 0, 0],
        [0, 0, 0, 0, 8.0],  # of no brand, but of a colour
    ]
    np.testing.assert_allclose(scores - np.arange(5), expected)
