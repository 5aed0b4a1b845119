from itertools import count, islice

import pytest

from fashionrec.common.batching import batched


@pytest.mark.parametrize(
    ("items", "size", "expected"),
    [([], 3, []), ([1, 2, 3], 3, [[1, 2, 3]]), ([1, 2, 3, 4], 3, [[1, 2, 3], [4]]), ([1, 2], 1, [[1], [2]])],
)
def test_items_come_in_lists_of_at_most_the_size_in_order(items, size, expected):
    assert list(batched(items, size)) == expected


def test_an_endless_source_is_read_only_as_far_as_needed():
    numbers = count()
    assert list(islice(batched(numbers, 2), 2)) == [[0, 1], [2, 3]]
    assert next(numbers) == 4


@pytest.mark.parametrize("size", [0, -1])
def test_a_size_below_one_is_refused_with_its_value(size):
    with pytest.raises(ValueError, match=f"size: expected at least 1, received {size}"):
        list(batched([1], size))
