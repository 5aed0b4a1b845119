"""A blend learned on validation events."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from recommender.ml.artifact import read_config, write_config, write_tensors
from recommender.ml.blend import BlendConfig, Examples, train_blend
from recommender.ml.blend_scorer import BlendScorer, Mixture
from recommender.ml.evaluation import evaluate
from recommender.ml.scorers import load_scorer
from recommender.ml.split import Split
from recommender.ml.trainers import make_config, train


@pytest.fixture(scope="module")
def parts(split: Split, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("parts")
    parameters = {
        "two_tower": {"epochs": 8, "embedding_size": 16, "batch_size": 200, "seed": 3},
        "transition_knn": {},
        "popularity": {},
    }
    for kind, chosen in parameters.items():
        train(kind, split.train, chosen, directory=folder / kind)
    write_tensors(folder / "popularity_7d", "popularity", {"counts": np.ones(120, np.float32)})
    write_config(folder / "popularity_7d", kind="popularity_7d", n_items=120)
    return {kind: folder / kind for kind in [*parameters, "popularity_7d"]}


CONFIG = BlendConfig(components=("two_tower", "transition_knn", "popularity", "popularity_7d"))


@pytest.fixture(scope="module")
def blended(split: Split, parts: dict[str, Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("blend")
    train_blend(split, CONFIG, components=parts, directory=folder)
    return folder


def test_a_blend_is_at_least_as_good_as_its_best_part(split: Split, parts: dict[str, Path], blended: Path) -> None:
    part = {kind: evaluate(load_scorer(path), split, part="validation").mean_ndcg for kind, path in parts.items()}
    assert evaluate(load_scorer(blended), split, part="validation").mean_ndcg >= max(part.values()) - 0.005


def test_what_says_nothing_gets_no_weight_and_no_copy(blended: Path) -> None:
    mixtures = read_config(blended)["mixtures"]
    assert [mixture["from_length"] for mixture in mixtures] == [0, 1, 3, 8]
    used = {kind for mixture in mixtures for kind in mixture["weights"]}
    assert "two_tower" in used
    assert "popularity_7d" not in used
    assert {path.name for path in (blended / "components").iterdir()} == used
    assert all(weight > 0 for mixture in mixtures for weight in mixture["weights"].values())


def test_one_seed_gives_one_blend(split: Split, parts: dict[str, Path], blended: Path, tmp_path: Path) -> None:
    train_blend(split, CONFIG, components=parts, directory=tmp_path)
    assert read_config(tmp_path) == read_config(blended)


def test_contributions_add_up_to_the_score(blended: Path) -> None:
    scorer = load_scorer(blended)
    assert isinstance(scorer, BlendScorer)
    history = np.array([3, 11, 19])
    score, parts = scorer.score_and_contributions(history)
    np.testing.assert_array_equal(score, scorer.score_one(history))
    np.testing.assert_allclose([part.mean() for part in parts.values()], 0, atol=1e-4)
    assert sum(part[5] - part[27] for part in parts.values()) == pytest.approx(score[5] - score[27], abs=1e-4)


def test_a_mean_of_samples_that_agree_on_nothing_still_has_components() -> None:
    kinds = ("two_tower", "graphsage", "content_knn")
    values = np.random.default_rng(0).normal(size=(3, 5, 4)).astype(np.float32)
    examples = Examples(kinds, values, np.ones((5, 4), bool))
    found = [Mixture(0, {kind: 1.0}, {}) for kind in kinds]
    assert set(examples.mean(found, often_enough=0.4).weights) == set(kinds)
    assert set(examples.mean([*found, found[1]], often_enough=0.4).weights) == {"graphsage"}


def test_a_longer_catalogue_keeps_the_scores_of_the_old_one(blended: Path, split: Split) -> None:
    scorer = load_scorer(blended)
    longer = scorer.extended(split.train.content[:2])
    assert (scorer.n_items, longer.n_items) == (120, 122)
    history = np.array([3, 11])
    np.testing.assert_allclose(longer.score_one(history)[:120], scorer.score_one(history), rtol=1e-4, atol=1e-4)
    assert np.isfinite(longer.score_one(np.array([121, 3]))).all()


def test_weights_follow_the_length_of_the_history(parts: dict[str, Path], tmp_path: Path) -> None:
    for kind in ("popularity", "transition_knn"):
        (tmp_path / "components").mkdir(exist_ok=True)
        (tmp_path / "components" / kind).symlink_to(parts[kind])
    mixtures = [
        {"from_length": 0, "weights": {"popularity": 1.0}, "smoothing": {"popularity": 1e-3}},
        {"from_length": 2, "weights": {"transition_knn": 2.0}, "smoothing": {"transition_knn": 1e-3}},
    ]
    write_config(tmp_path, kind="blend", n_items=120, mixtures=mixtures)
    scores = load_scorer(tmp_path).score([np.array([4]), np.array([4, 9])])
    popular = load_scorer(parts["popularity"]).score_one(np.array([4]))
    follows = load_scorer(parts["transition_knn"]).score_one(np.array([4, 9]))
    np.testing.assert_allclose(scores[0], np.log(popular / popular.sum() + 1e-3), rtol=1e-5)
    np.testing.assert_allclose(scores[1], 2 * np.log(follows / follows.sum() + 1e-3), rtol=1e-5)


def test_ndcg_of_examples_equals_a_naive_count() -> None:
    values = np.array([[[3.0, 5.0, 1.0, 9.0], [2.0, 2.0, 1.0, 0.0]]], np.float32)
    valid = np.array([[True, True, True, False], [True, True, True, True]])
    examples = Examples(("two_tower",), values, valid)
    # The first target is second of three, the second shares the first place with another: half a place lost.
    expected = (1 / np.log2(3) + 1 / np.log2(2.5)) / 2
    assert examples.ndcg(Mixture(0, {"two_tower": 1.0}, {}), 10) == pytest.approx(expected)
    assert examples.ndcg(Mixture(0, {"two_tower": 1.0}, {}), 1) == pytest.approx(1 / np.log2(2.5) / 2)


def test_bad_input_is_refused_by_name(split: Split, parts: dict[str, Path], tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="components: graphsage not trained, received two_tower"):
        train_blend(split, BlendConfig(components=("graphsage",)), components=parts, directory=tmp_path)
    nobody = np.full_like(split.validation_item, -1)
    with pytest.raises(ValueError, match="split: received no validation events"):
        train_blend(replace(split, validation_item=nobody), CONFIG, components=parts, directory=tmp_path)
    with pytest.raises(ValueError, match=r"lengths: received \(1, 3\)"):
        make_config("blend", {"lengths": [1, 3]})
    assert not list(tmp_path.iterdir())


def test_a_missing_component_of_an_artifact_is_named(tmp_path: Path) -> None:
    write_tensors(tmp_path, "nothing", {})
    write_config(
        tmp_path, kind="blend", n_items=1, mixtures=[{"from_length": 0, "weights": {"ease": 1.0}, "smoothing": {}}]
    )
    with pytest.raises(FileNotFoundError, match=r"ease' has no config\.json"):
        load_scorer(tmp_path)
