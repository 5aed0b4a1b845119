"""What training and serving GraphSAGE cost: seed edges per second, memory against edges, milliseconds a vector."""

from __future__ import annotations

import ctypes
import gc
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import numpy as np
import torch

from recommender.ml.dataset import History, Interactions
from recommender.ml.graph import INTERACTS, build_graph, group_names, group_of_items
from recommender.ml.graph_batches import SupervisionBatches
from recommender.ml.graph_messages import edges_by_item, segment_starts
from recommender.ml.graphsage import GraphSAGEConfig, make_graphsage, make_optimizer
from recommender.ml.graphsage_export import export_graphsage
from recommender.ml.graphsage_scorer import Audience, GraphSAGEScorer

USERS, ITEMS, DIMENSIONS, NEIGHBOURS = 60_000, 20_000, 64, 10


def zipf_world(edges: int, *, users: int, items: int, seed: int, dimensions: int = DIMENSIONS) -> Interactions:
    """`edges` distinct pairs of users and items, items by Zipf's law (exponent .8), with content and groups.

    Nothing is planted in it: it is there to be counted and timed.
    """
    rng = np.random.default_rng(seed)
    if edges > users * items // 4:
        raise ValueError(f"edges: received {edges!r}, expected at most a quarter of {users} × {items}")
    popularity = rng.permutation(1 / (1 + np.arange(items)) ** 0.8)
    activity = rng.permutation(1 / (10 + np.arange(users)) ** 0.5)
    cumulated = [np.cumsum(chance / chance.sum()) for chance in (activity, popularity)]
    pairs = np.zeros(0, dtype=np.int64)
    while len(pairs) < edges:
        drawn = [np.searchsorted(chance, rng.random(edges)).clip(max=len(chance) - 1) for chance in cumulated]
        pairs = np.unique(np.concatenate([pairs, drawn[0] * items + drawn[1]]))
    user, item = np.divmod(np.sort(rng.permutation(pairs)[:edges]), items)
    content = rng.standard_normal((items, dimensions)).astype(np.float32)
    return Interactions.from_events(
        n_users=users,
        n_items=items,
        user=user,
        item=item,
        time=rng.random(edges),
        content=content / np.linalg.norm(content, axis=1, keepdims=True),
        groups={"brand": rng.integers(0, max(items // 40, 1), items), "category": rng.integers(0, 50, items)},
    )


class TrainingLoop:
    """Steps of training on a world of so many edges; content neighbours are drawn, for finding them costs no step."""

    def __init__(
        self, config: GraphSAGEConfig, *, edges: int, users: int = USERS, items: int = ITEMS, seed: int = 0
    ) -> None:
        world = zipf_world(edges, users=users, items=items, seed=seed)
        self.rng = np.random.default_rng(seed)
        data = build_graph(world, neighbours=self.rng.integers(0, items, (items, NEIGHBOURS)))
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            self.model = make_graphsage(data, config).train()
        self.batches = SupervisionBatches(data, self.model, config)
        self.optimizer = make_optimizer(self.model, config)

    def steps(self) -> Iterator[tuple[int, float, float]]:
        """Seed edges, CPU seconds of sampling, and CPU seconds of sampling and step, one step after the other."""
        while True:
            sampling = self.batches.epoch(self.rng)
            started = time.process_time()
            for batch in sampling:
                sampled = time.process_time()
                self.optimizer.zero_grad(set_to_none=True)
                loss = self.batches.loss(self.model, batch)
                loss.backward()
                self.optimizer.step()
                yield len(batch.supervision), sampled - started, time.process_time() - started
                started = time.process_time()


def measure_training_speed(
    *, edges: int = 1_000_000, fan_out: Sequence[int] = (15, 10), seconds: float = 20.0, seed: int = 0, **config: Any
) -> dict[str, float]:
    """Seed (supervision) edges per second of CPU time on one thread: sampler, forward, backward, optimizer.

    60,000 users and 20,000 items; `config` are further fields of GraphSAGEConfig. Memory in MiB: of the process with
    the graph before training, and what training added at its peak.
    """
    with one_thread():
        loop = TrainingLoop(GraphSAGEConfig(fan_out=tuple(fan_out), seed=seed, **config), edges=edges, seed=seed)
        before = reset_peak_memory()
        seeds, sampling, training, wall = 0, 0.0, 0.0, time.perf_counter()
        for step, (count, sampled, trained) in enumerate(loop.steps()):
            if step == 0:  # the first step meets empty caches
                wall = time.perf_counter()
                continue
            seeds, sampling, training = seeds + count, sampling + sampled, training + trained
            if training >= seconds:
                break
    return {
        "seed_edges_per_second": seeds / training,
        "sampled_seed_edges_per_second": seeds / sampling,
        "wall_seed_edges_per_second": seeds / (time.perf_counter() - wall),
        "batch_size": loop.batches.batch_size,
        "graph_mib": before / 2**20,
        "training_mib": (peak_memory() - before) / 2**20,
    }


def measure_memory(
    *,
    edges: Sequence[int] = (100_000, 1_000_000, 5_000_000),
    steps: int = 12,
    batch_size: int = 512,
    users: int = USERS,
    items: int = ITEMS,
    seed: int = 0,
) -> list[dict[str, float]]:
    """Per number of edges, MiB: the process with its graph, and what `steps` of training add to that at their peak.

    Nodes stay the same, edges grow. The graph is all that grows with them. Batches are of one size, which the smallest
    world has to allow.
    """
    rows = []
    for count in edges:
        with one_thread():
            config = GraphSAGEConfig(fan_out=(15, 10), batch_size=batch_size, seed=seed)
            loop = TrainingLoop(config, edges=count, users=users, items=items, seed=seed)
            if loop.batches.batch_size != batch_size:
                raise ValueError(f"edges: received {count!r}, too few for batches of {batch_size}")
            before = reset_peak_memory()
            for step, _ in enumerate(loop.steps(), start=1):
                if step == steps:
                    break
            rows.append({"edges": count, "graph_mib": before / 2**20, "training_mib": (peak_memory() - before) / 2**20})
            del loop
    return rows


def measure_inference(
    directory: Path,
    *,
    requests: int = 200,
    edges: int = 200_000,
    users: int = 12_000,
    items: int = 5_000,
    seed: int = 0,
) -> dict[str, float]:
    """Milliseconds for one user vector and one item vector from their sampled neighbourhoods, in CPU time of a thread.

    The user has a full history; the item its content neighbours and the latest users who took it, each with their
    history. Weights are untrained: they cost the same. Writes an artifact into `directory`. `difference` is the largest
    between these vectors and those of the whole graph.
    """
    world = zipf_world(edges, users=users, items=items, seed=seed)
    rng = np.random.default_rng(seed)
    neighbours = rng.integers(0, items, (items, NEIGHBOURS))
    data = build_graph(world, neighbours=neighbours)
    config = GraphSAGEConfig(fan_out=(15, 10), seed=seed)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = make_graphsage(data, config)
    export_graphsage(model, data, {name: getattr(config, name) for name in _SERVED}, directory=directory)
    scorer = GraphSAGEScorer.load(directory)
    shoppers = world.shoppers()
    latest = edges_by_item(data)
    starts = segment_starts(data[INTERACTS].edge_index[1][latest], items).tolist()
    groups = {name: group_of_items(data, name).numpy() for name in group_names(data)}
    spent, difference = [], 0.0
    for _ in range(requests):
        user, item = int(rng.integers(users)), int(world.item[rng.integers(edges)])
        taken = latest[starts[item] : starts[item + 1]].numpy()
        heard = taken[-scorer.audience :]
        audience = Audience(
            histories=[shoppers[owner] for owner in world.user[heard]],
            weight=world.weight[heard],
            total=float(world.weight[taken].sum()),
        )
        started = time.thread_time()
        scorer.user_vectors([History(shoppers[user].items)])
        vectors, _ = scorer.refresh_items(
            np.array([item]), neighbours[[item]], [audience], {name: group[[item]] for name, group in groups.items()}
        )
        spent.append(1000 * (time.thread_time() - started))
        difference = max(difference, float(np.abs(vectors[0] - scorer.item_vectors[item]).max()))
    return {
        "p50_ms": float(np.quantile(spent, 0.5)),
        "p95_ms": float(np.quantile(spent, 0.95)),
        "difference": difference,
    }


_SERVED = ("fan_out", "half_lives", "history_length", "audience", "neighbours")


@contextmanager
def one_thread() -> Iterator[None]:
    """torch on one thread, and on as many as before afterwards."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def reset_peak_memory() -> int:
    """Lets `peak_memory` begin anew, and returns the bytes that are resident now (Linux, proc(5): clear_refs).

    What was freed before is given back to the system first: otherwise training would live in it and seem to need none.
    """
    gc.collect()
    with suppress(OSError, AttributeError):  # a C library other than glibc has no malloc_trim
        ctypes.CDLL("libc.so.6").malloc_trim(0)
    Path("/proc/self/clear_refs").write_text("5")
    return _status("VmRSS")


def peak_memory() -> int:
    """The most bytes resident at any time since `reset_peak_memory`."""
    return _status("VmHWM")


def _status(field: str) -> int:
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(f"{field}:"):
            return int(line.split()[1]) * 1024
    raise ValueError(f"field: received {field!r}, which /proc/self/status does not have")
