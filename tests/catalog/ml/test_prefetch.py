"""Work done ahead: in order, bounded, with errors where their result would come."""

import threading
import time

import pytest

from catalog.ml.prefetch import map_ahead


def test_results_come_in_order_whatever_order_they_are_ready_in() -> None:
    def slow_at_first(number: int) -> int:
        time.sleep(0.02 if number == 0 else 0)
        return number * number

    assert list(map_ahead(slow_at_first, range(20), threads=3)) == [number * number for number in range(20)]
    assert list(map_ahead(slow_at_first, [])) == []


def test_no_more_is_done_ahead_than_asked() -> None:
    begun: list[int] = []
    results = map_ahead(lambda number: begun.append(number) or number, iter(range(100)), threads=2, ahead=5)
    assert next(results) == 0
    time.sleep(0.05)
    assert len(begun) == 5
    assert [next(results), next(results)] == [1, 2]
    time.sleep(0.05)
    assert len(begun) == 7
    results.close()
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("prefetch")]


def test_an_error_comes_in_its_place_and_ends_the_threads() -> None:
    def refuse_three(number: int) -> int:
        if number == 3:
            raise ValueError("three")
        return number

    results = map_ahead(refuse_three, range(10), threads=2, ahead=10)
    assert [next(results) for _ in range(3)] == [0, 1, 2]
    with pytest.raises(ValueError, match="three"):
        next(results)
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("prefetch")]
