"""A catalogue of any size out of real photos: their products resampled, their vectors perturbed a little."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

import numpy as np
from django.conf import settings
from django.db import transaction
from numpy.typing import NDArray

from catalog.formats.kaggle import brand_in_title
from catalog.images import open_image
from catalog.ml.captions import product_caption
from catalog.ml.clip_examples import Example
from catalog.ml.encoder import load_encoder
from catalog.ml.hybrid import hybrid_vector
from catalog.ml.photo_labels import read_labelled_photos
from catalog.models import Encoder, Product, ProductEmbedding, ProductImage, Variant
from catalog.product_data import CATEGORY_SEPARATOR
from catalog.services.embeddings import register_encoder, store_vectors
from catalog.services.planner_statistics import refresh_planner_statistics
from catalog.services.taxonomy import brands_by_name, categories_by_path
from catalog.services.vector_index import ensure_vector_indexes
from fashionrec.common.batching import batched

NOISE = 0.3
"""Length of the noise added to a unit vector: a copy has a cosine of .96 with its original."""
BATCH = 64
_GENDERS = {"women", "men", "unisex", "girls", "boys"}


@dataclass(frozen=True)
class Photo:
    """What is known of one photographed product."""

    title: str
    gender: str
    brand: str
    category: str
    """Path from the root."""
    kind: str
    """The article's type, as the labels call it."""
    colour: str

    @property
    def caption(self) -> str:
        return product_caption(
            title=self.title, brand=self.brand, category=self.category, gender=self.gender, colour=self.colour
        )


@dataclass(frozen=True)
class EncodedPhotos:
    photos: list[Photo]
    images: NDArray[np.float32]
    """(N, D), unit length."""
    texts: NDArray[np.float32]
    """(N, D), unit length, of the captions."""
    example: bytes
    """One photo's file, to ask with."""
    name: str
    digest: str
    image_weight: float = 0.5
    """Share of the picture in hybrid vectors, as the encoder was tuned."""


@dataclass(frozen=True)
class World:
    encoder: Encoder
    product_ids: list[int]
    originals: NDArray[np.int64]
    """(N,): the photo that each product was made of."""
    vectors: dict[str, NDArray[np.float32]]
    """By kind: (N, D), unit length."""


def encode_photos(photos: Path, labels: Path, *, encoder: str) -> EncodedPhotos:
    """Raises EncoderError and LabelsError (both ValueErrors) for what cannot be read, ValueError without any photo."""
    model = load_encoder(encoder, search=[Path(settings.DATA_DIR) / "encoders"])
    found, images, texts = [], [], []
    skipped: list[str] = []
    for batch in batched(read_labelled_photos(photos, labels, on_skip=skipped), BATCH):
        described = [_photo(example) for example in batch]
        found += described
        images.append(model.encode_images([example.image for example in batch]))
        texts.append(model.encode_texts([photo.caption for photo in described]))
    if not found:
        raise ValueError(f"--photos: received {str(photos)!r}, where no photo of {labels} can be opened")
    return EncodedPhotos(
        found,
        np.concatenate(images),
        np.concatenate(texts),
        _any_file(photos),
        model.name,
        model.digest,
        float(model.hybrid.get("image_weight", 0.5)),
    )


def build_world(encoded: EncodedPhotos, *, products: int, seed: int) -> World:
    """Store `products` products with variants, pictures' rows, vectors of all kinds and their indexes."""
    generator = np.random.default_rng(seed)
    count = len(encoded.photos)
    copies = generator.integers(0, count, size=max(0, products - count))
    originals = np.concatenate([np.arange(min(count, products)), copies])
    kinds = ProductEmbedding.Kind
    images = _perturbed(encoded.images, originals, count, generator)
    texts = _perturbed(encoded.texts, originals, count, generator)
    hybrids = np.stack([hybrid_vector(i, t, encoded.image_weight) for i, t in zip(images, texts, strict=True)])
    vectors = {kinds.IMAGE.value: images, kinds.TEXT.value: texts, kinds.HYBRID.value: hybrids}
    product_ids = _store_products([encoded.photos[original] for original in originals], generator)
    encoder = register_encoder(name=encoded.name, digest=encoded.digest, dimensions=images.shape[1], live=True)
    for kind, matrix in vectors.items():
        for rows in batched(range(len(product_ids)), 1_000):
            store_vectors(
                encoder=encoder,
                kind=kind,
                products=[(product_ids[row], 1) for row in rows],
                vectors=matrix[list(rows)],
            )
    ensure_vector_indexes(encoder=encoder)
    return World(encoder, product_ids, originals, vectors)


def _perturbed(
    vectors: NDArray[np.float32], originals: NDArray[np.int64], untouched: int, generator: np.random.Generator
) -> NDArray[np.float32]:
    chosen = vectors[originals].astype(np.float32)
    noise = generator.normal(size=chosen.shape).astype(np.float32) * (NOISE / np.sqrt(chosen.shape[1]))
    noise[:untouched] = 0.0
    chosen += noise
    perturbed: NDArray[np.float32] = chosen / np.linalg.norm(chosen, axis=1, keepdims=True)
    return perturbed


@transaction.atomic
def _store_products(photos: Sequence[Photo], generator: np.random.Generator) -> list[int]:
    brands = brands_by_name({photo.brand for photo in photos})
    categories = categories_by_path({photo.category for photo in photos})
    prices = generator.integers(5, 200, size=len(photos))
    sold_out = generator.random(len(photos)) < 0.1
    product_ids: list[int] = []
    for numbers in batched(range(len(photos)), 1_000):
        rows = []
        for number in numbers:
            photo = photos[number]
            price = Decimal(int(prices[number]))
            product = Product(
                source="benchmark",
                external_id=str(number),
                title=photo.title,
                gender=photo.gender,
                brand=brands.get(photo.brand),
                category=categories.get(photo.category),
                colour=photo.colour,
                price=price,
                currency="EUR",
                in_stock=not sold_out[number],
            )
            rows.append(product)
        Product.objects.bulk_create(rows)
        product_ids += [product.pk for product in rows]
        Variant.objects.bulk_create(
            Variant(product=product, sku=product.external_id, price=product.price, currency="EUR") for product in rows
        )
        ProductImage.objects.bulk_create(
            ProductImage(
                product=product,
                file=f"products/{product.pk}.jpg",
                sha256=f"{product.pk:064d}",
                size=1,
                width=224,
                height=224,
            )
            for product in rows
        )
    refresh_planner_statistics(Product, Variant, ProductImage)
    return product_ids


def _photo(example: Example) -> Photo:
    labels = example.attributes
    gender = labels.get("gender", "").lower()
    levels = [labels[name] for name in ("masterCategory", "subCategory", "articleType") if labels.get(name)]
    return Photo(
        title=example.caption,
        gender=gender if gender in _GENDERS else "",
        brand=brand_in_title(example.caption, gender=labels.get("gender", "")),
        category=CATEGORY_SEPARATOR.join(levels),
        kind=labels.get("articleType", ""),
        colour=labels.get("baseColour", "").lower(),
    )


def _any_file(photos: Path) -> bytes:
    folder = photos / "images" if (photos / "images").is_dir() else photos
    for path in sorted(folder.iterdir()):
        if path.is_file():
            content = path.read_bytes()
            open_image(content)
            return content
    raise ValueError(f"--photos: received {str(photos)!r}, which has no files")
