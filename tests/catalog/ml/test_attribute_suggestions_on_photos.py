"""Suggestions for real photos: hidden values found again, and a confidence that holds for them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import numpy as np
import pytest
from django.conf import settings

from catalog.ml import attribute_sources as sources
from catalog.ml import attribute_suggestions as suggestions
from catalog.ml.captions import product_caption
from catalog.ml.hybrid import hybrid_vectors
from catalog.ml.open_clip_encoder import OpenClipEncoder
from catalog.ml.photo_labels import read_labelled_photos
from catalog.ml.text_encoder import OnnxTextEncoder

PHOTOS = Path(settings.BASE_DIR).parent / "shared" / "data" / "photos_catalog"
COLUMN = {"category": "articleType", "colour": "baseColour"}
KNOWN, HIDDEN = 500, 200

pytestmark = pytest.mark.skipif(not PHOTOS.is_dir(), reason=f"no photos at {PHOTOS}")


@dataclass
class Photos:
    images: sources.Vectors
    titles: list[str]
    labels: list[Mapping[str, str]]

    def values(self, field: str) -> list[str]:
        return [labels.get(COLUMN[field], "").lower() for labels in self.labels]


@pytest.fixture(scope="module")
def photos(compact: OpenClipEncoder) -> Photos:
    columns = ("gender", *COLUMN.values())
    rows = read_labelled_photos(PHOTOS, PHOTOS / "labels.csv", columns=columns, on_skip=[])
    examples = list(islice(rows, KNOWN + HIDDEN))
    vectors = [
        compact.encode_images([example.image for example in examples[start : start + 50]])
        for start in range(0, len(examples), 50)
    ]
    titles, labels = [example.caption for example in examples], [example.attributes for example in examples]
    return Photos(np.concatenate(vectors), titles, labels)


def texts_of(photos: Photos, tower: OnnxTextEncoder, *, without: str = "") -> sources.Vectors:
    captions = [
        product_caption(
            title=title,
            gender=labels.get("gender", "").lower(),
            **{field: labels.get(column, "").lower() for field, column in COLUMN.items() if field != without},
        )
        for title, labels in zip(photos.titles, photos.labels, strict=True)
    ]
    return tower.encode_texts(captions)


@pytest.mark.parametrize(("field", "least"), [("category", 0.70), ("colour", 0.85)])
def test_hidden_values_are_found_and_as_often_as_stated(
    photos: Photos, compact_text: OnnxTextEncoder, field: str, least: float
) -> None:
    order = np.random.default_rng(5).permutation(KNOWN + HIDDEN)
    known, hidden = np.sort(order[:KNOWN]), np.sort(order[KNOWN:])
    truth = photos.values(field)
    counts = Counter(truth[row] for row in known)
    values = tuple(sorted(value for value, count in counts.items() if value and count >= 5))
    codes = np.array([values.index(value) if value in values else -1 for value in truth])
    genders = [labels.get("gender", "").lower() for labels in photos.labels]
    pictured = np.ones(len(truth), dtype=bool)

    def vectors(texts: sources.Vectors) -> dict[str, sources.Vectors]:
        return {"image": photos.images, "text": texts, "hybrid": hybrid_vectors(photos.images, texts, pictured, 0.5)}

    full, blind = (vectors(texts_of(photos, compact_text, without=name)) for name in ("", field))
    prompts = compact_text.encode_texts([prompt for value in values for prompt in sources.prompts(value)])
    reference = sources.Reference(
        values=values,
        codes=codes[known],
        vectors={kind: full[kind][known] for kind in full},
        groups=[genders[row] for row in known],
        prompt_vectors=sources.mean_prompts(prompts),
    )

    def asked(rows: np.ndarray, own: np.ndarray) -> dict[str, sources.Scores]:
        titles, groups = [photos.titles[row] for row in rows], [genders[row] for row in rows]
        of_rows = {kind: blind[kind][rows] for kind in blind}
        return sources.ask(reference, sources.Asked(of_rows, titles, groups, own)).scores

    measured = asked(known, np.arange(KNOWN))
    part = sources.parts(measured)
    model = suggestions.fit_model(measured, codes[known], part, seed=0)
    figures = suggestions.measure(
        measured, codes[known], part, groups=sources.SOURCE_GROUPS, part_names=sources.PART_NAMES, seed=0
    )
    accuracy = figures["accuracy"]
    single = max(accuracy[name] for name in sources.SOURCE_GROUPS)
    assert accuracy["combined"] >= max(single, accuracy["majority"] + 0.5)

    scores = asked(hidden, np.full(HIDDEN, -1))
    chances = model.probabilities(scores, sources.parts(scores))
    confidence = model.confidence(chances.max(axis=1), sources.parts(scores))
    right = chances.argmax(axis=1) == codes[hidden]
    assert right.mean() >= least
    assert confidence.mean() == pytest.approx(right.mean(), abs=0.06)
    assert suggestions.calibration_error(confidence, right) < 0.08
    sure = confidence >= 0.9
    assert sure.mean() > 0.4
    assert right[sure].mean() >= 0.9
