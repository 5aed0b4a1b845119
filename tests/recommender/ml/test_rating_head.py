from pathlib import Path

import numpy as np
import pytest
import torch

from recommender.ml.dataset import History, Interactions
from recommender.ml.progress import ignore_progress
from recommender.ml.rating_head import RatingHeadConfig, RatingHeadModel, train_rating_head
from recommender.ml.rating_head_scorer import RatingHead, head_inputs
from recommender.ml.ratings import LABELS, Ratings
from recommender.ml.scorers import load_scorer
from recommender.ml.two_tower import TwoTowerConfig, train_two_tower
from recommender.ml.two_tower_scorer import TwoTowerScorer


@pytest.fixture(scope="module")
def towers(world: Interactions, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("towers")
    config = TwoTowerConfig(epochs=8, embedding_size=32, batch_size=200, learning_rate=4e-3)
    train_two_tower(world, config, directory=folder, progress=ignore_progress)
    return folder


def cluster_ratings(world: Interactions, rng: np.random.Generator, *, each: int = 20) -> Ratings:
    """Shopper u rates items of cluster u % 8 about 9 and others about 4, as a spread over neighbouring points."""
    user = np.repeat(np.arange(300), each)
    item = rng.integers(0, world.n_items, len(user))
    centre = np.where(item % 8 == user % 8, 8.5, 4.0) + rng.normal(0, 0.7, len(user))
    logits = -0.5 * (np.array(LABELS) - centre[:, None]) ** 2
    spread = np.exp(logits - logits.max(axis=1, keepdims=True))
    return Ratings(
        user,
        item,
        (spread / spread.sum(axis=1, keepdims=True)).astype(np.float32),
        np.ones(len(user), np.float32),
        np.zeros(len(user), bool),
    )


def test_the_head_learns_who_likes_what_where_biases_cannot_and_is_served_as_trained(
    world: Interactions, towers: Path
) -> None:
    rng = np.random.default_rng(0)
    ratings = cluster_ratings(world, rng)
    held_out = rng.random(len(ratings)) < 0.1
    histories = world.shoppers(np.arange(300))
    scorer = load_scorer(towers)
    assert isinstance(scorer, TwoTowerScorer)
    assert RatingHead.load(towers) is None
    runs = [
        train_rating_head(scorer, ratings, histories, RatingHeadConfig(epochs=10), held_out=held_out, directory=towers)
        for _ in range(2)
    ]
    figures = runs[0]
    assert runs[0] == runs[1]
    assert figures["ratings_held_out"] == held_out.sum()
    assert figures["rating_rmse"] < 0.85 * figures["rating_rmse_biases"]
    assert figures["rating_mse_minus_biases_high"] < 0
    assert figures["rating_rmse_biases"] == pytest.approx(figures["rating_rmse_mean"], rel=0.05)
    head = RatingHead.load(towers)
    assert head is not None
    expected = head.expectations(scorer.user_vectors([histories[3]])[0], scorer.item_vectors)
    own = np.arange(120) % 8 == 3
    assert expected[own].mean() > expected[~own].mean() + 1


def test_the_served_distribution_equals_the_torch_model_and_sums_to_one(tmp_path: Path) -> None:
    torch.manual_seed(0)
    model = RatingHeadModel(3 * 6 + 2, RatingHeadConfig(hidden=9), mean_distribution=torch.full((11,), 1 / 11)).eval()
    for parameter in model.parameters():
        parameter.data += 0.1 * torch.randn_like(parameter)
    head = RatingHead(
        model.hidden.weight.detach().numpy().T,
        model.hidden.bias.detach().numpy(),
        model.output.weight.detach().numpy().T,
        model.output.bias.detach().numpy(),
        model.tilt.item(),
        np.array([0.5, -1.0], np.float32),
    )
    rng = np.random.default_rng(0)
    user, items = rng.normal(size=6).astype(np.float32), rng.normal(size=(3, 6)).astype(np.float32)
    bias = np.array([[0.25, 0.5], [0.25, -1.0], [0.25, 0.0]], np.float32)  # the third item came after the training
    with torch.no_grad():
        expected = model(torch.from_numpy(head_inputs(np.tile(user, (3, 1)), items, bias))).exp().numpy()
    served = head.distributions(user, items, user_bias=0.25)
    np.testing.assert_allclose(served, expected, atol=1e-5)
    np.testing.assert_allclose(served.sum(axis=1), 1, atol=1e-5)
    np.testing.assert_allclose(head.expectations(user, items, user_bias=0.25), expected @ np.array(LABELS), atol=1e-4)


def test_an_untrained_head_is_the_biases_alone() -> None:
    mean = torch.softmax(-0.3 * (torch.tensor(LABELS, dtype=torch.float32) - 6) ** 2, dim=0)
    model = RatingHeadModel(5, RatingHeadConfig(), mean_distribution=mean).eval()
    inputs = torch.zeros(3, 5)
    inputs[:, -1] = torch.tensor([0.0, 0.3, -0.3])
    with torch.no_grad():
        expectation = model(inputs).exp() @ model.labels
    centre = float(mean @ model.labels)
    np.testing.assert_allclose(expectation, [centre, centre + 0.3, centre - 0.3], atol=0.02)


def test_a_rating_is_predicted_without_the_rated_item_in_the_history(world: Interactions, towers: Path) -> None:
    """Raters who took exactly what they rate 10, and nothing else: reading the history would tell every rating."""
    rng = np.random.default_rng(1)
    user = np.repeat(np.arange(100), 10)
    item = np.concatenate([rng.choice(120, 10, replace=False) for _ in range(100)])
    high = rng.random(1000) < 0.5
    ratings = Ratings(
        user,
        item,
        np.eye(11, dtype=np.float32)[np.where(high, 10, 1)],
        np.ones(1000, np.float32),
        np.ones(1000, bool),
    )
    histories = [History(item[(user == rater) & high]) for rater in range(100)]
    scorer = load_scorer(towers)
    assert isinstance(scorer, TwoTowerScorer)
    held_out = rng.random(1000) < 0.2
    figures = train_rating_head(
        scorer, ratings, histories, RatingHeadConfig(epochs=10), held_out=held_out, directory=towers
    )
    # Nothing but chance decides: whoever did better than the mean has seen the answer.
    assert figures["rating_rmse"] > 0.97 * figures["rating_rmse_mean"]


def test_too_few_ratings_are_refused_by_count(world: Interactions, towers: Path) -> None:
    ratings = cluster_ratings(world, np.random.default_rng(0), each=1).take(np.arange(300) < 60)
    scorer = load_scorer(towers)
    assert isinstance(scorer, TwoTowerScorer)
    with pytest.raises(ValueError, match="ratings: received 55 to learn from and 5 held out"):
        train_rating_head(
            scorer, ratings, world.shoppers(np.arange(60)), RatingHeadConfig(), held_out=np.arange(60) < 5,
            directory=towers,
        )  # fmt: skip
