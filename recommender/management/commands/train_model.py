"""manage.py train_model KIND: train one kind of model, here or on the worker."""

import json
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from tqdm import tqdm

from fashionrec.common.errors import AppError
from fashionrec.common.queue import without_ringing
from recommender.models import ModelKind, ModelVersion, TrainingRun
from recommender.selectors import find_version, open_trainings
from recommender.services.training import start_training


class Command(BaseCommand):
    help = "Train a model on the shop's events and published ratings. Carries on with an open training of that kind."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("kind", choices=ModelKind.values)
        parser.add_argument("--seed", type=int, default=0)
        parser.add_argument("--config", type=json.loads, default={}, help='JSON, as in {"epochs": 10}')
        parser.add_argument("--continue-from", metavar="VERSION", help="begin with its weights, as in two_tower-12")
        parser.add_argument("--queue", action="store_true", help="let a worker do it")

    def handle(self, *, kind: str, seed: int, config: dict[str, Any], queue: bool, **options: Any) -> None:
        earlier = self._find(options["continue_from"]) if options["continue_from"] else None
        try:
            if queue:
                run = start_training(kind=kind, config=config, seed=seed, continue_from=earlier)
                self.stdout.write(json.dumps({"run": str(run.pk), "state": run.state}))
                return
            with without_ringing():
                run = open_trainings().get(kind) or start_training(
                    kind=kind, config=config, seed=seed, continue_from=earlier
                )
            self._work(run)
        except (AppError, ValueError) as error:
            raise CommandError(str(error)) from error
        run.refresh_from_db()
        if run.state != TrainingRun.State.DONE:
            raise CommandError(f"training {run.kind}: {run.state}: {run.error or 'another process holds it'}")
        self.stdout.write(json.dumps({"version": run.version.name, "metrics": run.version.metrics}))

    def _find(self, name: str) -> ModelVersion:
        found = find_version(name)
        if found is None:
            raise CommandError(f"continue_from: there is no model version {name!r}")
        return found

    def _work(self, run: TrainingRun) -> None:
        from recommender.jobs import work_training_run

        with tqdm(unit="epoch", desc=run.kind) as bar:

            def show(report: Any) -> None:
                bar.total = report.epochs
                bar.update(report.epoch - bar.n)

            work_training_run(str(run.pk), on_epoch=show)
