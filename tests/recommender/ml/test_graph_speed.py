"""The measurements measure what they say."""

import numpy as np
import pytest

from recommender.ml.graph_speed import measure_memory, measure_training_speed, zipf_world


def test_a_zipf_world_has_exactly_as_many_distinct_interactions_as_asked() -> None:
    world = zipf_world(5_000, users=300, items=200, seed=0)
    assert len(np.unique(world.user * 200 + world.item)) == len(world.item) == 5_000
    taken = np.sort(np.bincount(world.item, minlength=200))[::-1]
    assert taken[:20].sum() > 2 * taken[100:120].sum()
    with pytest.raises(ValueError, match="edges: received 20000"):
        zipf_world(20_000, users=300, items=200, seed=0)


def test_training_speed_counts_supervision_edges_of_whole_steps() -> None:
    measured = measure_training_speed(edges=20_000, seconds=0.3, embedding_size=16, batch_size=128)
    assert measured["batch_size"] == 128
    assert measured["sampled_seed_edges_per_second"] > measured["seed_edges_per_second"] > 500


def test_training_takes_no_more_memory_with_three_times_the_edges() -> None:
    small, large = measure_memory(edges=(100_000, 300_000), steps=3, batch_size=256, users=6_000, items=2_000)
    assert small["training_mib"] > 4  # 256 seeds' neighbourhoods are some thousand nodes of 64 floats, several times
    assert large["training_mib"] < small["training_mib"] + 16
    assert large["graph_mib"] > small["graph_mib"]
    with pytest.raises(ValueError, match="edges: received 3000, too few for batches of 256"):
        measure_memory(edges=(3_000,), batch_size=256, users=600, items=200)
