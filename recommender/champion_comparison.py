"""How much better a new model is than the champion, which was trained on an earlier state of the shop."""

from __future__ import annotations

from datetime import datetime

import numpy as np
from numpy.typing import NDArray

from fashionrec.common.artifacts import fetch_directory
from recommender.datasets import Dataset
from recommender.ml.artifact import read_items
from recommender.ml.evaluation import Difference, evaluate
from recommender.ml.metrics import paired_bootstrap
from recommender.ml.scorers import load_scorer
from recommender.ml.split import Split
from recommender.ml.translated_scorer import TranslatedScorer
from recommender.models import ModelVersion


def gain_over_champion(
    version: ModelVersion, champion: ModelVersion, *, dataset: Dataset, split: Split, seed: int, k: int = 10
) -> Difference:
    """NDCG@k of `version`, trained on `dataset`, minus the champion's, paired by shopper, on the validation events.

    The champion never learned from events that are held out now: a shopper's last two were held out from it too, or
    had not happened. Shoppers whose two earlier events were all it learned from are the exception, and left out.
    Raises ValueError when nobody is left.
    """
    compared = ~_learned_by(champion, dataset)[split.targets("validation")[0]]
    if not compared.any():
        raise ValueError("validation: no shopper holds out an event that the champion has not learned from")
    new = evaluate(load_scorer(fetch_directory(version.artifact_sha256)), split, part="validation", k=k)
    old = evaluate(_in_present_catalogue(champion, dataset), split, part="validation", k=k)
    return Difference(*paired_bootstrap(new.ndcg[compared], old.ndcg[compared], seed=seed))


def _in_present_catalogue(champion: ModelVersion, dataset: Dataset) -> TranslatedScorer:
    """The champion's scorer over the products of `dataset`: those that came since are placed by content."""
    directory = fetch_directory(champion.artifact_sha256)
    index_of = {int(pk): index for index, pk in enumerate(read_items(directory))}
    index = np.array([index_of.get(pk, -1) for pk in dataset.product_ids.tolist()], dtype=np.int64)
    scorer, new = load_scorer(directory), np.flatnonzero(index < 0)
    if len(new) and champion.data_window.get("encoder") == dataset.window["encoder"] is not None:
        index[new] = np.arange(len(index_of), len(index_of) + len(new))
        scorer = scorer.extended(dataset.interactions.content[new])
    return TranslatedScorer(scorer, index)


def _learned_by(champion: ModelVersion, dataset: Dataset) -> NDArray[np.bool_]:
    """(n_users,) bool: whose validation event the champion learned from, because two were too few to hold any out."""
    last = champion.data_window.get("last")
    unique = dataset.interactions.deduplicated()
    until = datetime.fromisoformat(last).timestamp() if last else -np.inf
    by_then = np.bincount(unique.user[unique.time <= until], minlength=unique.n_users)
    return (by_then == 2) & (np.diff(unique.offsets) == 3)
