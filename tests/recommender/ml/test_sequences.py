import numpy as np

from recommender.ml.dataset import Interactions
from recommender.ml.sequences import SequenceBatches


def test_every_event_is_in_exactly_one_window_of_an_epoch(world: Interactions) -> None:
    batches = SequenceBatches(world, length=7, batch_size=60)
    seen = np.zeros(world.n_items)
    total = steps = 0
    for batch in batches.epoch(np.random.default_rng(0)):
        valid = batch.weight > 0
        assert batch.items.shape == batch.weight.shape
        assert batch.items.shape[1] <= 7
        assert batch.items.size <= 60
        assert (np.diff(valid.astype(int), axis=1) <= 0).all()  # padding on the right only
        np.add.at(seen, batch.items[valid], 1)
        total += int(valid.sum())
        steps += 1
    assert total == len(world.item)
    assert np.array_equal(seen, np.bincount(world.item, minlength=world.n_items))
    assert steps == batches.steps


def test_long_histories_are_cut_from_the_newest_end() -> None:
    world = Interactions.from_events(n_users=1, n_items=5, user=[0] * 5, item=range(5), time=range(5))
    rows = [
        batch.items[0].tolist()
        for batch in SequenceBatches(world, length=3, batch_size=3).epoch(np.random.default_rng(0))
    ]
    assert sorted(rows) == [[0, 1], [2, 3, 4]]


def test_only_synthetic_users_are_shuffled() -> None:
    world = Interactions.from_events(
        n_users=2,
        n_items=60,
        user=[0] * 30 + [1] * 30,
        item=range(60),
        time=range(60),
        synthetic=[False] * 30 + [True] * 30,
    )
    (batch,) = SequenceBatches(world, length=50, batch_size=100).epoch(np.random.default_rng(0))
    human, synthetic = sorted(batch.items.tolist(), key=min)
    assert human == list(range(30))
    assert synthetic != list(range(30, 60))
    assert sorted(synthetic) == list(range(30, 60))


def test_weights_follow_their_items() -> None:
    world = Interactions.from_events(
        n_users=1, n_items=20, user=[0] * 20, item=range(20), time=range(20), weight=range(1, 21), synthetic=[True] * 20
    )
    (batch,) = SequenceBatches(world, length=50, batch_size=50).epoch(np.random.default_rng(0))
    assert np.array_equal(batch.weight, batch.items + 1)
