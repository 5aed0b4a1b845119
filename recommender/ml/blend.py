"""Learns a blend on validation events: which model to believe how much, by how much is known of a shopper.

Every model turns its scores into log evidence (`blend_scorer`); the blend is their weighted sum, a product of experts
(Hinton 1999). The weights are searched along coordinates for the highest NDCG on what shoppers took next (Metzler and
Croft 2007), so that what is tuned is what is reported. The models have not seen those events.
"""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from recommender.ml.artifact import write_config
from recommender.ml.blend_scorer import SHARES, Mixture, evidence, log_evidence
from recommender.ml.dataset import FloatArray, History
from recommender.ml.progress import EpochCallback, EpochReport, ignore_progress
from recommender.ml.scorers import Scorer, load_scorer
from recommender.ml.split import Split

SMOOTHING = (1e-4, 3e-4, 1e-3, 3e-3, 1e-2)
STEPS = (0.0, 0.5, 0.7, 0.85, 1.15, 1.4, 2.0)
LEAST_STEP = 1e-4
"""Less is rounding that broke a tie."""

FEWEST_IN_GROUP = 200
LARGEST_BAG = 4000
OFTEN_ENOUGH = 0.4
STARTS = (0.1, 0.25, 0.5, 1.0)
"""What a component without weight is tried with, in spreads of the best component's evidence."""


@dataclass(frozen=True)
class BlendConfig:
    """Of what a blend is made, and how its weights are found."""

    components: tuple[str, ...] = (
        "two_tower",
        "graphsage",
        "softmax_mf",
        "lightgcn",
        "transition_knn",
        "item_knn",
        "ease",
        "slist",
        "gf_cf",
        "content_knn",
        "popularity",
        "popularity_30d",
    )
    """Kinds that may take part; those that add nothing on validation are left out."""

    lengths: tuple[int, ...] = (0, 1, 3, 8)
    """Shortest histories of the groups of shoppers that have weights of their own. Short ones are also made by cutting
    long ones off, or nothing would be known of newcomers."""

    users: int = 4000
    """Shoppers per group that are looked at, at most."""

    candidates: int = 100
    """Best items of every component that are kept per shopper while weights are searched."""

    bags: int = 9
    """Samples of shoppers, drawn with replacement, on which weights are searched; their mean is taken (Breiman 1996).
    From half of the demo's shoppers this gave .1729 of NDCG for the other half, one search .1718."""

    least_gain: float = 0.001
    """Share of NDCG that a component, or a group's own weights, must bring to be kept."""

    k: int = 10
    """NDCG at k is what the weights are searched for."""

    seed: int = 0
    """Draws the shoppers."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "components", tuple(self.components))  # JSON brings lists
        object.__setattr__(self, "lengths", tuple(self.lengths))
        if not self.components:
            raise ValueError(f"components: received {self.components!r}, expected at least one kind")
        if not self.lengths or self.lengths[0] != 0 or list(self.lengths) != sorted(set(self.lengths)):
            raise ValueError(f"lengths: received {self.lengths!r}, expected ascending numbers from 0")
        for name in ("users", "candidates", "bags", "k"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name}: received {getattr(self, name)!r}, expected at least 1")


def train_blend(
    split: Split,
    config: BlendConfig,
    *,
    components: Mapping[str, Path],
    directory: Path,
    progress: EpochCallback = ignore_progress,
) -> None:
    """Learns weights for the artifacts in `components`, trained on split.train, and copies those that count.

    Raises ValueError when the split holds nothing out for validation, or a component is missing.
    """
    started = time.monotonic()
    missing = [kind for kind in config.components if kind not in components]
    if missing:
        raise ValueError(f"components: {', '.join(missing)} not trained, received {', '.join(components) or 'none'}")
    if not len(split.targets("validation")[0]):
        raise ValueError("split: received no validation events, a blend has nothing to learn from")
    scorers = {kind: load_scorer(components[kind]) for kind in config.components}
    rng = np.random.default_rng(config.seed)
    groups = [_group(split, scorers, config, number, rng) for number in range(len(config.lengths))]
    everybody = Examples.joined([group for group in groups if len(group)])
    shared = everybody.bagged(config, rng)
    mixtures = [_mixture(group, shared, length, config) for group, length in zip(groups, config.lengths, strict=True)]

    used = {kind for mixture in mixtures for kind in mixture.weights}
    for kind in used:
        shutil.copytree(components[kind], directory / "components" / kind, dirs_exist_ok=True)
    write_config(
        directory,
        kind="blend",
        n_items=split.train.n_items,
        mixtures=[asdict(mixture) for mixture in mixtures],
        **asdict(config),
    )
    loss = 1 - everybody.ndcg(shared, config.k)
    progress(EpochReport(epoch=1, epochs=1, loss=loss, seconds=time.monotonic() - started))


def _mixture(group: Examples, shared: Mixture, length: int, config: BlendConfig) -> Mixture:
    """The group's own weights where half of it says that they serve the other half better, else those of everybody."""
    own = shared
    if len(group) >= FEWEST_IN_GROUP:
        halves = group.half(0), group.half(1)
        found = [half.search(config, start=shared) for half in halves]
        gains = [
            half.ndcg(mixture, config.k) - half.ndcg(shared, config.k)
            for half, mixture in zip(halves, reversed(found), strict=True)
        ]
        if np.mean(gains) > config.least_gain * group.ndcg(shared, config.k):
            own = group.mean(found)
    return Mixture(from_length=length, weights=own.weights, smoothing=own.smoothing)


def _group(
    split: Split, scorers: Mapping[str, Scorer], config: BlendConfig, number: int, rng: np.random.Generator
) -> Examples:
    """Evidence about shoppers with histories of one range of lengths: such as there are, then cut-off longer ones."""
    shortest = config.lengths[number]
    longest = (config.lengths[number + 1] if number + 1 < len(config.lengths) else np.iinfo(np.int64).max) - 1
    histories = split.histories("validation")
    _, target = split.targets("validation")
    length = np.array([len(history) for history in histories])
    within = rng.permutation(np.flatnonzero((length >= shortest) & (length <= longest)))
    longer = rng.permutation(np.flatnonzero(length > longest))
    rows = np.concatenate([within, longer])[: config.users]
    cut = [_latest(histories[row], int(rng.integers(shortest, min(longest, length[row]) + 1))) if length[row] > longest
           else histories[row] for row in rows]  # fmt: skip
    return Examples.gathered(scorers, cut, [histories[row].items for row in rows], target[rows], config.candidates)


def _latest(history: History, count: int) -> History:
    """Only the newest `count` items; 0 is a stranger."""
    part = slice(len(history) - count, None)
    return History(
        items=history.items[part],
        kind=None if history.kind is None else history.kind[part],
        time=None if history.time is None else history.time[part],
        features=history.features,
    )


@dataclass(frozen=True, eq=False)
class Examples:
    """What every component says about U shoppers' candidates, at most C each: the union of the components' best.

    values: (components, U, C) float32, evidence by kind in the order of `kinds`; the target is column 0.
    valid: (U, C) bool.
    """

    kinds: tuple[str, ...]
    values: FloatArray
    valid: np.ndarray

    def __len__(self) -> int:
        return len(self.valid)

    @classmethod
    def gathered(
        cls,
        scorers: Mapping[str, Scorer],
        histories: Sequence[History],
        seen: Sequence[np.ndarray],
        target: np.ndarray,
        candidates: int,
        batch: int = 128,
    ) -> Examples:
        parts = [
            _union_of_best(scorers, histories[s : s + batch], seen[s : s + batch], target[s : s + batch], candidates)
            for s in range(0, len(histories), batch)
        ]
        return cls._stacked(tuple(scorers), parts)

    @classmethod
    def joined(cls, examples: Sequence[Examples]) -> Examples:
        return cls._stacked(examples[0].kinds, [(part.values, part.valid) for part in examples])

    @classmethod
    def _stacked(cls, kinds: tuple[str, ...], parts: Iterable[tuple[FloatArray, np.ndarray]]) -> Examples:
        found = list(parts)
        width = max((valid.shape[1] for _, valid in found), default=1)
        rows = sum(len(valid) for _, valid in found)
        values = np.zeros((len(kinds), rows, width), np.float32)
        valid = np.zeros((rows, width), dtype=bool)
        start = 0
        for part, known in found:
            rows_of_part = slice(start, start + len(known))
            values[:, rows_of_part, : part.shape[2]] = part
            valid[rows_of_part, : known.shape[1]] = known
            start += len(known)
        return cls(kinds, values, valid)

    def half(self, number: int) -> Examples:
        return Examples(self.kinds, self.values[:, number::2], self.valid[number::2])

    def part(self, kind: str, smoothing: float) -> FloatArray:
        """(U, C) log evidence of one component."""
        return log_evidence(kind, self.values[self.kinds.index(kind)], smoothing)

    def ndcg(self, mixture: Mixture, k: int) -> float:
        return float(self.ndcg_of_each(mixture, k).mean())

    def ndcg_of_each(self, mixture: Mixture, k: int) -> np.ndarray:
        """(U,) float64."""
        total = np.zeros(self.valid.shape, np.float32)
        for kind, weight in mixture.weights.items():
            if not weight:
                continue
            total += np.float32(weight) * self.part(kind, mixture.smoothing.get(kind, 0.0))
        return self._ndcg(total, k)

    def _ndcg(self, total: FloatArray, k: int) -> np.ndarray:
        """(U,) float64; a tie counts half a place, so that saying nothing is not rewarded."""
        own = total[:, :1]
        better = ((total > own) & self.valid).sum(axis=1) + 0.5 * (((total == own) & self.valid).sum(axis=1) - 1)
        return np.where(better < k, 1 / np.log2(better + 2), 0.0)

    def bagged(self, config: BlendConfig, rng: np.random.Generator) -> Mixture:
        """The mean of what is found on `config.bags` samples, of components that come out of two fifths of them."""
        samples = [rng.integers(0, len(self), min(len(self), LARGEST_BAG)) for _ in range(config.bags)]
        found = [Examples(self.kinds, self.values[:, rows], self.valid[rows]).search(config) for rows in samples]
        return self.mean(found, often_enough=OFTEN_ENOUGH)

    def mean(self, mixtures: Sequence[Mixture], *, often_enough: float = 0.0) -> Mixture:
        """The mean of several, each brought to one size: only what components weigh beside each other orders anything.

        often_enough: the share of mixtures that must have a component for it to be kept. Where none is in so many,
            those that are in most are kept.
        """
        spread = {kind: self._spread(kind) for kind in self.kinds}
        sizes = [sum(w * spread[kind] for kind, w in mixture.weights.items()) or 1.0 for mixture in mixtures]
        times = {kind: sum(kind in mixture.weights for mixture in mixtures) for kind in self.kinds}
        least = min(often_enough * len(mixtures), max(times.values()))
        kept = [kind for kind in self.kinds if times[kind] and times[kind] >= least]
        weights = {
            kind: sum(m.weights.get(kind, 0.0) / size for m, size in zip(mixtures, sizes, strict=True)) / len(mixtures)
            for kind in kept
        }
        logs = {kind: [np.log(m.smoothing[kind]) for m in mixtures if kind in m.smoothing] for kind in kept}
        return Mixture(
            from_length=0,
            weights={kind: round(weight, 6) for kind, weight in weights.items()},
            smoothing={kind: round(float(np.exp(np.mean(logs[kind]))), 7) for kind in kept if logs[kind]},
        )

    def search(self, config: BlendConfig, *, start: Mixture | None = None, rounds: int = 4) -> Mixture:
        """Weights and smoothing for the highest NDCG, one component changed at a time, from `start` or the best one."""
        spread = {kind: self._spread(kind) for kind in self.kinds}
        smoothing = {kind: SMOOTHING[2] for kind in self.kinds if kind in SHARES}
        weights = dict.fromkeys(self.kinds, 0.0)
        if start is None:
            alone = {kind: self.ndcg(Mixture(0, {kind: 1.0}, smoothing), config.k) for kind in self.kinds}
            weights[max(alone, key=alone.__getitem__)] = 1.0
        else:
            weights |= start.weights
            smoothing |= start.smoothing
        best = self.ndcg(Mixture(0, weights, smoothing), config.k)
        for _ in range(rounds):
            before = best
            for kind in [kind for kind in self.kinds if spread[kind]]:
                best = self._improve(kind, weights, smoothing, spread, best, config.k)
            if best <= before * (1 + config.least_gain / 4):
                break
        self._prune(weights, smoothing, config)
        kept = {kind: round(weight, 6) for kind, weight in weights.items() if weight > 0}
        return Mixture(0, kept, {kind: smoothing[kind] for kind in kept if kind in SHARES})

    def _spread(self, kind: str) -> float:
        """Standard deviation of a component's evidence over the candidates, its unit of weight; 0 if it is rounding."""
        said = self.part(kind, SMOOTHING[2])[self.valid].astype(np.float64)
        spread = float(said.std())
        return spread if spread > 1e-6 * float(np.abs(said).max(initial=0.0)) else 0.0

    def _improve(
        self,
        kind: str,
        weights: dict[str, float],
        smoothing: dict[str, float],
        spread: Mapping[str, float],
        best: float,
        k: int,
    ) -> float:
        rest = np.zeros(self.valid.shape, np.float32)
        for other, weight in weights.items():
            if other != kind and weight:
                rest += np.float32(weight) * self.part(other, smoothing.get(other, 0.0))
        now = weights[kind]
        unit = max(weights[other] * spread[other] for other in weights) / spread[kind]
        tried = [now * step for step in STEPS] if now else [unit * start for start in STARTS]
        shares, chosen = kind in SHARES, None
        for value in SMOOTHING if shares and now else (smoothing[kind],) if shares else (0.0,):
            part = self.part(kind, value)
            for weight in [now, *tried]:
                found = float(self._ndcg(rest + np.float32(weight) * part, k).mean()) if weight or rest.any() else 0.0
                if found > best * (1 + LEAST_STEP):
                    best, weights[kind], chosen = found, weight, value
        if shares and chosen is not None:
            smoothing[kind] = chosen
        return best

    def _prune(self, weights: dict[str, float], smoothing: dict[str, float], config: BlendConfig) -> None:
        """Drops components whose gain is small or within a standard error of none, the least useful first.

        Each costs time in every request, and among few shoppers even noise finds a weight that seems to help.
        """
        while sum(weight > 0 for weight in weights.values()) > 1:
            now = self.ndcg_of_each(Mixture(0, weights, smoothing), config.k)
            lost = {
                kind: now - self.ndcg_of_each(Mixture(0, {**weights, kind: 0.0}, smoothing), config.k)
                for kind, weight in weights.items()
                if weight > 0
            }
            kind = min(lost, key=lambda kind: lost[kind].mean())
            noise = lost[kind].std() / np.sqrt(len(now))
            if lost[kind].mean() > max(config.least_gain * now.mean(), noise):
                return
            weights[kind] = 0.0


def _union_of_best(
    scorers: Mapping[str, Scorer],
    histories: Sequence[History],
    seen: Sequence[np.ndarray],
    target: np.ndarray,
    candidates: int,
) -> tuple[FloatArray, np.ndarray]:
    """(components, B, C) evidence and (B, C) validity of the union of every component's best unseen items."""
    rows = np.arange(len(histories))
    values = {kind: evidence(kind, scorer.score(histories)) for kind, scorer in scorers.items()}
    n_items = next(iter(values.values())).shape[1]
    named = np.zeros((len(rows), n_items), dtype=bool)
    hidden = (np.repeat(rows, [len(items) for items in seen]), np.concatenate([*seen, target[:0]]))
    for scores in values.values():
        masked = scores.copy()
        masked[hidden] = -np.inf
        best = np.argpartition(-masked, min(candidates, n_items - 1), axis=1)[:, :candidates]
        named[rows[:, None], best] = True
    named[hidden] = False
    named[rows, target] = True
    order = np.argsort(~named, axis=1, kind="stable")[:, : int(named.sum(axis=1).max(initial=1))]
    first = np.argmax(order == target[:, None], axis=1)
    order[rows, first], order[:, 0] = order[:, 0].copy(), target
    valid = np.take_along_axis(named, order, axis=1)
    return np.stack([np.take_along_axis(scores, order, axis=1) for scores in values.values()]), valid
