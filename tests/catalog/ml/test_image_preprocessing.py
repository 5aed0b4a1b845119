"""Pillow and numpy give what open_clip's transform gives."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from PIL import Image

from catalog.ml import torchvision_ops  # noqa: F401  (before open_clip)
from catalog.ml.compact_clip import PREPROCESS_CONFIG
from catalog.ml.image_preprocessing import ImagePreprocessing

from open_clip.transform import PreprocessCfg, image_transform_v2  # isort: skip

SIZES = [(96, 96), (320, 320), (300, 400), (401, 299), (50, 75), (31, 20), (97, 640), (1000, 99)]
CONFIGS: list[dict[str, Any]] = [
    PREPROCESS_CONFIG,
    {**PREPROCESS_CONFIG, "resize_mode": "shortest", "size": 224},
    {**PREPROCESS_CONFIG, "resize_mode": "squash", "interpolation": "bilinear", "size": 64},
    {**PREPROCESS_CONFIG, "resize_mode": "longest", "fill_color": 0, "size": 97},
]


@pytest.mark.parametrize("config", CONFIGS)
def test_equal_to_open_clip_for_all_shapes(config: dict[str, Any]) -> None:
    rng = np.random.default_rng(0)
    reference = image_transform_v2(PreprocessCfg(**config), is_train=False)
    ours = ImagePreprocessing.from_config(config)
    for width, height in SIZES:
        image = Image.fromarray(rng.integers(0, 256, (height, width, 3), dtype=np.uint8))
        expected = reference(image).numpy()
        np.testing.assert_allclose(ours([image])[0], expected, atol=1e-4, err_msg=f"{width} x {height}")


def test_a_batch_keeps_its_order_and_none_is_none() -> None:
    ours = ImagePreprocessing.from_config(PREPROCESS_CONFIG)
    black, white = Image.new("RGB", (20, 20)), Image.new("RGB", (20, 20), "white")
    batch = ours([black, white])
    assert batch.shape == (2, 3, 96, 96)
    assert batch.dtype == np.float32
    assert batch[0].max() < 0 < batch[1].min()
    assert ours([]).shape == (0, 3, 96, 96)


def test_an_extremely_narrow_picture_still_has_a_pixel() -> None:
    ours = ImagePreprocessing.from_config(PREPROCESS_CONFIG)
    assert ours([Image.new("RGB", (1, 4_000))]).shape == (1, 3, 96, 96)


def test_unknown_modes_are_refused() -> None:
    with pytest.raises(ValueError, match="resize_mode: received 'crop'"):
        ImagePreprocessing.from_config({**PREPROCESS_CONFIG, "resize_mode": "crop"})
    with pytest.raises(ValueError, match="interpolation: received 'nearest'"):
        ImagePreprocessing.from_config({**PREPROCESS_CONFIG, "interpolation": "nearest"})
