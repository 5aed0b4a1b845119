"""embedding: does an encoder put like things together, and titles beside their pictures?

On labelled photos that the encoder was not trained on. The text is the title alone: captions built from the label
columns would say the labels. Pixels and words of the title are measured beside it, on the same photos in the same run.
"""

from argparse import ArgumentParser
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from django.conf import settings
from numpy.typing import NDArray

from catalog.ml.clip_examples import Example
from catalog.ml.embedding_metrics import neighbour_hits, pixel_vectors, target_ranks
from catalog.ml.encoder import load_encoder
from catalog.ml.hybrid import hybrid_vectors
from catalog.ml.image_preprocessing import ImagePreprocessing
from catalog.ml.photo_labels import read_labelled_photos

HELP = "Neighbour precision, text to image retrieval and clusters of an encoder on labelled photos"
LABELS = ("subCategory", "articleType", "baseColour", "gender")
K = 10
FEWEST_PHOTOS = 20
TEXT_WEIGHT_OF_THE_MIX = 0.5
RESAMPLES = 1_000
BATCH = 64
GOALS = {
    "image": {"subCategory": 0.91, "articleType": 0.71, "baseColour": 0.50, "gender": 0.82},
    "hybrid": {"subCategory": 0.92, "articleType": 0.78, "baseColour": 0.72, "gender": 0.85},
}
RETRIEVAL_GOAL = 0.58
PUBLISHED = {
    "MobileNet trained on ImageNet, catalogue photos, P@10": "subCategory .907, articleType .709, baseColour .322, "
    "gender .816",
    "FashionCLIP 2.0, six sets, text to image": "R@1 .077, R@10 .249, MRR .165",
    "Marqo-FashionSigLIP, six sets, text to image": "R@1 .121, R@10 .340, MRR .239",
}

Vectors = NDArray[np.float32]


def add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("--photos", type=Path, required=True, help="folder of photos that nothing was trained on")
    parser.add_argument("--labels", type=Path, help="their CSV (default: labels.csv in that folder)")
    parser.add_argument("--train-labels", type=Path, help="CSV of the training: its titles are also left out, apart")
    parser.add_argument("--encoder", default="compact", help="name or folder of the encoder (default: compact)")
    parser.add_argument("--seed", type=int, default=0, help="of the intervals and the clusterings")


def run(
    *, photos: Path, labels: Path | None, train_labels: Path | None, encoder: str, seed: int, **_: Any
) -> dict[str, Any]:
    """Measure. Raises ValueError naming what cannot be read, or what the photos lack."""
    from catalog.ml.cluster_comparison import compare_clusterings

    skipped: list[str] = []
    examples = list(read_labelled_photos(photos, labels or photos / "labels.csv", on_skip=skipped))
    table = {name: [example.attributes.get(name, "") for example in examples] for name in LABELS}
    table = {name: values for name, values in table.items() if len(set(values) - {""}) > 1}
    if len(examples) < FEWEST_PHOTOS or not table:
        reason = f"need {FEWEST_PHOTOS} photos and a column of {', '.join(LABELS)} with two values"
        raise ValueError(f"photos: received {len(examples)} readable ones in {str(photos)!r}: {reason}")
    titles = [example.caption for example in examples]
    known = _titles(train_labels) if train_labels else set()
    unseen = np.array([title not in known for title in titles])
    occurs = Counter(titles)
    alone = np.array([title != "" and occurs[title] == 1 for title in titles])
    if not alone.any():
        raise ValueError(f"labels: received {len(titles)} photos, none with a title that only it has")
    spaces, weight = _spaces(examples, encoder)
    neighbours = {name: _neighbours(vectors, table, seed) for name, vectors in spaces.items()}
    retrieval = {"titles unique in this set": _retrieval(spaces["text"], spaces["image"], alone, alone, seed)}
    results = {
        "protocol": f"{len(examples)} photos, {len(skipped)} left out; text is the title; P@{K} among all others",
        "peers": {**PUBLISHED, "random, P@10": {name: _random(values) for name, values in table.items()}},
        "encoder": encoder,
        "image_weight": weight,
        "seed": seed,
        "neighbours": neighbours,
        "text_to_image": retrieval,
        "clusters": compare_clusterings(spaces["hybrid"], table.get("articleType") or next(iter(table.values())), seed),
    }
    if known and int((alone & unseen).sum()) > K:
        rows = np.flatnonzero(unseen)
        results["without_trained_titles"] = {
            name: _neighbours(vectors[rows], {k: [v[i] for i in rows] for k, v in table.items()}, seed)
            for name, vectors in spaces.items()
        }
        retrieval["of these, titles not in the training"] = _retrieval(
            spaces["text"], spaces["image"], alone & unseen, alone, seed
        )
    return results | {"goals": _goals(results)}


def table(results: Mapping[str, Any]) -> str:
    names = list(results["neighbours"]["image"])
    head = f"{'P@10 [95% interval]':<26}" + "".join(f"{name:>22}" for name in names)
    lines = [f"{results['encoder']}: {results['protocol']}; hybrid = {results['image_weight']:.2f} picture", head]
    for title, rows in (("", results["neighbours"]), ("  new titles", results.get("without_trained_titles", {}))):
        for space, figures in rows.items():
            cells = [f"{f['mean']:.3f} [{f['low']:.3f}, {f['high']:.3f}]" for f in figures.values()]
            lines.append(f"{space + title:<26}" + "".join(f"{cell:>22}" for cell in cells))
    lines.append(f"{'random':<26}" + "".join(f"{results['peers']['random, P@10'][name]:>22.3f}" for name in names))
    for name, f in results["text_to_image"].items():
        lines.append(
            f"text to image, {f['queries']} {name}: R@1 {f['recall@1']:.3f}  R@10 {f['recall@10']:.3f} "
            f"[{f['low']:.3f}, {f['high']:.3f}]  MRR {f['mrr']:.3f}"
        )
    for name, figures in results["clusters"].items():
        shown = ", ".join(f"{key} {figures[key]}" for key in ("nmi", "nmi_clustered", "noise", "clusters", "seconds"))
        lines.append(f"clusters, {name}: {shown}")
    lines += [f"published: {name}: {figures}" for name, figures in PUBLISHED.items()]
    lines += [f"{'met   ' if met else 'MISSED'} {goal}" for goal, met in results["goals"].items()]
    return "\n".join(lines)


def _spaces(examples: Sequence[Example], encoder: str) -> tuple[dict[str, Vectors], float]:
    """Vectors of every row of the table, and the hybrid's share of the picture."""
    model = load_encoder(encoder, search=[Path(settings.DATA_DIR) / "encoders"])
    pictures = [example.image for example in examples]
    batches = range(0, len(examples), BATCH)
    image = np.concatenate([model.encode_images(pictures[at : at + BATCH]) for at in batches])
    text = model.encode_texts([example.caption for example in examples])
    weight = float((getattr(model, "hybrid", None) or {}).get("image_weight", 0.5))
    everywhere = np.ones(len(examples), dtype=bool)
    small = ImagePreprocessing(size=16, mean=(0, 0, 0), std=(1, 1, 1), resize_mode="longest", fill_color=255)
    pixels = pixel_vectors(np.stack([small.pixels(picture) for picture in pictures]))
    words = _title_words([example.caption for example in examples])
    mix = np.hstack([(1 - TEXT_WEIGHT_OF_THE_MIX) ** 0.5 * pixels, TEXT_WEIGHT_OF_THE_MIX**0.5 * words])
    return {
        "16x16 pixels": pixels,
        "title TF-IDF": words,
        "pixels + TF-IDF": mix.astype(np.float32),
        "image": image,
        "text": text,
        "hybrid": hybrid_vectors(image, text, everywhere, weight),
    }, weight


def _title_words(titles: Sequence[str]) -> Vectors:
    """(N, words) TF-IDF, L2-normalised; a title of unknown words is a row of zeros."""
    from sklearn.feature_extraction.text import TfidfVectorizer

    matrix = TfidfVectorizer(sublinear_tf=True, max_features=8_000).fit_transform(titles)
    return np.asarray(matrix.toarray(), dtype=np.float32)


def _neighbours(vectors: Vectors, labels: Mapping[str, Sequence[str]], seed: int) -> dict[str, dict[str, float]]:
    figures = {}
    for name, values in labels.items():
        hits = neighbour_hits(vectors, values, k=K)
        figures[name] = _with_interval(hits[~np.isnan(hits)], seed)
    return figures


def _with_interval(values: NDArray[np.float64], seed: int) -> dict[str, float]:
    """Mean and its 95% interval over the queries, by bootstrap."""
    generator = np.random.default_rng(seed)
    means = [values[generator.integers(len(values), size=len(values))].mean() for _ in range(RESAMPLES)]
    low, high = np.quantile(means, [0.025, 0.975])
    return {"mean": round(float(values.mean()), 4), "low": round(float(low), 4), "high": round(float(high), 4)}


def _retrieval(
    texts: Vectors, images: Vectors, asked: NDArray[np.bool_], ranked: NDArray[np.bool_], seed: int
) -> dict[str, float]:
    """Texts `asked` (N,) rank the pictures `ranked` (N,), their own among them: of fewer, each is found more easily."""
    rows = np.flatnonzero(asked)
    places = np.cumsum(ranked) - 1
    ranks = target_ranks(texts[rows], images[ranked], places[rows])
    ten = _with_interval((ranks <= K).astype(np.float64), seed)
    return {
        "queries": len(rows),
        "recall@1": round(float((ranks <= 1).mean()), 4),
        "recall@10": ten["mean"],
        "low": ten["low"],
        "high": ten["high"],
        "mrr": round(float((1.0 / ranks).mean()), 4),
    }


def _titles(labels: Path) -> set[str]:
    import csv

    with labels.open(encoding="utf-8-sig", newline="") as file:
        return {(row.get("productDisplayName") or "").strip() for row in csv.DictReader(file)}


def _random(values: Sequence[str]) -> float:
    counts = np.array(list(Counter(value for value in values if value).values()), dtype=np.float64)
    return round(float(((counts / counts.sum()) ** 2).sum()), 4)


def _goals(results: Mapping[str, Any]) -> dict[str, bool]:
    goals = {}
    for space, wanted in GOALS.items():
        for name, least in wanted.items():
            if name in results["neighbours"][space]:
                goals[f"{space} {name} ≥ {least:.2f}"] = results["neighbours"][space][name]["mean"] >= least
    retrieval = results["text_to_image"]["titles unique in this set"]
    goals[f"text to image R@10 ≥ {RETRIEVAL_GOAL:.2f}"] = retrieval["recall@10"] >= RETRIEVAL_GOAL
    clusters = results["clusters"]
    goals["HDBSCAN's NMI above DBSCAN's"] = clusters["hdbscan"]["nmi"] > clusters["dbscan"]["nmi"]
    return goals
