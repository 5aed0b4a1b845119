"""The sampler: which neighbours it takes, in which layout, and that it never shows the answer."""

import math

import numpy as np
import pytest
import torch
from torch_geometric.data import HeteroData
from torch_geometric.loader import LinkLoader, NodeLoader

from recommender.ml.dataset import Interactions
from recommender.ml.graph import (
    INTERACTS,
    ITEM,
    REVERSE_INTERACTS,
    SIMILAR,
    USER,
    batch_messages,
    build_graph,
    content_neighbours,
)
from recommender.ml.graph_sampler import InteractionSampler, spread
from recommender.ml.graphsage import GraphSAGEConfig, SupervisionBatches
from recommender.ml.graphsage_export import embed_whole_graph
from recommender.ml.graphsage_model import GraphSAGE
from tests.recommender.ml.graph_worlds import clustered_world


@pytest.fixture(scope="module")
def world() -> Interactions:
    return clustered_world()


@pytest.fixture(scope="module")
def graph(world: Interactions) -> HeteroData:
    return build_graph(world, neighbours=content_neighbours(world.content, 6))


def make_loader(graph: HeteroData, *, seed: int = 0, **options: object) -> LinkLoader:
    settings = {"fan_out": (4, 3), "history_length": 5, "negatives": 20} | options
    generator = torch.Generator().manual_seed(seed)
    edges = graph[INTERACTS].edge_index
    return LinkLoader(
        graph,
        InteractionSampler(graph, generator=generator, **settings),
        edge_label_index=(INTERACTS, edges),
        input_id=torch.arange(edges.shape[1]),
        batch_size=64,
        shuffle=True,
        generator=generator,
    )


def make_model(world: Interactions, *, half_lives: int = 2) -> GraphSAGE:
    torch.manual_seed(0)
    model = GraphSAGE(
        torch.from_numpy(world.content),
        embedding_size=8,
        layers=2,
        half_lives=half_lives,
        dropout=0.1,
        temperature=0.07,
    )
    return model.eval()


def test_spread_counts_up_from_each_start() -> None:
    owner, value = spread(torch.tensor([5, 0, 9]), torch.tensor([3, 0, 2]))
    assert owner.tolist() == [0, 0, 0, 2, 2]
    assert value.tolist() == [5, 6, 7, 9, 10]


def test_every_sampled_edge_is_an_edge_of_the_graph_and_sorted_by_destination(graph: HeteroData) -> None:
    batch = next(iter(make_loader(graph)))
    for edge_type in (SIMILAR, INTERACTS, REVERSE_INTERACTS):
        source, destination = batch[edge_type].edge_index
        original = graph[edge_type].edge_index[:, batch[edge_type].e_id]
        assert len(source) > 0
        assert torch.equal(batch[edge_type[0]].n_id[source], original[0])
        assert torch.equal(batch[edge_type[2]].n_id[destination], original[1])
        assert (destination.diff() >= 0).all()
        assert sum(batch[edge_type].num_sampled_edges) == len(source)


def test_a_destination_keeps_all_neighbours_up_to_the_fan_out_and_else_that_many_distinct(
    graph: HeteroData,
) -> None:
    degree = torch.bincount(graph[SIMILAR].edge_index[1], minlength=60)
    batch = next(iter(make_loader(graph)))
    first, _ = batch[SIMILAR].num_sampled_edges
    edge = batch[SIMILAR].e_id[:first]
    assert edge.unique().numel() == first
    received = torch.bincount(graph[SIMILAR].edge_index[1][edge], minlength=60)
    candidates = batch[ITEM].n_id[: batch[ITEM].num_sampled_nodes[0]]
    assert torch.equal(received[candidates], degree[candidates].clamp(max=4))


def test_each_neighbour_is_picked_with_equal_chance() -> None:
    world = Interactions.from_events(n_users=7, n_items=1, user=range(7), item=[0] * 7, time=[0] * 7)
    graph = build_graph(world, neighbours=np.zeros((1, 0), dtype=np.int64))
    sampler = InteractionSampler(
        graph, fan_out=(3, 1), history_length=1, negatives=1, generator=torch.Generator().manual_seed(0)
    )
    start, degree = torch.zeros(7000, dtype=torch.int64), torch.full((7000,), 7)
    owner, slot = sampler._pick(start, degree, 3)
    assert torch.bincount(owner).tolist() == [3] * 7000
    # 7,000 draws of 3 out of 7: 3,000 expected for each, standard deviation 41.
    assert (torch.bincount(slot, minlength=7) - 3000).abs().max() < 5 * 41


def test_no_supervision_edge_and_nothing_after_it_is_ever_in_the_messages(
    world: Interactions, graph: HeteroData
) -> None:
    user = torch.from_numpy(world.user)
    supervised_edges = 0
    for batch in make_loader(graph, fan_out=(1000, 1000), history_length=1000):
        supervision = batch[INTERACTS].input_id
        supervised_edges += len(supervision)
        assert not torch.isin(batch[INTERACTS].e_id, supervision).any()
        edge, (_, destination) = batch[REVERSE_INTERACTS].e_id, batch[REVERSE_INTERACTS].edge_index
        seeds = destination < len(supervision)
        # A seed user holds what came before its own supervision edge, all of it and nothing else.
        assert (edge[seeds] < supervision[destination[seeds]]).all()
        assert torch.equal(user[edge[seeds]], user[supervision[destination[seeds]]])
        rank = supervision - torch.searchsorted(user, user[supervision])
        assert torch.equal(torch.bincount(destination[seeds], minlength=len(supervision)), rank)
        assert not torch.isin(edge[~seeds], supervision).any()
    assert supervised_edges == len(world.user)


class LeakySampler(InteractionSampler):
    """What forgetting to hold the supervision edges back would be."""

    def _recent_items(self, users, k, before=None):  # type: ignore[no-untyped-def]
        return super()._recent_items(users, k, None if before is None else before + 1)


def _train_loss(world: Interactions, sampler_class: type[InteractionSampler]) -> float:
    config = GraphSAGEConfig(embedding_size=16, fan_out=(3, 3), neighbours=2, dropout=0.0, learning_rate=0.01)
    graph = build_graph(world, neighbours=content_neighbours(world.content, 2))
    batches = SupervisionBatches(graph, config)
    batches.sampler.__class__ = sampler_class
    torch.manual_seed(0)
    model = GraphSAGE(graph[ITEM].content, embedding_size=16, layers=2, half_lives=2, dropout=0.0, temperature=0.07)
    optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
    rng = np.random.default_rng(0)
    losses = []
    for _ in range(5):
        losses = []
        for batch in batches.epoch(rng):
            optimizer.zero_grad()
            loss = batches.loss(model, batch)
            loss.backward()
            optimizer.step()
            losses.append(loss.item())
    return float(np.mean(losses))


def test_a_planted_leak_would_be_learned_and_is_not_there() -> None:
    """Users with a single, random item: only the supervision edge itself could tell which."""
    rng = np.random.default_rng(0)
    item = rng.integers(0, 20, 400)
    content = rng.standard_normal((20, 8)).astype(np.float32)
    content /= np.linalg.norm(content, axis=1, keepdims=True)
    world = Interactions.from_events(
        n_users=400, n_items=20, user=np.arange(400), item=item, time=np.zeros(400), content=content
    )
    share = np.bincount(item, minlength=20) / 400
    entropy = float(-(share * np.log(share)).sum())
    assert _train_loss(world, InteractionSampler) > entropy - 0.05
    assert _train_loss(world, LeakySampler) < entropy / 2
    assert entropy == pytest.approx(math.log(20), abs=0.05)


def test_candidates_hold_the_targets_and_all_items_when_negatives_suffice(graph: HeteroData) -> None:
    batch = next(iter(make_loader(graph)))
    users, targets = batch[INTERACTS].edge_label_index
    supervision = batch[INTERACTS].input_id
    count = batch[ITEM].num_sampled_nodes[0]
    assert users.tolist() == list(range(64))
    assert (targets < count).all()
    assert torch.equal(batch[ITEM].n_id[targets], graph[INTERACTS].edge_index[1, supervision])
    assert torch.equal(batch[USER].n_id[:64], graph[INTERACTS].edge_index[0, supervision])
    everything = next(iter(make_loader(graph, negatives=60)))
    assert everything[ITEM].n_id[:60].tolist() == list(range(60))


def test_seen_candidates_are_the_users_items_among_the_candidates(world: Interactions, graph: HeteroData) -> None:
    sampler = make_loader(graph).link_sampler
    users, candidates = torch.tensor([3, 100, 3]), torch.tensor([50, 2, 17, 33, 7])
    row, column = sampler.seen_candidates(users, candidates)
    histories = world.histories()
    expected = {
        (b, c) for b, u in enumerate(users.tolist()) for c, i in enumerate(candidates.tolist()) if i in histories[u]
    }
    assert set(zip(row.tolist(), column.tolist(), strict=True)) == expected
    assert expected


def test_the_same_seed_samples_the_same_batches_and_another_seed_others(graph: HeteroData) -> None:
    def edges(seed: int) -> list[int]:
        return [e for batch in make_loader(graph, seed=seed) for e in batch[INTERACTS].e_id.tolist()]

    assert edges(1) == edges(1)
    assert edges(1) != edges(2)


def test_full_fan_out_gives_the_item_vectors_of_the_whole_graph(world: Interactions, graph: HeteroData) -> None:
    """Local numbering, trimming per layer and CSR layout, all at once: nothing sampled, nothing changed."""
    model = make_model(world)
    _, expected, representations = embed_whole_graph(model, graph, half_lives=(5.0, 1.0), history_length=1000)
    sampler = InteractionSampler(
        graph, fan_out=(1000, 1000), history_length=1000, negatives=1, generator=torch.Generator()
    )
    loader = NodeLoader(graph, sampler, input_nodes=(ITEM, torch.randperm(60)), batch_size=25)
    found = []
    for batch in loader:
        with torch.no_grad():
            messages = batch_messages(batch, layers=2, half_lives=(5.0, 1.0))
            _, vectors, received = model(batch[ITEM].content, batch[ITEM].n_id, batch[USER].num_nodes, messages)
        ids = batch[ITEM].n_id[: len(vectors)]
        found += ids.tolist()
        assert torch.allclose(vectors, expected[ids], atol=1e-5)
        assert torch.allclose(received, representations[ids], atol=1e-5)
    assert sorted(found) == list(range(60))


def test_only_items_can_be_sampled_as_nodes(graph: HeteroData) -> None:
    sampler = make_loader(graph).link_sampler
    with pytest.raises(ValueError, match="expected 'item', received 'user'"):
        next(iter(NodeLoader(graph, sampler, input_nodes=(USER, torch.arange(3)))))


@pytest.mark.parametrize(("field", "value"), [("fan_out", ()), ("fan_out", (3, 0)), ("history_length", 0)])
def test_an_impossible_setting_is_refused_by_name_and_value(graph: HeteroData, field: str, value: object) -> None:
    with pytest.raises(ValueError, match=field) as caught:
        make_loader(graph, **{field: value})
    assert repr(value) in str(caught.value)
