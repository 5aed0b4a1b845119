"""Training GraphSAGE: it learns what is planted, resumes exactly, and follows its seed."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from recommender.ml.checkpoint import Checkpoint
from recommender.ml.dataset import History, Interactions
from recommender.ml.evaluation import compare, evaluate
from recommender.ml.graphsage import GraphSAGEConfig, train_graphsage
from recommender.ml.progress import EpochReport, ignore_progress
from recommender.ml.scorers import load_scorer
from recommender.ml.split import leave_one_out
from recommender.ml.trainers import train
from tests.recommender.ml.graph_worlds import clustered_world

SMALL = GraphSAGEConfig(embedding_size=16, epochs=4, seed=3)


class CancelledError(Exception):
    pass


def artifact(directory: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(directory.iterdir())}


def test_planted_clusters_are_learned_far_above_popularity(tmp_path: Path) -> None:
    split = leave_one_out(clustered_world(n_users=300))
    reports: list[EpochReport] = []
    config = replace(SMALL, epochs=8)
    train_graphsage(split.train, config, directory=tmp_path / "graphsage", progress=reports.append)
    train("popularity", split.train, directory=tmp_path / "popularity")
    evaluations = {kind: evaluate(load_scorer(tmp_path / kind), split) for kind in ("graphsage", "popularity")}
    gain = compare(evaluations, seed=0)["graphsage"].ndcg
    assert evaluations["graphsage"].mean_ndcg >= 1.5 * evaluations["popularity"].mean_ndcg
    assert gain.low > 0
    assert [report.epoch for report in reports] == list(range(1, 9))
    assert {report.epochs for report in reports} == {8}
    assert reports[-1].loss < reports[0].loss


def test_a_cancelled_training_resumes_to_the_same_artifact_as_an_uninterrupted_one(tmp_path: Path) -> None:
    world = clustered_world(n_users=80)
    train_graphsage(world, SMALL, directory=tmp_path / "whole", progress=ignore_progress)

    def cancel_after_two(report: EpochReport) -> None:
        if report.epoch == 2:
            raise CancelledError

    checkpoint = Checkpoint(tmp_path / "checkpoint")
    with pytest.raises(CancelledError):
        train_graphsage(world, SMALL, directory=tmp_path / "resumed", progress=cancel_after_two, checkpoint=checkpoint)
    assert not (tmp_path / "resumed").exists()
    resumed: list[int] = []
    train_graphsage(
        world,
        SMALL,
        directory=tmp_path / "resumed",
        progress=lambda report: resumed.append(report.epoch),
        checkpoint=checkpoint,
    )
    assert resumed == [3, 4]
    assert artifact(tmp_path / "resumed") == artifact(tmp_path / "whole")


def test_a_checkpoint_of_another_configuration_is_refused(tmp_path: Path) -> None:
    world = clustered_world(n_users=40)
    checkpoint = Checkpoint(tmp_path / "checkpoint")
    short = replace(SMALL, epochs=1)
    train_graphsage(world, short, directory=tmp_path / "a", progress=ignore_progress, checkpoint=checkpoint)
    other = replace(short, half_lives=(3.0,))
    with pytest.raises(ValueError, match="checkpoint"):
        train_graphsage(world, other, directory=tmp_path / "b", progress=ignore_progress, checkpoint=checkpoint)


def test_another_seed_gives_another_model(tmp_path: Path) -> None:
    world = clustered_world(n_users=40)
    for seed in (1, 2):
        config = replace(SMALL, epochs=1, seed=seed)
        train_graphsage(world, config, directory=tmp_path / str(seed), progress=ignore_progress)
    first, second = artifact(tmp_path / "1"), artifact(tmp_path / "2")
    assert first["item_vectors.safetensors"] != second["item_vectors.safetensors"]


def test_it_trains_without_content_with_synthetic_users_repeats_and_untouched_items(tmp_path: Path) -> None:
    world = clustered_world(n_users=40)
    events = Interactions.from_events(
        n_users=41,
        n_items=world.n_items + 3,
        user=np.append(world.user, world.user[:5]),
        item=np.append(world.item, world.item[:5]),
        time=np.append(world.time, world.time[:5] + 100),
        weight=np.append(np.where(np.arange(len(world.user)) % 9 == 0, 0, 1), np.ones(5)),
        synthetic=np.append(world.user, world.user[:5]) >= 30,
    )
    train_graphsage(events, replace(SMALL, epochs=1), directory=tmp_path, progress=ignore_progress)
    scores = load_scorer(tmp_path).score([np.array([0, 62]), np.array([], dtype=np.int64)])
    assert scores.shape == (2, 63)
    assert np.isfinite(scores).all()


@pytest.mark.parametrize("loss", ["bpr", "bce"])
def test_every_loss_learns_what_is_planted(tmp_path: Path, loss: str) -> None:
    split = leave_one_out(clustered_world(n_users=150))
    config = replace(SMALL, epochs=6, loss=loss)
    train_graphsage(split.train, config, directory=tmp_path / "graphsage", progress=ignore_progress)
    train("popularity", split.train, directory=tmp_path / "popularity")
    ndcg = {kind: evaluate(load_scorer(tmp_path / kind), split).mean_ndcg for kind in ("graphsage", "popularity")}
    assert ndcg["graphsage"] > 1.3 * ndcg["popularity"]


def test_training_continues_from_an_earlier_model_with_the_items_that_both_know(tmp_path: Path) -> None:
    world = clustered_world(n_users=60)
    items = [f"shop:{item}" for item in range(60)]
    train("graphsage", world, replace(SMALL, epochs=3), directory=tmp_path / "first", items=items)
    later = replace(SMALL, epochs=1, learning_rate=1e-9)
    options = {"directory": tmp_path / "second", "items": items, "continue_from": tmp_path / "first"}
    train("graphsage", world, later, **options)
    first, second = (load_scorer(tmp_path / name).score(world.histories()) for name in ("first", "second"))
    np.testing.assert_allclose(second, first, atol=1e-3)


def test_nothing_to_learn_from_is_refused(tmp_path: Path) -> None:
    world = clustered_world(n_users=3)
    nothing = replace(world, weight=np.zeros_like(world.weight))
    with pytest.raises(ValueError, match="received 30 events, none with positive weight"):
        train_graphsage(nothing, SMALL, directory=tmp_path, progress=ignore_progress)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("embedding_size", 0),
        ("fan_out", ()),
        ("half_lives", (0.0,)),
        ("cold_share", 1.0),
        ("temperature", 0.0),
        ("neighbours", -1),
        ("epochs", 0),
        ("loss", "hinge"),
        ("keep_edges", 0.0),
        ("audience", 0),
    ],
)
def test_an_impossible_configuration_is_refused_by_field_and_value(field: str, value: object) -> None:
    with pytest.raises(ValueError, match=field) as caught:
        GraphSAGEConfig(**{field: value})
    assert repr(value) in str(caught.value)


def test_a_training_goes_on_from_weights_of_before_anybody_stated_anything(tmp_path: Path) -> None:
    world = clustered_world(n_users=80)
    items = [str(item) for item in range(world.n_items)]
    first = {"embedding_size": 16, "epochs": 3, "seed": 3}
    train("graphsage", world, first, directory=tmp_path / "silent", items=items)
    stated = np.random.default_rng(1).standard_normal((world.n_users, 3)).astype(np.float32)
    losses: dict[bool, list[float]] = {True: [], False: []}
    for continued, found in losses.items():
        train(
            "graphsage",
            replace(world, user_features=stated),
            {**first, "epochs": 1},
            directory=tmp_path / str(continued),
            items=items,
            progress=lambda report, found=found: found.append(report.loss),  # type: ignore[misc]
            continue_from=tmp_path / "silent" if continued else None,
        )
    assert losses[True][0] < losses[False][0]
    history = History(np.array([3]), features=stated[0])
    assert np.isfinite(load_scorer(tmp_path / "True").score_one(history)).all()
