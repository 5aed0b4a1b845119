"""A shop of three visible products and a hidden one, with vectors of two dimensions that matter."""

from collections.abc import Sequence
from decimal import Decimal

import numpy as np
import pytest
from django.core.cache import cache
from numpy.typing import NDArray

from catalog.models import Encoder, Product
from catalog.services.taxonomy import categories_by_path
from tests.factories.catalog import BrandFactory, ProductEmbeddingFactory, ProductFactory


def little_shop() -> dict[str, Product]:
    categories = categories_by_path({"Women > Dresses > Midi", "Women > Shoes", "Men > Shirts"})
    vale, birch = BrandFactory(name="Vale"), BrandFactory(name="Birch & Co")
    blank = {"description": "", "pattern": "", "material": ""}
    return {
        "midi": ProductFactory(
            title="Linen midi dress", category=categories["Women > Dresses > Midi"], brand=vale, colour="red",
            gender="women", price=Decimal(80), **blank,
        ),
        "pumps": ProductFactory(
            title="Red pumps", category=categories["Women > Shoes"], brand=birch, colour="red", gender="women",
            price=Decimal(120), in_stock=False, **blank,
        ),
        "shirt": ProductFactory(
            title="Oxford shirt", category=categories["Men > Shirts"], brand=vale, colour="blue", gender="men",
            price=None, **blank | {"description": "Goes with any dress code."},
        ),
        "hidden": ProductFactory(title="Hidden dress", status="archived", brand=vale, gender="women", colour="red"),
    }  # fmt: skip


def unit(*values: float) -> list[float]:
    vector = np.zeros(8)
    vector[: len(values)] = values
    return list(vector / np.linalg.norm(vector))


def embed(shop: dict[str, Product]) -> None:
    ProductEmbeddingFactory(product=shop["midi"], vector=unit(1, 0))
    ProductEmbeddingFactory(product=shop["pumps"], vector=unit(1, 1))
    ProductEmbeddingFactory(product=shop["shirt"], vector=unit(0, 1))
    ProductEmbeddingFactory(product=shop["hidden"], vector=unit(1, 0.01))


def read_queries_as(monkeypatch: pytest.MonkeyPatch, meanings: dict[str, list[float]]) -> None:
    """The text tower of this little world knows these words; every other text points where no product lies."""
    cache.clear()
    elsewhere = unit(0, 0, 1)

    def encode(texts: Sequence[str], *, encoder: Encoder) -> NDArray[np.float32]:
        return np.array([meanings.get(text, elsewhere) for text in texts], np.float32)

    monkeypatch.setattr("catalog.query_encoding.encode_queries", encode)
    monkeypatch.setattr("catalog.relevance.encode_queries", encode)
