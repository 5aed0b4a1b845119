"""manage.py prompt_lab: the same cells over a grid of models, templates and parameters; one table, JSON last."""

import json
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from tqdm import tqdm

from fashionrec.common.errors import AppError
from fashionrec.common.queue import without_ringing
from personas.lab_answers import model_notes
from personas.lab_table import COLUMNS, table_rows
from personas.ml.lab_arms import BIO_RICHNESS
from personas.models import LabRun
from personas.services.lab import DEFAULT_GRID, plan_lab_run, sample_personas, sample_products
from personas.services.language_models import default_language_model, find_language_model
from personas.services.templates import shipped_templates, template_named


class Command(BaseCommand):
    help = "Compare prompts, models and sampling on the same cells; the last line is JSON. Carries on with an open run."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--models", nargs="+", metavar="NAME", help="language models (default: the shop's rater)")
        parser.add_argument("--templates", nargs="+", metavar="NAME", help="default: the six shipped ones")
        for name, kind in (("temperature", float), ("top_p", float), ("top_k", int), ("repetition_penalty", float)):
            flag = "--" + name.replace("_", "-")
            parser.add_argument(flag, nargs="+", type=kind, default=DEFAULT_GRID[name], help=f"{DEFAULT_GRID[name][0]}")
        parser.add_argument("--bio", nargs="+", choices=BIO_RICHNESS, default=DEFAULT_GRID["bio"])
        parser.add_argument("--personas", type=int, default=6, help="personas, drawn by the seed (6)")
        parser.add_argument("--products", type=int, default=10, help="products, drawn by the seed (10)")
        parser.add_argument("--seed", type=int, default=0)
        parser.add_argument("--queue", action="store_true", help="let a worker do it")

    def handle(self, *, queue: bool, **options: Any) -> None:
        try:
            if queue:
                run = self._plan(options)
                self.stdout.write(json.dumps({"run": str(run.pk), "state": run.state, "plan": run.plan}))
                return
            with without_ringing():
                run = self._plan(options)
            plan = run.plan
            self.stdout.write(f"{plan['arms']} arms × {plan['cells']} cells: at most {plan['calls']} calls")
            self._work(run)
        except AppError as error:
            raise CommandError(error.message) from error
        run.refresh_from_db()
        if run.is_open:
            waiting = "; ".join(run.chunks.exclude(error="").values_list("error", flat=True)[:3])
            raise CommandError(f"prompt lab {run.pk} is not done ({waiting or 'others work on it'}); run it again")
        if run.state != LabRun.State.DONE:
            raise CommandError(f"prompt lab {run.pk}: {run.state}: {run.error}")
        self._print(run)

    def _plan(self, options: dict[str, Any]) -> LabRun:
        names = options["models"]
        return plan_lab_run(
            language_models=[find_language_model(name) for name in names] if names else [default_language_model()],
            templates=[template_named(name) for name in options["templates"]]
            if options["templates"]
            else shipped_templates(),
            personas=sample_personas(count=options["personas"], seed=options["seed"]),
            products=sample_products(count=options["products"], seed=options["seed"]),
            grid={name: options[name] for name in DEFAULT_GRID},
            seed=options["seed"],
        )

    def _work(self, run: LabRun) -> None:
        from personas.lab_jobs import work_lab_run

        with tqdm(total=run.total, initial=run.done, unit="answer") as bar:
            work_lab_run(str(run.pk), on_progress=lambda seen: bar.update(seen.done - bar.n))

    def _print(self, run: LabRun) -> None:
        rows = [[label for label, _ in COLUMNS], *table_rows(run.report)]
        widths = [max(len(row[column]) for row in rows) for column in range(len(COLUMNS))]
        for row in rows:
            self.stdout.write("  ".join(value.ljust(width) for value, width in zip(row, widths, strict=True)).rstrip())
        for note in model_notes(run):
            self.stdout.write(note)
        for arm in run.report["arms"]:
            if arm["error"]:
                self.stdout.write(f"arm {arm['arm']} ({arm['model']}, {arm['template']}): {arm['error']}")
        for row in run.report["models"]:
            if row["consistency"] is None:
                continue
            told = f"{row['template']} ({row['reading']}, T {row['temperature']:g}, bio {row['bio']})"
            self.stdout.write(f"models on {told}: Spearman {row['consistency']:.3f}, variance {row['variance']:.2f}")
        self.stdout.write(json.dumps({"run": str(run.pk), "state": run.state, "report": run.report}))
