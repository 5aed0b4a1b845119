"""What every recommender owes, whatever its kind."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from recommender.ml.artifact import read_config, read_items, write_items
from recommender.ml.blend import BlendConfig, train_blend
from recommender.ml.checkpoint import Checkpoint
from recommender.ml.evaluation import compare, evaluate
from recommender.ml.progress import EpochReport
from recommender.ml.scorers import load_scorer
from recommender.ml.split import Split
from recommender.ml.trainers import TRAINERS, train

PARAMETERS = {
    "random": {"seed": 3},
    "popularity": {},
    "popularity_30d": {},
    "popularity_7d": {},
    "content_knn": {},
    "item_knn": {},
    "gf_cf": {},
    "ease": {},
    "lightgcn": {"epochs": 4, "embedding_size": 16, "seed": 3},
    "slist": {},
    "transition_knn": {},
    "softmax_mf": {"epochs": 4, "seed": 3},
    "dropoutnet": {"epochs": 4, "embedding_size": 16, "latent_size": 8, "sweeps": 3, "seed": 3},
    "two_tower": {"epochs": 4, "embedding_size": 16, "blocks": 1, "seed": 3},
    "graphsage": {"epochs": 4, "embedding_size": 16, "seed": 3},
}
BLEND = BlendConfig(components=("two_tower", "transition_knn", "popularity"))
LEARNING = {
    "content_knn": {},
    "item_knn": {},
    "gf_cf": {"factors": 16},
    "ease": {"reg": 50.0},
    "lightgcn": {"epochs": 12, "embedding_size": 32, "batch_size": 64},
    "slist": {"reg": 5.0},
    "transition_knn": {},
    "softmax_mf": {},
    "dropoutnet": {"epochs": 60, "latent_size": 16},
    "two_tower": {"epochs": 12, "embedding_size": 32, "blocks": 1, "batch_size": 200, "learning_rate": 4e-3},
    "graphsage": {"epochs": 8, "embedding_size": 32},
}
HISTORIES = [np.array([], np.int64), np.array([5]), np.array([3, 11, 19]), np.arange(100)]

every_trainer = pytest.mark.parametrize("kind", PARAMETERS)
every_kind = pytest.mark.parametrize("kind", [*PARAMETERS, "blend"])
every_resumable_kind = pytest.mark.parametrize(
    "kind", ["softmax_mf", "dropoutnet", "lightgcn", "two_tower", "graphsage"]
)


@pytest.fixture(scope="session")
def artifacts(split: Split, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """One trained artifact folder per kind."""
    folder = tmp_path_factory.mktemp("artifacts")
    items = [f"shop:{index}" for index in range(split.train.n_items)]
    for kind, parameters in PARAMETERS.items():
        train(kind, split.train, parameters, directory=folder / kind, items=items)
    trained = {kind: folder / kind for kind in PARAMETERS}
    write_items(folder / "blend", items)
    train_blend(split, BLEND, components=trained, directory=folder / "blend")
    return {**trained, "blend": folder / "blend"}


@pytest.fixture(scope="session")
def learned(split: Split, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The kinds that learn, trained long enough to."""
    folder = tmp_path_factory.mktemp("learned")
    for kind, parameters in LEARNING.items():
        train(kind, split.train, parameters, directory=folder / kind)
    return {kind: folder / kind for kind in LEARNING}


def test_the_registry_holds_the_kinds_tested_here() -> None:
    assert set(TRAINERS) == set(PARAMETERS)


@every_kind
def test_scores_are_finite_float32_for_every_item_and_history(kind: str, artifacts: dict[str, Path]) -> None:
    scorer = load_scorer(artifacts[kind])
    scores = scorer.score(HISTORIES)
    assert (scorer.kind, scorer.n_items) == (kind, 120)
    assert (scores.shape, scores.dtype) == ((4, 120), np.float32)
    assert np.isfinite(scores).all()


@every_kind
def test_score_one_equals_the_row_of_a_batch(kind: str, artifacts: dict[str, Path]) -> None:
    scorer = load_scorer(artifacts[kind])
    batch = scorer.score(HISTORIES)
    for history, row in zip(HISTORIES, batch, strict=True):
        one = scorer.score_one(history)
        assert (one.shape, one.dtype) == ((120,), np.float32)
        np.testing.assert_allclose(one, row, rtol=1e-4, atol=1e-4)


@every_kind
def test_an_artifact_scores_the_same_after_moving(kind: str, artifacts: dict[str, Path], tmp_path: Path) -> None:
    before = load_scorer(artifacts[kind]).score(HISTORIES)
    shutil.copytree(artifacts[kind], tmp_path / "moved")
    assert np.array_equal(load_scorer(tmp_path / "moved").score(HISTORIES), before)
    assert read_items(tmp_path / "moved")[119] == "shop:119"
    suffixes = {path.suffix for path in (tmp_path / "moved").rglob("*") if path.is_file()}
    assert suffixes <= {".json", ".safetensors", ".onnx"}


@every_trainer
def test_training_twice_with_one_seed_gives_one_model(
    kind: str, artifacts: dict[str, Path], split: Split, tmp_path: Path
) -> None:
    reports: list[EpochReport] = []
    train(kind, split.train, PARAMETERS[kind], directory=tmp_path, progress=reports.append)
    epochs = PARAMETERS[kind].get("epochs", 1)
    assert [(report.epoch, report.epochs) for report in reports] == [(n, epochs) for n in range(1, epochs + 1)]
    assert np.array_equal(load_scorer(tmp_path).score(HISTORIES), load_scorer(artifacts[kind]).score(HISTORIES))


@pytest.mark.parametrize("kind", ["random", "softmax_mf", "dropoutnet", "lightgcn", "two_tower", "graphsage"])
def test_another_seed_gives_another_model(kind: str, artifacts: dict[str, Path], split: Split, tmp_path: Path) -> None:
    train(kind, split.train, PARAMETERS[kind] | {"seed": 4}, directory=tmp_path)
    other = load_scorer(tmp_path).score(HISTORIES)
    assert not np.allclose(other, load_scorer(artifacts[kind]).score(HISTORIES), atol=1e-3)


@every_kind
@pytest.mark.parametrize("unknown", [120, -1])
def test_an_unknown_item_is_refused_by_value(kind: str, unknown: int, artifacts: dict[str, Path]) -> None:
    scorer = load_scorer(artifacts[kind])
    with pytest.raises(ValueError, match=f"received item {unknown} in row 1, expected 0 to 119"):
        scorer.score([np.array([0]), np.array([1, unknown])])
    with pytest.raises(ValueError, match=f"received item {unknown}"):
        scorer.score_one(np.array([unknown]))


class CancelError(Exception):
    pass


@every_resumable_kind
def test_a_resumed_training_equals_an_uninterrupted_one(
    kind: str, artifacts: dict[str, Path], split: Split, tmp_path: Path
) -> None:
    checkpoint = Checkpoint(tmp_path / "checkpoint")
    epochs: list[int] = []

    def cancel_after_two(report: EpochReport) -> None:
        epochs.append(report.epoch)
        if report.epoch == 2:
            raise CancelError

    directory = tmp_path / "model"
    with pytest.raises(CancelError):
        train(
            kind,
            split.train,
            PARAMETERS[kind],
            directory=directory,
            progress=cancel_after_two,
            checkpoint=checkpoint,
        )
    assert not (directory / "config.json").exists()
    resume = Checkpoint(tmp_path / "checkpoint")
    train(
        kind,
        split.train,
        PARAMETERS[kind],
        directory=directory,
        progress=lambda report: epochs.append(report.epoch),
        checkpoint=resume,
    )
    assert epochs == [1, 2, 3, 4]
    uninterrupted = load_scorer(artifacts[kind]).score(HISTORIES)
    assert np.array_equal(load_scorer(directory).score(HISTORIES), uninterrupted)


@every_resumable_kind
def test_a_checkpoint_of_another_configuration_is_refused(kind: str, split: Split, tmp_path: Path) -> None:
    checkpoint = Checkpoint(tmp_path / "checkpoint")
    short = PARAMETERS[kind] | {"epochs": 1}
    train(kind, split.train, short, directory=tmp_path / "a", checkpoint=checkpoint)
    with pytest.raises(ValueError, match="checkpoint: saved for"):
        train(kind, split.train, short | {"seed": 9}, directory=tmp_path / "b", checkpoint=checkpoint)


KILLED_TRAINING = """
import os, signal, sys
from pathlib import Path
sys.path.insert(0, sys.argv[2])
from conftest import clustered_world
from recommender.ml.checkpoint import Checkpoint
from recommender.ml.split import leave_one_out
from recommender.ml.trainers import train
from test_recommender_contract import PARAMETERS

def die(report):
    if report.epoch == 2:
        os.kill(os.getpid(), signal.SIGKILL)

folder = Path(sys.argv[1])
train("two_tower", leave_one_out(clustered_world(seed=1)).train, PARAMETERS["two_tower"],
      directory=folder / "model", progress=die, checkpoint=Checkpoint(folder / "checkpoint"))
"""


def test_a_training_killed_between_epochs_ends_like_an_uninterrupted_one(
    artifacts: dict[str, Path], split: Split, tmp_path: Path
) -> None:
    here = Path(__file__).parent
    command = [sys.executable, "-c", KILLED_TRAINING, str(tmp_path), str(here)]
    result = subprocess.run(command, cwd=here.parents[2], capture_output=True, text=True, check=False)
    assert result.returncode == -9, result.stderr
    epochs: list[int] = []
    train(
        "two_tower",
        split.train,
        PARAMETERS["two_tower"],
        directory=tmp_path / "model",
        progress=lambda report: epochs.append(report.epoch),
        checkpoint=Checkpoint(tmp_path / "checkpoint"),
    )
    assert epochs == [3, 4]
    uninterrupted = load_scorer(artifacts["two_tower"]).score(HISTORIES)
    # Another process may have summed with another number of threads.
    np.testing.assert_allclose(load_scorer(tmp_path / "model").score(HISTORIES), uninterrupted, atol=1e-3)


def test_no_scorer_needs_torch(artifacts: dict[str, Path]) -> None:
    code = (
        "import sys; from pathlib import Path; from recommender.ml.scorers import load_scorer\n"
        "import numpy as np\n"
        "for folder in sys.argv[1:]: load_scorer(Path(folder)).score([np.array([], int)])\n"
        "sys.exit('torch' in sys.modules)"
    )
    command = [sys.executable, "-c", code, *map(str, artifacts.values())]
    result = subprocess.run(command, cwd=Path(__file__).parents[3], capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr


@pytest.mark.parametrize("kind", LEARNING)
def test_a_planted_structure_is_learned_clearly_above_popularity(
    kind: str, artifacts: dict[str, Path], learned: dict[str, Path], split: Split
) -> None:
    evaluations = {
        name: evaluate(load_scorer(folder), split)
        for name, folder in ((kind, learned[kind]), ("popularity", artifacts["popularity"]))
    }
    assert evaluations[kind].mean_ndcg >= 1.5 * evaluations["popularity"].mean_ndcg
    assert compare(evaluations, seed=0)[kind].ndcg.low > 0


@pytest.mark.parametrize("kind", LEARNING)
def test_a_visitor_without_history_gets_what_is_popular(kind: str, learned: dict[str, Path], split: Split) -> None:
    top = np.argsort(-load_scorer(learned[kind]).score_one(np.array([], np.int64)))[:20]
    popularity = split.train.popularity()
    best = np.sort(popularity)[::-1][:20].sum()
    assert popularity[top].sum() >= 0.7 * best


def test_unknown_kinds_and_parameters_are_refused_by_name(split: Split, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="kind: received 'als'"):
        train("als", split.train, directory=tmp_path)
    with pytest.raises(ValueError, match="epoch: unknown parameter of two_tower"):
        train("two_tower", split.train, {"epoch": 3}, directory=tmp_path)
    with pytest.raises(ValueError, match="epochs: received 0"):
        train("two_tower", split.train, {"epochs": 0}, directory=tmp_path)
    with pytest.raises(ValueError, match="items: received 1 ids for 120 items"):
        train("popularity", split.train, directory=tmp_path, items=["shop:1"])
    assert not list(tmp_path.iterdir())


def test_a_folder_that_is_no_artifact_is_named(artifacts: dict[str, Path], tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"has no config\.json"):
        load_scorer(tmp_path)
    shutil.copy(artifacts["two_tower"] / "config.json", tmp_path)
    assert read_config(tmp_path)["kind"] == "two_tower"
    with pytest.raises(FileNotFoundError, match=r"item_vectors\.safetensors' is missing"):
        load_scorer(tmp_path)
