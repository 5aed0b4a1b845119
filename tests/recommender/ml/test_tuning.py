"""Closed-form models in the settings that do best on validation."""

from __future__ import annotations

from pathlib import Path

import pytest

from recommender.ml import tuning
from recommender.ml.artifact import read_config, read_items
from recommender.ml.evaluation import evaluate
from recommender.ml.progress import EpochReport
from recommender.ml.scorers import load_scorer
from recommender.ml.split import Split
from recommender.ml.trainers import make_config
from recommender.ml.tuning import GRIDS, train_tuned


def test_every_setting_is_one_the_trainer_takes() -> None:
    for kind, grid in GRIDS.items():
        assert len(grid) == 6
        assert len({str(make_config(kind, parameters)) for parameters in grid}) == 6


def test_the_setting_that_does_best_on_validation_is_kept(
    split: Split, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    grid = [{"reg": 1e6, "history_decay": 0.1}, {"reg": 50.0, "history_decay": 1.0}, {"reg": 1e6}]
    monkeypatch.setitem(tuning.GRIDS, "ease", grid)
    reports: list[EpochReport] = []
    items = [f"shop:{index}" for index in range(split.train.n_items)]
    best, found = train_tuned("ease", split, directory=tmp_path / "ease", items=items, progress=reports.append)
    assert best == grid[1]
    assert max(found) == found[1]
    assert read_config(tmp_path / "ease")["reg"] == 50.0
    assert read_items(tmp_path / "ease") == items
    kept = evaluate(load_scorer(tmp_path / "ease"), split, part="validation").mean_ndcg
    assert kept == pytest.approx(found[1])
    assert [(report.epoch, report.epochs) for report in reports] == [(1, 3), (2, 3), (3, 3)]
    assert [report.loss for report in reports] == pytest.approx([1 - ndcg for ndcg in found])
    assert [path.name for path in tmp_path.iterdir()] == ["ease"]


def test_a_kind_without_a_grid_is_refused(split: Split, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="kind: received 'two_tower', expected one of item_knn"):
        train_tuned("two_tower", split, directory=tmp_path / "x")


def test_a_setting_that_the_trainer_refuses_is_passed_over_unless_it_refuses_all(
    split: Split, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(tuning.GRIDS, "ease", [{"reg": -1.0}, {"reg": 50.0}])
    best, found = train_tuned("ease", split, directory=tmp_path / "ease")
    assert best == {"reg": 50.0}
    assert found[0] == 0.0 < found[1]
    monkeypatch.setitem(tuning.GRIDS, "ease", [{"reg": -1.0}])
    with pytest.raises(ValueError, match=r"reg: received -1\.0, expected above 0"):
        train_tuned("ease", split, directory=tmp_path / "none")
    assert [path.name for path in tmp_path.iterdir()] == ["ease"]
