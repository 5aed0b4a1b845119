"""One vector out of two."""

from __future__ import annotations

import numpy as np
import pytest

from catalog.ml.hybrid import hybrid_vector

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
