import numpy as np

from recommender.ml.dataset import EVENT_KINDS, History, Interactions
from recommender.ml.sequences import SequenceBatches
from recommender.ml.time_gaps import event_codes


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


def test_kinds_gaps_and_words_follow_their_items_as_they_are_served() -> None:
    """Training reads of every window what serving would read of the same events."""
    rng = np.random.default_rng(3)
    n = 400
    world = Interactions.from_events(
        n_users=20,
        n_items=n,
        user=rng.integers(0, 20, n),
        item=rng.permutation(n),
        time=np.exp(rng.uniform(0, 17, n)),
        kind=rng.integers(0, len(EVENT_KINDS), n),
        user_features=np.arange(1, 21)[:, None] * np.ones((20, 3)),
    )
    served = {}
    for history in world.shoppers():
        for end in range(len(history), 0, -7):
            window = slice(max(end - 7, 0), end)
            part = History(history.items[window], history.kind[window], history.time[window], history.features)
            served[int(part.items[0])] = (part, event_codes(part, length=7, kinds=len(EVENT_KINDS)))
    windows = 0
    for batch in SequenceBatches(world, length=7, batch_size=60).epoch(np.random.default_rng(0)):
        assert batch.kind is not None
        assert batch.gap is not None
        assert batch.features is not None
        for row in range(len(batch.items)):
            size = int((batch.weight[row] > 0).sum())
            history, codes = served[int(batch.items[row, 0])]
            assert batch.items[row, :size].tolist() == history.items.tolist()
            assert batch.kind[row, :size].tolist() == codes[:, 0].tolist()
            assert batch.gap[row, :size].tolist() == codes[:, 1].tolist()
            assert not batch.kind[row, size:].any()
            assert not batch.gap[row, size:].any()
            assert batch.features[row].tolist() == history.features.tolist()
            windows += 1
    assert windows == len(served)


def test_the_order_of_synthetic_users_has_no_gaps_and_an_unknown_world_no_kinds(world: Interactions) -> None:
    rated = Interactions.from_events(
        n_users=1, n_items=4, user=[0] * 4, item=range(4), time=[0, 9, 99, 999], synthetic=[True] * 4, kind=[7] * 4
    )
    (batch,) = SequenceBatches(rated, length=9, batch_size=9).epoch(np.random.default_rng(0))
    assert (batch.kind.tolist(), batch.gap.tolist(), batch.features) == ([[7] * 4], [[0] * 4], None)
    unknown = next(SequenceBatches(world, length=9, batch_size=90).epoch(np.random.default_rng(0)))
    assert (unknown.kind, unknown.gap, unknown.features) == (None, None, None)
