"""A tiny world of pictures: shapes in colours."""

from __future__ import annotations

from PIL import Image, ImageDraw

SHAPES = ("square", "circle")
COLOURS = ("red", "green", "blue")


def drawn_shape(shape: str, colour: str, shift: int = 0) -> Image.Image:
    """A coloured square or circle on white."""
    image = Image.new("RGB", (48, 48), "white")
    pencil = ImageDraw.Draw(image)
    box = (10 + shift, 10, 36 + shift, 36)
    pencil.rectangle(box, fill=colour) if shape == "square" else pencil.ellipse(box, fill=colour)
    return image
