from pathlib import Path

import numpy as np
import pytest

from recommender.ml.dataset import Interactions
from recommender.ml.popularity import SECONDS_PER_DAY, Popularity7DConfig, latest_events
from recommender.ml.scorers import load_scorer
from recommender.ml.trainers import train


def world(synthetic: list[bool]) -> Interactions:
    """Item 0 at day 0, item 1 at day 60, item 2 at day 75 and item 3 at day 80, of a user each."""
    days = np.array([0, 60, 75, 80])
    return Interactions.from_events(
        n_users=4, n_items=4, user=range(4), item=range(4), time=days * SECONDS_PER_DAY, synthetic=synthetic
    )


@pytest.mark.parametrize(
    ("kind", "counts"),
    [("popularity", [1, 1, 1, 1]), ("popularity_30d", [0, 1, 1, 1]), ("popularity_7d", [0, 0, 1, 1])],
)
def test_only_events_within_the_window_before_the_newest_count(kind: str, counts: list[float], tmp_path: Path) -> None:
    train(kind, world([False] * 4), directory=tmp_path)
    scorer = load_scorer(tmp_path)
    assert scorer.kind == kind
    assert scorer.score_one(np.zeros(0, np.int64)).tolist() == counts


def test_without_a_human_event_in_the_window_all_events_count() -> None:
    interactions = world([False, False, True, True])
    assert latest_events(interactions, 7.0) is interactions
    assert latest_events(interactions, 30.0).popularity().tolist() == [0, 1, 0, 0]


def test_a_window_of_no_days_is_refused() -> None:
    with pytest.raises(ValueError, match="window_days: received 0"):
        Popularity7DConfig(window_days=0)
