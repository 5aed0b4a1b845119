"""Worker-side studies: train every kind under every way of holding out, measure, and report."""

import shutil
import time
from collections.abc import Callable
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import Any

import structlog

from fashionrec.common.runs import check_held, hold_run
from recommender.datasets import Dataset, build_dataset
from recommender.evaluation_jobs import K, holds_out, protocol_results, report_results
from recommender.jobs import SNAPSHOT, NothingToLearn, checkpoint_folder
from recommender.ml.checkpoint import Checkpoint
from recommender.ml.dataset import Interactions
from recommender.ml.progress import EpochCallback, EpochReport
from recommender.ml.scorers import load_scorer
from recommender.ml.split import HeldOut, leave_one_out
from recommender.ml.splits import ColdItems, FirstTargets, protocol_of
from recommender.ml.study import BLEND_KIND, Cell, is_seeded, measure, plan_cells
from recommender.ml.trainers import make_config, train
from recommender.ml.tuning import GRIDS, train_tuned
from recommender.models import Study
from recommender.services.studies import conclude_study, measured_cells, record_cell

logger = structlog.get_logger(__name__)

CellCallback = Callable[[Cell, int, int], None]


def work_study(run_id: str, *, on_cell: CellCallback | None = None) -> None:
    """Do the cells of a study that are not done yet, and report on all.

    A cell that was begun goes on from its last epoch. A kind that cannot be trained or measured under a protocol is
    left out there, with the reason. on_cell: called with each cell before it is done, its number and their count.
    """
    try:
        _work(run_id, on_cell)
    finally:
        study = Study.objects.filter(pk=run_id).first()
        if study is not None and not study.is_open:
            shutil.rmtree(checkpoint_folder(study), ignore_errors=True)


def _work(run_id: str, on_cell: CellCallback | None) -> None:
    with hold_run(Study, run_id) as study:
        if study is None:
            return
        folder = checkpoint_folder(study)
        dataset = _snapshot(folder)
        cells = plan_cells(protocols=study.protocols, kinds=study.kinds, seeds=study.seeds)
        finished = {Cell(*key) for key in study.cells.values_list("protocol", "kind", "seed")}
        reported: dict[str, Any] = {}
        for name in study.protocols:
            bench = _Bench(study, name, dataset.interactions, folder / name)
            for cell in cells:
                if cell.protocol == name and cell not in finished:
                    if on_cell:
                        on_cell(cell, len(finished) + 1, len(cells))
                    _do(study, cell, bench, done=len(finished) + 1, total=len(cells))
                    finished.add(cell)
            shutil.rmtree(bench.folder, ignore_errors=True)
            measured = measured_cells(study, name)
            if measured:
                reported[name] = protocol_results(name, bench.split, measured, seed=0)
        if not reported:
            first = study.cells.exclude(error="").first()
            raise ValueError(f"kinds: none could be measured; first: {first.error if first else 'no cells'}")
        conclude_study(study=study, results=_results(study, reported, dataset))


def _do(study: Study, cell: Cell, bench: "_Bench", *, done: int, total: int) -> None:
    check_held(study)
    started = time.monotonic()
    try:
        artifact = bench.train(cell)
        seconds = time.monotonic() - started
        measured = measure(load_scorer(artifact), bench.split, k=K)
    except ValueError as error:
        logger.warning("study_cell_left_out", study=str(study.pk), cell=cell.name, error=str(error))
        record_cell(study=study, cell=cell, done=done, total=total, error=str(error))
        return
    record_cell(study=study, cell=cell, done=done, total=total, seconds=seconds, measured=measured)
    if BLEND_KIND not in study.kinds:
        shutil.rmtree(artifact, ignore_errors=True)


class _Bench:
    """Trains the cells of one protocol in a folder of its own, where a blend finds what it is made of."""

    def __init__(self, study: Study, protocol: str, interactions: Interactions, folder: Path) -> None:
        self.study, self.protocol, self.interactions, self.folder = study, protocol, interactions, folder

    @cached_property
    def split(self) -> HeldOut:
        """Raises ValueError when there are too few events to hold any out."""
        split = protocol_of(self.protocol).split(self.interactions)
        if not holds_out(split):
            raise ValueError(f"interactions: received {len(self.interactions.user)} events, too few to hold any out")
        return split

    def train(self, cell: Cell) -> Path:
        """The artifact of `cell`, trained unless a process that died left it complete."""
        if cell.kind == BLEND_KIND:
            return self._blended(cell)
        return self._trained(cell, self.split, self.folder / "models")

    def _trained(self, cell: Cell, split: HeldOut, folder: Path) -> Path:
        """A closed-form kind in the settings that are best on validation, unless the study names its own."""
        artifact = folder / cell.name
        if not (artifact / "config.json").exists():
            parameters, progress = self._parameters(cell), self._progress()
            if cell.kind in GRIDS and cell.kind not in self.study.parameters and len(split.targets("validation")[0]):
                best = folder / f"{cell.name}.best"  # complete after each setting, but only the last has seen them all
                train_tuned(cell.kind, split, directory=best, fixed=parameters, progress=progress)
                return best.replace(artifact)
            epochs = folder / f"{cell.name}.epochs"
            train(
                cell.kind, split.train, make_config(cell.kind, parameters), directory=artifact, progress=progress,
                checkpoint=Checkpoint(epochs),
            )  # fmt: skip
            shutil.rmtree(epochs, ignore_errors=True)
        return artifact

    def _blended(self, cell: Cell) -> Path:
        """A blend's weights come from validation events, one target each, over the items that were trained on.

        Cold items are none of these: there they come from leaving one out of the training events, as the shop does,
        by models trained on what is left.
        """
        from recommender.ml.blend import train_blend

        config = make_config(BLEND_KIND, self._parameters(cell))
        split, models = self.split, self.folder / "models"
        if isinstance(protocol_of(cell.protocol), ColdItems):
            split, models = leave_one_out(split.train), self.folder / "models-of-blends"
        trained = set(self.study.cells.filter(protocol=cell.protocol, error="").values_list("kind", flat=True))
        components = {
            kind: self._trained(replace(cell, kind=kind, seed=cell.seed if is_seeded(kind) else 0), split, models)
            for kind in config.components
            if kind in trained
        }
        artifact = self.folder / "models" / cell.name
        train_blend(
            FirstTargets(split),  # type: ignore[arg-type]  # has the methods of a Split
            replace(config, components=tuple(components)),
            components=components,
            directory=artifact,
            progress=self._progress(),
        )
        return artifact

    def _parameters(self, cell: Cell) -> dict[str, Any]:
        return ({"seed": cell.seed} if is_seeded(cell.kind) else {}) | self.study.parameters.get(cell.kind, {})

    def _progress(self) -> EpochCallback:
        def progress(_: EpochReport) -> None:
            check_held(self.study)

        return progress


def _snapshot(folder: Path) -> Dataset:
    """The events a study began with, repeats included, for some protocols divide them by time.

    Raises NothingToLearn.
    """
    path = folder / SNAPSHOT
    if path.exists() and path.with_suffix(".json").exists():
        return Dataset.load(path)
    dataset = build_dataset(repeats=True)
    if dataset.interactions.n_items < 2 or not len(dataset.interactions.user):
        raise NothingToLearn(
            f"nothing to learn from: {dataset.interactions.n_items} products, {len(dataset.interactions.user)} events"
        )
    dataset.save(path)
    return dataset


def _results(study: Study, protocols: dict[str, Any], dataset: Dataset) -> dict[str, Any]:
    left_out = study.cells.exclude(error="").values_list("protocol", "kind", "seed", "error")
    for name, results in protocols.items():
        for kind, figures in results["models"].items():
            seconds = study.cells.filter(protocol=name, kind=kind, error="").values_list("seconds", flat=True)
            figures["training_seconds"] = round(sum(seconds) / len(seconds), 1)
    return {
        **report_results(protocols, window=dataset.window),
        "study": str(study.pk),
        "seeds": study.seeds,
        "parameters": study.parameters,
        "left_out": [dict(zip(("protocol", "kind", "seed", "reason"), row, strict=True)) for row in left_out],
    }
