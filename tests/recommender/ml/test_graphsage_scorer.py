"""Serving GraphSAGE without torch: equal to the trained model, and open to what it has never seen."""

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from recommender.ml.graph import build_graph, content_neighbours
from recommender.ml.graphsage import GraphSAGEConfig, train_graphsage
from recommender.ml.graphsage_export import embed_whole_graph, export_graphsage
from recommender.ml.graphsage_model import GraphSAGE
from recommender.ml.graphsage_scorer import GraphSAGEScorer
from recommender.ml.progress import ignore_progress
from recommender.ml.scorers import load_scorer
from tests.recommender.ml.graph_worlds import clustered_world

EMPTY = np.array([], dtype=np.int64)


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> GraphSAGEScorer:
    """Trained on the clustered world, whose item i and user u belong to cluster i % 4 and u % 4."""
    directory = tmp_path_factory.mktemp("graphsage")
    config = GraphSAGEConfig(embedding_size=16, epochs=8)
    train_graphsage(clustered_world(n_users=200), config, directory=directory, progress=ignore_progress)
    scorer = load_scorer(directory)
    assert isinstance(scorer, GraphSAGEScorer)
    return scorer


@pytest.mark.parametrize("layers", [1, 2, 3])
def test_served_scores_equal_the_torch_model_on_the_whole_graph(tmp_path: Path, layers: int) -> None:
    world = clustered_world(n_users=50)
    data = build_graph(world, neighbours=content_neighbours(world.content, 5))
    torch.manual_seed(layers)
    model = GraphSAGE(
        torch.from_numpy(world.content), embedding_size=8, layers=layers, half_lives=2, dropout=0.3, temperature=0.1
    )
    config = {"half_lives": (4.0, 1.0), "history_length": 6}
    export_graphsage(model, data, config, directory=tmp_path)
    users, items, _ = embed_whole_graph(model, data, **config)
    scorer = load_scorer(tmp_path)
    assert isinstance(scorer, GraphSAGEScorer)
    assert np.abs(scorer.user_vectors(world.histories()) - users.numpy()).max() < 1e-4
    assert np.abs(scorer.score(world.histories()) - (users @ items.T).numpy()).max() < 1e-4
    assert users.std(dim=0)[:-1].min() > 1e-3  # the users differ, so the equality says something


def test_score_one_equals_a_row_of_a_ragged_batch(trained: GraphSAGEScorer) -> None:
    histories = [np.array([3]), EMPTY, np.arange(59), np.array([5, 9, 1, 9])]
    scores = trained.score(histories)
    assert scores.dtype == np.float32
    assert scores.shape == (4, 60)
    for history, row in zip(histories, scores, strict=True):
        assert np.abs(trained.score_one(history) - row).max() < 1e-5


def test_no_history_at_all_is_scored_too(trained: GraphSAGEScorer) -> None:
    assert trained.score([]).shape == (0, 60)
    assert np.allclose(trained.score([EMPTY])[0], trained.score([EMPTY, EMPTY])[1], atol=1e-5)


def test_a_new_visitor_is_shown_what_is_popular(trained: GraphSAGEScorer) -> None:
    taken = clustered_world(n_users=200).popularity()
    assert np.corrcoef(trained.score_one(EMPTY), np.log1p(taken))[0, 1] > 0.8


def test_the_latest_item_moves_the_scores_most(trained: GraphSAGEScorer) -> None:
    old, new = np.array([0, 4, 8, 1]), np.array([1, 0, 4, 8])
    cluster = np.arange(60) % 4
    gap = {
        name: trained.score_one(history)[cluster == 1].mean() - trained.score_one(history)[cluster == 0].mean()
        for name, history in {"one last": old, "one first": new}.items()
    }
    assert gap["one last"] > gap["one first"]


def test_only_the_latest_items_of_a_long_history_count(trained: GraphSAGEScorer) -> None:
    short = replace(trained, history_length=2)
    assert np.array_equal(short.score_one(np.array([7, 30, 2, 5])), short.score_one(np.array([2, 5])))


@pytest.mark.parametrize("unknown", [60, -1])
def test_an_unknown_item_is_refused_by_its_index(trained: GraphSAGEScorer, unknown: int) -> None:
    with pytest.raises(ValueError, match=f"received item {unknown} in row 1"):
        trained.score([EMPTY, np.array([4, unknown])])
    with pytest.raises(ValueError, match=f"received item {unknown}"):
        trained.score_one(np.array([unknown]))


def test_an_item_added_since_training_reaches_the_shoppers_of_its_kind(trained: GraphSAGEScorer) -> None:
    world = clustered_world(n_users=200)
    content = world.content[:4]  # looks like items 0 to 3, one of each cluster
    near = content_neighbours(world.content, 5)[:4]
    for extended in (trained.extended(content), trained.extended(content, near)):
        assert extended.n_items == 64
        scores = extended.score([np.arange(cluster, 24, 4) for cluster in range(4)])
        new = scores[:, 60:]
        assert new.argmax(axis=0).tolist() == [0, 1, 2, 3]
        assert np.allclose(extended.score_one(np.array([1]))[:60], trained.score_one(np.array([1])), atol=1e-5)
    # A history of new items alone says as much as one of trained items.
    taste = trained.extended(content, near).score_one(np.array([62]))[:60]
    assert taste[np.arange(60) % 4 == 2].mean() > taste[np.arange(60) % 4 != 2].mean()


def test_a_new_item_equals_the_torch_model_for_an_item_without_users(tmp_path: Path) -> None:
    """The last item has content and neighbours and was never taken; its ID embedding is set to nothing."""
    world = clustered_world(n_items=30, n_users=30)
    content = np.concatenate([world.content, world.content[:1]])
    world = replace(world, n_items=31, content=content)
    data = build_graph(world, neighbours=content_neighbours(content, 4))
    torch.manual_seed(0)
    model = GraphSAGE(torch.from_numpy(content), embedding_size=8, layers=2, half_lives=1, dropout=0.0, temperature=0.1)
    with torch.no_grad():
        model.identity.weight[30] = 0
    config = {"half_lives": (4.0,), "history_length": 6}
    export_graphsage(model, data, config, directory=tmp_path)
    scorer = GraphSAGEScorer.load(tmp_path)
    vectors, representations = scorer.embed_new_items(content[30:], content_neighbours(content, 4)[30:])
    assert np.abs(vectors - scorer.item_vectors[30:]).max() < 1e-4
    assert np.abs(representations - scorer.representations[30:]).max() < 1e-4


def test_content_or_neighbours_of_the_wrong_kind_are_refused(trained: GraphSAGEScorer) -> None:
    with pytest.raises(ValueError, match=r"received shape \(2, 5\), the model expects \(N, 16\)"):
        trained.embed_new_items(np.zeros((2, 5), np.float32))
    with pytest.raises(ValueError, match="neighbours: received item 60"):
        trained.embed_new_items(np.zeros((1, 16), np.float32), np.array([[60]]))
    with pytest.raises(ValueError, match=r"neighbours: received shape \(2, 1\)"):
        trained.embed_new_items(np.zeros((1, 16), np.float32), np.array([[1], [2]]))


def test_a_missing_file_is_named(trained: GraphSAGEScorer, tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"config\.json"):
        GraphSAGEScorer.load(tmp_path)


def test_serving_loads_no_torch() -> None:
    code = (
        "import sys, recommender.ml.graphsage_scorer;"
        "sys.exit(any(name.split('.')[0] in ('torch', 'torch_geometric') for name in sys.modules))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
