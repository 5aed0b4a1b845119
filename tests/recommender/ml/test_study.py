"""What several trainings say together, from what each of them achieved."""

import numpy as np
import pytest

from recommender.ml.study import HISTORY_LENGTHS, Cell, Measured, best_baseline, figures_of, plan_cells

USERS = 400


def measured(level: float, *, seed: int = 0, validation: float | None = None, coverage: float | None = 0.5) -> Measured:
    rng = np.random.default_rng(seed)
    ndcg = np.clip(level + rng.normal(0, 0.05, USERS), 0, 1)
    return Measured(
        recall=np.clip(2 * ndcg, 0, 1),
        ndcg=ndcg,
        mrr=ndcg / 2,
        history_length=np.arange(USERS) % 25,
        figures={"coverage@10": coverage},
        validation_ndcg=validation,
    )


def test_a_blend_is_trained_after_what_it_is_made_of_and_only_seeded_kinds_several_times() -> None:
    cells = plan_cells(protocols=["leave_one_out", "cold_items"], kinds=["blend", "random", "popularity"], seeds=2)
    assert cells[:5] == [
        Cell("leave_one_out", "random", 0),
        Cell("leave_one_out", "random", 1),
        Cell("leave_one_out", "popularity", 0),
        Cell("leave_one_out", "blend", 0),
        Cell("leave_one_out", "blend", 1),
    ]
    assert len({cell.name for cell in cells}) == len(cells) == 10


def test_stored_figures_come_back_to_float32() -> None:
    before = measured(0.2, validation=0.25)
    after = Measured.from_bytes(before.to_bytes(), figures=before.figures, validation_ndcg=before.validation_ndcg)
    for name in ("recall", "ndcg", "mrr"):
        np.testing.assert_allclose(getattr(after, name), getattr(before, name), rtol=1e-6)
    assert np.array_equal(after.history_length, before.history_length)
    assert (after.figures, after.validation_ndcg) == ({"coverage@10": 0.5}, 0.25)


def test_the_best_baseline_is_chosen_on_validation_and_among_baselines_alone() -> None:
    kinds = {
        "popularity": [measured(0.3, validation=0.1)],
        "item_knn": [measured(0.2, validation=0.2)],
        "two_tower": [measured(0.5, validation=0.5)],
    }
    assert best_baseline(kinds) == "item_knn"
    assert best_baseline({"two_tower": kinds["two_tower"]}) is None


def test_figures_are_means_over_seeds_beside_popularity_and_the_best_baseline() -> None:
    towers = [measured(level, seed=number, validation=0.4) for number, level in enumerate((0.30, 0.32, 0.34))]
    results = figures_of(
        {
            "popularity": [measured(0.1, seed=9, validation=0.1)],
            "item_knn": [measured(0.2, seed=8, validation=0.2, coverage=None)],
            "two_tower": towers,
        }
    )
    tower = results["two_tower"]
    assert tower["seeds"] == 3
    assert tower["ndcg@10"] == pytest.approx(np.mean([one.ndcg.mean() for one in towers]), abs=1e-5)
    spread = np.std([one.ndcg.mean() for one in towers], ddof=1)
    assert tower["ndcg@10_deviation_over_seeds"] == pytest.approx(spread, abs=1e-5)
    assert tower["ndcg@10_standard_error"] > spread / np.sqrt(3) - 1e-5
    for name, level in (("popularity", 0.1), ("best_baseline", 0.2)):
        gain = tower[f"ndcg@10_minus_{name}"]
        assert gain["low"] < gain["mean"] < gain["high"]
        assert gain["mean"] == pytest.approx(0.32 - level, abs=0.01)
    assert "ndcg@10_minus_popularity" not in results["popularity"]
    assert results["popularity"]["ndcg@10_minus_best_baseline"]["high"] < 0
    assert "ndcg@10_minus_best_baseline" not in results["item_knn"]
    assert (results["item_knn"]["coverage@10"], tower["coverage@10"]) == (None, 0.5)
    assert tower["validation_ndcg@10"] == 0.4


def test_users_without_history_are_in_no_bucket_and_all_others_in_one() -> None:
    one = measured(0.3)
    buckets = figures_of({"popularity": [one]})["popularity"]["ndcg@10_by_history"]
    assert [(bucket["from"], bucket["to"]) for bucket in buckets] == list(HISTORY_LENGTHS)
    assert sum(bucket["users"] for bucket in buckets) == USERS - (one.history_length == 0).sum()
    first = one.ndcg[(one.history_length == 1) | (one.history_length == 2)]
    assert buckets[0]["ndcg@10"] == pytest.approx(first.mean(), abs=1e-5)
