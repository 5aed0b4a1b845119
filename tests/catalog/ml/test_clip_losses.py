"""The three losses, by hand."""

from __future__ import annotations

import math

import pytest
import torch

from catalog.ml.clip_losses import attribute_contrast_loss, attribute_prompt_loss, caption_loss, caption_relation

ONE = torch.tensor(1.0)


def test_a_caption_is_true_of_all_that_share_what_it_mentions() -> None:
    # colour, category: a red dress, a red shoe, a blue dress, a dress of unknown colour
    codes = torch.tensor([[0, 0], [0, 1], [1, 0], [-1, 0]])
    mentioned = torch.tensor([[True, False], [True, True], [False, True], [False, False]])
    true, unknown = caption_relation(codes, mentioned)
    assert true.int().tolist() == [
        [1, 1, 0, 0],  # "red"
        [0, 1, 0, 0],  # "red shoe": contradicted by a dress of any colour
        [1, 0, 1, 1],  # "dress"
        [0, 0, 0, 1],  # says nothing: its own picture
    ]
    assert unknown.int().tolist() == [[0, 0, 0, 1], [0, 0, 0, 0], [0, 0, 0, 0], [0, 0, 0, 0]]


def test_attribute_loss_is_the_mean_cross_entropy_per_attribute() -> None:
    images = torch.eye(2)
    prompts = torch.eye(2)[[0, 1, 1, 0]]  # colour 0, colour 1, category 0, category 1
    loss = attribute_prompt_loss(
        images, prompts, torch.tensor([0, 0, 1, 1]), torch.tensor([0, 1, 0, 1]), torch.tensor([[0, 1], [1, -1]]), ONE
    )
    # Both colours and the one known category are nearest to their own prompt: logits 1 against 0.
    assert float(loss) == pytest.approx(math.log(1 + math.e) - 1)


def test_an_attribute_nobody_knows_costs_nothing() -> None:
    loss = attribute_prompt_loss(
        torch.eye(2), torch.eye(2), torch.tensor([0, 0]), torch.tensor([0, 1]), torch.tensor([[-1], [-1]]), ONE
    )
    assert float(loss) == 0.0


def test_caption_loss_is_plain_clip_without_further_positives() -> None:
    generator = torch.Generator().manual_seed(0)
    images = torch.nn.functional.normalize(torch.randn(5, 8, generator=generator), dim=1)
    texts = torch.nn.functional.normalize(torch.randn(5, 8, generator=generator), dim=1)
    own, nothing = torch.eye(5, dtype=torch.bool), torch.zeros(5, 5, dtype=torch.bool)
    logits = 3.0 * images @ texts.T
    rows = torch.arange(5)
    expected = (torch.nn.functional.cross_entropy(logits, rows) + torch.nn.functional.cross_entropy(logits.T, rows)) / 2
    assert float(caption_loss(images, texts, own, nothing, torch.tensor(3.0))) == pytest.approx(float(expected))


def test_unknown_pairs_take_no_part() -> None:
    images = torch.eye(3)
    own, unknown = torch.eye(3, dtype=torch.bool), torch.zeros(3, 3, dtype=torch.bool)
    unknown[0, 2] = unknown[2, 0] = unknown[1, 2] = unknown[2, 1] = True
    loss = caption_loss(images, images, own, unknown, ONE)
    # Two rows see one wrong answer each, the third sees none; both directions alike.
    assert float(loss) == pytest.approx(2 * (math.log(1 + math.e) - 1) / 3)


def test_image_contrast_pulls_towards_shared_attributes() -> None:
    codes = torch.tensor([[0, 0], [0, 0], [1, 1]])
    together = torch.tensor([[1.0, 0.0], [1.0, 0.0], [0.0, 1.0]])
    apart = torch.tensor([[1.0, 0.0], [0.0, 1.0], [1.0, 0.0]])
    near = float(attribute_contrast_loss(together, codes, torch.ones(2), temperature=1.0))
    assert near == pytest.approx(math.log(1 + math.e) - 1)  # two rows; the third has no likeness and is left out
    far = float(attribute_contrast_loss(apart, codes, torch.ones(2), temperature=1.0))
    assert far == pytest.approx((math.log(1 + math.e) + math.log(2)) / 2)


def test_image_contrast_without_any_likeness_is_zero() -> None:
    codes = torch.tensor([[0, -1], [-1, 0]])
    assert float(attribute_contrast_loss(torch.eye(2), codes, torch.ones(2), temperature=0.1)) == 0.0


def test_image_contrast_follows_the_weights_of_attributes() -> None:
    codes = torch.tensor([[0, 0], [0, 1], [1, 0]])
    features = torch.tensor([[1.0, 0.0], [1.0, 0.0], [0.0, 1.0]])
    first, second = (
        float(attribute_contrast_loss(features, codes, torch.tensor(weights), temperature=1.0))
        for weights in ([1.0, 0.0], [0.0, 1.0])
    )
    assert first == pytest.approx(math.log(1 + math.e) - 1)  # only pictures 0 and 1 are alike, and near
    assert second == pytest.approx((math.log(1 + math.e) + math.log(2)) / 2)  # 0 and 2, apart
