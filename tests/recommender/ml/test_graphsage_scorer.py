"""Serving GraphSAGE without torch: equal to the trained model, and open to what it has never seen."""

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch_geometric.data import HeteroData

from recommender.ml.dataset import History, Interactions
from recommender.ml.graph import build_graph, group_names, group_of_items
from recommender.ml.graph_messages import edges_by_item
from recommender.ml.graph_neighbours import content_neighbours
from recommender.ml.graph_speed import measure_inference
from recommender.ml.graphsage import GraphSAGEConfig, make_graphsage, train_graphsage
from recommender.ml.graphsage_export import embed_whole_graph, export_graphsage
from recommender.ml.graphsage_model import GraphSAGE
from recommender.ml.graphsage_scorer import Audience, GraphSAGEScorer
from recommender.ml.progress import ignore_progress
from recommender.ml.scorers import load_scorer
from tests.recommender.ml.graph_worlds import clustered_world, with_groups

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


OPTIONS = {"half_lives": (4.0, 1.0), "history_length": 6, "audience": 7}


def exported(
    world: Interactions, directory: Path, *, layers: int, identity: bool, neighbours: int = 5
) -> tuple[GraphSAGE, HeteroData, GraphSAGEScorer]:
    """An untrained model, in torch and as it is served."""
    data = build_graph(world, neighbours=content_neighbours(world.content, neighbours))
    torch.manual_seed(layers)
    config = {"fan_out": (5,) * layers, "neighbours": neighbours, **OPTIONS}
    model = make_graphsage(data, GraphSAGEConfig(embedding_size=8, identity=identity, temperature=0.1, **config))
    for parameter in (model.user_projection, model.popularity, *model.group_identity.values()):
        torch.nn.init.normal_(parameter)  # zeros at first, and so invisible
    export_graphsage(model, data, config, directory=directory)
    scorer = load_scorer(directory)
    assert isinstance(scorer, GraphSAGEScorer)
    return model, data, scorer


@pytest.mark.parametrize("identity", [False, True])
@pytest.mark.parametrize("layers", [1, 2, 3])
def test_served_scores_equal_the_torch_model_on_the_whole_graph(tmp_path: Path, layers: int, identity: bool) -> None:
    world = with_groups(clustered_world(n_users=50))
    model, data, scorer = exported(world, tmp_path, layers=layers, identity=identity)
    users, items, _, _ = embed_whole_graph(model, data, **OPTIONS)
    shoppers = world.shoppers()
    assert np.abs(scorer.user_vectors(shoppers) - users.numpy()).max() < 1e-4
    assert np.abs(scorer.score(shoppers) - (users @ items.T).numpy()).max() < 1e-4
    assert users.std(dim=0)[:-1].min() > 1e-3  # the users differ, so the equality says something


@pytest.mark.parametrize("identity", [False, True])
@pytest.mark.parametrize("layers", [1, 2, 3])
def test_an_item_embedded_from_its_neighbourhood_equals_the_whole_graph(
    tmp_path: Path, layers: int, identity: bool
) -> None:
    """Every item from its direct neighbours alone, some of them personas; of many users it hears the latest."""
    world = with_groups(clustered_world(n_users=50))
    world = replace(world, synthetic=world.user >= 40)
    _, data, scorer = exported(world, tmp_path, layers=layers, identity=identity)
    shoppers, latest = world.shoppers(), edges_by_item(data).numpy()
    audiences, taken_by = [], []
    for item in range(world.n_items):
        edges = latest[world.item[latest] == item]
        taken_by.append(len(edges))
        audiences.append(
            Audience(
                histories=[shoppers[user] for user in world.user[edges]],
                weight=world.weight[edges],
                synthetic=world.synthetic[edges],
            )
        )
    assert max(taken_by) > OPTIONS["audience"] > min(taken_by)
    vectors, said = scorer.refresh_items(
        np.arange(60),
        content_neighbours(world.content, 5),
        audiences,
        {name: group_of_items(data, name).numpy() for name in group_names(data)},
    )
    assert np.abs(vectors - scorer.item_vectors).max() < 1e-4
    assert np.abs(said - scorer.representations).max() < 1e-4


def test_an_item_that_somebody_took_just_now_moves_at_once(tmp_path: Path) -> None:
    """Refreshing with one more user gives what the whole graph gives with one more interaction."""
    world = clustered_world(n_users=50)
    model, _, scorer = exported(world, tmp_path, layers=2, identity=False)
    item = int(np.setdiff1d(np.arange(60), world.histories()[0])[0])
    later = Interactions.from_events(
        n_users=50,
        n_items=60,
        user=np.append(world.user, 0),
        item=np.append(world.item, item),
        time=np.append(world.time, 99),
        content=world.content,
    )
    graph = build_graph(later, neighbours=content_neighbours(world.content, 5))
    _, expected, _, _ = embed_whole_graph(model, graph, **OPTIONS)
    latest = edges_by_item(graph).numpy()
    edges = latest[later.item[latest] == item]
    shoppers = later.shoppers()
    audience = Audience([shoppers[user] for user in later.user[edges]], later.weight[edges])
    vectors, _ = scorer.refresh_items(np.array([item]), content_neighbours(world.content, 5)[[item]], [audience])
    assert np.abs(vectors[0] - expected[item].numpy()).max() < 1e-4
    assert np.abs(vectors[0] - scorer.item_vectors[item]).max() > 1e-3


def test_a_user_and_an_item_vector_take_less_than_ten_milliseconds(tmp_path: Path) -> None:
    measured = measure_inference(tmp_path, requests=40, edges=20_000, users=2_000, items=800)
    assert measured["difference"] < 1e-4
    assert measured["p95_ms"] < 10


def test_what_a_shopper_stated_moves_their_scores_and_is_checked(tmp_path: Path) -> None:
    _, _, scorer = exported(with_groups(clustered_world(n_users=50)), tmp_path, layers=2, identity=False)
    history = np.array([3, 7])
    stated = scorer.score_one(History(history, features=np.array([1, 0, 2], np.float32)))
    assert np.abs(stated - scorer.score_one(history)).max() > 1e-3
    assert np.array_equal(scorer.score_one(History(history)), scorer.score_one(history))
    with pytest.raises(ValueError, match=r"features: received \(2,\) in row 0, not \(3,\)"):
        scorer.score_one(History(history, features=np.zeros(2, np.float32)))


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
    extended = trained.extended(content)
    assert extended.n_items == 64
    scores = extended.score([np.arange(cluster, 24, 4) for cluster in range(4)])
    new = scores[:, 60:]
    assert new.argmax(axis=0).tolist() == [0, 1, 2, 3]
    assert np.allclose(extended.score_one(np.array([1]))[:60], trained.score_one(np.array([1])), atol=1e-5)
    # A history of new items alone says as much as one of trained items.
    taste = extended.score_one(np.array([62]))[:60]
    assert taste[np.arange(60) % 4 == 2].mean() > taste[np.arange(60) % 4 != 2].mean()
    alone, _ = trained.embed_new_items(content)
    assert np.abs(alone - extended.item_vectors[60:]).max() > 1e-3


def test_new_items_find_their_nearest_trained_items_whatever_came_before(trained: GraphSAGEScorer) -> None:
    content = clustered_world(n_users=200).content[:5]
    near = trained.content_neighbours(content)
    assert near[:, 0].tolist() == [0, 1, 2, 3, 4]  # each looks exactly like a trained item
    together = trained.extended(content)
    one_by_one = trained
    for row in range(5):
        one_by_one = one_by_one.extended(content[row : row + 1])
    assert np.allclose(one_by_one.item_vectors, together.item_vectors, atol=1e-5)


def test_a_new_item_equals_the_torch_model_for_an_item_without_users(tmp_path: Path) -> None:
    """The last item has content, neighbours and a category, and was never taken."""
    world = clustered_world(n_items=30, n_users=30)
    content = np.concatenate([world.content, world.content[:1]])
    world = replace(world, n_items=31, content=content, groups={"category": np.arange(31) % 4})
    _, _, scorer = exported(world, tmp_path, layers=2, identity=False, neighbours=4)
    near = content_neighbours(content, 4)[30:]
    vectors, said = scorer.embed_new_items(content[30:], near, {"category": np.array([30 % 4])})
    assert np.abs(vectors - scorer.item_vectors[30:]).max() < 1e-4
    assert np.abs(said - scorer.representations[30:]).max() < 1e-4
    without, _ = scorer.embed_new_items(content[30:], near)
    assert np.abs(vectors - without).max() > 1e-3
    with pytest.raises(ValueError, match=r"groups: received \[9\] for 'category', which has 4"):
        scorer.embed_new_items(content[30:], near, {"category": np.array([9])})


def test_a_model_without_content_takes_new_items_for_items_without_edges(tmp_path: Path) -> None:
    world = clustered_world(n_users=40)
    bare = replace(world, content=np.zeros((60, 0), np.float32))
    config = GraphSAGEConfig(embedding_size=16, epochs=1)
    train_graphsage(bare, config, directory=tmp_path, progress=ignore_progress)
    extended = load_scorer(tmp_path).extended(np.zeros((2, 0), np.float32))
    scores = extended.score([np.array([3, 61])])
    assert scores.shape == (1, 62)
    assert scores[0, 60] == pytest.approx(scores[0, 61], abs=1e-5)


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
