"""manage.py evaluate_models: measure the newest version of every kind on the same held-out events.

With --study, train kinds anew under several ways of holding out and several seeds, and measure those.
"""

import json
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from tqdm import tqdm

from fashionrec.common.errors import AppError
from fashionrec.common.queue import without_ringing
from recommender.ml.splits import PROTOCOLS
from recommender.models import ModelKind, Study
from recommender.selectors import latest_versions
from recommender.services.studies import STUDIED_KINDS, plan_study


class Command(BaseCommand):
    help = "Measure models side by side in full ranking; the last line is JSON. A version must be measured to serve."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--study", action="store_true", help="train anew, under several protocols and seeds")
        parser.add_argument("--protocol", action="append", choices=list(PROTOCOLS), help="may be repeated; all if not")
        parser.add_argument("--kinds", type=_names, default=list(STUDIED_KINDS), help="as in popularity,two_tower")
        parser.add_argument("--seeds", type=int, default=5, help="trainings of every kind that depends on its seed")
        parser.add_argument(
            "--parameters", type=json.loads, default={}, help='JSON by kind, as in {"two_tower": {"epochs": 10}}'
        )
        parser.add_argument("--queue", action="store_true", help="let a worker do the study")

    def handle(self, *, study: bool, queue: bool, **options: Any) -> None:
        try:
            if not study:
                self.stdout.write(json.dumps(self._measure_versions()))
                return
            asked = {
                "kinds": options["kinds"],
                "protocols": options["protocol"] or list(PROTOCOLS),
                "seeds": options["seeds"],
                "parameters": options["parameters"],
            }
            if queue:
                planned = plan_study(**asked)
                self.stdout.write(json.dumps({"study": str(planned.pk), "state": planned.state}))
                return
            with without_ringing():
                planned = plan_study(**asked)
            self.stdout.write(json.dumps(self._work(planned)))
        except (AppError, ValueError) as error:
            raise CommandError(str(error)) from error

    def _measure_versions(self) -> dict[str, Any]:
        from recommender.evaluation_jobs import evaluate_versions

        versions = list(latest_versions().values())
        with tqdm(total=len(versions), unit="model") as bar:
            return evaluate_versions(versions, on_model=lambda _: bar.update()).results

    def _work(self, study: Study) -> dict[str, Any]:
        from recommender.study_jobs import work_study

        with tqdm(unit="model") as bar:

            def show(cell: Any, number: int, total: int) -> None:
                bar.total = total
                bar.set_description(f"{ModelKind(cell.kind).label}, {cell.protocol}, seed {cell.seed}")
                bar.update(number - 1 - bar.n)

            work_study(str(study.pk), on_cell=show)
        study.refresh_from_db()
        if study.report is None:
            raise CommandError(f"study: {study.state}: {study.error or 'another process holds it'}")
        return study.report.results


def _names(given: str) -> list[str]:
    return [name.strip() for name in given.split(",") if name.strip()]
