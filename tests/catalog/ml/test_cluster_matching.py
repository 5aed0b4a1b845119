"""Which cluster is which after another clustering, representatives, and places on the map."""

import numpy as np
import pytest

from catalog.ml.cluster_matching import majority, match_clusters
from catalog.ml.projection import map_places
from catalog.ml.representatives import centre_of, nearest_of, representatives


def test_renumbered_clusters_are_found_again():
    before = np.array([0, 0, 0, 1, 1, 1, 2, 2, -1])
    after = np.array([2, 2, 2, 0, 0, 1, 1, -1, 0])
    assert match_clusters(before, after) == {2: 0, 0: 1, 1: 2}


def test_the_sum_of_overlaps_decides_not_the_first_best():
    before = np.repeat([0, 1], [10, 10])
    after = np.concatenate([np.repeat([0, 1], [6, 4]), np.repeat([0, 1], [4, 6])])
    assert match_clusters(before, after) == {0: 0, 1: 1}


def test_a_small_overlap_is_no_match_and_nothing_matches_nothing():
    before = np.repeat([0, -1], [10, 90])
    after = np.repeat([0, 1], [1, 99])
    assert match_clusters(before, after) == {}
    assert match_clusters(np.full(3, -1), np.array([0, 0, 1])) == {}
    with pytest.raises(ValueError, match=r"received shape \(2,\), before has \(3,\)"):
        match_clusters(np.zeros(3, dtype=int), np.zeros(2, dtype=int))


def test_a_majority_is_more_than_half():
    before = np.array([4, 4, 4, 1, -1, -1])
    assert majority(before, np.array([0, 1, 2, 3, 4])) == 4
    assert majority(before, np.array([0, 1, 3, 4])) is None
    assert majority(before, np.array([4, 5])) is None
    assert majority(before, np.array([], dtype=int)) is None


def test_representatives_are_typical_and_varied_and_pictures_come_first():
    angles = np.radians([0, 1, 2, 20, -20, 80])
    vectors = np.stack([np.cos(angles), np.sin(angles)], axis=1).astype(np.float32)
    centre = np.array([1.0, 0.0], dtype=np.float32)
    everything = np.ones(6, dtype=bool)
    assert representatives(vectors, centre, everything, n=3)[0] == 0
    assert set(representatives(vectors, centre, everything, n=3)) == {0, 3, 4}
    pictured = np.array([False, False, False, False, True, True])
    assert representatives(vectors, centre, pictured, n=3)[:2] == [4, 5]
    assert representatives(vectors[:1], centre, everything[:1], n=3) == [0]


def test_a_centre_has_unit_length_and_opposites_have_none():
    assert centre_of(np.array([[1, 0], [0, 1]], dtype=np.float32)) == pytest.approx([0.5**0.5] * 2)
    assert centre_of(np.array([[1, 0], [-1, 0]], dtype=np.float32)).tolist() == [0, 0]


def test_the_margin_is_one_at_a_centre_and_zero_halfway():
    centres = np.array([[0.0, 0.0], [4.0, 0.0]], dtype=np.float32)
    nearest, margin = nearest_of(np.array([[0, 0], [2, 0], [3, 0]], dtype=np.float32), centres)
    assert nearest.tolist() == [0, 0, 1]
    assert margin == pytest.approx([1.0, 0.0, 2 / 3])


def test_the_map_keeps_groups_together_lies_within_the_unit_square_and_repeats_itself(monkeypatch):
    generator = np.random.default_rng(0)
    groups = np.arange(90) % 3
    vectors = np.eye(12)[groups] + 0.1 * generator.normal(size=(90, 12))
    vectors = (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)
    places = map_places(vectors, seed=1)
    assert places.shape == (90, 2)
    assert places.min() >= 0.0
    assert places.max() <= 1.0
    assert (map_places(vectors, seed=1) == places).all()
    monkeypatch.setattr("catalog.ml.projection.LANDMARKS", 45)  # the other half is put between its neighbours
    for found in (places, map_places(vectors, seed=1)):
        middles = np.stack([found[groups == group].mean(axis=0) for group in range(3)])
        nearest = np.linalg.norm(found[:, None] - middles[None], axis=2).argmin(axis=1)
        assert (nearest == groups).mean() > 0.95
