"""Kinds of models × ways of holding out × seeds: what each trained model achieved, and what all say together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from typing import Any

import numpy as np
from safetensors.numpy import load, save

from recommender.ml.dataset import IntArray
from recommender.ml.evaluation import Difference, Evaluation, evaluate, lists_of
from recommender.ml.metrics import PerUser, paired_bootstrap_over_seeds
from recommender.ml.scorers import Scorer
from recommender.ml.split import HeldOut
from recommender.ml.trainers import BLEND, TRAINERS

POPULARITY = "popularity"
BLEND_KIND = "blend"

BASELINES = (
    POPULARITY,
    "popularity_30d",
    "popularity_7d",
    "content_knn",
    "item_knn",
    "transition_knn",
    "gf_cf",
    "ease",
    "slist",
)
"""Kinds that count or solve once, without gradient steps: what a learned model must beat to be worth its training."""

HISTORY_LENGTHS = ((1, 2), (3, 4), (5, 9), (10, 19), (20, None))
"""Buckets of known items, both ends included, by which NDCG is shown."""


@dataclass(frozen=True)
class Cell:
    """One training and its evaluation. seed: of the training; the held-out events are the same for all seeds."""

    protocol: str
    kind: str
    seed: int

    @property
    def name(self) -> str:
        return f"{self.protocol}-{self.kind}-{self.seed}"


@dataclass(frozen=True, eq=False)
class Measured:
    """What one model achieved on the test part; U users.

    recall, ndcg, mrr: (U,) float64. history_length: (U,) int64.
    figures: of its lists by name, {"coverage@10": …}. validation_ndcg: None where nothing is held out for validation.
    """

    recall: PerUser
    ndcg: PerUser
    mrr: PerUser
    history_length: IntArray
    figures: Mapping[str, float | None]
    validation_ndcg: float | None

    def to_bytes(self) -> bytes:
        """The figures per user as safetensors, in float32."""
        per_user = {name: getattr(self, name).astype(np.float32) for name in ("recall", "ndcg", "mrr")}
        return save({**per_user, "history_length": self.history_length.astype(np.int64)})

    @classmethod
    def from_bytes(cls, data: bytes, *, figures: Mapping[str, float | None], validation_ndcg: float | None) -> Measured:
        stored = load(data)
        per_user = {name: stored[name].astype(np.float64) for name in ("recall", "ndcg", "mrr")}
        return cls(
            **per_user,
            history_length=stored["history_length"],
            figures=figures,
            validation_ndcg=validation_ndcg,
        )


def is_seeded(kind: str) -> bool:
    """Whether trainings of this kind differ by their seed."""
    trainer = BLEND if kind == BLEND_KIND else TRAINERS[kind]
    return any(field.name == "seed" for field in fields(trainer.config_class()))


def plan_cells(*, protocols: Sequence[str], kinds: Sequence[str], seeds: int, first_seed: int = 0) -> list[Cell]:
    """Every protocol with every kind, `seeds` times where the seed matters; a blend after what it is made of."""
    ordered = [*(kind for kind in kinds if kind != BLEND_KIND), *(kind for kind in kinds if kind == BLEND_KIND)]
    return [
        Cell(protocol, kind, first_seed + number)
        for protocol in protocols
        for kind in ordered
        for number in range(seeds if is_seeded(kind) else 1)
    ]


def measure(scorer: Scorer, split: HeldOut, *, k: int = 10) -> Measured:
    """Evaluates a model trained on split.train on the test part, and its NDCG on the validation part."""
    test = evaluate(scorer, split, k=k)
    validation = evaluate(scorer, split, part="validation", k=k) if len(split.targets("validation")[0]) else None
    return measured_of(test, split, validation_ndcg=validation.mean_ndcg if validation else None)


def measured_of(test: Evaluation, split: HeldOut, *, validation_ndcg: float | None = None) -> Measured:
    lists = lists_of(test, split).rounded()
    return Measured(
        recall=test.recall,
        ndcg=test.ndcg,
        mrr=test.mrr,
        history_length=test.history_length,
        figures={f"{name}@{test.k}": value for name, value in lists.items()},
        validation_ndcg=validation_ndcg,
    )


def best_baseline(measured: Mapping[str, Sequence[Measured]]) -> str | None:
    """The baseline with the highest NDCG on validation, so that the test part chooses nothing; None without any."""
    known = {
        kind: float(np.mean([one.validation_ndcg for one in measured[kind] if one.validation_ndcg is not None] or [-1]))
        for kind in BASELINES
        if kind in measured
    }
    return max(known, key=lambda kind: known[kind]) if known else None


def figures_of(measured: Mapping[str, Sequence[Measured]], *, k: int = 10, seed: int = 0) -> dict[str, dict[str, Any]]:
    """Per kind, from the same users: means, spread over seeds, intervals beside popularity and the best baseline.

    measured: by kind, one per training seed. JSON-ready.
    """
    best = best_baseline(measured)
    results = {}
    for kind, trained in measured.items():
        results[kind] = _figures(trained, k)
        for name, baseline in ((POPULARITY, POPULARITY), ("best_baseline", best)):
            if baseline is not None and baseline in measured and kind != baseline:
                for metric in ("ndcg", "recall"):
                    pair = [np.stack([getattr(one, metric) for one in measured[side]]) for side in (kind, baseline)]
                    difference = Difference(*paired_bootstrap_over_seeds(pair[0], pair[1], seed=seed))
                    results[kind][f"{metric}@{k}_minus_{name}"] = _rounded(asdict(difference))
    return results


def _figures(trained: Sequence[Measured], k: int) -> dict[str, Any]:
    found: dict[str, Any] = {"seeds": len(trained), "users": len(trained[0].ndcg)}
    for metric, name in (("recall", f"recall@{k}"), ("ndcg", f"ndcg@{k}"), ("mrr", "mrr")):
        values = np.stack([getattr(one, metric) for one in trained])
        spread = float(values.mean(axis=1).std(ddof=1)) if len(trained) > 1 else 0.0
        of_users = float(values.mean(axis=0).std() / np.sqrt(values.shape[1]))
        found[name] = round(float(values.mean()), 5)
        found[f"{name}_standard_error"] = round(float(np.hypot(of_users, spread / np.sqrt(len(trained)))), 5)
        if len(trained) > 1:
            found[f"{name}_deviation_over_seeds"] = round(spread, 5)
    for name in trained[0].figures:
        known = [value for one in trained if (value := one.figures[name]) is not None]
        found[name] = round(float(np.mean(known)), 4) if known else None
    validation = [one.validation_ndcg for one in trained if one.validation_ndcg is not None]
    if validation:
        found[f"validation_ndcg@{k}"] = round(float(np.mean(validation)), 5)
    found[f"ndcg@{k}_by_history"] = _by_history(trained, k)
    return found


def _by_history(trained: Sequence[Measured], k: int) -> list[dict[str, Any]]:
    """Mean NDCG of the users in each bucket of HISTORY_LENGTHS that has any."""
    length, ndcg = trained[0].history_length, np.mean([one.ndcg for one in trained], axis=0)
    buckets = []
    for shortest, longest in HISTORY_LENGTHS:
        inside = (length >= shortest) & (length <= (longest or np.inf))
        if inside.any():
            error = float(ndcg[inside].std() / np.sqrt(inside.sum()))
            buckets.append(
                {
                    "from": shortest,
                    "to": longest,
                    "users": int(inside.sum()),
                    f"ndcg@{k}": round(float(ndcg[inside].mean()), 5),
                    "standard_error": round(error, 5),
                }
            )
    return buckets


def _rounded(values: Mapping[str, float]) -> dict[str, float]:
    return {name: round(value, 5) for name, value in values.items()}
