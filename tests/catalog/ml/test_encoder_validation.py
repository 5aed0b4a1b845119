"""What a training is measured by, on vectors made by hand."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from catalog.ml.clip_examples import TrainingExamples
from catalog.ml.embedding_metrics import label_precisions, retrieval_figures, telling_labels, title_vectors
from catalog.ml.encoder_validation import ValidationSet, baselines, measured, score, validation_set, validation_table
from catalog.ml.training_precision import bf16_pays, mixed_precision
from tests.catalog.ml.planted import labelled

KINDS = ("hat", "shoe")


class ByKind:
    """Vectors that know the kind of thing from its picture, and the number of the caption from its text."""

    def image_vectors(self, pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
        return np.eye(24, dtype=np.float32)[np.arange(len(pixels)) % 2]

    def text_vectors(self, texts: Sequence[str]) -> NDArray[np.float32]:
        return np.eye(24, dtype=np.float32)[[int(text or 0) for text in texts]]


def things(*, captions: Sequence[str]) -> ValidationSet:
    """24 pictures, hats and shoes in turn; brand stands for what is not judged."""
    return ValidationSet(
        pixels=np.zeros((24, 16, 16, 3), dtype=np.uint8),
        captions=tuple(captions),
        labels={"type": tuple(KINDS[number % 2] for number in range(24)), "same": ("x",) * 24},
    )


def test_rows_hold_what_can_be_asked() -> None:
    rows, found = measured(ByKind(), things(captions=[str(number) for number in range(24)]))
    assert rows["image"] == {"p@10": {"type": 1.0}}
    # Text 0 and 1 are the vectors of all hats and all shoes: twelve at the same distance count against them.
    assert (rows["text"]["queries"], rows["text"]["r@1"], rows["text"]["r@10"]) == (24, 0.0, 0.0)
    assert rows["hybrid"]["p@10"]["type"] == 1.0
    assert found == score(rows) == round((1.0 + 1.0 + 0.0) / 3, 4)


def test_without_captions_only_pictures_are_asked() -> None:
    rows, found = measured(ByKind(), things(captions=[""] * 24))
    assert list(rows) == ["image"]
    assert found == 1.0
    assert list(baselines(things(captions=[""] * 24))) == ["16x16 pixels"]


def test_the_share_of_the_picture_counts_in_hybrid_vectors() -> None:
    captions = [str(number // 2 % 12) for number in range(24)]  # two neighbours in number share a caption
    asked = things(captions=captions)
    by_picture, _ = measured(ByKind(), asked, image_weight=1.0)
    by_text, _ = measured(ByKind(), asked, image_weight=0.0)
    assert by_picture["hybrid"] == by_picture["image"]
    assert by_text["hybrid"]["p@10"] == by_text["text"]["p@10"] != by_picture["hybrid"]["p@10"]


def test_the_table_is_aligned_and_leaves_out_what_is_not_known() -> None:
    rows = {
        "16x16 pixels": {"p@10": {"type": 0.5}},
        "after: text": {"p@10": {"type": 1.0, "colour": 0.25}, "queries": 9, "r@1": 0.1},
    }
    assert validation_table(rows).splitlines() == [
        "P@10          colour   type   R@1",
        "16x16 pixels           .500",
        "after: text     .250  1.000  .100",
    ]


def test_a_validation_set_is_what_the_tower_sees_without_brands() -> None:
    examples = labelled([{"type": KINDS[number % 2], "brand": f"brand {number}"} for number in range(6)])
    asked = validation_set(examples.subset(np.array([1, 4])), size=8)
    assert asked.pixels.shape == (2, 8, 8, 3)
    assert (asked.captions, asked.labels) == (("number 1", "number 4"), {"type": ("shoe", "hat")})


def test_a_validation_set_that_asks_nothing_is_refused() -> None:
    examples: TrainingExamples = labelled([{"type": KINDS[number % 2]} for number in range(6)])
    with pytest.raises(ValueError, match="validation: received 3 pictures that have the same value under every label"):
        validation_set(examples.subset(np.array([0, 2, 4])), size=8)


def test_labels_with_one_value_tell_nothing() -> None:
    labels = {"type": ["hat", "shoe", ""], "same": ["x", "x", ""]}
    assert list(telling_labels(labels)) == ["type"]
    vectors = np.eye(3, dtype=np.float32)
    assert label_precisions(vectors, {**labels, "type": ["hat", "shoe", "hat"]}, k=2) == {"type": pytest.approx(1 / 3)}


def test_captions_that_occur_twice_do_not_ask() -> None:
    vectors = np.eye(4, dtype=np.float32)
    assert retrieval_figures(vectors, vectors[[0, 1, 2, 3]], ["a", "a", "b", ""]) == {
        "queries": 1, "r@1": 1.0, "r@10": 1.0, "mrr": 1.0,
    }  # fmt: skip
    assert retrieval_figures(vectors, vectors, ["a", "a", "", ""]) is None


def test_titles_are_near_by_their_words() -> None:
    vectors = title_vectors(["red dress", "red dress", "blue shoe", ""])
    assert vectors[0] @ vectors[1] == pytest.approx(1.0)
    assert vectors[0] @ vectors[2] == 0.0
    assert not vectors[3].any()
    assert not title_vectors(["", "x"]).any()


def test_bf16_is_used_where_the_device_has_instructions_for_it(monkeypatch: pytest.MonkeyPatch) -> None:
    cpu = torch.device("cpu")
    for has_bf16 in (False, True):
        monkeypatch.setattr(torch.cpu, "_is_avx512_bf16_supported", lambda has=has_bf16: has)
        monkeypatch.setattr(torch.cpu, "_is_amx_tile_supported", lambda: False)
        assert bf16_pays(cpu) is has_bf16
        for precision, expected in (("auto", has_bf16), ("bf16", True), ("fp32", False)):
            with mixed_precision(cpu, precision):
                product = torch.ones(2, 2) @ torch.ones(2, 2)
            assert (product.dtype == torch.bfloat16) is expected
    with pytest.raises(ValueError, match="precision: received 'fp8', must be one of auto, fp32, bf16"):
        mixed_precision(cpu, "fp8")
