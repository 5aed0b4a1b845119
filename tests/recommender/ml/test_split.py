import numpy as np
import pytest

from recommender.ml.dataset import Interactions
from recommender.ml.split import leave_one_out

WORLD = Interactions.from_events(
    n_users=4,
    n_items=9,
    user=[0, 0, 0, 0, 1, 1, 2, 2, 2, 2, 3, 3, 3],
    item=[5, 6, 7, 8, 0, 1, 2, 3, 3, 2, 1, 2, 3],
    time=range(13),
    synthetic=[False] * 10 + [True] * 3,
)


def test_the_last_item_is_the_test_and_the_one_before_the_validation() -> None:
    split = leave_one_out(WORLD)
    assert split.test_item.tolist() == [8, -1, -1, -1]
    assert split.validation_item.tolist() == [7, -1, -1, -1]


def test_users_with_two_distinct_items_and_synthetic_users_stay_whole_in_training() -> None:
    histories = leave_one_out(WORLD).train.histories()
    assert [history.tolist() for history in histories] == [[5, 6], [0, 1], [2, 3], [1, 2, 3]]


def test_the_validation_item_is_history_when_the_test_is_predicted() -> None:
    split = leave_one_out(WORLD)
    assert [history.tolist() for history in split.seen("validation")] == [[5, 6]]
    assert [history.tolist() for history in split.seen("test")] == [[5, 6, 7]]
    users, target = split.targets("test")
    assert (users.tolist(), target.tolist()) == ([0], [8])


def test_nothing_held_out_is_in_training(world: Interactions) -> None:
    split = leave_one_out(world)
    train = set(zip(split.train.user.tolist(), split.train.item.tolist(), strict=True))
    for part in ("validation", "test"):
        users, items = split.targets(part)
        assert len(users) == 300
        assert not train & set(zip(users.tolist(), items.tolist(), strict=True))
    assert len(split.train.item) + 2 * 300 == len(world.item)
    assert np.array_equal(split.train.content, world.content)


def test_an_unknown_part_is_refused() -> None:
    with pytest.raises(ValueError, match="part: received 'train'"):
        leave_one_out(WORLD).targets("train")  # type: ignore[arg-type]
