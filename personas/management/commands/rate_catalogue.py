"""manage.py rate_catalogue: let the personas rate every visible product, here or on the worker."""

import json
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from tqdm import tqdm

from fashionrec.common.errors import AppError
from fashionrec.common.queue import without_ringing
from personas.models import Persona, RatingRun
from personas.selectors import run_summary
from personas.services.language_models import default_language_model
from personas.services.ratings import plan_rating_run, publish


class Command(BaseCommand):
    help = "Rate the catalogue by the personas; the last line is JSON. Carries on with an open rating run."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--raters", type=int, default=6, help="personas per product (6)")
        parser.add_argument("--seed", type=int, default=0, help="decides who rates what")
        parser.add_argument("--publish", action="store_true", help="let the ratings reach training")
        parser.add_argument("--queue", action="store_true", help="let a worker do it")

    def handle(self, *, raters: int, seed: int, publish: bool, queue: bool, **_: Any) -> None:
        if publish and queue:
            raise CommandError("--publish: a queued run is published in admin, once it is done")
        try:
            if queue:
                run = self._open_run() or self._plan(raters, seed)
                self.stdout.write(json.dumps({"run": str(run.pk), "state": run.state}))
                return
            with without_ringing():
                run = self._open_run() or self._plan(raters, seed)
            self._work(run)
        except AppError as error:
            raise CommandError(error.message) from error
        run.refresh_from_db()
        if run.state != RatingRun.State.DONE:
            raise CommandError(f"rating run {run.pk}: {run.state}: {run.error or 'another process works on it'}")
        self._report(run, publish_it=publish)

    def _open_run(self) -> RatingRun | None:
        return RatingRun.objects.filter(state__in=RatingRun.OPEN_STATES).order_by("created_at").first()

    def _plan(self, raters: int, seed: int) -> RatingRun:
        personas = list(Persona.objects.order_by("key"))
        return plan_rating_run(
            personas=personas, language_model=default_language_model(), raters_per_product=raters, seed=seed
        )

    def _work(self, run: RatingRun) -> None:
        from personas.jobs import work_rating_run

        with tqdm(total=run.total, initial=run.done, unit="rating") as bar:
            work_rating_run(str(run.pk), on_chunk=lambda seen: bar.update(seen.done - bar.n))

    def _report(self, run: RatingRun, *, publish_it: bool) -> None:
        if publish_it:
            run = publish(run=run)
        self.stdout.write(
            json.dumps(
                {
                    "run": str(run.pk),
                    "state": run.state,
                    **run_summary(run),
                    "simulated": run.language_model.is_simulator,
                    "published": run.published_at is not None,
                }
            )
        )
