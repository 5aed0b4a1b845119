"""Metrics against hand counts."""

from __future__ import annotations

import numpy as np
import pytest

from catalog.ml.embedding_metrics import neighbour_precision, pixel_vectors, target_ranks

ANGLES = np.deg2rad([0, 1, 2, 90, 91, 92])
CIRCLE = np.stack([np.cos(ANGLES), np.sin(ANGLES)], axis=1).astype(np.float32)


def test_precision_counts_equal_labels_among_the_nearest_others() -> None:
    assert neighbour_precision(CIRCLE, ["a", "a", "a", "b", "b", "b"], k=2) == 1.0
    # One stranger on each side: four askers lose one of two, each stranger both.
    assert neighbour_precision(CIRCLE, ["a", "a", "b", "b", "b", "a"], k=2) == pytest.approx(4 * 0.5 / 6)


def test_items_without_a_label_do_not_ask_but_are_found() -> None:
    assert neighbour_precision(CIRCLE, ["a", "a", "", "", "", ""], k=2) == 0.5


def test_too_few_vectors_are_refused() -> None:
    with pytest.raises(ValueError, match="received 6 with 2 labels"):
        neighbour_precision(CIRCLE, ["a", "b"], k=2)
    with pytest.raises(ValueError, match="more than 6"):
        neighbour_precision(CIRCLE, ["a"] * 6, k=6)


def test_ranks_count_everything_at_least_as_near() -> None:
    ranks = target_ranks(CIRCLE[[0, 0, 3]], CIRCLE, np.array([0, 2, 5]))
    assert ranks.tolist() == [1, 3, 3]
    same = np.repeat(CIRCLE[:1], 4, axis=0)
    assert target_ranks(same[:1], same, np.array([2])).tolist() == [4]
    assert target_ranks(same[:1] * np.nan, same, np.array([2])).tolist() == [4]


def test_pixel_vectors_compare_pictures_around_their_mean() -> None:
    pixels = np.zeros((3, 16, 16, 3), dtype=np.uint8)
    pixels[1] = 255
    pixels[2] = 250
    vectors = pixel_vectors(pixels)
    assert vectors.shape == (3, 768)
    assert vectors[1] @ vectors[2] == pytest.approx(1.0, abs=1e-5)
    assert vectors[0] @ vectors[1] == pytest.approx(-1.0, abs=1e-5)
