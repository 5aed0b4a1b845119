"""Which edges stay."""

import numpy as np
import pytest

from recommender.ml.dataset import Interactions
from recommender.ml.graph_sparsify import kept_content_neighbours, message_edges, sparsification_curve
from recommender.ml.split import leave_one_out
from tests.recommender.ml.graph_worlds import clustered_world


@pytest.mark.parametrize("keep", [0.25, 0.5, 0.75, 1.0])
def test_exactly_the_share_is_kept_by_rank_among_the_ends_latest_edges(keep: float) -> None:
    world = clustered_world()
    kept = message_edges(world, keep)
    assert kept.sum() == round(keep * len(world.item))
    by_time = sorted(range(len(world.item)), key=lambda edge: (world.time[edge], edge))
    rank = [
        sorted(
            sum(other == owner[edge] for other in owner[by_time[by_time.index(edge) + 1 :]])
            for owner in (world.user, world.item)
        )
        for edge in range(0, len(world.item), 37)
    ]
    # Nothing that is dropped ranks before anything that is kept.
    dropped = [ranks for ranks, stays in zip(rank, kept[::37], strict=True) if not stays]
    if dropped:
        assert max(ranks for ranks, stays in zip(rank, kept[::37], strict=True) if stays) <= min(dropped)


def test_every_user_and_item_keeps_its_latest_edge_and_hubs_lose_most() -> None:
    world = clustered_world()
    kept = message_edges(world, 0.5)
    taken, left = (np.bincount(world.item[mask], minlength=60) for mask in (kept | True, kept))
    assert (left[taken > 0] > 0).all()
    assert (np.bincount(world.user[kept], minlength=240) > 0).all()
    few, many = taken <= np.median(taken), taken > np.quantile(taken, 0.9)
    assert left[few].sum() / taken[few].sum() > 0.6 > left[many].sum() / taken[many].sum()


def test_an_impossible_share_is_refused() -> None:
    world = Interactions.from_events(n_users=1, n_items=1, user=[0], item=[0], time=[0])
    with pytest.raises(ValueError, match="keep: received 0"):
        message_edges(world, 0)


def test_the_nearest_content_neighbours_stay() -> None:
    assert [kept_content_neighbours(10, share) for share in (1.0, 0.5, 0.01)] == [10, 5, 1]
    assert kept_content_neighbours(0, 0.5) == 0


def test_the_curve_has_a_row_per_share_and_half_the_edges_still_recommend() -> None:
    split = leave_one_out(clustered_world(n_users=120))
    config = {"epochs": 4, "embedding_size": 16}
    whole, half = sparsification_curve(split, config=config, shares=(1.0, 0.5), k=10, seed=1)
    assert (whole["share"], half["share"]) == (1.0, 0.5)
    assert half["ndcg"] > 0.8 * whole["ndcg"] > 0.1
    assert half["seconds"] > 0
