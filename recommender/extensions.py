"""Products that came after a model was trained: which they are, and the content vectors that place them.

Web and worker read the same rows, so that what a version serves is what its item vectors say.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

import numpy as np
from django.db.models import Count, DecimalField, QuerySet, Sum
from django.db.models.functions import Extract
from numpy.typing import NDArray

from catalog.models import Encoder, Product, ProductEmbedding
from catalog.selectors import content_matrix
from catalog.vectors import live_encoder
from recommender.models import ModelVersion

KIND = ProductEmbedding.Kind.HYBRID


@dataclass(frozen=True, eq=False)
class AddedProducts:
    """product_ids: (N,) int64 primary keys, ascending. made_at: N times, when each one's content vector was made."""

    product_ids: NDArray[np.int64]
    made_at: list[datetime]

    def __len__(self) -> int:
        return len(self.product_ids)

    @property
    def digest(self) -> str:
        """sha256 (hex) of the products and the times of their vectors; empty without any."""
        if not len(self):
            return ""
        digest = hashlib.sha256(self.product_ids.tobytes())
        digest.update(" ".join(made.isoformat() for made in self.made_at).encode())
        return digest.hexdigest()

    def content(self) -> NDArray[np.float32]:
        """(N, D) float32 content vectors, L2-normalised."""
        return content_matrix(self.product_ids.tolist())


def catalogue_mark() -> str:
    """Changes whenever a visible product gets, changes or loses a content vector, or the encoder does: one query.

    A sum of times, not the latest: a vector that was made earlier may be committed later.
    """
    encoder = live_encoder()
    if encoder is None:
        return ""
    made = Sum(Extract("created_at", "epoch", output_field=DecimalField()))
    row = _embedded(encoder).aggregate(count=Count("pk"), products=Sum("product_id"), made=made)
    return f"{encoder.pk}:{row['count']}:{row['products'] or 0}:{row['made'] or 0}"


def added_products(version: ModelVersion, trained: Collection[int]) -> AddedProducts:
    """Visible products with a content vector that are not among `trained`, primary keys of those the artifact knows.

    None where the live encoder is not the one whose vectors the version has learned to read.
    """
    encoder = live_encoder()
    rows: list[tuple[int, datetime]] = []
    if encoder is not None and str(encoder) == version.data_window.get("encoder"):
        stored = _embedded(encoder).order_by("product_id").values_list("product_id", "created_at")
        rows = [(pk, made) for pk, made in stored if pk not in trained]
    return AddedProducts(np.array([pk for pk, _ in rows], dtype=np.int64), [made for _, made in rows])


def _embedded(encoder: Encoder) -> QuerySet[ProductEmbedding]:
    visible = Product.objects.visible().order_by().values("pk")
    return ProductEmbedding.objects.filter(encoder=encoder, kind=KIND, product__in=visible)
