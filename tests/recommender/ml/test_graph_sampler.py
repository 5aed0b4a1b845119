"""The sampler: which neighbours it takes, in which layout, and that it never shows the answer."""

import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch_geometric.data import HeteroData
from torch_geometric.loader import LinkLoader, NodeLoader

from recommender.ml.dataset import Interactions
from recommender.ml.graph import INTERACTS, ITEM, REVERSE_INTERACTS, SIMILAR, USER, build_graph
from recommender.ml.graph_batches import SupervisionBatches, batch_size_for, shuffled
from recommender.ml.graph_features import FeatureMeans, batch_messages
from recommender.ml.graph_messages import whole_graph_messages
from recommender.ml.graph_neighbours import content_neighbours
from recommender.ml.graph_sampler import InteractionSampler, SampledGraph, spread
from recommender.ml.graphsage import GraphSAGEConfig, make_graphsage
from recommender.ml.graphsage_export import embed_whole_graph
from recommender.ml.graphsage_model import GraphSAGE, log_popularity
from tests.recommender.ml.graph_worlds import clustered_world, with_groups


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


def sampled(graph: HeteroData, *, seed: int = 0, count: int = 64, **options: object) -> SampledGraph:
    """The neighbourhood of every fifth interaction."""
    settings = {"fan_out": (4, 3), "history_length": 5, "negatives": 20} | options
    sampler = InteractionSampler(graph, generator=torch.Generator().manual_seed(seed), **settings)
    edges = torch.arange(0, 5 * count, 5)
    user, item = graph[INTERACTS].edge_index
    return sampler.sample(edges, user[edges], item[edges])


def make_model(graph: HeteroData, *, identity: bool, layers: int = 2) -> GraphSAGE:
    torch.manual_seed(0)
    config = GraphSAGEConfig(embedding_size=8, fan_out=(5,) * layers, half_lives=(5.0, 1.0), identity=identity)
    model = make_graphsage(graph, config)
    for parameter in (model.user_projection, model.popularity, *model.group_identity.values()):
        torch.nn.init.normal_(parameter)  # zeros at first, and so invisible
    return model.eval()


def test_spread_counts_up_from_each_start() -> None:
    owner, value = spread(torch.tensor([5, 0, 9]), torch.tensor([3, 0, 2]))
    assert owner.tolist() == [0, 0, 0, 2, 2]
    assert value.tolist() == [5, 6, 7, 9, 10]


@pytest.mark.parametrize("size", [1, 2, 3, 64, 1000])
def test_a_shuffled_order_holds_every_number_once_and_follows_its_keys(size: int) -> None:
    keys = [3, 1, 4, 1]
    order = torch.cat([shuffled(places, size, keys) for places in torch.arange(size).split(7)])
    assert sorted(order.tolist()) == list(range(size))
    if size == 1000:
        assert not torch.equal(order, shuffled(torch.arange(size), size, [2, 7, 1, 8]))
        # Neighbours in the order are strangers: uniform pairs are 333 apart, with standard deviation 8 over 999.
        assert abs(order.diff().abs().float().mean() - 333) < 5 * 8


def test_small_worlds_get_many_steps_and_large_ones_large_batches() -> None:
    sizes = [batch_size_for(edges, 4096) for edges in (100, 3_200, 100_000, 262_144, 10**7)]
    assert sizes == [32, 100, 512, 1024, 4096]


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

    def _earlier_items(self, users, k, before):  # type: ignore[no-untyped-def]
        return super()._earlier_items(users, k, before + 1)


def _train_loss(world: Interactions, sampler_class: type[InteractionSampler]) -> float:
    config = GraphSAGEConfig(embedding_size=16, fan_out=(3, 3), neighbours=2, dropout=0.0, learning_rate=0.01)
    graph = build_graph(world, neighbours=content_neighbours(world.content, 2))
    torch.manual_seed(0)
    model = make_graphsage(graph, config)
    batches = SupervisionBatches(graph, model, config)
    batches.sampler.__class__ = sampler_class
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


def test_negatives_come_first_then_other_targets_and_all_items_when_negatives_suffice(graph: HeteroData) -> None:
    batch = sampled(graph)
    user, item = graph[INTERACTS].edge_index[:, batch.supervision]
    count = batch.count_nodes[ITEM][0]
    assert (batch.target < count).all()
    assert torch.equal(batch.node[ITEM][batch.target], item)
    assert torch.equal(batch.node[USER][:64], user)
    negatives = batch.node[ITEM][: batch.negatives]
    assert 10 < batch.negatives <= 20
    assert (negatives.diff() > 0).all()
    others = batch.node[ITEM][batch.negatives : count]
    assert sorted(others.tolist()) == sorted(set(item.tolist()) - set(negatives.tolist()))
    everything = sampled(graph, negatives=60)
    assert everything.node[ITEM][:60].tolist() == list(range(60))
    assert everything.negatives == 60


def test_the_chance_of_being_a_negative_is_what_the_loss_divides_by(world: Interactions, graph: HeteroData) -> None:
    config = GraphSAGEConfig(embedding_size=8, negatives=12)
    batches = SupervisionBatches(graph, make_model(graph, identity=False), config)
    drawn = torch.zeros(60)
    for _ in range(4000):
        drawn[batches.sampler._draw_negatives()] += 1
    # 4,000 draws: a standard deviation of at most 0.008.
    assert (drawn / 4000 - batches.log_inclusion.exp()).abs().max() < 0.04


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


@pytest.mark.parametrize("layers", [1, 2, 3])
@pytest.mark.parametrize("identity", [False, True])
def test_full_fan_out_gives_the_item_vectors_of_the_whole_graph(
    world: Interactions, identity: bool, layers: int
) -> None:
    """Local numbering, trimming per layer and CSR layout, all at once: nothing sampled, nothing changed."""
    graph = build_graph(with_groups(world), neighbours=content_neighbours(world.content, 6))
    model = make_model(graph, identity=identity, layers=layers)
    options = {"half_lives": (5.0, 1.0), "history_length": 1000}
    _, expected, said, _ = embed_whole_graph(model, graph, audience=1000, **options)
    hops = layers if identity else max(layers - 1, 1)
    sampler = InteractionSampler(
        graph,
        fan_out=(1000,) * hops,
        audience_hops=layers - 1,
        history_length=1000,
        negatives=1,
        generator=torch.Generator(),
    )
    means = FeatureMeans(graph, model.features(graph[ITEM].content), **options)
    popularity = log_popularity(torch.from_numpy(world.popularity()).float())
    for ids in torch.randperm(60).split(25):
        batch = sampler.sample_items(ids)
        with torch.no_grad():
            matrices, messages = batch_messages(
                batch, layers=layers, half_lives=(5.0, 1.0), weight=graph[INTERACTS].weight, first=identity
            )
            first = means.of(batch, layers=layers, matrices=matrices)
            _, vectors, received, _ = model(first, messages, popularity=popularity[batch.node[ITEM]])
        assert torch.equal(batch.node[ITEM][: len(ids)], ids)
        assert torch.allclose(vectors[: len(ids)], expected[ids], atol=1e-5)
        assert torch.allclose(received[: len(ids)], said[ids], atol=1e-5)


def test_a_batch_reads_histories_without_its_supervision_edges(world: Interactions, graph: HeteroData) -> None:
    """Against a loop: seeds know what came before their edge, everybody else what is not predicted in this batch."""
    model = make_model(graph, identity=False)
    means = FeatureMeans(graph, model.features(graph[ITEM].content), half_lives=(3.0,), history_length=5)
    batch = sampled(graph, fan_out=(1000,), audience_hops=1)
    users = means.of(batch, layers=2).users[:, :-1]
    predicted = set(batch.supervision.tolist())
    offsets = world.offsets
    assert len(batch.reread) > 20
    for local, user in enumerate(batch.node[USER].tolist()):
        if local < len(batch.supervision):
            history = range(offsets[user], int(batch.supervision[local]))
        else:
            history = range(offsets[user], offsets[user + 1])
        kept = [e for e in list(history)[-5:] if local < len(batch.supervision) or e not in predicted]
        weight = np.array([0.5 ** (r / 3) for r in reversed(range(len(kept)))], np.float32)
        expected = (weight[:, None] * means.features[world.item[kept]].numpy()).sum(axis=0) / max(weight.sum(), 1e-9)
        np.testing.assert_allclose(users[local].numpy(), expected, atol=1e-5)


def test_messages_run_along_the_kept_edges_only_and_every_edge_is_predicted(
    world: Interactions, graph: HeteroData
) -> None:
    """But for the seeds' own histories: they are what is asked about."""
    kept = torch.from_numpy(np.random.default_rng(0).random(len(world.item)) < 0.4)
    batch = sampled(graph, fan_out=(1000, 1000), audience_hops=2, history_length=1000, message_edges=kept, count=400)
    assert not kept[batch.supervision].all()
    for edge_type in (INTERACTS, REVERSE_INTERACTS):
        edges = batch.edge[edge_type]
        of_seeds = (edge_type == REVERSE_INTERACTS) & (batch.column[edge_type] < 400)
        assert kept[edges[~of_seeds]].all()
        assert torch.equal(batch.node[edge_type[0]][batch.row[edge_type]], graph[edge_type].edge_index[0, edges])
        assert torch.equal(batch.node[edge_type[2]][batch.column[edge_type]], graph[edge_type].edge_index[1, edges])
    assert not torch.isin(batch.edge[INTERACTS], batch.supervision).any()
    edges, owner = batch.edge[REVERSE_INTERACTS], batch.column[REVERSE_INTERACTS]
    user = torch.from_numpy(world.user)
    for seed in range(400):
        before = torch.arange(len(user))[(user == user[batch.supervision[seed]])]
        before = before[before < batch.supervision[seed]]
        assert torch.equal(edges[owner == seed], before)


def test_only_items_can_be_sampled_as_nodes(graph: HeteroData) -> None:
    sampler = make_loader(graph).link_sampler
    with pytest.raises(ValueError, match="expected 'item', received 'user'"):
        next(iter(NodeLoader(graph, sampler, input_nodes=(USER, torch.arange(3)))))


@pytest.mark.parametrize(("field", "value"), [("fan_out", ()), ("fan_out", (3, 0)), ("history_length", 0)])
def test_an_impossible_setting_is_refused_by_name_and_value(graph: HeteroData, field: str, value: object) -> None:
    with pytest.raises(ValueError, match=field) as caught:
        make_loader(graph, **{field: value})
    assert repr(value) in str(caught.value)


def test_a_cold_item_hears_from_no_user_and_still_from_content_brand_and_category(world: Interactions) -> None:
    """As in a shop where nobody has taken anything, and unlike one without brands."""
    grouped = with_groups(world)
    near = content_neighbours(world.content, 6)
    graph = build_graph(grouped, neighbours=near)
    model = make_model(graph, identity=False)
    options = {"half_lives": (5.0, 1.0), "history_length": 50}

    def items(data: HeteroData, warm: float) -> torch.Tensor:
        messages = whole_graph_messages(data, audience=50, **options)
        means = FeatureMeans(data, model.features(data[ITEM].content), **options)
        with torch.no_grad():
            return model(means.whole_graph(), [messages], popularity=torch.zeros(60), warm=torch.full((60,), warm))[1]

    cold = items(graph, 0.0)
    untouched = build_graph(grouped.take(np.zeros(len(world.item), bool)), neighbours=near)
    assert torch.allclose(cold, items(untouched, 1.0), atol=1e-5)
    assert (cold - items(graph, 1.0)).abs().max() > 1e-3
    no_brand = {"brand": np.full(60, -1), "category": grouped.groups["category"]}
    graph_without = build_graph(replace(grouped, groups=no_brand), neighbours=near)
    graph_without["brand"].num_nodes = graph["brand"].num_nodes
    branded = grouped.groups["brand"] >= 0
    assert (cold - items(graph_without, 0.0))[branded].abs().max() > 1e-3
