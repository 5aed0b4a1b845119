"""The benchmark coldstart: what it hides from training, what it asks, and how it counts."""

from __future__ import annotations

import gzip
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from django.conf import settings

from fashionrec.benchmarks.coldstart import GRIDS, run, table
from fashionrec.benchmarks.coldstart_figures import measure, measure_oracle, per_user, row_of
from fashionrec.benchmarks.coldstart_files import hashed_words, read_folder
from fashionrec.benchmarks.coldstart_split import Holdout, Questions, draw_holdout, split_for
from fashionrec.benchmarks.coldstart_world import ColdStartData, planted_data
from recommender.ml.dataset import FloatArray, History, HistoryLike, Interactions, item_histories

SHARED = Path(settings.BASE_DIR).parent / "shared" / "data"


def one_shopper(*, ordered: bool = True) -> tuple[ColdStartData, Holdout]:
    """Shopper 0 takes items 0 … 8 in order, of which 4 and 6 are unseen; shopper 1 is unseen and takes all but 4, 6."""
    warm = [0, 1, 2, 3, 5, 7, 8]
    interactions = Interactions.from_events(
        n_users=2,
        n_items=9,
        user=[0] * 9 + [1] * 7,
        item=[*range(9), *warm],
        time=[*range(9), *range(7)],
        content=np.eye(9, dtype=np.float32),
    )
    data = ColdStartData("hand-made", interactions, ordered=ordered, utility=None, note="")
    unseen, nothing = np.isin(np.arange(9), [4, 6]), np.zeros(9, bool)
    return data, Holdout(test_items=unseen, validation_items=nothing, users=np.array([False, True]))


def test_training_has_no_event_of_an_unseen_item_or_user_nor_the_last_two_trained_items() -> None:
    split = split_for(*one_shopper(), part="test")
    assert split.catalogue.tolist() == [0, 1, 2, 3, 5, 7, 8, 4, 6]
    assert split.catalogue[split.warm.train.item].tolist() == [0, 1, 2, 3, 5]
    assert (split.warm.train.user.tolist(), split.warm.train.n_items) == ([0] * 5, 7)
    assert split.new_content.tolist() == np.eye(9)[[4, 6]].tolist()
    assert split.catalogue[split.warm_items.target].tolist() == [8]


def test_an_unseen_item_is_asked_for_with_the_trained_items_before_it_and_all_earlier_ones_masked() -> None:
    split = split_for(*one_shopper(), part="test")
    asked = split.cold_items
    assert split.catalogue[asked.target].tolist() == [4, 6]
    assert [split.catalogue[history.items].tolist() for history in asked.histories] == [[0, 1, 2, 3], [0, 1, 2, 3, 5]]
    assert [split.catalogue[seen].tolist() for seen in asked.seen] == [[0, 1, 2, 3], [0, 1, 2, 3, 4, 5]]
    assert [history.now for history in asked.histories] == [4.0, 6.0]


def test_without_an_order_all_trained_items_are_known_and_other_unseen_ones_masked() -> None:
    data, holdout = one_shopper(ordered=False)
    split = split_for(data, holdout, part="test")
    asked = split.cold_items
    assert [sorted(split.catalogue[history.items]) for history in asked.histories] == [[0, 1, 2, 3, 5, 7, 8]] * 2
    assert [sorted(split.catalogue[seen]) for seen in asked.seen] == [
        [0, 1, 2, 3, 5, 6, 7, 8],
        [0, 1, 2, 3, 4, 5, 7, 8],
    ]
    assert asked.histories[0].time is None


def test_an_unseen_shopper_reveals_first_picks_and_is_asked_for_the_last_item() -> None:
    split = split_for(*one_shopper(), part="test")
    lengths = {name: [len(history) for history in asked.histories] for name, asked in split.cold_users.items()}
    assert lengths == {"1": [1], "3": [3], "5": [5], "all": [6]}
    for asked in split.cold_users.values():
        assert split.catalogue[asked.target].tolist() == [8]
        assert split.catalogue[asked.seen[0]].tolist() == [0, 1, 2, 3, 5, 7]


def test_items_of_the_test_are_absent_while_settings_are_chosen() -> None:
    data, holdout = one_shopper()
    holdout = Holdout(holdout.test_items, np.isin(np.arange(9), [5]), np.array([False, True]))
    split = split_for(data, holdout, part="validation")
    assert split.catalogue.tolist() == [0, 1, 2, 3, 7, 8, 5]
    assert split.catalogue[split.cold_items.target].tolist() == [5]


def test_holdouts_follow_from_the_seed_and_do_not_overlap() -> None:
    data = planted_data(products=60, shoppers=80, seed=2)
    first, again, other = (draw_holdout(data, seed=seed) for seed in (0, 0, 1))
    assert np.array_equal(first.test_items, again.test_items)
    assert not np.array_equal(first.test_items, other.test_items)
    assert not (first.test_items & first.validation_items).any()
    taken = len(np.unique(data.interactions.item))
    assert (first.test_items.sum(), first.users.sum()) == (int(0.2 * taken), 12)


def test_nothing_to_ask_is_said() -> None:
    data, holdout = one_shopper()
    with pytest.raises(ValueError, match="unseen items: no known user took one"):
        split_for(data, Holdout(np.zeros(9, bool), np.zeros(9, bool), holdout.users), part="test")
    with pytest.raises(ValueError, match="unseen users: none has 7 items"):
        split_for(data, Holdout(holdout.test_items, np.zeros(9, bool), np.zeros(2, bool)), part="test")


class Fixed:
    """Scores that do not depend on the history; new items get their content's first number."""

    kind = "fixed"

    def __init__(self, scores: Sequence[float]) -> None:
        self.scores = np.asarray(scores, np.float32)
        self.n_items = len(self.scores)

    def score(self, histories: Sequence[HistoryLike]) -> FloatArray:
        return np.repeat(self.scores[None], len(item_histories(histories)), axis=0)

    def score_one(self, history: HistoryLike) -> FloatArray:
        return self.score([history])[0]

    def extended(self, content: FloatArray) -> Fixed:
        return Fixed([*self.scores, *content[:, 0]])


def test_figures_are_means_over_a_users_questions_in_full_ranking_and_among_the_unseen() -> None:
    split = split_for(*one_shopper(), part="test")
    found = measure(Fixed([7, 6, 5, 4, 3, 2, 1]), split)
    # Item 4 has 5, 7, 8 before it and ties with 6: places 4 and 5. Item 6 has 7 and 8 before it: place 3.
    of_4, of_6 = (1 / np.log2(5) + 1 / np.log2(6)) / 2, 1 / np.log2(4)
    np.testing.assert_allclose(found.ndcg, [(of_4 + of_6) / 2])
    np.testing.assert_allclose(found.among, [((1 + 1 / np.log2(3)) / 2 + 1) / 2])
    np.testing.assert_allclose((found.warm, found.recall), ([1.0], [1.0]))
    assert [(name, values.tolist()) for name, values in found.picks.items()] == [
        (name, [1.0]) for name in ("1", "3", "5", "all")
    ]


def test_a_row_says_how_much_better_than_the_peer_by_user() -> None:
    split = split_for(*one_shopper(), part="test")
    peer, better = measure(Fixed([7, 6, 5, 4, 3, 2, 1]), split), measure(Fixed([0, 0, 0, 0, 0, 0, -1]), split)
    row = row_of(better, peer, seed=0)
    gain = row["ndcg@10"] - round(float(peer.ndcg.mean()), 4)
    assert row["over_peer"]["mean"] == pytest.approx(gain, abs=2e-4)
    assert row["over_peer"]["low"] == row["over_peer"]["high"] == row["over_peer"]["mean"]  # one user
    assert row["five_picks_share"] == 1.0


def test_users_count_alike_whatever_their_number_of_questions() -> None:
    questions = Questions(
        np.array([3, 3, 8]), np.array([0, 1, 0]), [History(np.array([], np.int64))] * 3, [np.array([], np.int64)] * 3
    )
    ndcg, recall = per_user(lambda rows: np.array([[2.0, 1.0]] * 3, np.float32)[rows], questions, batch=2)
    np.testing.assert_allclose(ndcg, [(1 + 1 / np.log2(3)) / 2, 1])
    assert recall.tolist() == [1, 1]


def test_the_oracle_beats_chance_by_far_on_the_planted_world() -> None:
    data = planted_data(products=120, shoppers=150, seed=1)
    assert data.utility is not None
    split = split_for(data, draw_holdout(data, seed=1), part="test")
    oracle = measure_oracle(data.utility, split)
    chance = measure_oracle(np.zeros_like(data.utility), split)
    assert oracle.ndcg.mean() > 3 * chance.ndcg.mean()
    assert oracle.among.mean() > 1.5 * chance.among.mean()


def test_attribute_columns_have_length_one_and_products_alike_in_all_share_them() -> None:
    data = planted_data(products=60, shoppers=10, seed=0)
    assert data.interactions.content.shape[0] == 60
    np.testing.assert_allclose(np.linalg.norm(data.interactions.content, axis=1), 1, rtol=1e-6)
    with pytest.raises(ValueError, match="content: received 'pictures', expected one of attributes, captions"):
        planted_data(products=60, shoppers=10, seed=0, content="pictures")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"seeds": 0}, "seeds: received 0"),
        ({"configurations": 5}, "configurations: received 5, expected 1 to 4"),
        ({"data": Path("/nowhere")}, "data: '/nowhere' has neither"),
    ],
)
def test_a_bad_option_is_refused_by_name(options: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        run(**options)  # type: ignore[arg-type]


def test_every_model_has_the_same_number_of_settings() -> None:
    assert {kind: len(grid) for kind, grid in GRIDS.items()} == dict.fromkeys(
        ("content_knn", "dropoutnet", "two_tower", "graphsage", "softmax_mf"), 4
    )


def packed(path: Path, text: str) -> None:
    path.write_bytes(gzip.compress(text.encode()))


def test_citeulike_numbers_from_one_and_collapses_repeats(tmp_path: Path) -> None:
    packed(tmp_path / "item-tag.dat.gz", "2 5 6\n1 5\n0\n")
    packed(tmp_path / "a.csv.gz", "user,item\n1,3\n2,1\n")
    packed(tmp_path / "b.csv.gz", "user,item\n2,1\n2,2\n")
    data = read_folder(tmp_path)
    pairs = set(zip(data.interactions.user.tolist(), data.interactions.item.tolist(), strict=True))
    assert pairs == {(0, 2), (1, 0), (1, 1)}
    assert (data.interactions.n_items, data.ordered) == (3, False)
    np.testing.assert_allclose(np.linalg.norm(data.interactions.content, axis=1), [1, 1, 0], rtol=1e-6)


def test_movielens_keeps_liked_films_in_time(tmp_path: Path) -> None:
    packed(tmp_path / "ml-100k.item.gz", "item\ttitle\tyear\tclass\n7\tToy Story\t1995\tComedy\n9\tHeat\t1995\tCrime\n")
    packed(tmp_path / "ml-100k.inter.gz", "u\ti\tr\tt\nx\t9\t5\t20\nx\t7\t4\t10\ny\t7\t3\t5\n")
    data = read_folder(tmp_path)
    assert (data.interactions.item.tolist(), data.interactions.n_users, data.ordered) == ([0, 1], 1, True)


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("item-tag.dat.gz", "2 5 6\n3 5\n", r"line 2 of '.*item-tag\.dat\.gz': received '3 5'"),
        ("a.csv.gz", "user,item\n1,4\n", r"line 2 of '.*a\.csv\.gz': received '1,4', expected user,item with an item"),
        ("a.csv.gz", "user,item\n1;1\n", r"line 2 of '.*a\.csv\.gz': received '1;1'"),
    ],
)
def test_a_bad_line_is_named(name: str, text: str, message: str, tmp_path: Path) -> None:
    packed(tmp_path / "item-tag.dat.gz", "2 5 6\n1 5\n0\n")
    packed(tmp_path / name, text)
    with pytest.raises(ValueError, match=message):
        read_folder(tmp_path)


def test_a_file_that_is_no_gzip_is_named(tmp_path: Path) -> None:
    (tmp_path / "item-tag.dat.gz").write_text("2 5 6\n")
    with pytest.raises(ValueError, match=r"item-tag\.dat\.gz' cannot be read"):
        read_folder(tmp_path)


def test_rows_with_the_same_words_have_the_same_direction_and_rare_words_weigh_more() -> None:
    content = hashed_words([["a", "b"], ["b", "a"], ["a"], ["a", "c"], ["c"], []])
    np.testing.assert_allclose(content[0], content[1], atol=1e-6)
    assert content[3] @ content[4] > content[3] @ content[2]
    assert not content[5].any()


@pytest.mark.skipif(not (SHARED / "coldstart").is_dir(), reason="needs ../shared/data")
def test_the_citeulike_files_are_read() -> None:
    data = read_folder(SHARED / "coldstart")
    assert (data.interactions.n_users, data.interactions.n_items) == (5551, 16980)


def test_the_whole_benchmark_runs_on_a_tiny_world() -> None:
    results = run(quick=True, products=60, shoppers=60)
    models = results["models"]
    assert set(models) == {"random", "popularity", *GRIDS, "blend", "oracle"}
    assert models["dropoutnet"]["over_peer"]["mean"] == 0
    assert models["oracle"]["gap_closed"] == 1
    assert models["oracle"]["ndcg@10"] > models["random"]["ndcg@10"]
    assert {kind for kind, row in models.items() if "warm_loss" in row} == {"two_tower", "graphsage", "softmax_mf"}
    assert {kind: len(tried) for kind, tried in results["search"].items()} == dict.fromkeys(GRIDS, 1)
    text = table(results)
    assert all(f"\n{kind} " in text for kind in models)
