"""What a plain text regression makes of the same reviews: the peers that a language model has to be held against."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import Ridge, RidgeCV
from sklearn.pipeline import make_pipeline

from personas.ml.reviews import Review, item_text, products_of

FOLDS = 5
ALPHAS = (1.0, 3.0, 10.0, 30.0, 100.0, 300.0, 1000.0)
"""Strengths of regularisation tried on the training items; weights are review counts, so they are large."""


def review_text_stars(training: Sequence[Review], test: Sequence[Review]) -> NDArray[np.float64]:
    """Stars of the test reviews (T,) from their own words: an upper bound, since it reads what it is to predict."""
    vectorizer = TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True)
    fitted = make_pipeline(vectorizer, Ridge(alpha=1.0)).fit([r.text for r in training], [r.rating for r in training])
    return np.clip(fitted.predict([r.text for r in test]), 1, 5)


def item_text_stars(training: Sequence[Review], test: Sequence[Review], *, seed: int = 0) -> NDArray[np.float64]:
    """Stars of the test reviews (T,) from their items' descriptions alone: the peer that knows what the model is told.

    Cross-fitted over items: the stars of an item's own training reviews are never seen when it is predicted, else
    ridge would recognise the item and repeat its mean.
    """
    products = products_of(training)
    names = sorted(products)
    texts = {name: item_text(products[name]) for name in names}
    stars: dict[str, list[int]] = {}
    for review in training:
        stars.setdefault(review.item, []).append(review.rating)
    folds = dict(zip(names, np.random.default_rng(seed).permutation(len(names)) % FOLDS, strict=True))
    predicted: dict[str, float] = {}
    for fold in range(FOLDS):
        others = [name for name in names if folds[name] != fold]
        inside = sorted({review.item for review in test if folds[review.item] == fold})
        if not inside:
            continue
        fitted = make_pipeline(TfidfVectorizer(sublinear_tf=True), RidgeCV(alphas=ALPHAS))
        fitted.fit(
            [texts[name] for name in others],
            [float(np.mean(stars[name])) for name in others],
            ridgecv__sample_weight=[len(stars[name]) for name in others],
        )
        predicted.update(zip(inside, fitted.predict([texts[name] for name in inside]).tolist(), strict=True))
    return np.clip([predicted[review.item] for review in test], 1, 5)
