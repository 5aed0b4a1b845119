"""One vector out of two."""

from __future__ import annotations

import numpy as np
import pytest

from catalog.ml.hybrid import WEIGHTS, hybrid_vector, hybrid_vectors, tune_image_weight

EAST = np.array([2.0, 0.0], dtype=np.float32)
NORTH = np.array([0.0, 0.5], dtype=np.float32)


def test_equal_weights_meet_halfway_whatever_the_lengths() -> None:
    np.testing.assert_allclose(hybrid_vector(EAST, NORTH), [2**-0.5, 2**-0.5], atol=1e-6)


def test_weights_lean_towards_their_side() -> None:
    np.testing.assert_allclose(hybrid_vector(EAST, NORTH, 1.0), [1.0, 0.0], atol=1e-6)
    np.testing.assert_allclose(hybrid_vector(EAST, NORTH, 0.0), [0.0, 1.0], atol=1e-6)
    np.testing.assert_allclose(hybrid_vector(EAST, NORTH, 0.75), np.array([3, 1]) / 10**0.5, atol=1e-6)


def test_without_a_picture_the_text_stands_alone() -> None:
    result = hybrid_vector(None, NORTH)
    np.testing.assert_array_equal(result, np.array([0, 1], dtype=np.float32))
    assert result.dtype == np.float32


@pytest.mark.parametrize("weight", [-0.1, 1.1, float("nan")])
def test_a_weight_outside_the_range_is_refused(weight: float) -> None:
    with pytest.raises(ValueError, match="image_weight: received"):
        hybrid_vector(EAST, NORTH, weight)


def test_vectors_that_do_not_fit_or_have_no_direction_are_refused() -> None:
    with pytest.raises(ValueError, match=r"image: received shape \(2,\), the text vector has \(3,\)"):
        hybrid_vector(EAST, np.ones(3, dtype=np.float32))
    with pytest.raises(ValueError, match=r"image: received a vector of length 0\.0"):
        hybrid_vector(np.zeros(2, dtype=np.float32), NORTH)
    with pytest.raises(ValueError, match="text: received a vector of length nan"):
        hybrid_vector(None, np.full(2, np.nan, dtype=np.float32))
    with pytest.raises(ValueError, match="hybrid: received a vector of length"):
        hybrid_vector(EAST, -EAST)


def test_many_at_once_are_the_same_as_one_by_one() -> None:
    rng = np.random.default_rng(0)
    images, texts = rng.normal(size=(2, 20, 8)).astype(np.float32)
    has_image = np.arange(20) % 3 > 0
    images[~has_image] = 0
    mixed = hybrid_vectors(images, texts, has_image, 0.3)
    one_by_one = [hybrid_vector(images[row] if has_image[row] else None, texts[row], 0.3) for row in range(20)]
    np.testing.assert_allclose(mixed, one_by_one, atol=1e-6)
    assert mixed.dtype == np.float32
    assert hybrid_vectors(images[:0], texts[:0], has_image[:0], 0.3).shape == (0, 8)


def test_many_that_do_not_fit_name_the_row() -> None:
    texts, ones = np.ones((3, 2), dtype=np.float32), np.ones(3, dtype=bool)
    with pytest.raises(ValueError, match=r"images: received \(2, 2\) with \(3,\), the text vectors have \(3, 2\)"):
        hybrid_vectors(texts[:2], texts, ones, 0.5)
    with pytest.raises(ValueError, match=r"image_weight: received 1\.1"):
        hybrid_vectors(texts, texts, ones, 1.1)
    with pytest.raises(ValueError, match=r"text: received a vector of length 0\.0 in row 2"):
        hybrid_vectors(texts, texts * np.array([[1], [1], [0]], dtype=np.float32), ones, 0.5)
    with pytest.raises(ValueError, match="hybrid: received a vector of length 0"):
        hybrid_vectors(texts, -texts, ones, 0.5)


@pytest.fixture
def two_sides() -> dict[str, np.ndarray]:
    """Pictures tell the pattern and texts the colour, each in two of eight dimensions, under noise."""
    rng = np.random.default_rng(3)
    pattern, colour = rng.integers(0, 2, 200), rng.integers(0, 2, 200)
    images, texts = rng.normal(scale=0.25, size=(2, 200, 8)).astype(np.float32)
    images[np.arange(200), pattern] += 1
    texts[np.arange(200), 2 + colour] += 1
    return {"images": images, "texts": texts, "pattern": pattern.astype(str), "colour": colour.astype(str)}


def test_the_weight_goes_to_the_side_that_tells_what_is_asked(two_sides: dict[str, np.ndarray]) -> None:
    sides = {"images": two_sides["images"], "texts": two_sides["texts"]}
    by_pattern = tune_image_weight(**sides, labels={"pattern": two_sides["pattern"]})
    by_colour = tune_image_weight(**sides, labels={"colour": two_sides["colour"]})
    by_both = tune_image_weight(**sides, labels={name: two_sides[name] for name in ("pattern", "colour")})
    assert by_pattern["image_weight"] > 0.5 > by_colour["image_weight"]
    assert 0.4 <= by_both["image_weight"] <= 0.6
    rows = by_both["measured"]
    assert [row["image_weight"] for row in rows] == list(WEIGHTS)
    assert rows[0]["colour"] > 0.9 > 0.7 > rows[0]["pattern"]
    assert rows[10]["pattern"] > 0.9 > 0.7 > rows[10]["colour"]
    assert rows[5]["mean"] == pytest.approx((rows[5]["pattern"] + rows[5]["colour"]) / 2, abs=1e-4)


def test_captions_count_beside_the_labels(two_sides: dict[str, np.ndarray]) -> None:
    sides = {"images": two_sides["images"], "texts": two_sides["texts"]}
    captions = two_sides["texts"] / np.linalg.norm(two_sides["texts"], axis=1, keepdims=True)
    tuned = tune_image_weight(**sides, labels={"pattern": two_sides["pattern"]}, captions=captions)
    rows = tuned["measured"]
    assert rows[0]["caption_recall"] == 1.0
    assert rows[10]["caption_recall"] < 0.2
    alone = tune_image_weight(**sides, labels={"pattern": two_sides["pattern"]})
    assert tuned["image_weight"] < alone["image_weight"]


def test_of_weights_that_do_equally_well_the_one_nearest_to_a_half_is_taken() -> None:
    vectors = np.eye(2, dtype=np.float32)[np.arange(40) % 2]
    same = tune_image_weight(images=vectors, texts=vectors, labels={"kind": [str(row % 2) for row in range(40)]})
    assert (same["image_weight"], {row["mean"] for row in same["measured"]}) == (0.5, {1.0})


def test_labels_that_tell_nothing_are_refused() -> None:
    vectors = np.eye(2, dtype=np.float32)[np.arange(40) % 2]
    with pytest.raises(ValueError, match="labels: received none"):
        tune_image_weight(images=vectors, texts=vectors, labels={})
    with pytest.raises(ValueError, match="labels: 'colour' has fewer than two values"):
        tune_image_weight(images=vectors, texts=vectors, labels={"colour": ["red"] * 39 + [""]})
