"""How near is near enough: which of the nearest products a query is about, and which are only the least far.

Every query has nearest products, also one that means nothing. What tells them apart is the *lift* of a product: how
much nearer it is to the query than to words without meaning. Letters drawn at random show how high a lift rises by
itself, so the floor follows the encoder and the catalogue, and no one has to choose it.

Measured with `compact` on the drawn catalogue (640 products): the best lift of random letters has a median of 0.04
and the floor comes to 0.14; the best of "blue jeans" is 0.61, of "warm winter coat" 0.41, of "dress" 0.27, of "pizza"
and "qqqzzz" 0.03.
"""

import random
import string
from dataclasses import dataclass
from functools import partial

import numpy as np
from django.core.cache import cache
from numpy.typing import NDArray

from catalog.models import Encoder, Product, ProductEmbedding
from catalog.query_encoding import encode_queries, encode_query
from catalog.querysets import ProductQuerySet
from catalog.vectors import live_encoder, nearest_compared, stored_vectors

MOST_RESULTS = 200
"""A search returns no more: nobody reads on, and both rankings are noise by then."""

NONSENSE = 128
"""Meaningless texts the floor is read off; ≈ 0.2 s, once for each web process and hour."""
SAMPLE = 1_000
"""Products they are compared with, drawn at random."""
QUANTILE = 0.95
"""One meaningless query in twenty may still find something: some random letters are half a word."""
SHARE_OF_BEST = 0.5
"""A product counts from this share of the query's best lift on: after that comes what has only its colour."""
CACHE_SECONDS = 3_600


@dataclass(frozen=True)
class Floor:
    meaningless: NDArray[np.float32]
    """(D,) float32, the mean of the vectors of meaningless texts."""
    lift: float
    """What a product's lift must exceed."""

    def about(self, query: NDArray[np.float32], vectors: NDArray[np.float32]) -> NDArray[np.bool_]:
        """(N,) bool: the products that `query` (D,) is about. vectors: as for `lifts`."""
        return self.reached(self.lifts(query, vectors))

    def reached(self, lifts: NDArray[np.float32], *, best: float = 0.0) -> NDArray[np.bool_]:
        """(N,) bool: which `lifts` (N,) are high enough. best: of the whole catalogue, where these are only a part."""
        return (lifts > self.lift) & (lifts >= SHARE_OF_BEST * lifts.max(initial=best))

    def lifts(self, query: NDArray[np.float32], vectors: NDArray[np.float32]) -> NDArray[np.float32]:
        """(N,) float32: how much nearer each product is to `query` (D,) than to meaningless texts.

        vectors: (N, D) float32 of products; need not be normalised.
        """
        lengths = np.linalg.norm(vectors, axis=1)
        lifts: NDArray[np.float32] = vectors @ (query - self.meaningless) / np.maximum(lengths, 1e-9)
        return lifts


def products_about(text: str, *, products: ProductQuerySet, narrowed: bool) -> list[int]:
    """Those of `products` that the text is about by the live encoder, nearest first; at most MOST_RESULTS.

    products: visible ones; narrowed: whether they are only some of the visible. What is near enough is judged by the
    best of the whole catalogue: among handbags no one is about "red dress" just because another is even less so.
    None are, where the live encoder has no text tower on this machine.
    """
    encoder = live_encoder()
    vector = encode_query(text, encoder=encoder) if encoder else None
    floor = relevance_floor(encoder=encoder) if encoder and vector is not None else None
    if encoder is None or vector is None or floor is None:
        return []
    kind = ProductEmbedding.Kind.HYBRID
    ask = partial(nearest_compared, encoder=encoder, kind=kind, vector=vector, other=floor.meaningless)
    found = ask(n=MOST_RESULTS, products=products, everything=not narrowed)
    best = _lifts(ask(n=1, products=Product.objects.visible(), everything=True)) if narrowed else _lifts(found)
    near = floor.reached(_lifts(found), best=float(best.max(initial=0.0)))
    return [pk for (pk, _, _), is_near in zip(found, near, strict=True) if is_near]


def _lifts(found: list[tuple[int, float, float]]) -> NDArray[np.float32]:
    return np.array([to_query - to_nothing for _, to_query, to_nothing in found], dtype=np.float32)


def relevance_floor(*, encoder: Encoder, kind: str = ProductEmbedding.Kind.HYBRID) -> Floor | None:
    """The floor for the visible catalogue; None where the encoder has no text tower here, or nothing is embedded."""
    key = f"relevance-floor:{encoder.name}:{encoder.digest}:{kind}:{encoder.image_weight}"
    floor: Floor | None = cache.get(key)
    if floor is None:
        floor = _measure(encoder, kind)
        if floor is not None:
            cache.set(key, floor, CACHE_SECONDS)
    return floor


def meaningless_texts(count: int, *, seed: int = 0) -> list[str]:
    """One or two words of four to nine random letters each."""
    draw = random.Random(seed)

    def word() -> str:
        return "".join(draw.choices(string.ascii_lowercase, k=draw.randint(4, 9)))

    return [f"{word()} {word()}" if number % 2 else word() for number in range(count)]


def _measure(encoder: Encoder, kind: str) -> Floor | None:
    embedded = ProductEmbedding.objects.filter(
        encoder=encoder, kind=kind, product__in=Product.objects.visible().order_by().values("pk")
    )
    product_ids = list(embedded.order_by("product_id").values_list("product_id", flat=True))
    texts = encode_queries(meaningless_texts(NONSENSE), encoder=encoder)
    if texts is None or not product_ids:
        return None
    sampled = random.Random(0).sample(product_ids, min(SAMPLE, len(product_ids)))
    vectors = stored_vectors(encoder=encoder, kind=kind, product_ids=sampled)
    floor = Floor(texts.mean(axis=0), 0.0)
    best = [float(floor.lifts(text, vectors).max()) for text in texts]
    return Floor(floor.meaningless, float(np.quantile(best, QUANTILE)))
