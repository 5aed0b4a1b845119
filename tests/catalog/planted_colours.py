"""Sixty dresses in three colours and six without one, whose pictures tell: vectors of eight numbers."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from catalog.models import Encoder, Product, ProductEmbedding
from tests.factories.catalog import CategoryFactory, EncoderFactory

COLOURS = ("blue", "green", "red")
TEXT = np.eye(8, dtype=np.float32)[7]
"""Where all texts that name no colour lie."""


def direction(colour: str, shift: int = 0) -> NDArray[np.float32]:
    """(8,) unit vector: the colour's axis, turned a little by `shift`."""
    vector = np.eye(8, dtype=np.float32)[COLOURS.index(colour)] + 0.05 * (shift % 5) * np.eye(8, dtype=np.float32)[3]
    return np.asarray(vector / np.linalg.norm(vector), dtype=np.float32)


def encode(texts: Sequence[str], **_: object) -> NDArray[np.float32]:
    """Stands for the text tower: a text with a colour's name lies on its axis."""
    found = [next((direction(name) for name in COLOURS if name in text), TEXT) for text in texts]
    return np.stack(found)


def plant_colours(*, each: int = 20, lacking: int = 2) -> tuple[Encoder, dict[int, str]]:
    """The encoder, and the true colour of each product that lacks one, by primary key."""
    encoder, category = EncoderFactory(), CategoryFactory()
    rows, true = [], []
    for colour in COLOURS:
        for number in range(each + lacking):
            has = number < each
            rows.append(
                Product(
                    source="shop",
                    external_id=f"{colour}-{number}",
                    title=f"Linen dress {len(rows)}",
                    category=category,
                    gender="women",
                    colour=colour if has else "",
                    pattern="plain",
                )
            )
            true.append((colour, number, has))
    products = Product.objects.bulk_create(rows)
    hidden = {product.pk: colour for product, (colour, _, has) in zip(products, true, strict=True) if not has}
    for product, (colour, number, _) in zip(products, true, strict=True):
        give_vectors(encoder, product, direction(colour, number))
    return encoder, hidden


def give_vectors(encoder: Encoder, product: Product, vector: NDArray[np.float32]) -> None:
    text = encode([product.colour])[0]
    hybrid = (vector + text) / np.linalg.norm(vector + text)
    ProductEmbedding.objects.bulk_create(
        [
            ProductEmbedding(product=product, encoder=encoder, kind=kind, content_version=1, vector=list(value))
            for kind, value in (("image", vector), ("text", text), ("hybrid", hybrid))
        ]
    )
