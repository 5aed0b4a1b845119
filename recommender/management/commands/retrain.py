"""manage.py retrain: train all kinds on one state of the shop, measure them, and choose; here or on the worker."""

import json
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from tqdm import tqdm

from fashionrec.common.errors import AppError
from fashionrec.common.queue import without_ringing
from recommender.models import Retraining
from recommender.selectors import open_retraining
from recommender.services.retraining import start_retraining
from recommender.services.training import trainable_kinds


class Command(BaseCommand):
    help = (
        "Train models anew, measure them beside popularity, and let the best one challenge the champion. Carries on "
        "with an open retraining; the last line is JSON. What is not given is as the environment says."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("kinds", nargs="*", metavar="KIND", help=f"some of {', '.join(trainable_kinds())}")
        parser.add_argument("--seed", type=int, default=0)
        parser.add_argument("--promote", action="store_true", default=None, help="serve the best if it is better")
        parser.add_argument("--continue", action="store_true", default=None, help="begin with the champion's weights")
        parser.add_argument("--queue", action="store_true", help="let a worker do it")

    def handle(self, *, kinds: list[str], seed: int, queue: bool, **options: Any) -> None:
        chosen = {"promotes": options["promote"], "continues": options["continue"]}
        try:
            if queue:
                retraining = start_retraining(kinds=kinds or None, seed=seed, **chosen)
                self.stdout.write(json.dumps({"retraining": str(retraining.pk), "state": retraining.state}))
                return
            with without_ringing():
                retraining = open_retraining() or start_retraining(kinds=kinds or None, seed=seed, **chosen)
            self._work(retraining)
        except (AppError, ValueError, RuntimeError) as error:
            raise CommandError(str(error)) from error
        retraining.refresh_from_db()
        if retraining.state != Retraining.State.DONE:
            raise CommandError(f"retraining: {retraining.state}: {retraining.error or 'another process holds it'}")
        best = retraining.best.name if retraining.best else None
        self.stdout.write(json.dumps({"best": best, "outcome": retraining.outcome}))

    def _work(self, retraining: Retraining) -> None:
        from recommender.retraining_jobs import work_retraining

        with tqdm(unit="epoch") as bar:

            def show(kind: str, report: Any) -> None:
                bar.set_description(kind, refresh=False)
                bar.total = report.epochs
                bar.update(report.epoch - bar.n)

            work_retraining(str(retraining.pk), on_epoch=show)
