"""The image tower of our own: what open_clip asks of it, and what it sees."""

from __future__ import annotations

import pytest
import torch

from catalog.ml.compact_clip import build_model, model_config
from catalog.ml.residual_tower import CatalogueResNet, ResidualBlock, catalogue_resnet


@pytest.mark.parametrize("size", [32, 45, 96])
def test_a_picture_of_any_size_becomes_a_row_of_features(size: int) -> None:
    tower = CatalogueResNet().eval()
    assert tower(torch.zeros(2, 3, size, size)).shape == (2, tower.num_features) == (2, 64 + 128 + 256 + 4 * 64)


def test_open_clip_builds_it_by_name() -> None:
    model = build_model(model_config(vocabulary_size=300)).eval()
    assert isinstance(model.visual.trunk, CatalogueResNet)
    assert model.encode_image(torch.zeros(1, 3, 96, 96)).shape == (1, 512)
    assert sum(weight.numel() for weight in model.visual.parameters()) == 3_169_124


def test_a_block_starts_as_its_shortcut() -> None:
    block = ResidualBlock(4, 4, 1).eval()
    pictures = torch.rand(2, 4, 6, 6)
    assert torch.equal(block(pictures), pictures)


def test_attended_colours_are_those_of_the_pixels_wherever_they_are() -> None:
    colours = CatalogueResNet().eval().colours
    context = torch.zeros(1, 128, 12, 12)  # looks everywhere alike
    left, right = torch.zeros(1, 3, 96, 96), torch.zeros(1, 3, 96, 96)
    left[:, 0, :, :48] = right[:, 0, :, 48:] = 1.0
    other = torch.zeros(1, 3, 96, 96)
    other[:, 2, :, :48] = 1.0
    assert torch.allclose(colours(left, context), colours(right, context), atol=1e-5)
    assert not torch.allclose(colours(left, context), colours(other, context), atol=1e-3)


def test_there_are_no_weights_to_fetch() -> None:
    with pytest.raises(ValueError, match="catalogue_resnet has no weights to fetch"):
        catalogue_resnet(pretrained=True)
    with pytest.raises(ValueError, match="received 10, 'avg'"):
        CatalogueResNet().reset_classifier(10)
