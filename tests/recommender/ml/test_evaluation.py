from collections.abc import Sequence

import numpy as np
import pytest

from recommender.ml.dataset import Interactions
from recommender.ml.evaluation import compare, evaluate
from recommender.ml.split import Split, leave_one_out


class Fixed:
    """Scores every history by one row, and remembers what it was asked."""

    def __init__(self, row: Sequence[float]) -> None:
        self.row = np.array(row, np.float32)
        self.asked: list[list[int]] = []

    def score(self, histories: Sequence[np.ndarray]) -> np.ndarray:
        self.asked += [history.items.tolist() for history in histories]
        return np.repeat(self.row[None], len(histories), axis=0)


SMALL = leave_one_out(
    Interactions.from_events(
        n_users=3,
        n_items=5,
        user=[0, 0, 0, 1, 1, 2, 2, 2],
        item=[0, 1, 2, 0, 1, 4, 3, 1],
        time=range(8),
    )
)


def test_everything_but_the_history_is_ranked() -> None:
    scorer = Fixed([5, 4, 3, 2, 1])
    evaluation = evaluate(scorer, SMALL, k=2, batch=1)
    assert evaluation.users.tolist() == [0, 2]
    assert scorer.asked == [[0, 1], [4, 3]]
    # User 0: items 0 and 1 are masked, so 2 is first. User 2: 0 stands before 1.
    assert evaluation.recall.tolist() == [1.0, 1.0]
    np.testing.assert_allclose(evaluation.ndcg, [1.0, 1 / np.log2(3)])
    assert evaluation.mean_ndcg == pytest.approx((1 + 1 / np.log2(3)) / 2)


def test_validation_is_predicted_without_the_test_item() -> None:
    scorer = Fixed([5, 4, 3, 2, 1])
    evaluation = evaluate(scorer, SMALL, part="validation", k=1)
    assert scorer.asked == [[0], [4]]
    assert evaluation.recall.tolist() == [1.0, 0.0]


def test_the_batch_size_does_not_matter(split: Split) -> None:
    row = np.random.default_rng(0).random(split.train.n_items)
    one, many = evaluate(Fixed(row), split, batch=7), evaluate(Fixed(row), split, batch=1000)
    assert np.array_equal(one.ndcg, many.ndcg)


def test_a_comparison_is_paired_with_the_baseline() -> None:
    evaluations = {
        "popularity": evaluate(Fixed([0, 1, 0, 1, 0]), SMALL),
        "best": evaluate(Fixed([0, 1, 1, 0, 0]), SMALL),
    }
    difference = evaluations["best"].ndcg - evaluations["popularity"].ndcg
    compared = compare(evaluations, seed=0)
    assert list(compared) == ["best"]
    assert compared["best"].ndcg.mean == pytest.approx(difference.mean())
    assert compared["best"].ndcg.low <= compared["best"].ndcg.mean <= compared["best"].ndcg.high


def test_comparisons_of_unlike_things_are_refused() -> None:
    test, validation = evaluate(Fixed([1] * 5), SMALL), evaluate(Fixed([1] * 5), SMALL, part="validation")
    with pytest.raises(ValueError, match="'other' and 'popularity' are not of the same"):
        compare({"popularity": test, "other": validation}, seed=0)
    with pytest.raises(ValueError, match="baseline: received 'popularity'"):
        compare({"other": test}, seed=0)


def test_a_split_that_holds_nothing_out_is_refused() -> None:
    empty = leave_one_out(Interactions.from_events(n_users=1, n_items=2, user=[0], item=[0], time=[0]))
    with pytest.raises(ValueError, match="part: received 'test'"):
        evaluate(Fixed([1, 1]), empty)
