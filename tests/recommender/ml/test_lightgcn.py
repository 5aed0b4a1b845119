from pathlib import Path

import numpy as np
import pytest
import torch

from recommender.ml.artifact import read_tensors
from recommender.ml.dataset import Interactions
from recommender.ml.interaction_graph import InteractionGraph
from recommender.ml.interaction_matrix import user_item_matrix
from recommender.ml.lightgcn import LightGCNConfig, hide_edges, make_lightgcn, step_loss
from recommender.ml.scorers import load_scorer
from recommender.ml.split import Split
from recommender.ml.trainers import train

SHORT = {"embedding_size": 16, "epochs": 4}


def small_world() -> Interactions:
    rng = np.random.default_rng(2)
    user, item = np.nonzero(rng.random((12, 9)) < 0.4)
    return Interactions.from_events(
        n_users=12,
        n_items=9,
        user=user,
        item=item,
        time=np.arange(len(user)),
        weight=rng.random(len(user)) + 0.5,
        content=np.eye(9, 4),
    )


def dense_smoothing(taken: np.ndarray) -> np.ndarray:
    """R̃ᵀR̃ by loops."""
    scaled = np.zeros_like(taken)
    for user, item in zip(*np.nonzero(taken), strict=True):
        scaled[user, item] = taken[user, item] / np.sqrt(taken[user].sum() * taken[:, item].sum())
    return scaled.T @ scaled


def test_smoothing_equals_dense_products_also_without_some_edges() -> None:
    taken = user_item_matrix(small_world())
    graph = InteractionGraph(taken)
    vectors = torch.randn(9, 3, generator=torch.Generator().manual_seed(0))
    kept = torch.arange(graph.edges) % 3 > 0
    masked = taken.toarray()
    masked[graph.row[~kept], graph.column[~kept]] = 0.0
    for smoothing, dense in ((graph.smoothing(), taken.toarray()), (graph.smoothing(kept), masked)):
        expected = dense_smoothing(dense.astype(np.float64)) @ vectors.numpy()
        np.testing.assert_allclose(smoothing(vectors).numpy(), expected, rtol=1e-4, atol=1e-5)


def test_the_gradient_of_smoothing_is_smoothing() -> None:
    smoothing = InteractionGraph(user_item_matrix(small_world())).smoothing()
    vectors = torch.randn(9, 3, generator=torch.Generator().manual_seed(0), requires_grad=True)
    upstream = torch.randn(9, 3, generator=torch.Generator().manual_seed(1))
    (found,) = torch.autograd.grad(smoothing(vectors), vectors, upstream)
    torch.testing.assert_close(found, smoothing(upstream))


def test_every_user_hides_the_share_and_at_least_one_and_shows_at_least_one() -> None:
    graph = InteractionGraph(user_item_matrix(small_world()))
    counts = graph.offsets.diff().numpy()
    users = np.flatnonzero(counts >= 2)
    edges = hide_edges(graph, users, 0.4, np.random.default_rng(0))
    assert torch.equal(graph.row[edges.edge], torch.from_numpy(users)[edges.place])
    assert len(np.unique(edges.edge)) == counts[users].sum()
    hidden = torch.bincount(edges.place[edges.hidden], minlength=len(users)).numpy()
    assert hidden.tolist() == [min(max(round(0.4 * count), 1), count - 1) for count in counts[users].tolist()]


def test_what_is_predicted_reaches_no_vector() -> None:
    """The weight of a hidden edge changes what its prediction counts, and nothing that is computed for it."""
    world = small_world()
    config = LightGCNConfig(embedding_size=4, item_dropout=0.0)
    taken = user_item_matrix(world)
    users = np.array([0, 5])
    edges = hide_edges(InteractionGraph(taken), users, config.held_share, np.random.default_rng(3))
    heavier = taken.copy()
    heavier.data[edges.edge[edges.hidden].numpy()] *= 7.0
    losses = []
    for matrix in (taken, heavier):
        model = make_lightgcn(taken, world.content, config)
        losses.append(step_loss(model, InteractionGraph(matrix), users, config, np.random.default_rng(3)).item())
    assert losses[0] == pytest.approx(losses[1], rel=1e-5)


def test_scores_are_those_of_a_naive_sum_over_the_history(split: Split, tmp_path: Path) -> None:
    train("lightgcn", split.train, SHORT, directory=tmp_path)
    tables = read_tensors(tmp_path, "item_vectors")
    user = np.zeros(16)
    for item in (3, 11, 19):
        user += tables["representations"][item]
    expected = tables["item_vectors"] @ (user / np.linalg.norm(user))
    np.testing.assert_allclose(load_scorer(tmp_path).score_one(np.array([3, 11, 19, 3])), expected, atol=1e-4)


def test_new_items_are_placed_by_their_content(split: Split, tmp_path: Path) -> None:
    train("lightgcn", split.train, SHORT | {"epochs": 25, "batch_size": 64, "learning_rate": 2e-2}, directory=tmp_path)
    scorer = load_scorer(tmp_path)
    twins = np.array([0, 1, 2])  # of clusters 0, 1 and 2
    content = np.concatenate([split.train.content[twins], np.zeros((1, 16), np.float32)])
    scores = scorer.extended(content).score([np.flatnonzero(np.arange(120) % 8 == cluster) for cluster in range(3)])
    assert scores.shape == (3, 124)
    assert scores[:, 120:123].argmax(axis=1).tolist() == [0, 1, 2]
    np.testing.assert_allclose(scores[:, 123], scores[:, :120].mean(axis=1), atol=1e-4)
    with pytest.raises(ValueError, match=r"content: expected \(N, 16\), received \(1, 3\)"):
        scorer.extended(np.zeros((1, 3), np.float32))


def test_an_item_without_users_and_content_gets_average_scores(tmp_path: Path) -> None:
    rng = np.random.default_rng(2)
    user, item = np.nonzero(rng.random((30, 8)) < 0.5)
    world = Interactions.from_events(n_users=30, n_items=9, user=user, item=item, time=np.arange(len(user)))
    train("lightgcn", world, SHORT, directory=tmp_path)
    scores = load_scorer(tmp_path).score([np.array([1]), np.array([2, 5])])
    np.testing.assert_allclose(scores[:, 8], scores[:, :8].mean(axis=1), atol=1e-5)


def test_the_loss_falls(split: Split, tmp_path: Path) -> None:
    losses: list[float] = []
    parameters = SHORT | {"batch_size": 64}
    train("lightgcn", split.train, parameters, directory=tmp_path, progress=lambda report: losses.append(report.loss))
    assert losses[-1] < losses[0] - 0.05


def test_impossible_input_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"held_share: received 1\.0"):
        LightGCNConfig(held_share=1.0)
    with pytest.raises(ValueError, match="epochs: received 0"):
        LightGCNConfig(epochs=0)
    lonely = Interactions.from_events(n_users=2, n_items=3, user=[0, 1], item=[2, 1], time=[0, 1])
    with pytest.raises(ValueError, match="none of 2 users has two items"):
        train("lightgcn", lonely, directory=tmp_path)
