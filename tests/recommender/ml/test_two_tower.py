import time
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from recommender.ml.artifact import read_tensors
from recommender.ml.dataset import EVENT_KINDS, History, HistoryLike, Interactions
from recommender.ml.evaluation import evaluate
from recommender.ml.losses import weighted_softmax_cross_entropy
from recommender.ml.progress import ignore_progress
from recommender.ml.scorers import load_scorer
from recommender.ml.sequences import SequenceBatch
from recommender.ml.split import Split
from recommender.ml.time_gaps import event_codes
from recommender.ml.towers import StatedTower
from recommender.ml.trainers import train
from recommender.ml.two_tower import TwoTower, TwoTowerConfig, train_two_tower
from recommender.ml.two_tower_export import export_two_tower
from recommender.ml.two_tower_scorer import TwoTowerScorer

CONFIG = TwoTowerConfig(epochs=12, embedding_size=32, blocks=1, batch_size=200, learning_rate=4e-3)


def random_model(n_items: int, dimensions: int, *, statements: int = 0, **config: Any) -> TwoTower:
    torch.manual_seed(5)
    model = TwoTower(
        torch.nn.functional.normalize(torch.randn(n_items, dimensions), dim=1),
        TwoTowerConfig(blocks=2, **config),
        statements=torch.randn(20, statements) if statements else None,
    )
    for tower in (model.user_tower, model.stated_tower):  # untrained biases are 0 and would hide a missing one
        for parameter in tower.parameters():
            parameter.data += 0.05 * torch.randn_like(parameter)
    return model.eval()


def exported(model: TwoTower, directory: Path) -> TwoTowerScorer:
    export_two_tower([model], TwoTowerConfig(), directory=directory)
    scorer = load_scorer(directory)
    assert isinstance(scorer, TwoTowerScorer)
    return scorer


@pytest.mark.parametrize("similarity", ["cosine", "dot"])
def test_an_ensemble_serves_the_mean_of_its_members_logits(similarity: str, tmp_path: Path) -> None:
    members = [random_model(30, 6, similarity=similarity) for _ in range(2)]
    for parameter in members[1].parameters():
        parameter.data += 0.1
    export_two_tower(members, TwoTowerConfig(members=2, similarity=similarity), directory=tmp_path)
    scorer, history = TwoTowerScorer.load(tmp_path), np.array([3, 7, 21])
    expected = np.mean([torch_scores(member, history) for member in members], axis=0)
    np.testing.assert_allclose(scorer.score_one(history), expected, atol=1e-4)
    added = scorer.extended(np.eye(6, dtype=np.float32)[:2])
    assert (added.n_items, added.score_one(history).shape) == (32, (32,))


def test_an_ensemble_trains_each_member_and_continues(world: Interactions, tmp_path: Path) -> None:
    settings = {"epochs": 2, "embedding_size": 16, "members": 2}
    names = [f"item {index}" for index in range(world.n_items)]
    train("two_tower", world, settings, directory=tmp_path / "earlier", items=names)
    first, second = np.split(read_tensors(tmp_path / "earlier", "item_vectors")["item_vectors"], 2, axis=1)
    assert np.abs((first * second).sum(axis=1)).mean() < 0.5  # two starts, two models
    train(
        "two_tower", world, settings | {"epochs": 1, "learning_rate": 1e-7}, directory=tmp_path / "new", items=names,
        continue_from=tmp_path / "earlier",
    )  # fmt: skip
    history = np.array([7, 30, 15])
    earlier, new = (load_scorer(tmp_path / name).score_one(history) for name in ("earlier", "new"))
    np.testing.assert_allclose(new, earlier, atol=0.01)


def torch_scores(model: TwoTower, history: HistoryLike) -> np.ndarray:
    known = history if isinstance(history, History) else History(history)
    with torch.no_grad():
        vectors = model.item_tower()
        events = torch.from_numpy(event_codes(known, length=50, kinds=len(EVENT_KINDS)))
        stated = (
            None
            if known.features is None
            else model.stated_tower(torch.from_numpy(known.features)[None], model.item_tower)
        )
        states = model.user_tower(vectors[torch.from_numpy(known.items[-50:])][None], events[None], stated)
        return (states[0, -1] @ vectors.T).numpy()


def random_history(rng: np.random.Generator, size: int, features: int) -> History:
    """With events of every kind, gaps from a second to months, and words or none."""
    return History(
        rng.integers(0, 80, size),
        rng.integers(0, len(EVENT_KINDS), size).astype(np.uint8),
        np.cumsum(np.exp(rng.uniform(0, 17, size))),
        rng.normal(size=features).astype(np.float32) if features and rng.random() < 0.7 else None,
    )


@pytest.mark.parametrize("features", [0, 12, 24])
@pytest.mark.parametrize("similarity", ["cosine", "dot"])
def test_the_served_scores_equal_the_torch_model(similarity: str, features: int, tmp_path: Path) -> None:
    model = random_model(80, 24, statements=features, similarity=similarity)
    scorer = exported(model, tmp_path)
    rng = np.random.default_rng(0)
    sizes = (0, 0, 1, 2, 7, 49, 50, 51, 120)
    histories: list[HistoryLike] = [random_history(rng, size, features) for size in sizes]
    histories += [rng.integers(0, 80, size) for size in sizes]
    expected = np.stack([torch_scores(model, history) for history in histories])
    np.testing.assert_allclose(scorer.score(histories), expected, atol=1e-4)
    np.testing.assert_allclose(scorer.score(histories[:1]), expected[:1], atol=1e-4)
    np.testing.assert_allclose(scorer.score_one(histories[7]), expected[7], atol=1e-4)
    assert scorer.item_vectors.shape == (80, 64 + (similarity == "dot"))


def test_kinds_gaps_and_words_each_change_the_scores_and_unknown_ones_do_not(tmp_path: Path) -> None:
    scorer = exported(random_model(80, 24, statements=12), tmp_path)
    items, kind, time = np.array([3, 9]), np.array([2, 6], np.uint8), np.array([0.0, 500.0])
    bare = scorer.score_one(items)
    np.testing.assert_array_equal(scorer.score_one(History(items, np.zeros(2, np.uint8), time)), bare)
    np.testing.assert_array_equal(scorer.score_one(History(items, features=np.zeros(12, np.float32))), bare)
    told = [
        scorer.score_one(history)
        for history in (
            History(items, kind),
            History(items, kind, time),
            History(items, kind, time, np.ones(12, np.float32)),
        )
    ]
    for fewer, more in pairwise([bare, *told]):
        assert np.abs(fewer - more).max() > 1e-3


def test_words_of_another_size_are_refused(tmp_path: Path) -> None:
    scorer = exported(random_model(80, 24, statements=12), tmp_path)
    with pytest.raises(ValueError, match=r"features: received shape \(5,\) in row 1, the model expects \(12,\)"):
        scorer.score([np.array([1]), History(np.array([1]), features=np.ones(5, np.float32))])


def test_few_statements_are_read_in_few_directions_of_their_own() -> None:
    """From eight statements two directions are learned; what a new one says beyond them has no weights behind it."""
    torch.manual_seed(0)
    statements = torch.randn(8, 6)
    items = random_model(10, 3).item_tower
    tower = StatedTower(statements, 8, components=4)
    tower.projection.data.normal_()
    tower.likeness.data.fill_(1.0)  # of no effect: what was stated has another size than content
    with torch.no_grad():
        assert torch.linalg.matrix_rank(tower(statements, items)) == 2
        assert tower(torch.zeros(1, 6), items).abs().max() == 0
        few = StatedTower(statements[:3], 8, components=4)
        few.projection.data.normal_()
        assert few(statements, items).abs().max() == 0


def test_words_are_read_as_the_content_they_are_like() -> None:
    model = random_model(10, 24, statements=24)
    tower = model.stated_tower
    tower.projection.data.zero_()
    tower.likeness.data.fill_(2.0)
    content = torch.nn.functional.normalize(torch.randn(5, 24), dim=1)
    with torch.no_grad():
        stated = tower(tower.centre + 0.1 * (content - model.item_tower.centre), model.item_tower)
        torch.testing.assert_close(stated, 2 * model.item_tower.from_content(content), atol=1e-5, rtol=1e-4)


def test_what_a_shopper_stated_ranks_for_them_before_they_took_anything(world: Interactions, tmp_path: Path) -> None:
    rng = np.random.default_rng(2)
    directions = rng.normal(size=(8, 20))
    words = directions[np.arange(world.n_users) % 8] + 0.3 * rng.normal(size=(world.n_users, 20))
    stated = replace(world, user_features=words.astype(np.float32))
    train_two_tower(stated, replace(CONFIG, epochs=10), directory=tmp_path, progress=ignore_progress)
    newcomers = [History(np.empty(0, np.int64), features=words.astype(np.float32)) for words in directions]
    best = load_scorer(tmp_path).score(newcomers).argsort(axis=1)[:, -10:]
    own = (best % 8 == np.arange(8)[:, None]).mean()
    assert own >= 0.4  # chance, and a shopper who said nothing: an eighth


def test_the_inner_product_with_biases_over_sampled_negatives_learns_as_well(split: Split, tmp_path: Path) -> None:
    config = replace(CONFIG, similarity="dot", negatives=40)
    train_two_tower(split.train, config, directory=tmp_path / "tower", progress=ignore_progress)
    train("popularity", split.train, directory=tmp_path / "popularity")
    tower, popularity = (evaluate(load_scorer(tmp_path / name), split) for name in ("tower", "popularity"))
    assert tower.mean_ndcg > 1.5 * popularity.mean_ndcg


@pytest.mark.parametrize(("field", "value"), [("similarity", "euclid"), ("negatives", -1), ("feature_dropout", 1.0)])
def test_a_configuration_that_cannot_be_is_refused_by_value(field: str, value: object) -> None:
    with pytest.raises(ValueError, match=f"{field}: received {value!r}"):
        TwoTowerConfig(**{field: value})


def test_the_served_item_tower_equals_the_torch_model(tmp_path: Path) -> None:
    model = random_model(80, 24)
    content = np.random.default_rng(1).normal(size=(5, 24)).astype(np.float32)
    content[2] = 0
    with torch.no_grad():
        expected = model.item_tower.from_content(torch.from_numpy(content)).numpy()
    served = exported(model, tmp_path).vectors_from_content(content)
    np.testing.assert_allclose(served, expected, atol=1e-5)
    # A product without content has no place, rather than the place opposite to the mean of all content.
    np.testing.assert_allclose(np.linalg.norm(served, axis=1), [1, 1, 0, 1, 1], atol=1e-5)


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


def test_a_training_continues_with_earlier_weights_over_more_items_and_first_statements(
    world: Interactions, tmp_path: Path
) -> None:
    """A step of next to no size leaves the scores of earlier items as they were, wherever they now stand."""
    names = [f"item {index}" for index in range(world.n_items)]
    config = {"epochs": 3, "embedding_size": 16, "seed": 3}
    train("two_tower", world, config, directory=tmp_path / "earlier", items=names)
    order = np.random.default_rng(0).permutation(world.n_items)
    moved = replace(
        world,
        n_items=world.n_items + 2,
        item=np.argsort(order)[world.item],
        content=np.concatenate([world.content[order], world.content[:2]]),
        user_features=np.ones((world.n_users, 4), np.float32),
    )
    items = [names[index] for index in order] + ["new", "newer"]
    settings = config | {"epochs": 1, "learning_rate": 1e-7}
    train("two_tower", moved, settings, directory=tmp_path / "new", items=items, continue_from=tmp_path / "earlier")
    earlier, new = load_scorer(tmp_path / "earlier"), load_scorer(tmp_path / "new")
    history = np.array([7, 30, 15])
    moved_history = np.argsort(order)[history]
    np.testing.assert_allclose(new.score_one(moved_history)[:120], earlier.score_one(history)[order], atol=0.01)
    assert new.n_items == 122
