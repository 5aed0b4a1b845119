"""A small world with a planted structure, shared by the tests of the numerics."""

from __future__ import annotations

import numpy as np
import pytest

from recommender.ml.dataset import Interactions
from recommender.ml.split import Split, leave_one_out

N_ITEMS, N_CLUSTERS, N_SHOPPERS, N_PSEUDO_USERS = 120, 8, 300, 16


def clustered_world(seed: int) -> Interactions:
    """Shoppers stay in their cluster of items with chance 0.85; within it popularity is Zipf.

    Content is the cluster's direction plus noise. Pseudo-users made of ratings name a cluster in any order.
    """
    rng = np.random.default_rng(seed)
    cluster = np.arange(N_ITEMS) % N_CLUSTERS
    popularity = 1.0 / (1 + rng.permutation(N_ITEMS))
    directions = rng.normal(size=(N_CLUSTERS, 16))
    content = directions[cluster] + 0.5 * rng.normal(size=(N_ITEMS, 16)) + 1.0
    content /= np.linalg.norm(content, axis=1, keepdims=True)
    user: list[int] = []
    item: list[int] = []
    for shopper in range(N_SHOPPERS):
        own = cluster == shopper % N_CLUSTERS
        chance = np.where(own, 0.85 / popularity[own].sum(), 0.15 / popularity[~own].sum()) * popularity
        count = int(rng.integers(5, 13))
        item += rng.choice(N_ITEMS, size=count, replace=False, p=chance).tolist()
        user += [shopper] * count
    human = len(user)
    for pseudo in range(N_PSEUDO_USERS):
        rated = np.flatnonzero(cluster == pseudo % N_CLUSTERS)
        item += rated.tolist()
        user += [N_SHOPPERS + pseudo] * len(rated)
    synthetic = np.arange(len(user)) >= human
    return Interactions.from_events(
        n_users=N_SHOPPERS + N_PSEUDO_USERS,
        n_items=N_ITEMS,
        user=user,
        item=item,
        time=np.arange(len(user)),
        weight=np.where(synthetic, 0.2, 1.0),
        synthetic=synthetic,
        content=content,
    )


@pytest.fixture(scope="session")
def world() -> Interactions:
    return clustered_world(seed=1)


@pytest.fixture(scope="session")
def split(world: Interactions) -> Split:
    return leave_one_out(world)
