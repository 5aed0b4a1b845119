import time
from pathlib import Path

import numpy as np
import pytest
import torch

from recommender.ml.dataset import Interactions
from recommender.ml.losses import weighted_softmax_cross_entropy
from recommender.ml.progress import ignore_progress
from recommender.ml.scorers import load_scorer
from recommender.ml.sequences import SequenceBatch
from recommender.ml.split import Split
from recommender.ml.two_tower import TwoTower, TwoTowerConfig, train_two_tower
from recommender.ml.two_tower_export import export_two_tower
from recommender.ml.two_tower_scorer import TwoTowerScorer

CONFIG = TwoTowerConfig(epochs=12, embedding_size=32, blocks=1, batch_size=200, learning_rate=4e-3)


def random_model(n_items: int, dimensions: int) -> TwoTower:
    torch.manual_seed(5)
    model = TwoTower(torch.nn.functional.normalize(torch.randn(n_items, dimensions), dim=1), TwoTowerConfig(blocks=2))
    for parameter in model.user_tower.parameters():  # untrained biases are 0 and would hide a missing one
        parameter.data += 0.05 * torch.randn_like(parameter)
    return model.eval()


def exported(model: TwoTower, directory: Path) -> TwoTowerScorer:
    export_two_tower(model, TwoTowerConfig(), directory=directory)
    scorer = load_scorer(directory)
    assert isinstance(scorer, TwoTowerScorer)
    return scorer


def torch_scores(model: TwoTower, history: np.ndarray) -> np.ndarray:
    with torch.no_grad():
        vectors = model.item_tower()
        states = model.user_tower(vectors[torch.from_numpy(history[-50:])][None])
        return (states[0, -1] @ vectors.T).numpy()


def test_the_served_scores_equal_the_torch_model(tmp_path: Path) -> None:
    model = random_model(80, 24)
    scorer = exported(model, tmp_path)
    rng = np.random.default_rng(0)
    histories = [rng.integers(0, 80, size) for size in (0, 1, 2, 7, 49, 50, 51, 120)]
    expected = np.stack([torch_scores(model, history) for history in histories])
    np.testing.assert_allclose(scorer.score(histories), expected, atol=1e-4)
    np.testing.assert_allclose(scorer.score(histories[:1]), expected[:1], atol=1e-4)


def test_the_served_item_tower_equals_the_torch_model(tmp_path: Path) -> None:
    model = random_model(80, 24)
    content = np.random.default_rng(1).normal(size=(5, 24)).astype(np.float32)
    with torch.no_grad():
        expected = model.item_tower.from_content(torch.from_numpy(content)).numpy()
    np.testing.assert_allclose(exported(model, tmp_path).vectors_from_content(content), expected, atol=1e-5)


def test_a_position_depends_on_nothing_after_it() -> None:
    tower = random_model(80, 24).user_tower
    history = torch.randn(2, 20, 64)
    changed = history.clone()
    changed[:, 12:] = torch.randn(2, 8, 64)
    with torch.no_grad():
        before, after = tower(history), tower(changed)
    torch.testing.assert_close(before[:, :13], after[:, :13])
    assert not torch.allclose(before[:, 13], after[:, 13], atol=1e-3)


def test_a_model_without_content_is_served_and_says_so(tmp_path: Path) -> None:
    model = random_model(30, 0)
    scorer = exported(model, tmp_path)
    history = np.array([3, 4])
    np.testing.assert_allclose(scorer.score_one(history), torch_scores(model, history), atol=1e-4)
    with pytest.raises(ValueError, match=r"content: received shape \(1, 24\), the model expects \(N, 0\)"):
        scorer.extended(np.zeros((1, 24), np.float32))


def test_new_items_are_placed_by_content_beside_their_cluster(split: Split, tmp_path: Path) -> None:
    """A copy of a known item's content, as a new product, must rank high for those who like its cluster."""
    train_two_tower(split.train, CONFIG, directory=tmp_path, progress=ignore_progress)
    scorer = load_scorer(tmp_path)
    assert isinstance(scorer, TwoTowerScorer)
    new = np.stack([split.train.content[np.arange(120) % 8 == cluster].mean(axis=0) for cluster in range(8)])
    longer = scorer.extended(new / np.linalg.norm(new, axis=1, keepdims=True))
    assert (scorer.n_items, longer.n_items) == (120, 128)
    histories = [np.flatnonzero(np.arange(120) % 8 == cluster)[:6] for cluster in range(8)]
    scores = longer.score(histories)
    np.testing.assert_allclose(scores[:, :120], scorer.score(histories), atol=1e-5)
    assert scores[:, 120:].argmax(axis=1).tolist() == list(range(8))
    assert np.isfinite(longer.score_one(np.array([127, 3]))).all()


def test_event_weights_steer_the_loss() -> None:
    logits = torch.tensor([[2.0, 0.0], [0.0, 1.0]])
    losses = -torch.log_softmax(logits, dim=1)
    target = torch.tensor([0, 0])
    loss = weighted_softmax_cross_entropy(logits, target, torch.tensor([3.0, 1.0]))
    assert loss.item() == pytest.approx(((3 * losses[0, 0] + losses[1, 0]) / 4).item())
    assert weighted_softmax_cross_entropy(logits, target, torch.zeros(2)).item() == 0


def test_events_of_weight_zero_are_context_but_no_target(world: Interactions) -> None:
    model = TwoTower(torch.from_numpy(world.content), TwoTowerConfig(embedding_size=16)).eval()
    items = np.array([[1, 2, 3]])
    with torch.no_grad():
        full, last = (
            model.loss(SequenceBatch(items, np.array([weight], np.float32))) for weight in ([1, 1, 1], [0, 0, 1])
        )
        other = model.loss(SequenceBatch(np.array([[1, 5, 3]]), np.array([[0, 0, 1]], np.float32)))
    assert len({round(value.item(), 4) for value in (full, last, other)}) == 3


def test_training_without_a_positive_weight_is_refused(tmp_path: Path) -> None:
    idle = Interactions.from_events(n_users=1, n_items=2, user=[0], item=[0], time=[0], weight=[0])
    with pytest.raises(ValueError, match="interactions: received 1 events, none with positive weight"):
        train_two_tower(idle, CONFIG, directory=tmp_path, progress=ignore_progress)
    assert not list(tmp_path.iterdir())


def test_scoring_one_visitor_of_a_large_shop_takes_milliseconds(tmp_path: Path) -> None:
    scorer = exported(random_model(10_000, 8), tmp_path)
    history = np.arange(50)
    scorer.score_one(history)
    seconds = []
    for _ in range(50):
        started = time.perf_counter()
        scorer.score_one(history)
        seconds.append(time.perf_counter() - started)
    # The best of 50 is what it costs when nothing else runs on the machine.
    assert min(seconds) <= 0.002
