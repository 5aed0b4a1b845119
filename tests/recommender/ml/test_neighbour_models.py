"""Item-kNN, EASE, GF-CF and content-kNN against their formulas written out."""

from pathlib import Path

import numpy as np
import pytest

from recommender.ml import ease
from recommender.ml.dataset import Interactions
from recommender.ml.ease import EASEConfig
from recommender.ml.gf_cf import GFCFConfig
from recommender.ml.item_knn import ItemKNNConfig, cosine_matrix
from recommender.ml.neighbour_scorer import FALLBACK_SCALE, latest_first
from recommender.ml.scorers import load_scorer
from recommender.ml.trainers import train

N_USERS, N_ITEMS = 40, 14
HISTORY = np.array([4, 9, 4, 2])


def world() -> Interactions:
    """Item 13 was taken by nobody."""
    rng = np.random.default_rng(7)
    user, item = np.nonzero(rng.random((N_USERS, N_ITEMS - 1)) < 0.3)
    content = rng.normal(size=(N_ITEMS, 6))
    content /= np.linalg.norm(content, axis=1, keepdims=True)
    content[9] = 0.0
    return Interactions.from_events(
        n_users=N_USERS,
        n_items=N_ITEMS,
        user=user,
        item=item,
        time=np.arange(len(user)),
        weight=rng.random(len(user)) + 0.2,
        content=content,
    )


def dense(interactions: Interactions) -> np.ndarray:
    taken = np.zeros((N_USERS, N_ITEMS))
    taken[interactions.user, interactions.item] = interactions.weight
    return taken


def expected_sum(matrix: np.ndarray, decay: float, popularity: np.ndarray) -> np.ndarray:
    """Rows of the distinct history, latest first."""
    return matrix[2] + decay * matrix[4] + decay**2 * matrix[9] + FALLBACK_SCALE * popularity / popularity.max()


def test_each_item_counts_once_where_it_came_last() -> None:
    assert latest_first(HISTORY).tolist() == [2, 4, 9]
    assert latest_first(HISTORY, 2).tolist() == [2, 4]
    assert latest_first(np.zeros(0, np.int64)).tolist() == []


def test_item_knn_is_the_shrunk_cosine(tmp_path: Path) -> None:
    interactions = world()
    taken = np.sqrt(dense(interactions))
    expected = np.zeros((N_ITEMS, N_ITEMS))
    for i in range(N_ITEMS):
        for j in range(N_ITEMS):
            if i != j:
                length = np.linalg.norm(taken[:, i]) * np.linalg.norm(taken[:, j])
                expected[i, j] = taken[:, i] @ taken[:, j] / (length + 2.0)
    config = ItemKNNConfig(shrinkage=2.0, history_decay=0.5)
    np.testing.assert_allclose(cosine_matrix(interactions, config).toarray(), expected, rtol=1e-5)
    train("item_knn", interactions, config, directory=tmp_path)
    scores = expected_sum(expected, 0.5, interactions.popularity())
    np.testing.assert_allclose(load_scorer(tmp_path).score_one(HISTORY), scores, rtol=1e-4, atol=1e-7)


def test_ease_is_its_closed_form(tmp_path: Path) -> None:
    interactions = world()
    taken = np.sqrt(dense(interactions))
    inverse = np.linalg.inv(taken.T @ taken + 3.0 * np.eye(N_ITEMS))
    expected = inverse / -np.diag(inverse)
    np.fill_diagonal(expected, 0.0)
    train("ease", interactions, EASEConfig(reg=3.0, history_decay=1.0), directory=tmp_path)
    scores = expected_sum(expected, 1.0, interactions.popularity())
    np.testing.assert_allclose(load_scorer(tmp_path).score_one(HISTORY), scores, rtol=1e-3, atol=1e-5)


def test_ease_keeps_the_weights_of_largest_size(tmp_path: Path) -> None:
    train("ease", world(), EASEConfig(neighbours=4), directory=tmp_path)
    scorer = load_scorer(tmp_path)
    assert np.diff(scorer.indptr).tolist() == [4] * 13 + [0]  # type: ignore[attr-defined]


def test_ease_refuses_a_catalogue_too_large_for_its_matrix(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ease, "MAX_ITEMS", 12)
    with pytest.raises(ValueError, match="n_items: received 13 items with events, EASE takes at most 12"):
        train("ease", world(), directory=tmp_path)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("factors", [0, 5])
def test_gf_cf_is_the_linear_filter_and_the_ideal_low_pass(factors: int, tmp_path: Path) -> None:
    interactions = world()
    taken = dense(interactions)[:, :13]
    degree = taken.sum(axis=0)
    scaled = taken / np.sqrt(np.maximum(taken.sum(axis=1, keepdims=True), 1e-12) * degree)
    vectors = np.linalg.svd(scaled)[2][:factors]
    low_pass = vectors.T @ vectors * np.sqrt(degree) / np.sqrt(degree)[:, None]
    expected = np.pad(scaled.T @ scaled + 0.4 * low_pass, ((0, 1), (0, 1)))
    config = GFCFConfig(factors=factors, alpha=0.4, history_decay=0.7)
    train("gf_cf", interactions, config, directory=tmp_path)
    scores = expected_sum(expected, 0.7, interactions.popularity())
    np.testing.assert_allclose(load_scorer(tmp_path).score_one(HISTORY), scores, rtol=1e-3, atol=1e-5)


def test_content_knn_is_the_inner_product_with_the_weighted_mean(tmp_path: Path) -> None:
    interactions = world()
    train("content_knn", interactions, {"history_decay": 0.5}, directory=tmp_path)
    scorer = load_scorer(tmp_path)
    content = interactions.content
    # Item 9 has no content, so that item 4 is the second latest with some.
    profile = (content[2] + 0.5 * content[4]) / 1.5
    np.testing.assert_allclose(scorer.score_one(HISTORY), content @ profile, atol=2e-3)
    new = np.eye(6, dtype=np.float32)[:2]
    np.testing.assert_allclose(scorer.extended(new).score_one(HISTORY)[N_ITEMS:], new @ profile, atol=2e-3)
    with pytest.raises(ValueError, match=r"content: expected \(N, 6\), received \(1, 5\)"):
        scorer.extended(np.zeros((1, 5), np.float32))


@pytest.mark.parametrize("kind", ["item_knn", "ease", "gf_cf"])
def test_new_items_have_no_neighbours_yet(kind: str, tmp_path: Path) -> None:
    train(kind, world(), directory=tmp_path)
    scorer = load_scorer(tmp_path)
    longer = scorer.extended(np.zeros((2, 6), np.float32))
    np.testing.assert_allclose(longer.score_one(HISTORY)[:N_ITEMS], scorer.score_one(HISTORY), rtol=1e-5)
    assert longer.score_one(HISTORY)[N_ITEMS:].tolist() == [0.0, 0.0]
    assert longer.score_one(np.array([N_ITEMS])).argmax() == interactions_top()


def interactions_top() -> int:
    return int(world().popularity().argmax())


@pytest.mark.parametrize("kind", ["item_knn", "ease", "gf_cf", "content_knn"])
def test_a_world_without_events_still_makes_a_model(kind: str, tmp_path: Path) -> None:
    nobody = Interactions.from_events(n_users=2, n_items=3, user=[], item=[], time=[])
    train(kind, nobody, directory=tmp_path)
    assert load_scorer(tmp_path).score([np.array([1]), np.array([], np.int64)]).tolist() == [[0.0] * 3] * 2


def test_impossible_settings_are_refused() -> None:
    for config, name, value in (
        (ItemKNNConfig, "neighbours", 0),
        (ItemKNNConfig, "shrinkage", -1.0),
        (ItemKNNConfig, "history_decay", 0.0),
        (EASEConfig, "reg", 0.0),
        (EASEConfig, "neighbours", 0),
        (GFCFConfig, "factors", -1),
        (GFCFConfig, "history_decay", 1.1),
    ):
        with pytest.raises(ValueError, match=f"{name}: received {value}"):
            config(**{name: value})
