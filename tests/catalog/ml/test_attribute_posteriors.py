"""Vectors lengthened by what they say about each attribute, against a hand computation."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from catalog.ml.attribute_posteriors import PosteriorClip, posterior_config, with_prompts


class Clip(nn.Module):
    """Pictures and texts are their own features."""

    def __init__(self) -> None:
        super().__init__()
        self.text_projection = nn.Parameter(torch.zeros(4, 2))
        self.logit_scale = nn.Parameter(torch.tensor(np.log(5.0), dtype=torch.float32))

    def encode_image(self, pixels: torch.Tensor) -> torch.Tensor:
        return pixels

    encode_text = encode_image


def model(share: float = 0.5) -> PosteriorClip:
    posterior = PosteriorClip(Clip(), sizes=[2, 3], weights=[3.0, 1.0], share=share).eval()
    posterior.prompts.copy_(torch.tensor([[1.0, 0.0], [0.0, 1.0], [1.0, 0.0], [0.0, 1.0], [-1.0, 0.0]]))
    return posterior


@torch.no_grad()
def test_a_vector_is_its_direction_and_the_roots_of_its_posteriors() -> None:
    vector = model().encode_image(torch.tensor([[3.0, 4.0]]))[0].numpy()
    direction = np.array([0.6, 0.8])
    first = np.exp(5 * np.array([0.6, 0.8]))
    second = np.exp(5 * np.array([0.6, 0.8, -0.6]))
    expected = np.concatenate(
        [
            np.sqrt(0.5) * direction,
            np.sqrt(0.5 * 0.75) * np.sqrt(first / first.sum()),
            np.sqrt(0.5 * 0.25) * np.sqrt(second / second.sum()),
        ]
    )
    np.testing.assert_allclose(vector, expected, atol=1e-6)
    assert np.linalg.norm(vector) == pytest.approx(1.0, abs=1e-6)


@torch.no_grad()
def test_both_towers_make_the_same_of_the_same_features() -> None:
    features = torch.randn(5, 2)
    assert torch.equal(model().encode_image(features), model().encode_text(features))


def test_only_attributes_with_something_to_tell_apart_are_kept_and_what_a_thing_is_weighs_most() -> None:
    names = ("articleType", "baseColour", "brand", "gender", "season", "sku")
    values = (
        ("Shirts", "Skirts"),
        ("Red", "Blue"),
        ("A", "B"),
        ("Women",),
        ("Fall", "Summer"),
        tuple(map(str, range(300))),
    )
    config = posterior_config(names, values)
    assert config is not None
    assert config["values"] == {
        "articleType": ["Shirts", "Skirts"],
        "baseColour": ["Red", "Blue"],
        "season": ["Fall", "Summer"],
    }
    assert (config["sizes"], config["weights"]) == ([2, 2, 2], [1.0, 1.5, 0.3])
    assert posterior_config(("gender",), (("Women",),)) is None


def test_prompts_are_the_mean_direction_of_a_value_in_several_phrases() -> None:
    asked: list[str] = []

    def encode(texts: list[str]) -> np.ndarray:
        asked.extend(texts)
        return np.array([[1.0, 0.0] if "photo" in text else [0.0, 1.0] for text in texts], dtype=np.float32)

    config = {"values": {"colour": ["Red", "Blue"]}, "sizes": [2], "weights": [1.0], "share": 0.5}
    prompts = with_prompts(Clip(), config, encode).prompts
    assert asked == ["red", "blue", "a photo of red", "a photo of blue", "red fashion", "blue fashion"]
    np.testing.assert_allclose(prompts.numpy(), np.tile(np.array([1.0, 2.0]) / np.sqrt(5.0), (2, 1)), atol=1e-6)


@pytest.mark.parametrize(
    "given", [{"sizes": [2], "weights": [1.0, 1.0]}, {"sizes": [2], "weights": [0.0]}, {"sizes": [], "weights": []}]
)
def test_what_makes_no_posteriors_is_refused(given: dict) -> None:
    with pytest.raises(ValueError, match="posteriors: received sizes"):
        PosteriorClip(Clip(), share=0.5, **given)
