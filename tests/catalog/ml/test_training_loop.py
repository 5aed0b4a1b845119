"""Epochs, validation, early stopping, budgets and resumption, of a trainer of one weight."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from catalog.ml import training_loop
from catalog.ml.training_loop import CheckpointError, EpochReport, TrainingPlan, TrainingProgress, run_training
from catalog.ml.training_schedule import cosine_with_warmup, epochs_within
from catalog.ml.training_state import moving_average
from recommender.ml.checkpoint import Checkpoint


class OneWeight:
    """Each epoch adds a random number to its weight; validation reads its scores from a list."""

    steps_per_epoch, frozen = 20, ""

    def __init__(self, scores: list[float] | None = None) -> None:
        self.model: Any = nn.Linear(1, 1, bias=False)
        nn.init.zeros_(self.model.weight)
        self.average = moving_average(self.model, decay=0.5)
        self.optimizer = torch.optim.SGD(self.model.parameters(), lr=0.1, momentum=0.9)
        self.scores = scores
        self.validations = 0
        self.asked: list[tuple[int, int]] = []

    def steps(self, epoch: int, epochs: int) -> Iterator[float]:
        torch.manual_seed(epoch)
        self.asked.append((epoch, epochs))
        for _ in range(self.steps_per_epoch):
            self.optimizer.zero_grad()
            loss = self.model(torch.rand(1, 1)).sum()
            loss.backward()
            self.optimizer.step()
            self.average.update_parameters(self.model)
            yield float(loss.detach())

    def validate(self) -> dict[str, Any] | None:
        if self.scores is None:
            return None
        epoch = int(self.asked[-1][0]) if self.asked else 0
        return {"score": self.scores[epoch]}

    @property
    def kept(self) -> float:
        return float(self.average.module.weight.detach())


def run(trainer: OneWeight, plan: TrainingPlan, **options: Any) -> TrainingProgress:
    return run_training(
        trainer, plan, fingerprint={"of": "a test"}, on_epoch=options.pop("on_epoch", ignore), **options
    )


def ignore(report: EpochReport) -> None:
    pass


def kept_after(epochs: int) -> float:
    trainer = OneWeight()
    run(trainer, TrainingPlan(epochs=epochs))
    return trainer.kept


def test_the_weights_that_validate_best_are_kept() -> None:
    trainer = OneWeight(scores=[0.1, 0.2, 0.5, 0.5, 0.4])
    progress = run(trainer, TrainingPlan(epochs=4))
    assert (progress.best_epoch, progress.best_score, progress.stopped) == (2, 0.5, None)
    assert trainer.kept == kept_after(2) != kept_after(4)


def test_without_validation_the_last_weights_are_kept() -> None:
    trainer = OneWeight()
    progress = run(trainer, TrainingPlan(epochs=4, patience=1))
    assert (progress.best_epoch, progress.history) == (None, [])
    assert trainer.kept == kept_after(4)


def test_weights_that_no_epoch_improves_stay_as_they_were() -> None:
    trainer = OneWeight(scores=[0.6, 0.2, 0.5])
    assert run(trainer, TrainingPlan(epochs=2)).best_epoch == 0
    assert trainer.kept == 0.0


def test_patience_ends_a_training_that_gets_no_better() -> None:
    reports: list[EpochReport] = []
    trainer = OneWeight(scores=[0.1, 0.5, 0.4, 0.3, 0.9, 0.9])
    progress = run(trainer, TrainingPlan(epochs=5, patience=2), on_epoch=reports.append)
    assert (progress.stopped, progress.best_epoch) == (3, 1)
    assert [(report.epoch, report.score) for report in reports] == [(1, 0.5), (2, 0.4), (3, 0.3)]
    assert trainer.kept == kept_after(1)


def test_epochs_between_validations_have_no_score_and_the_last_always_has() -> None:
    reports: list[EpochReport] = []
    progress = run(OneWeight(scores=[0.1] * 6), TrainingPlan(epochs=5, validate_every=2), on_epoch=reports.append)
    assert [report.score for report in reports] == [None, 0.1, None, 0.1, 0.1]
    assert [entry["epoch"] for entry in progress.history] == [0, 2, 4, 5]


@pytest.mark.parametrize("stop_at", [1, 2, 3, 4])
def test_a_training_cut_anywhere_ends_as_if_it_had_not_been(stop_at: int, tmp_path: Path) -> None:
    scores, plan = [0.1, 0.5, 0.4, 0.3, 0.9], TrainingPlan(epochs=4, patience=2)
    whole = OneWeight(scores)
    expected = run(whole, plan)

    def stop(report: EpochReport) -> None:
        if report.epoch == stop_at:
            raise KeyboardInterrupt

    checkpoint = Checkpoint(tmp_path / "checkpoint")
    if stop_at <= 3:  # patience ends it there
        with pytest.raises(KeyboardInterrupt):
            run(OneWeight(scores), plan, checkpoint=checkpoint, on_epoch=stop)
    second = OneWeight(scores)
    progress = run(second, plan, checkpoint=checkpoint)
    assert (progress.history, progress.best_epoch, progress.stopped) == (expected.history, 1, 3)
    assert second.kept == whole.kept
    third = OneWeight(scores)
    run(third, plan, checkpoint=checkpoint)
    assert (third.asked, third.kept) == ([], whole.kept)


def test_a_budget_decides_the_epochs_and_nothing_else(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    clock = iter(range(10_000))
    # One second each time somebody looks: a second a step, so twenty an epoch.
    monkeypatch.setattr(training_loop.time, "monotonic", lambda: float(next(clock)))
    trainer = OneWeight()
    checkpoint = Checkpoint(tmp_path / "checkpoint")
    progress = run(trainer, TrainingPlan(epochs=50, minutes=2.0), checkpoint=checkpoint)
    # 120 seconds, less some 25 of rehearsal.
    assert progress.epochs == 4
    assert trainer.asked == [(1, 50), (1, 4), (2, 4), (3, 4), (4, 4)]
    assert trainer.kept == kept_after(4)

    resumed = OneWeight()
    assert run(resumed, TrainingPlan(epochs=50, minutes=2.0), checkpoint=checkpoint).epochs == 4
    assert (resumed.asked, resumed.kept) == ([], trainer.kept)


def test_a_budget_never_exceeds_the_epochs_asked_for() -> None:
    assert run(OneWeight(), TrainingPlan(epochs=3, minutes=60.0)).epochs == 3
    assert epochs_within(100.0, seconds_per_epoch=30.0, most=50) == 3
    assert epochs_within(-5.0, seconds_per_epoch=30.0, most=50) == 1


def test_a_checkpoint_of_another_training_is_refused_with_the_difference(tmp_path: Path) -> None:
    checkpoint = Checkpoint(tmp_path / "checkpoint")
    run(OneWeight(), TrainingPlan(epochs=1), checkpoint=checkpoint)
    with pytest.raises(CheckpointError, match=r"with plan\.epochs 1 and now 2$"):
        run(OneWeight(), TrainingPlan(epochs=2), checkpoint=checkpoint)


def test_a_full_disk_is_said_with_the_size_that_was_needed() -> None:
    class FullDisk:
        def save(self, *rest: Any) -> None:
            raise OSError(28, "No space left on device")

        def load(self) -> None:
            return None

    with pytest.raises(CheckpointError, match="checkpoint: 0 MB after epoch 1 cannot be written: .*No space left"):
        run(OneWeight(), TrainingPlan(epochs=2), checkpoint=FullDisk())


def test_the_rate_rises_in_a_line_and_falls_along_a_cosine() -> None:
    rates = [cosine_with_warmup(step, steps=100, warmup_steps=10) for step in range(100)]
    assert rates[0] == pytest.approx(0.1)
    assert max(rates) == rates[9] == pytest.approx(0.98, abs=0.01)
    assert rates[50] == pytest.approx(0.5)
    assert rates[99] < 0.001
    assert cosine_with_warmup(0, steps=100, warmup_steps=0) == 1.0
