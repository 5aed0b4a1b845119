import numpy as np
import pytest

from recommender.ml.ratings import LABELS, RIDGES, Ratings, fit_biases, rmse


def one_hot(points: list[int]) -> np.ndarray:
    return np.eye(len(LABELS), dtype=np.float32)[[LABELS.index(point) for point in points]]


def ratings_of(user: list[int], item: list[int], points: list[int], weight: float = 1.0) -> Ratings:
    size = len(user)
    return Ratings(
        np.array(user), np.array(item), one_hot(points), np.full(size, weight, np.float32), np.zeros(size, bool)
    )


def test_a_rating_is_the_expectation_of_its_distribution() -> None:
    spread = Ratings(
        np.array([0]), np.array([0]), np.full((1, 11), 1 / 11, np.float32), np.ones(1, np.float32), np.ones(1, bool)
    )
    assert spread.expectation[0] == pytest.approx(54 / 11)
    assert ratings_of([0, 1], [0, 0], [-1, 10]).expectation.tolist() == [-1.0, 10.0]


def test_what_is_no_distribution_is_refused_by_value() -> None:
    with pytest.raises(ValueError, match=r"distribution: received a row that sums to .*0\.5"):
        Ratings(np.zeros(1, int), np.zeros(1, int), np.eye(11, dtype=np.float32)[:1] / 2, np.ones(1), np.ones(1, bool))
    with pytest.raises(ValueError, match=r"item: expected \(2,\), received \(1,\)"):
        Ratings(np.zeros(2, int), np.zeros(1, int), one_hot([1, 2]), np.ones(2), np.ones(2, bool))


@pytest.mark.parametrize("weight", [1.0, 0.3])
def test_biases_minimise_the_penalised_squared_error(weight: float) -> None:
    """Against the closed form of ridge regression on the two one-hots."""
    rng = np.random.default_rng(0)
    user, item = rng.integers(0, 4, 9), rng.integers(0, 5, 9)
    ratings = ratings_of(user.tolist(), item.tolist(), rng.choice(LABELS, 9).tolist(), weight)
    held = np.random.default_rng(6).random(9) < 0.1
    assert not held.any()  # nothing is held back, so the middle of the grid is used
    biases = fit_biases(ratings, n_users=4, n_items=6, rng=np.random.default_rng(6))
    design = np.concatenate([np.eye(4)[user], np.eye(6)[item]], axis=1)
    ridge = RIDGES[len(RIDGES) // 2]
    rest = ratings.expectation - ratings.expectation.mean()
    expected = np.linalg.solve(design.T @ design + ridge * np.eye(10), design.T @ rest)
    np.testing.assert_allclose(np.concatenate([biases.user, biases.item]), expected, atol=1e-5)
    assert biases.item[5] == 0  # nobody rated it
    assert rmse(biases.predict(ratings), ratings.expectation) < rmse(np.full(9, biases.mean), ratings.expectation)


def test_the_strength_is_chosen_on_what_was_held_back() -> None:
    """Items rated 2 and 9 over and over: the weakest ridge predicts best."""
    rng = np.random.default_rng(1)
    item = rng.integers(0, 2, 2000)
    ratings = ratings_of(rng.integers(0, 20, 2000).tolist(), item.tolist(), [(2, 9)[index] for index in item])
    biases = fit_biases(ratings, n_users=20, n_items=2, rng=rng)
    np.testing.assert_allclose(biases.mean + biases.item, [2, 9], atol=0.02)
