"""Crops and flips keep colours; grey pictures and edge maps drop nothing else."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from PIL import Image

from catalog.ml.clip_augmentation import augmented, normalised, without_colours
from tests.catalog.ml.planted import drawn_square

MEAN, STD = torch.tensor([0.48, 0.46, 0.41]), torch.tensor([0.27, 0.26, 0.28])


def pictures(count: int = 40) -> torch.Tensor:
    """(N, 48, 48, 3) uint8 of a red striped square."""
    return torch.from_numpy(np.stack([np.asarray(drawn_square("striped", "red"))] * count))


def plain(images: torch.Tensor) -> torch.Tensor:
    """Back to 0..1."""
    return images * STD[None, :, None, None] + MEAN[None, :, None, None]


def changed(**shares: float) -> tuple[torch.Tensor, torch.Tensor]:
    images, lost = without_colours(
        normalised(pictures(), mean=MEAN, std=STD), mean=MEAN, std=STD, generator=torch.Generator().manual_seed(0),
        **{"grayscale": 0.0, "edges": 0.0, **shares},
    )  # fmt: skip
    return plain(images), lost


def test_crops_show_the_picture_in_its_colours_and_differ() -> None:
    images = augmented(pictures(), size=32, mean=MEAN, std=STD, generator=torch.Generator().manual_seed(0))
    assert images.shape == (40, 3, 32, 32)
    seen = plain(images)
    assert float(seen.min()) > -0.01
    assert float(seen.max()) < 1.01
    assert all(float(picture[0].mean() - picture[1].mean()) > 0.1 for picture in seen)  # red
    assert len({float(picture.sum()) for picture in seen}) == 40


def test_grey_is_what_pillow_calls_grey() -> None:
    images, lost = changed(grayscale=1.0)
    assert lost.all()
    expected = np.asarray(Image.fromarray(pictures(1)[0].numpy()).convert("L")) / 255.0
    for channel in images[0]:
        np.testing.assert_allclose(channel.numpy(), expected, atol=0.003)


def test_edges_are_dark_lines_on_white() -> None:
    images, lost = changed(edges=1.0)
    assert lost.all()
    picture = images[0]
    torch.testing.assert_close(picture[0], picture[2])
    assert float(picture.min()) == pytest.approx(0.0, abs=1e-5)
    assert float(picture[0, 0].min()) == pytest.approx(1.0, abs=1e-5)  # nothing happens along the white border
    assert float(picture[0, 24, 8].max()) < 0.5  # the side of the square
    assert float((picture > 0.99).float().mean()) > 0.5


def test_shares_are_kept_and_the_others_stay_exactly_as_they_are() -> None:
    images, lost = changed(grayscale=0.3, edges=0.2)
    assert 10 <= int(lost.sum()) <= 30
    torch.testing.assert_close(images[~lost], plain(normalised(pictures(), mean=MEAN, std=STD))[~lost])
    again, _ = changed(grayscale=0.3, edges=0.2)
    assert torch.equal(images, again)
    _, none = changed()
    assert not none.any()
