import numpy as np

from recommender.ml.dataset import History
from recommender.ml.time_gaps import DAY, GAP_CODES, GAP_EDGES, HOUR, event_codes, gap_code, gap_codes


def test_a_gap_falls_between_the_edges_around_it() -> None:
    assert gap_code(np.array([-5.0, 0.0, 9.9, 10.0, 59.0, 60.0, HOUR, 89 * DAY, 91 * DAY])).tolist() == [
        1, 1, 1, 2, 2, 3, 5, len(GAP_EDGES), GAP_CODES - 1,
    ]  # fmt: skip


def test_a_gap_is_known_only_between_two_events_of_known_kind() -> None:
    time = np.array([0.0, 5.0, 25.0, 25.0, 25.0 + 3 * DAY])
    assert gap_codes(time, np.array([1, 2, 2, 1, 6], np.uint8)).tolist() == [0, 1, 2, 1, 8]
    assert gap_codes(time, np.array([1, 0, 2, 1, 6], np.uint8)).tolist() == [0, 0, 0, 1, 8]
    assert gap_codes(time, np.zeros(5, np.uint8)).tolist() == [0] * 5
    assert gap_codes(time[:0], np.zeros(0, np.uint8)).tolist() == []


def test_codes_of_a_history_are_those_of_what_is_read_of_it() -> None:
    items = np.arange(4)
    kind, time = np.array([1, 2, 7, 2], np.uint8), np.array([0.0, 1.0, 100.0, 130.0])
    assert event_codes(History(items, kind, time), length=9, kinds=8).tolist() == [[1, 0], [2, 1], [7, 3], [2, 2]]
    # The gap to what is not read is not read either; kind 7 came after a tower that knows seven kinds was trained.
    assert event_codes(History(items, kind, time), length=2, kinds=7).tolist() == [[0, 0], [2, 2]]
    assert event_codes(History(items, kind), length=2, kinds=8).tolist() == [[7, 0], [2, 0]]


def test_nothing_is_known_of_bare_items() -> None:
    assert event_codes(History(np.arange(3), time=np.arange(3.0)), length=50, kinds=8).tolist() == [[0, 0]] * 3
    assert event_codes(History(np.arange(0)), length=50, kinds=8).shape == (0, 2)
    unknown = History(np.arange(2), np.zeros(2, np.uint8), np.arange(2.0))
    assert not event_codes(unknown, length=50, kinds=8).any()
