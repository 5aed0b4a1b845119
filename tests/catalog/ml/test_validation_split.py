"""Which examples are kept back."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest

from catalog.ml.clip_examples import TrainingExamples
from catalog.ml.validation_split import validation_split
from tests.catalog.ml.planted import labelled


@pytest.fixture(scope="module")
def examples() -> TrainingExamples:
    """100 things: 60 hats, 30 shoes, 10 belts, in random order."""
    things = ["hat"] * 60 + ["shoe"] * 30 + ["belt"] * 10
    np.random.default_rng(3).shuffle(things)
    return labelled([{"type": thing, "colour": f"colour {number}"} for number, thing in enumerate(things)])


def test_every_kind_of_thing_gives_its_part(examples: TrainingExamples) -> None:
    rows, kept = validation_split(examples, share=0.2, seed=1)
    assert sorted([*rows, *kept]) == list(range(100))
    counts = Counter(examples.attributes[row]["type"] for row in kept)
    assert counts == {"hat": 12, "shoe": 6, "belt": 2}


def test_the_seed_decides(examples: TrainingExamples) -> None:
    first, again, other = (list(validation_split(examples, share=0.2, seed=seed)[1]) for seed in (1, 1, 2))
    assert first == again != other


def test_none_is_kept_back_for_a_share_of_zero(examples: TrainingExamples) -> None:
    rows, kept = validation_split(examples, share=0.0, seed=1)
    assert (len(rows), len(kept)) == (100, 0)


@pytest.mark.parametrize("share", [0.1, 0.95, 0.001])
def test_too_few_on_either_side_are_refused(share: float, examples: TrainingExamples) -> None:
    with pytest.raises(ValueError, match=rf"validation: received {share} of 100 pictures, which leaves .* or 0 to"):
        validation_split(examples, share=share, seed=1)


@pytest.mark.parametrize("share", [-0.1, 1.0])
def test_what_is_no_share_is_refused(share: float, examples: TrainingExamples) -> None:
    with pytest.raises(ValueError, match="validation: received .*, must be at least 0 and below 1"):
        validation_split(examples, share=share, seed=1)
