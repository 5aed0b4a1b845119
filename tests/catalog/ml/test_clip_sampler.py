"""Which pictures share a batch."""

from __future__ import annotations

import numpy as np
import pytest

from catalog.ml.clip_examples import TrainingExamples
from catalog.ml.clip_sampler import batch_rows, batches_per_epoch
from tests.catalog.ml.planted import labelled

THINGS, COLOURS, PATTERNS = ("hat", "shoe", "coat", "belt"), ("red", "green", "blue", "black"), ("plain", "striped")


@pytest.fixture(scope="module")
def examples() -> TrainingExamples:
    rng = np.random.default_rng(0)
    return labelled(
        [
            {"type": str(rng.choice(THINGS)), "colour": str(rng.choice(COLOURS)), "pattern": str(rng.choice(PATTERNS))}
            for _ in range(512)
        ]
    )


def batches(examples: TrainingExamples, *, hard_negatives: float, seed: int = 0) -> list[list[int]]:
    rng = np.random.default_rng(seed)
    return [list(rows) for rows in batch_rows(examples, batch_size=16, hard_negatives=hard_negatives, rng=rng)]


def hard_pairs(examples: TrainingExamples, rows: list[int], alike: str, unlike: str) -> float:
    """Share of the pairs in a batch with the same value under one name and another under the other."""
    same, other = (np.array([examples.attributes[row][name] for row in rows]) for name in (alike, unlike))
    return float(((same[:, None] == same) & (other[:, None] != other)).mean())


def test_every_picture_comes_once_whatever_the_share(examples: TrainingExamples) -> None:
    for share in (0.0, 0.5, 1.0):
        found = batches(examples, hard_negatives=share)
        assert sorted(row for rows in found for row in rows) == list(range(512))
        assert len(found) == batches_per_epoch(512, 16) == 32


def test_hard_batches_hold_the_same_category_in_other_patterns(examples: TrainingExamples) -> None:
    def mean(share: float) -> float:
        found = [rows for seed in range(6) for rows in batches(examples, hard_negatives=share, seed=seed)]
        return float(np.mean([hard_pairs(examples, rows, "type", "pattern") for rows in found]))

    # By chance 1/4 of the pairs are of one thing, half of these of two patterns; sorted by thing nearly all are.
    assert mean(0.0) == pytest.approx(0.12, abs=0.02)
    assert mean(1.0) > 0.18


def test_the_share_says_how_many_batches_are_alike_in_something(examples: TrainingExamples) -> None:
    def alike(share: float) -> float:
        values = [
            min(len({examples.attributes[row][name] for row in rows}) for name in ("type", "colour"))
            for seed in range(12)
            for rows in batches(examples, hard_negatives=share, seed=seed)
        ]
        return float(np.mean([number <= 2 for number in values]))

    assert alike(0.0) < 0.05
    assert 0.2 < alike(0.5) < 0.5 < alike(1.0)


def test_an_incomplete_batch_is_left_out_unless_it_is_the_only_one(examples: TrainingExamples) -> None:
    rng = np.random.default_rng(0)
    found = list(batch_rows(examples.subset(np.arange(40)), batch_size=16, hard_negatives=0.5, rng=rng))
    assert [len(rows) for rows in found] == [16, 16]
    few = list(batch_rows(examples.subset(np.arange(9)), batch_size=16, hard_negatives=0.5, rng=rng))
    assert [len(rows) for rows in few] == [9]
    assert (batches_per_epoch(40, 16), batches_per_epoch(9, 16)) == (2, 1)
