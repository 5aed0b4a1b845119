"""A tiny world of pictures: squares in colours, plain or striped."""

from __future__ import annotations

from PIL import Image, ImageDraw

from catalog.ml.clip_examples import Example, TrainingExamples, collect_examples
from catalog.ml.compact_clip import PREPROCESS_CONFIG
from catalog.ml.image_preprocessing import ImagePreprocessing

PATTERNS = ("plain", "striped")
COLOURS = ("red", "green", "blue")


def drawn_square(pattern: str, colour: str, shift: int = 0) -> Image.Image:
    """A coloured square on white; stripes are white."""
    image = Image.new("RGB", (48, 48), "white")
    pencil = ImageDraw.Draw(image)
    pencil.rectangle((8 + shift, 8, 36 + shift, 40), fill=colour)
    if pattern == "striped":
        for top in range(10, 40, 6):
            pencil.rectangle((8 + shift, top, 36 + shift, top + 2), fill="white")
    return image


def labelled(rows: list[dict[str, str]]) -> TrainingExamples:
    """Examples with these attributes, and all the same picture."""
    image = drawn_square("plain", "red").resize((8, 8))
    preprocessing = ImagePreprocessing.from_config({**PREPROCESS_CONFIG, "size": 8})
    return collect_examples(
        (Example(image, f"number {number}", row) for number, row in enumerate(rows)), preprocessing=preprocessing
    )
