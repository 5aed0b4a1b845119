"""torchrun … manage.py train_distributed KIND: train one kind of model by several processes, GPUs or machines."""

import json
from datetime import timedelta
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from tqdm import tqdm

from fashionrec.common.errors import AppError
from fashionrec.common.queue import without_ringing
from fashionrec.common.runs import release_if_holder_died
from recommender.models import TrainingRun
from recommender.selectors import open_trainings
from recommender.services.training import start_training


class Command(BaseCommand):
    help = (
        "Train a model by all processes that torchrun starts, as in: torchrun --nproc-per-node 2 manage.py "
        "train_distributed two_tower. Carries on with an open training of that kind. Alone it is one process."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("kind")
        parser.add_argument("--seed", type=int, default=0)
        parser.add_argument("--config", type=json.loads, default={}, help='JSON, as in {"epochs": 10}')
        parser.add_argument("--timeout", type=float, default=30.0, help="minutes to wait for the other processes")

    def handle(self, *, kind: str, seed: int, config: dict[str, Any], timeout: float, **_: Any) -> None:
        from recommender.distributed_jobs import DISTRIBUTED_KINDS, follow_training
        from recommender.ml.distributed import ProcessLost, joined

        if kind not in DISTRIBUTED_KINDS:
            raise CommandError(f"kind: received {kind!r}, expected one of {', '.join(DISTRIBUTED_KINDS)}")
        try:
            with joined(timeout=timedelta(minutes=timeout)) as here:
                if here.rank == 0:
                    self._lead(kind=kind, seed=seed, config=config)
                else:
                    follow_training()
        except (AppError, ValueError, ProcessLost) as error:
            raise CommandError(str(error)) from error

    def _lead(self, *, kind: str, seed: int, config: dict[str, Any]) -> None:
        from recommender.distributed_jobs import lead_training

        with without_ringing():
            run = open_trainings().get(kind) or start_training(kind=kind, config=config, seed=seed)
        release_if_holder_died(run)
        with tqdm(unit="epoch", desc=kind) as bar:

            def show(report: Any) -> None:
                bar.total = report.epochs
                bar.update(report.epoch - bar.n)

            lead_training(run, on_epoch=show)
        run.refresh_from_db()
        if run.state != TrainingRun.State.DONE:
            raise CommandError(f"training {run.kind}: {run.state}: {run.error or 'another process holds it'}")
        self.stdout.write(json.dumps({"version": run.version.name, "metrics": run.version.metrics}))
