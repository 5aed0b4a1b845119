import numpy as np
import pytest
from scipy import sparse

from recommender.ml import interaction_matrix
from recommender.ml.dataset import Interactions
from recommender.ml.interaction_matrix import (
    blocks_of_item_products,
    normalised,
    popularity_share,
    square_root,
    strongest,
    user_item_matrix,
)


def random_matrix() -> sparse.csr_array:
    return sparse.random_array((30, 17), density=0.2, format="csr", dtype=np.float32, random_state=4)


def test_a_pair_counts_its_largest_weight_and_weight_zero_is_no_entry() -> None:
    world = Interactions.from_events(
        n_users=3, n_items=3, user=[0, 0, 0, 2], item=[1, 1, 2, 0], time=range(4), weight=[1, 3, 2, 0]
    )
    matrix = user_item_matrix(world)
    assert matrix.toarray().tolist() == [[0, 3, 2], [0, 0, 0], [0, 0, 0]]
    assert matrix.nnz == 2
    np.testing.assert_allclose(square_root(matrix).power(2).toarray(), matrix.toarray(), rtol=1e-6)


def test_normalised_divides_by_the_root_of_both_sums() -> None:
    matrix = random_matrix()
    scaled, of_users, of_items = normalised(matrix)
    dense = matrix.toarray()
    np.testing.assert_allclose(of_users, dense.sum(axis=1), rtol=1e-5)
    for user, item in zip(*np.nonzero(dense), strict=True):
        expected = dense[user, item] / np.sqrt(dense[user].sum() * dense[:, item].sum())
        assert scaled.toarray()[user, item] == pytest.approx(expected, rel=1e-5)
    assert np.linalg.norm(scaled.toarray(), 2) == pytest.approx(1.0, rel=1e-5)
    assert of_items.shape == (17,)


@pytest.mark.parametrize("at_once", [1, 100, 10_000])
def test_blocks_together_are_the_whole_product(at_once: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(interaction_matrix, "ENTRIES_AT_ONCE", at_once)
    matrix = random_matrix()
    blocks = list(blocks_of_item_products(matrix))
    assert (len(blocks) == 1) == (at_once == 10_000)
    assert [item for rows, _ in blocks for item in range(rows.start, rows.stop)] == list(range(17))
    found = np.concatenate([block.toarray() for _, block in blocks])
    np.testing.assert_allclose(found, (matrix.T @ matrix).toarray(), rtol=1e-5, atol=1e-6)


def test_strongest_keeps_what_a_naive_sort_keeps() -> None:
    dense = np.random.default_rng(1).integers(0, 4, (20, 9)).astype(np.float32)
    found = strongest(sparse.csr_array(dense), 3).toarray()
    for row, kept in zip(dense, found, strict=True):
        best = sorted(np.flatnonzero(row), key=lambda column: (-row[column], column))[:3]
        expected = np.zeros(9)
        expected[best] = row[best]
        assert kept.tolist() == expected.tolist()


def test_popularity_is_given_as_a_share_of_the_most_popular() -> None:
    world = Interactions.from_events(n_users=2, n_items=3, user=[0, 0, 1], item=[1, 2, 1], time=range(3))
    assert popularity_share(world).tolist() == [0.0, 1.0, 0.5]
    nobody = Interactions.from_events(n_users=0, n_items=2, user=[], item=[], time=[])
    assert popularity_share(nobody).tolist() == [0.0, 0.0]
