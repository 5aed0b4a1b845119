"""DropoutNet places items that nobody has taken, by their content."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from recommender.ml.dataset import Interactions
from recommender.ml.dropoutnet import DropoutNetConfig
from recommender.ml.dropoutnet_scorer import DropoutNetScorer
from recommender.ml.scorers import load_scorer
from recommender.ml.split import Split
from recommender.ml.trainers import train


@pytest.fixture(scope="module")
def scorer(split: Split, tmp_path_factory: pytest.TempPathFactory) -> DropoutNetScorer:
    directory = tmp_path_factory.mktemp("dropoutnet")
    train("dropoutnet", split.train, {"latent_size": 16, "epochs": 15}, directory=directory)
    found = load_scorer(directory)
    assert isinstance(found, DropoutNetScorer)
    return found


def test_new_items_with_the_content_of_a_cluster_rank_first_among_new_ones_for_its_shoppers(
    scorer: DropoutNetScorer, world: Interactions
) -> None:
    means = np.stack([world.content[np.arange(120) % 8 == cluster].mean(axis=0) for cluster in range(8)])
    extended = scorer.extended(means / np.linalg.norm(means, axis=1, keepdims=True))
    assert extended.n_items == 128
    histories = [np.arange(cluster, 64, 8) for cluster in range(8)]
    assert extended.score(histories)[:, 120:].argmax(axis=1).tolist() == list(range(8))


def test_a_longer_catalogue_leaves_the_scores_of_the_trained_items(scorer: DropoutNetScorer) -> None:
    extended = scorer.extended(np.eye(3, 16, dtype=np.float32))
    histories = [np.array([], np.int64), np.array([3, 11])]
    np.testing.assert_allclose(extended.score(histories)[:, :120], scorer.score(histories), atol=1e-5)
    assert np.isfinite(extended.score([np.array([121, 3])])).all()


def test_content_of_another_size_is_refused(scorer: DropoutNetScorer) -> None:
    with pytest.raises(ValueError, match=r"content: received shape \(2, 5\), the model expects \(N, 16\)"):
        scorer.extended(np.zeros((2, 5), np.float32))


def test_a_catalogue_without_content_trains_and_grows(world: Interactions, tmp_path: Path) -> None:
    bare = Interactions.from_events(n_users=2, n_items=3, user=[0, 0, 1], item=[0, 1, 2], time=[0, 1, 2])
    train("dropoutnet", bare, {"latent_size": 2, "epochs": 2}, directory=tmp_path)
    extended = load_scorer(tmp_path).extended(np.zeros((2, 0), np.float32))
    scores = extended.score([np.array([0])])
    assert scores.shape == (1, 5)
    assert scores[0, 3] == scores[0, 4]


@pytest.mark.parametrize(
    ("field", "value"), [("latent_size", 0), ("item_dropout", 1.0), ("confidence", 0.0), ("user_dropout", -0.1)]
)
def test_a_configuration_out_of_range_is_refused_by_name(field: str, value: float) -> None:
    with pytest.raises(ValueError, match=f"{field}: received {value!r}"):
        DropoutNetConfig(**{field: value})


def test_events_without_weight_are_refused(tmp_path: Path) -> None:
    nothing = Interactions.from_events(n_users=1, n_items=2, user=[0], item=[1], time=[0], weight=[0.0])
    with pytest.raises(ValueError, match="received 1 events, none with positive weight"):
        train("dropoutnet", nothing, directory=tmp_path)
