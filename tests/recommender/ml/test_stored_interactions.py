"""Interactions from files equal interactions from memory."""

import numpy as np
import pytest

from recommender.ml import mapped_arrays
from recommender.ml.dataset import EVENT_DTYPES, Interactions
from recommender.ml.mapped_arrays import is_mapped
from recommender.ml.split import leave_one_out
from recommender.ml.stored_interactions import InteractionsWriter

N_USERS, N_ITEMS = 9, 12


def world(seed):
    """Sorted, with repeats; users 3 and 8 have nothing, the last one that has is synthetic."""
    generator = np.random.default_rng(seed)
    user = generator.choice([0, 1, 2, 4, 5, 6, 7], size=120)
    user[user == 1] = 6  # one has much more than the others
    time = generator.integers(0, 40, size=120).astype(float)
    synthetic = user == 7
    return Interactions.from_events(
        n_users=N_USERS,
        n_items=N_ITEMS,
        user=user,
        item=generator.integers(0, N_ITEMS, size=120),
        time=np.where(synthetic, 0.0, time),
        weight=generator.choice([0.1, 0.5, 1.0], size=120),
        synthetic=synthetic,
        kind=generator.integers(1, 8, size=120),
    )


def written(folder, interactions, sizes):
    writer = InteractionsWriter(folder, n_items=interactions.n_items)
    start = 0
    for size in sizes:
        writer.append(**{name: getattr(interactions, name)[start : start + size] for name in EVENT_DTYPES})
        start += size
    assert start >= len(interactions.user)
    return writer.finish(n_users=interactions.n_users, content=interactions.content, groups={})


def assert_same(found, expected):
    for name in EVENT_DTYPES:
        np.testing.assert_array_equal(getattr(found, name), getattr(expected, name), err_msg=name)


@pytest.mark.parametrize("sizes", [[120], [1] * 120, [7] * 18, [0, 60, 0, 60]])
def test_blocks_of_any_size_are_deduplicated_like_the_whole(tmp_path, sizes):
    interactions = world(3)
    found = written(tmp_path, interactions, sizes)
    assert_same(found, interactions.deduplicated())
    assert len(found.user) < 80
    assert all(is_mapped(getattr(found, name)) for name in EVENT_DTYPES)


@pytest.mark.parametrize("block_rows", [1, 5, 1_000])
def test_mapped_interactions_do_everything_that_others_do(tmp_path, monkeypatch, block_rows):
    interactions = world(4)
    expected, split = interactions.deduplicated(), leave_one_out(interactions)
    popularity, synthetic = interactions.popularity(), interactions.synthetic_users()
    monkeypatch.setattr(mapped_arrays, "BLOCK_BYTES", 8 * block_rows)
    assert_same(interactions.deduplicated(), expected)
    np.testing.assert_array_equal(interactions.popularity(), popularity)
    np.testing.assert_array_equal(interactions.synthetic_users(), synthetic)
    stored = written(tmp_path, interactions, [120])
    assert stored.deduplicated() is stored
    of_stored = leave_one_out(stored)
    assert is_mapped(of_stored.train.item)
    assert_same(of_stored.train, split.train)
    assert_same(of_stored.known, split.known)
    np.testing.assert_array_equal(of_stored.test_item, split.test_item)


def test_nothing_written_is_nothing(tmp_path):
    found = written(tmp_path, world(1).take(np.zeros(120, bool)), [0])
    assert len(found.user) == 0
    assert found.deduplicated() is found
    assert found.popularity().tolist() == [0.0] * N_ITEMS


def test_users_out_of_order_are_refused(tmp_path):
    writer = InteractionsWriter(tmp_path, n_items=N_ITEMS)
    interactions = world(1)
    rows = {name: getattr(interactions, name) for name in EVENT_DTYPES}
    writer.append(**rows)
    with pytest.raises(ValueError, match="user: received 0 after 7"):
        writer.append(**rows)


@pytest.mark.parametrize("block_rows", [1, 2, 1_000])
@pytest.mark.parametrize(
    ("field", "index", "value", "message"),
    [
        ("user", 4, 9, "user: received 9, expected 0 to 2"),
        ("item", 2, -1, "item: received -1, expected 0 to 4"),
        ("kind", 3, 99, "kind: received 99, expected 0 to 7"),
        ("time", 1, np.nan, "time: received np.float64(nan)"),
        ("time", 3, 0.5, "user, time: event 3 is not in (user, time) order"),
        ("weight", 4, -1.0, "weight: received np.float32(-1.0), a weight is at least 0"),
        ("synthetic", 3, True, "synthetic: user 1 has both synthetic and human events"),
    ],
)
def test_what_is_wrong_is_found_in_whichever_block_it_lies(monkeypatch, block_rows, field, index, value, message):
    monkeypatch.setattr(mapped_arrays, "BLOCK_BYTES", 8 * block_rows)
    columns = {
        "user": np.array([0, 0, 1, 1, 1]),
        "item": np.arange(5),
        "time": np.array([0.0, 1.0, 1.0, 2.0, 3.0]),
        "weight": np.ones(5, np.float32),
        "synthetic": np.zeros(5, bool),
        "kind": np.ones(5, np.uint8),
    }
    content = np.zeros((5, 0), np.float32)
    Interactions(n_users=3, n_items=5, content=content, **columns)
    columns[field][index] = value
    with pytest.raises(ValueError) as raised:
        Interactions(n_users=3, n_items=5, content=content, **columns)
    assert str(raised.value) == message
