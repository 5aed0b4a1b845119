"""Small planted worlds for the graph tests."""

from dataclasses import replace

import numpy as np

from recommender.ml.dataset import Interactions


def clustered_world(
    *, n_items: int = 60, n_users: int = 240, events: int = 10, clusters: int = 4, dimensions: int = 16, seed: int = 0
) -> Interactions:
    """Users who stay in their taste cluster 9 times in 10, Zipf popularity; content tells the cluster.

    Item i is of cluster i % clusters; user u of cluster u % clusters.
    """
    rng = np.random.default_rng(seed)
    cluster = np.arange(n_items) % clusters
    popularity = 1 / (1 + rng.permutation(n_items))
    user, item, time = [], [], []
    for person in range(n_users):
        own = np.where(cluster == person % clusters, 0.9 * clusters, 0.1 * clusters / (clusters - 1))
        chance = popularity * own
        taken = rng.choice(n_items, size=events, replace=False, p=chance / chance.sum())
        user += [person] * events
        item += taken.tolist()
        time += list(range(events))
    content = np.eye(dimensions)[cluster] + 0.15 * rng.standard_normal((n_items, dimensions))
    content /= np.linalg.norm(content, axis=1, keepdims=True)
    return Interactions.from_events(
        n_users=n_users, n_items=n_items, user=user, item=item, time=time, content=content.astype(np.float32)
    )


def with_groups(world: Interactions) -> Interactions:
    """The same world with a brand that tells nothing, a category that is the cluster, and stated preferences."""
    rng = np.random.default_rng(1)
    brand = rng.integers(-1, 5, world.n_items)
    stated = rng.standard_normal((world.n_users, 3)).astype(np.float32)
    return replace(world, groups={"brand": brand, "category": np.arange(world.n_items) % 4}, user_features=stated)
