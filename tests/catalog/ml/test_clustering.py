"""Clustering on planted groups, and the comparison of methods."""

import numpy as np
import pytest

from catalog.ml.cluster_comparison import MOST_COMPARED, compare_clusterings
from catalog.ml.clustering import (
    COORDINATES,
    NOISE,
    cluster_coordinates,
    cluster_vectors,
    graph_coordinates,
    largest_first,
    min_cluster_size_for,
)


def planted(sizes, *, dimensions=48, spread=0.12, seed=0):
    """(N, D) unit vectors around random directions, and the group of each."""
    generator = np.random.default_rng(seed)
    centres = generator.normal(size=(len(sizes), dimensions))
    centres /= np.linalg.norm(centres, axis=1, keepdims=True)
    groups = np.repeat(np.arange(len(sizes)), sizes)
    vectors = centres[groups] + spread * generator.normal(size=(len(groups), dimensions))
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32), groups


def test_planted_groups_are_found_the_largest_first():
    vectors, groups = planted([40, 60, 25])
    found = cluster_vectors(vectors, min_cluster_size=15)
    assert found.count == 3
    for label, group in enumerate((1, 0, 2)):
        members = groups[found.labels == label]
        assert set(members) == {group}
        assert len(members) >= 0.9 * (groups == group).sum()
    assert found.coordinates.shape == (125, min(COORDINATES, 125 // 8))
    assert np.allclose(np.linalg.norm(found.coordinates, axis=1), 1.0, atol=1e-5)


def test_the_same_input_gives_the_same_clustering():
    vectors, _ = planted([30, 30, 30])
    first, second = cluster_vectors(vectors, seed=3), cluster_vectors(vectors, seed=3)
    assert (first.labels == second.labels).all()
    assert (first.strength == second.strength).all()


def test_what_is_like_no_others_is_noise_and_still_knows_its_nearest_cluster():
    generator = np.random.default_rng(0)
    groups = [generator.normal(centre, 0.3, size=(40, 2)) for centre in ((0, 0), (10, 0))]
    outliers = np.array([[-40.0, 0.0], [50.0, -30.0], [4.0, 60.0]])
    found = cluster_coordinates(np.concatenate([*groups, outliers]).astype(np.float32), min_cluster_size=10)
    assert found.count == 2
    assert found.labels[80:].tolist() == [NOISE] * 3
    assert found.nearest[80:].tolist() == [found.labels[0], found.labels[40], found.labels[0]]
    assert ((found.strength >= 0) & (found.strength <= 1)).all()
    # 1 − 40/50, 1 − 50/58.3, and halfway between the two next to nothing.
    assert found.strength[80:] == pytest.approx([0.2, 0.14, 0.0], abs=0.02)


def test_many_copies_of_one_picture_are_no_error():
    vectors, _ = planted([30, 30])
    copies = np.concatenate([vectors, np.repeat(vectors[:1], 40, axis=0)])
    found = cluster_vectors(copies, min_cluster_size=10)
    assert np.isfinite(found.coordinates).all()
    assert set(found.labels[:30]).isdisjoint(set(found.labels[30:60]) - {NOISE})


def test_the_size_of_a_style_grows_with_the_square_root_of_the_catalogue():
    assert [min_cluster_size_for(n) for n in (30, 640, 2_049, 20_000)] == [5, 6, 10, 31]


def test_labels_are_renumbered_by_size_and_equal_ones_by_their_first_member():
    labels = np.array([7, 3, 3, -1, 9, 9, 3, 7])
    assert largest_first(labels).tolist() == [1, 0, 0, -1, 2, 2, 0, 1]


@pytest.mark.parametrize("vectors", [np.zeros((14, 8), dtype=np.float32), np.zeros(40, dtype=np.float32)])
def test_too_few_vectors_are_refused_with_their_shape(vectors):
    with pytest.raises(ValueError, match=f"received shape .{vectors.shape[0]}"):
        graph_coordinates(vectors)


def test_values_that_are_not_finite_are_refused():
    vectors, _ = planted([30])
    vectors[4, 2] = np.nan
    with pytest.raises(ValueError, match="1 values are not finite"):
        cluster_vectors(vectors)


@pytest.fixture(scope="module")
def comparison():
    """Crowded groups of unlike density, among scattered vectors: what DBSCAN's one radius cannot tell apart."""
    tight, _ = planted([60, 60], spread=0.04, seed=1)
    loose, _ = planted([70, 70, 70], spread=0.16, seed=2)
    scattered = np.random.default_rng(3).normal(size=(50, 48)).astype(np.float32)
    scattered /= np.linalg.norm(scattered, axis=1, keepdims=True)
    labels = ["a"] * 60 + ["b"] * 60 + ["c"] * 70 + ["d"] * 70 + ["e"] * 70 + [""] * 50
    return compare_clusterings(
        np.concatenate([tight, loose, scattered]), labels, 0, others={"half": ["left"] * 190 + ["right"] * 190}
    )


def test_all_methods_are_measured_alike_and_hdbscan_finds_what_was_planted(comparison):
    assert list(comparison) == ["hdbscan", "dbscan", "dbscan_on_vectors", "kmeans"]
    for figures in comparison.values():
        assert figures["products"] == 380
        assert 0 <= figures["nmi"] <= 1
        assert set(figures["nmi_with"]) == {"half"}
    assert comparison["hdbscan"]["nmi"] > 0.9
    assert comparison["hdbscan"]["clusters"] in (5, 6)
    assert comparison["dbscan_on_vectors"]["noise"] > comparison["hdbscan"]["noise"]
    assert comparison["kmeans"]["noise"] == 0
    assert comparison["kmeans"]["clusters"] == comparison["hdbscan"]["clusters"]
    assert comparison["dbscan"]["parameters"]["min_samples"] == 5


def test_labels_of_another_length_are_refused():
    vectors, _ = planted([30])
    with pytest.raises(ValueError, match="labels: received 29 labels for 30 vectors"):
        compare_clusterings(vectors, ["a"] * 29, 0)


def test_of_a_large_catalogue_a_sample_is_compared(monkeypatch):
    monkeypatch.setattr("catalog.ml.cluster_comparison.MOST_COMPARED", 50)
    vectors, groups = planted([40, 40])
    figures = compare_clusterings(vectors, [str(group) for group in groups], 0)
    assert {row["products"] for row in figures.values()} == {50}
    assert MOST_COMPARED == 4_000
