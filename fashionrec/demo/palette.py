"""Named colours, their shades, and what goes well with them."""

from __future__ import annotations

RGB = tuple[float, float, float]

# Three tasteful shades a name; the names are told apart by eye, so that a picture shows its colour word.
SHADES: dict[str, tuple[str, str, str]] = {
    "black": ("26262a", "2b2a2c", "232429"),
    "white": ("f7f6f3", "f4f5f6", "faf8f4"),
    "cream": ("f1e6cd", "efe2c3", "f3e9d3"),
    "beige": ("d8c3a0", "d3bd9c", "dcc7a8"),
    "camel": ("b9844b", "c08c52", "b37d45"),
    "brown": ("6b4429", "5f3c26", "754c30"),
    "grey": ("8d9095", "9a9b9e", "7f8388"),
    "navy": ("1e2b4f", "1b2745", "233258"),
    "blue": ("2c62b4", "2f6dc4", "28569f"),
    "light blue": ("9cc3e4", "a8cbe8", "8fb9de"),
    "teal": ("17787c", "1c8285", "146c72"),
    "green": ("2f7d4a", "2a7342", "388a55"),
    "olive": ("6c6b35", "747239", "62622f"),
    "mint": ("b4e0c8", "aadbc2", "c0e6d2"),
    "yellow": ("f4d54a", "f6db5c", "f0cc3c"),
    "mustard": ("cb961f", "d09c28", "c28d1b"),
    "orange": ("e67a2e", "ea8338", "de6f25"),
    "red": ("c8262f", "d02f35", "bc2029"),
    "burgundy": ("6d1b30", "741f35", "64182b"),
    "pink": ("ee9fb8", "e88fad", "f2aec3"),
    "purple": ("6b3f97", "7348a0", "62388b"),
    "lavender": ("c0aee0", "b9a6db", "c9b9e6"),
    "silver": ("bfc3c8", "b6babf", "c8cbd0"),
    "gold": ("cfa64e", "d4ad58", "c79d45"),
}

# Second and third colours of a pattern, chosen to stand out from the first.
COMPANIONS: dict[str, tuple[tuple[str, str], ...]] = {
    "black": (("white", "red"), ("cream", "mustard"), ("beige", "pink")),
    "white": (("navy", "red"), ("blue", "yellow"), ("black", "green"), ("pink", "green")),
    "cream": (("navy", "camel"), ("brown", "green"), ("burgundy", "olive")),
    "beige": (("brown", "white"), ("navy", "burgundy"), ("black", "red")),
    "camel": (("cream", "navy"), ("black", "burgundy"), ("white", "brown")),
    "brown": (("cream", "orange"), ("beige", "mustard"), ("light blue", "white")),
    "grey": (("white", "burgundy"), ("black", "yellow"), ("navy", "white")),
    "navy": (("white", "red"), ("cream", "mustard"), ("light blue", "pink")),
    "blue": (("white", "yellow"), ("cream", "orange"), ("navy", "white")),
    "light blue": (("white", "navy"), ("navy", "pink"), ("cream", "orange")),
    "teal": (("cream", "orange"), ("white", "mustard"), ("mint", "pink")),
    "green": (("white", "yellow"), ("cream", "red"), ("navy", "white")),
    "olive": (("cream", "orange"), ("black", "beige"), ("mustard", "white")),
    "mint": (("white", "pink"), ("teal", "orange"), ("navy", "white")),
    "yellow": (("white", "green"), ("navy", "orange"), ("grey", "white")),
    "mustard": (("cream", "burgundy"), ("navy", "white"), ("brown", "teal")),
    "orange": (("cream", "brown"), ("white", "yellow"), ("navy", "pink")),
    "red": (("white", "navy"), ("black", "yellow"), ("cream", "green")),
    "burgundy": (("cream", "pink"), ("navy", "mustard"), ("white", "beige")),
    "pink": (("white", "green"), ("red", "cream"), ("burgundy", "mint")),
    "purple": (("white", "pink"), ("lavender", "yellow"), ("cream", "mint")),
    "lavender": (("white", "purple"), ("purple", "yellow"), ("cream", "green")),
    "silver": (("black", "white"), ("navy", "white"), ("white", "blue")),
    "gold": (("black", "cream"), ("white", "brown"), ("burgundy", "cream")),
}


def shade(name: str, choice: int = 0) -> RGB:
    """One shade of a named colour, each channel 0..1. Raises ValueError for an unknown name."""
    if name not in SHADES:
        raise ValueError(f"colour: received {name!r}, known are {', '.join(SHADES)}")
    value = int(SHADES[name][choice % 3], 16)
    return (value >> 16) / 255, (value >> 8 & 255) / 255, (value & 255) / 255


def mix(first: RGB, second: RGB, share: float) -> RGB:
    """`first` moved towards `second` by `share` (0..1)."""
    r, g, b = (a + (z - a) * share for a, z in zip(first, second, strict=True))
    return r, g, b


def darker(colour: RGB, share: float) -> RGB:
    return mix(colour, (0.06, 0.05, 0.07), share)


def lighter(colour: RGB, share: float) -> RGB:
    return mix(colour, (1.0, 1.0, 1.0), share)


def luminance(colour: RGB) -> float:
    """Perceived brightness 0..1 (Rec. 709 weights, without gamma)."""
    return 0.2126 * colour[0] + 0.7152 * colour[1] + 0.0722 * colour[2]
