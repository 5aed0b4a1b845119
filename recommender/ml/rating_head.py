"""Trains the rating head on frozen towers: an MLP on user vector, item vector and biases gives eleven probabilities."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor, nn

from recommender.ml.artifact import write_tensors
from recommender.ml.dataset import FloatArray, History, IntArray
from recommender.ml.rating_head_scorer import FILE, head_inputs
from recommender.ml.ratings import LABELS, Biases, Ratings, fit_biases, rmse
from recommender.ml.training import seed_everything
from recommender.ml.two_tower_scorer import TwoTowerScorer

FEWEST_RATINGS = 100
"""With fewer there is nothing that a head could learn beyond biases, nor anything to measure it on."""


@dataclass(frozen=True)
class RatingHeadConfig:
    """How the head is trained."""

    hidden: int = 64
    """Hidden units."""

    dropout: float = 0.3
    """Chance that a hidden unit is dropped."""

    folds: int = 5
    """Parts of the ratings; the user vector that a rating is predicted from has not seen the items of its part."""

    epochs: int = 40
    """Passes over the ratings at most; kept is the one that was best on a tenth of them."""

    learning_rate: float = 2e-3
    """AdamW's."""

    batch_size: int = 512
    """Ratings per step."""

    reg: float = 1e-2
    """Weight decay."""

    seed: int = 0
    """Everything random follows from it."""

    def __post_init__(self) -> None:
        for name, least in (("hidden", 1), ("folds", 2), ("epochs", 1), ("batch_size", 1)):
            if getattr(self, name) < least:
                raise ValueError(f"{name}: received {getattr(self, name)!r}, expected at least {least}")
        if not 0 <= self.dropout < 1:
            raise ValueError(f"dropout: received {self.dropout!r}, expected 0 up to below 1")


class RatingHeadModel(nn.Module):
    """Begins as the biases alone: mean distribution, tilted until its expectation moves by the bias."""

    labels: Tensor

    def __init__(self, inputs: int, config: RatingHeadConfig, *, mean_distribution: Tensor) -> None:
        super().__init__()
        self.register_buffer("labels", torch.tensor(LABELS, dtype=torch.float32))
        self.hidden = nn.Linear(inputs, config.hidden)
        self.output = nn.Linear(config.hidden, len(LABELS))
        self.dropout = nn.Dropout(config.dropout)
        nn.init.zeros_(self.output.weight)
        self.output.bias.data = mean_distribution.clamp_min(1e-6).log()
        variance = mean_distribution @ self.labels**2 - (mean_distribution @ self.labels) ** 2
        self.tilt = nn.Parameter(1 / variance.clamp_min(0.1))

    def forward(self, inputs: Tensor) -> Tensor:
        """(N, 3 d + 2) of `head_inputs` → (N, 11) log-probabilities."""
        hidden = self.dropout(F.relu(self.hidden(inputs)))
        tilt = self.tilt * inputs[:, -2:].sum(dim=1, keepdim=True) * self.labels
        return (self.output(hidden) + tilt).log_softmax(dim=1)


def train_rating_head(
    scorer: TwoTowerScorer,
    ratings: Ratings,
    histories: Sequence[History],
    config: RatingHeadConfig,
    *,
    held_out: NDArray[np.bool_],
    directory: Path,
) -> dict[str, float]:
    """Trains on the ratings that are not held out, writes rating_head.safetensors, and measures on those that are.

    histories: what is known of each of the U raters; what a rater said of an item must not be read off their history,
    so each rating is predicted without the items of its fold, and a held-out one without any held-out item.
    held_out: (R,) bool. Returns rating_rmse beside those of the biases and of the mean alone, with a 95% interval of
    the difference of squared errors. Raises ValueError for fewer than FEWEST_RATINGS, or none held out.
    """
    if (~held_out).sum() < FEWEST_RATINGS or not held_out.any():
        raise ValueError(f"ratings: received {int((~held_out).sum())} to learn from and {int(held_out.sum())} held out")
    rng = np.random.default_rng(np.random.SeedSequence([config.seed, len(ratings)]))
    n_users, n_items = len(histories), scorer.n_items
    known = ratings.take(~held_out)
    biases = fit_biases(known, n_users=n_users, n_items=n_items, rng=rng)
    fold = np.where(held_out, config.folds, rng.integers(0, config.folds, len(ratings)))
    inputs = _inputs(scorer, ratings, histories, biases, fold=fold, folds=config.folds)
    model = _fit(inputs[~held_out], known, config, rng)
    predicted = _expectations(model, inputs[held_out])
    write_tensors(
        directory,
        FILE,
        {
            "hidden_weight": model.hidden.weight.detach().numpy().T,
            "hidden_bias": model.hidden.bias.detach().numpy(),
            "output_weight": model.output.weight.detach().numpy().T,
            "output_bias": model.output.bias.detach().numpy(),
            "tilt": model.tilt.detach().numpy(),
            "item_bias": biases.item.astype(np.float32),
        },
    )
    return _figures(predicted, biases, ratings.take(held_out), rng) | {"ratings": float(len(known))}


def _inputs(
    scorer: TwoTowerScorer,
    ratings: Ratings,
    histories: Sequence[History],
    biases: Biases,
    *,
    fold: IntArray,
    folds: int,
) -> FloatArray:
    """(R, 3 d + 2): each rating's user vector is of the history without its fold, and without what is held out."""
    users = np.empty((len(ratings), scorer.item_vectors.shape[1]), np.float32)
    rated = np.split(np.argsort(ratings.user, kind="stable"), np.cumsum(np.bincount(ratings.user))[:-1])
    for part in range(folds + 1):
        rows = np.flatnonzero(fold == part)
        raters, place = np.unique(ratings.user[rows], return_inverse=True)
        shown = [
            _without(histories[rater], ratings.item[rated[rater]][np.isin(fold[rated[rater]], (part, folds))])
            for rater in raters.tolist()
        ]
        if shown:
            users[rows] = scorer.user_vectors(shown)[place]
    bias = np.stack([biases.user[ratings.user], biases.item[ratings.item]], axis=1)
    return head_inputs(users, scorer.item_vectors[ratings.item], bias.astype(np.float32))


def _without(history: History, items: IntArray) -> History:
    kept = ~np.isin(history.items, items)
    return History(
        history.items[kept],
        None if history.kind is None else history.kind[kept],
        None if history.time is None else history.time[kept],
        history.features,
    )


def _fit(inputs: FloatArray, ratings: Ratings, config: RatingHeadConfig, rng: np.random.Generator) -> RatingHeadModel:
    """The state that was best on a tenth of the ratings; the mean squared error of the expectation decides."""
    features, target = torch.from_numpy(inputs), torch.from_numpy(ratings.distribution)
    weight = torch.from_numpy(ratings.weight)
    held = rng.random(len(ratings)) < 0.1
    with torch.random.fork_rng(devices=[]):
        seed_everything(config.seed, 0)
        mean = (target * weight[:, None]).sum(dim=0) / weight.sum()
        model = RatingHeadModel(inputs.shape[1], config, mean_distribution=mean)
        optimizer = torch.optim.AdamW(model.parameters(), lr=config.learning_rate, weight_decay=config.reg)
        learned = np.flatnonzero(~held)
        best, kept = np.inf, {name: value.clone() for name, value in model.state_dict().items()}
        for _ in range(config.epochs):
            model.train()
            order = rng.permutation(learned)
            for start in range(0, len(order), config.batch_size):
                rows = torch.from_numpy(order[start : start + config.batch_size])
                optimizer.zero_grad(set_to_none=True)
                losses = -(target[rows] * model(features[rows])).sum(dim=1)
                ((losses * weight[rows]).sum() / weight[rows].sum()).backward()
                optimizer.step()
            error = rmse(_expectations(model, inputs[held]), ratings.expectation[held]) if held.any() else 0.0
            if error < best:
                best, kept = error, {name: value.clone() for name, value in model.state_dict().items()}
    model.load_state_dict(kept)
    return model.eval()


def _expectations(model: RatingHeadModel, inputs: FloatArray) -> NDArray[np.float64]:
    model.eval()
    with torch.no_grad():
        return (model(torch.from_numpy(inputs)).exp() @ model.labels).double().numpy()


def _figures(
    predicted: NDArray[np.float64], biases: Biases, ratings: Ratings, rng: np.random.Generator
) -> dict[str, float]:
    rating, baseline = ratings.expectation, biases.predict(ratings)
    gain = (predicted - rating) ** 2 - (baseline - rating) ** 2
    drawn = gain[rng.integers(0, len(gain), (1000, len(gain)))].mean(axis=1)
    low, high = np.quantile(drawn, [0.025, 0.975])
    return {
        "rating_rmse": rmse(predicted, rating),
        "rating_rmse_biases": rmse(baseline, rating),
        "rating_rmse_mean": rmse(np.full(len(rating), biases.mean), rating),
        "rating_mse_minus_biases_low": float(low),
        "rating_mse_minus_biases_high": float(high),
        "ratings_held_out": float(len(rating)),
    }
