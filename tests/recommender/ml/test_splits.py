"""Holding out by the calendar, by item and by shopper: nothing held out is ever learned from or given away."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from recommender.ml.dataset import History, Interactions
from recommender.ml.evaluation import evaluate, lists_of
from recommender.ml.scorers import load_scorer
from recommender.ml.splits import (
    PROTOCOLS,
    ColdItems,
    ColdUsers,
    GlobalTime,
    TargetsSplit,
    held_out_events,
    protocol_of,
    split_at,
)
from recommender.ml.trainers import train

PARTS = ("validation", "test")


def same_interactions(a: Interactions, b: Interactions) -> bool:
    names = ("user", "item", "time", "weight", "synthetic", "content", "kind", "user_features")
    return all(np.array_equal(getattr(a, name), getattr(b, name)) for name in names)


def as_tuple(history: History) -> tuple[list[int], list[int], list[float], float | None]:
    assert history.kind is not None
    assert history.time is not None
    return history.items.tolist(), history.kind.tolist(), history.time.tolist(), history.now


# Shopper 0 comes back after both boundaries, 1 only in between, 2 is new after them, 3 is a persona.
CALENDAR = Interactions.from_events(
    n_users=4,
    n_items=6,
    user=[0, 0, 0, 0, 0, 0, 1, 1, 2, 3],
    item=[0, 1, 1, 2, 0, 3, 0, 4, 5, 5],
    time=[1, 2, 11, 12, 21, 22, 3, 15, 25, 0],
    weight=[1, 1, 9, 1, 9, 1, 1, 1, 1, 0.3],
    kind=[1, 1, 6, 1, 6, 1, 1, 1, 1, 7],
    synthetic=[False] * 9 + [True],
)


def test_the_calendar_divides_events_and_only_new_items_of_known_shoppers_are_targets() -> None:
    split = split_at(CALENDAR, validation_from=10, test_from=20)
    assert list(zip(split.train.user.tolist(), split.train.item.tolist(), strict=True)) == [
        (0, 0),
        (0, 1),
        (1, 0),
        (3, 5),
    ]
    assert [array.tolist() for array in split.targets("validation")] == [[0, 1], [2, 4]]
    assert [array.tolist() for array in split.targets("test")] == [[0], [3]]
    assert [as_tuple(history) for history in split.histories("test")] == [([0, 1, 2], [1, 6, 1], [1, 2, 12], 20.0)]
    assert [items.tolist() for items in split.seen("validation")] == [[0, 1], [0]]


def test_an_event_after_a_boundary_changes_nothing_before_it(tmp_path: Path) -> None:
    """Planted leaks: repeats that raise a weight and a kind, a new favourite, a shopper nobody knew."""
    rng = np.random.default_rng(3)
    n = 400
    events = {
        "user": rng.integers(0, 30, n),
        "item": rng.integers(0, 40, n),
        "time": rng.random(n) * 30,
        "kind": rng.integers(1, 4, n),
    }
    leak = {
        "user": np.concatenate([np.arange(30), np.arange(30)]),
        "item": np.concatenate([np.arange(30) % 5, np.full(30, 39)]),
        "time": np.full(60, 29.5),
        "kind": np.full(60, 6),
    }
    plain = Interactions.from_events(n_users=30, n_items=40, weight=np.ones(n), **events)
    both = {name: np.concatenate([events[name], leak[name]]) for name in events}
    leaky = Interactions.from_events(
        n_users=30, n_items=40, weight=np.concatenate([np.ones(n), np.full(60, 50.0)]), **both
    )
    before, after = (split_at(world, validation_from=10, test_from=29.4) for world in (plain, leaky))
    assert same_interactions(before.train, after.train)
    assert np.array_equal(before.catalogue.popularity(), after.catalogue.popularity())
    assert [as_tuple(history) for history in before.histories("validation")] == [
        as_tuple(history) for history in after.histories("validation")
    ]
    known = {history.items.tobytes(): as_tuple(history) for history in after.histories("test")}
    for history in before.histories("test"):
        assert known[history.items.tobytes()] == as_tuple(history)
    for name, split in (("before", before), ("after", after)):
        train("popularity", split.train, directory=tmp_path / name)
    assert np.array_equal(
        load_scorer(tmp_path / "before").score_one(np.array([1])),
        load_scorer(tmp_path / "after").score_one(np.array([1])),
    )
    # Deduplicated first, the leak would have come through.
    assert not same_interactions(before.train, split_at(leaky.deduplicated(), validation_from=10, test_from=29.4).train)


def test_boundaries_hold_out_the_latest_events(world: Interactions) -> None:
    split = GlobalTime(validation_share=0.2, test_share=0.1).split(world)
    human = ~world.synthetic
    assert split.train.synthetic.sum() == world.synthetic.sum()
    assert split.train.time[~split.train.synthetic].max() < np.quantile(world.time[human], 0.7) + 1
    for part in PARTS:
        boundary = split.histories(part)[0].now
        assert all(history.time.max() < boundary for history in split.histories(part))


def check_held_out(split: TargetsSplit, world: Interactions) -> None:
    learned = set(zip(split.train.user.tolist(), split.train.item.tolist(), strict=True))
    for part in PARTS:
        users, items = split.targets(part)
        assert len(users) > 0
        assert (np.diff(users) >= 0).all()
        assert not world.synthetic_users()[users].any()
        assert not learned & set(zip(users.tolist(), items.tolist(), strict=True))
        assert len(split.histories(part)) == len(np.unique(users))
        for user, seen in zip(np.unique(users), split.seen(part), strict=True):
            assert len(seen) > 0
            assert not set(seen.tolist()) & set(items[users == user].tolist())
    with pytest.raises(ValueError, match="part: received 'train'"):
        split.targets("train")  # type: ignore[arg-type]


@pytest.mark.parametrize("name", [name for name in PROTOCOLS if name != "leave_one_out"])
def test_nothing_held_out_is_learned_from_or_given_away(name: str, world: Interactions) -> None:
    split = PROTOCOLS[name].split(world)
    assert isinstance(split, TargetsSplit)
    check_held_out(split, world)
    assert held_out_events(split)["test"] == len(split.targets("test")[0])
    again = PROTOCOLS[name].split(world)
    assert same_interactions(split.train, again.train)
    assert np.array_equal(split.targets("test")[1], again.targets("test")[1])


def test_cold_items_have_no_event_in_training_and_stand_behind_the_others_with_their_content(
    world: Interactions,
) -> None:
    split = ColdItems(seed=2).split(world)
    warm = split.train.n_items
    assert (warm, len(split.new_content), split.catalogue.n_items) == (96, 24, 120)
    assert split.catalogue.popularity()[warm:].sum() == 0
    cold = [set(split.targets(part)[1].tolist()) for part in PARTS]
    assert not cold[0] & cold[1]
    assert min(cold[0] | cold[1]) >= warm
    rows = {content.tobytes(): index for index, content in enumerate(world.content)}
    moved = [rows[content.tobytes()] for content in split.catalogue.content]
    assert sorted(moved) == list(range(120))
    events = set(zip(world.user.tolist(), world.item.tolist(), strict=True))
    for part in PARTS:
        users, items = split.targets(part)
        assert {(user, moved[item]) for user, item in zip(users.tolist(), items.tolist(), strict=True)} <= events
        for user, history in zip(np.unique(users), split.histories(part), strict=True):
            first = min(
                world.time[(world.user == user) & (world.item == moved[item])][0] for item in items[users == user]
            )
            assert history.now == first
            assert history.time.max() < first


def test_cold_users_are_strangers_whose_first_items_are_revealed(world: Interactions) -> None:
    one, five = (ColdUsers(reveal=reveal, seed=4).split(world) for reveal in (1, 5))
    users, items = five.targets("test")
    assert np.array_equal(one.targets("test")[1], items)
    assert not np.isin(users, five.train.user).any()
    assert [len(history) for history in one.histories("test")] == [1] * 25
    assert [len(history) for history in five.histories("test")] == [5] * 25
    whole = world.histories()
    for user, history in zip(np.unique(users), five.histories("test"), strict=True):
        assert whole[user].tolist() == history.items.tolist() + items[users == user].tolist()


def test_every_protocol_evaluates_a_model_over_its_whole_catalogue(world: Interactions, tmp_path: Path) -> None:
    for name, protocol in PROTOCOLS.items():
        split = protocol.split(world)
        train("popularity", split.train, directory=tmp_path / name)
        evaluation = evaluate(load_scorer(tmp_path / name), split)
        assert evaluation.shown.max() < split.catalogue.n_items
        assert 0 <= evaluation.mean_mrr <= 1
        figures = lists_of(evaluation, split)
        assert 0 < figures.coverage < 1
        assert figures.popularity_lift is not None
    # What nobody took stands last among the counted: popularity finds no cold item here, by its content or otherwise.
    assert evaluate(load_scorer(tmp_path / "cold_items"), PROTOCOLS["cold_items"].split(world)).mean_recall == 0


def test_a_shopper_feature_is_as_it_was_stated(world: Interactions) -> None:
    features = np.eye(world.n_users, 3, dtype=np.float32) + 1
    split = ColdUsers(reveal=1).split(replace(world, user_features=features))
    for user, history in zip(np.unique(split.targets("test")[0]), split.histories("test"), strict=True):
        assert history.features is not None
        assert history.features.tolist() == features[user].tolist()


def test_impossible_wishes_are_refused(world: Interactions) -> None:
    with pytest.raises(ValueError, match="validation_from, test_from: received 5 and 5"):
        split_at(CALENDAR, validation_from=5, test_from=5)
    with pytest.raises(ValueError, match="test_share: received 0"):
        ColdItems(test_share=0)
    with pytest.raises(ValueError, match="reveal: received 2, expected one of"):
        ColdUsers(reveal=2)
    with pytest.raises(ValueError, match="protocol: received 'luck', expected one of leave_one_out"):
        protocol_of("luck")
    with pytest.raises(ValueError, match="seed: unknown parameter of global_time"):
        protocol_of("global_time", {"seed": 1})
    with pytest.raises(ValueError, match="interactions: received 0 shoppers with more than 5 items"):
        ColdUsers().split(CALENDAR)
    assert protocol_of("cold_items", {"seed": 5}) == ColdItems(seed=5)
