"""A training by several processes: the leader does what a worker does, the others compute their share of each batch.

Only the leader knows the database. It sends the others the snapshot and the configuration, so they may be on machines
that share nothing with it.
"""

import json
import tempfile
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

from recommender.datasets import Dataset
from recommender.jobs import work_training_run
from recommender.ml.distributed import from_leader, receive_file, send_file
from recommender.ml.progress import EpochReport
from recommender.ml.split import leave_one_out
from recommender.ml.trainers import train
from recommender.models import TrainingRun

DISTRIBUTED_KINDS = ("two_tower", "graphsage")
"""Kinds whose trainers divide their batches; the others take seconds, or no gradients."""


def lead_training(run: TrainingRun, *, on_epoch: Callable[[EpochReport], None] | None = None) -> None:
    """Train as a worker would, with the help of all processes in `follow_training`, and register the version.

    Raises ValueError for a kind that is not divided and for a training that continues an earlier one, whose weights
    only the leader would have. Raises ProcessLost when a process is gone; the run stays open, with its checkpoint.
    """
    if run.kind not in DISTRIBUTED_KINDS:
        raise ValueError(f"kind: received {run.kind!r}, expected one of {', '.join(DISTRIBUTED_KINDS)}")
    if run.continue_from is not None:
        raise ValueError(f"continue_from: received {run.continue_from.name}, only one process can continue it")

    def share_out(snapshot: Path, config: Any) -> None:
        from_leader(json.dumps({"kind": run.kind, "config": asdict(config)}).encode())
        send_file(snapshot)
        send_file(snapshot.with_suffix(".json"))

    work_training_run(str(run.pk), on_epoch=on_epoch, on_begin=share_out)


def follow_training() -> None:
    """Take part in the training that the leader leads, until it is over. Raises ProcessLost when the leader is gone."""
    task = json.loads(from_leader(None))
    with tempfile.TemporaryDirectory(prefix="fashionrec-training-") as folder:
        snapshot = Path(folder) / "dataset.safetensors"
        receive_file(snapshot)
        receive_file(snapshot.with_suffix(".json"))
        split = leave_one_out(Dataset.load(snapshot).interactions)
        train(task["kind"], split.train, task["config"], directory=Path(folder) / "artifact")
