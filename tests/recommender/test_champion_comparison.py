"""A new model against a champion that was trained on an earlier state of the shop."""

from datetime import UTC, datetime

import numpy as np
import pytest

from fashionrec.common.artifacts import store_directory
from recommender.champion_comparison import _in_present_catalogue, _learned_by, gain_over_champion
from recommender.datasets import Dataset
from recommender.ml.artifact import write_items
from recommender.ml.dataset import Interactions
from recommender.ml.split import leave_one_out
from recommender.ml.trainers import train
from recommender.models import ModelVersion

pytestmark = pytest.mark.django_db
LAST = 100.0


def world(times: list[list[float]], n_items: int = 6) -> Dataset:
    """Shopper u takes item 0, 1, … at times[u]; product 10 + i is item i."""
    user = [u for u, row in enumerate(times) for _ in row]
    item = [i for row in times for i in range(len(row))]
    interactions = Interactions.from_events(
        n_users=len(times), n_items=n_items, user=user, item=item, time=[t for row in times for t in row],
        content=np.eye(n_items, dtype=np.float32),
    )  # fmt: skip
    return Dataset(interactions, np.arange(10, 10 + n_items), [], {"encoder": "e"})


def version(tmp_path, counts: list[float], products: list[int]) -> ModelVersion:
    """A popularity model with these counts."""
    events = [item for item, count in enumerate(counts) for _ in range(int(count))]
    interactions = Interactions.from_events(
        n_users=1, n_items=len(counts), user=[0] * len(events), item=events, time=range(len(events))
    )
    folder = tmp_path / "-".join(map(str, counts))
    train("popularity", interactions, directory=folder)
    write_items(folder, [str(pk) for pk in products])
    window = {"last": datetime.fromtimestamp(LAST, UTC).isoformat(), "encoder": "e"}
    return ModelVersion.objects.create(kind="popularity", artifact_sha256=store_directory(folder), data_window=window)


def test_only_who_had_two_events_then_and_three_now_is_left_out(tmp_path):
    dataset = world([[1, 2, 101], [1, 101, 102], [1, 2, 3], [1, 2, 3, 101], [1, 2, 101, 102], [101, 102, 103]])
    champion = version(tmp_path, [1], [10])
    assert _learned_by(champion, dataset).tolist() == [True, False, False, False, False, False]
    champion.data_window = {}  # trained on persona ratings alone
    assert not _learned_by(champion, dataset).any()


def test_the_champion_is_asked_about_the_present_catalogue(tmp_path):
    dataset = world([[1, 2, 3]], n_items=4)
    champion = version(tmp_path, [3, 2, 1], [12, 99, 10])  # product 99 is gone; 11 and 13 are new
    np.testing.assert_array_equal(_in_present_catalogue(champion, dataset).score([np.array([1])]), [[1, 0, 3, 0]])
    champion.data_window["encoder"] = "another"  # nothing places the new ones: they come last
    scores = _in_present_catalogue(champion, dataset).score([np.array([1])])[0]
    assert scores[[0, 2]].tolist() == [1, 3]
    assert (scores[[1, 3]] < -1e30).all()


def test_the_gain_is_paired_by_shopper_and_only_of_those_the_champion_has_not_learned_from(tmp_path):
    dataset = world([[1, 2, 3], [101, 102, 103], [1, 2, 101]], n_items=14)  # validation: item 1
    split = leave_one_out(dataset.interactions)
    products = dataset.product_ids.tolist()
    good = version(tmp_path, [0, 9] + [0] * 12, products)
    bad = version(tmp_path, [0, 0] + [2] * 12, products)
    gain = gain_over_champion(good, bad, dataset=dataset, split=split, seed=0)
    assert (gain.mean, gain.low, gain.high) == (1, 1, 1)
    assert gain_over_champion(bad, good, dataset=dataset, split=split, seed=0).mean == -1
    only = world([[1, 2, 101]], n_items=14)
    with pytest.raises(ValueError, match="no shopper holds out an event that the champion has not learned from"):
        gain_over_champion(good, bad, dataset=only, split=leave_one_out(only.interactions), seed=0)
