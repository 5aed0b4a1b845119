import dataclasses

import numpy as np
import pytest

from recommender.ml.dataset import Interactions


def interactions(**changes: object) -> Interactions:
    events = {
        "n_users": 3,
        "n_items": 5,
        "user": [2, 0, 0, 0],
        "item": [4, 1, 3, 1],
        "time": [5.0, 30.0, 10.0, 20.0],
        "weight": [1.0, 1.0, 2.0, 3.0],
        "synthetic": [True, False, False, False],
        "content": np.eye(5, 2),
    }
    return Interactions.from_events(**(events | changes))


def test_events_are_sorted_by_user_and_time() -> None:
    sorted_events = interactions()
    assert sorted_events.user.tolist() == [0, 0, 0, 2]
    assert sorted_events.item.tolist() == [3, 1, 1, 4]
    assert sorted_events.weight.tolist() == [2.0, 3.0, 1.0, 1.0]
    assert sorted_events.synthetic.tolist() == [False, False, False, True]


def test_events_at_the_same_time_keep_their_order() -> None:
    assert interactions(user=[0, 0, 0, 0], time=[7.0] * 4, synthetic=None).item.tolist() == [4, 1, 3, 1]


def test_histories_are_per_user_and_empty_for_a_user_without_events() -> None:
    assert [history.tolist() for history in interactions().histories()] == [[3, 1, 1], [], [4]]


def test_a_world_without_events_has_empty_histories() -> None:
    empty = Interactions.from_events(n_users=2, n_items=3, user=[], item=[], time=[])
    assert [len(history) for history in empty.histories()] == [0, 0]
    assert empty.popularity().tolist() == [0.0, 0.0, 0.0]


def test_popularity_counts_human_weight_only() -> None:
    assert interactions().popularity().tolist() == [0.0, 4.0, 0.0, 2.0, 0.0]


def test_popularity_falls_back_on_synthetic_events_before_any_human_came() -> None:
    assert interactions(synthetic=[True] * 4).popularity().tolist() == [0.0, 4.0, 0.0, 2.0, 1.0]


def test_deduplication_keeps_the_first_event_with_the_largest_weight() -> None:
    unique = interactions(weight=[1.0, 9.0, 2.0, 3.0]).deduplicated()
    assert unique.item.tolist() == [3, 1, 4]
    assert unique.time.tolist() == [10.0, 20.0, 5.0]
    assert unique.weight.tolist() == [2.0, 9.0, 1.0]
    assert unique.deduplicated() is unique


def test_synthetic_users_are_marked() -> None:
    assert interactions().synthetic_users().tolist() == [False, False, True]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"item": [4, 1, 3, 5]}, "item: received 5, expected 0 to 4"),
        ({"user": [2, 0, 0, -1]}, "user: received -1, expected 0 to 2"),
        ({"weight": [1, 1, 1, -0.5]}, "weight: received np.float32\\(-0.5\\)"),
        ({"time": [1, 2, float("nan"), 3]}, "time: received np.float64\\(nan\\)"),
        ({"weight": [1.0]}, "weight: expected \\(4,\\), received \\(1,\\)"),
        ({"content": np.zeros((4, 2))}, "content: expected \\(5, D\\) float32, received \\(4, 2\\)"),
        ({"synthetic": [True, True, False, False]}, "synthetic: user 0 has both"),
    ],
)
def test_bad_events_are_refused_by_field_and_value(changes: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        interactions(**changes)


def test_unsorted_columns_are_refused() -> None:
    with pytest.raises(ValueError, match="event 3 is not in"):
        dataclasses.replace(interactions(), user=np.array([0, 0, 2, 0]))
