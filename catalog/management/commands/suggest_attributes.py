"""manage.py suggest_attributes: suggest categories, colours and patterns where products have none, for review."""

import json
import time
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from tqdm import tqdm

from catalog.missing_attributes import SUGGESTED_FIELDS
from catalog.models import SuggestionRun
from catalog.services.suggestions import MINIMUM_CONFIDENCE, plan_suggestion_run
from fashionrec.common.errors import AppError
from fashionrec.common.queue import without_ringing
from fashionrec.common.runs import release_if_holder_died


class Command(BaseCommand):
    help = "Suggest values for empty fields, to be accepted or rejected in admin. The last line is JSON."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--field",
            action="append",
            choices=SUGGESTED_FIELDS,
            help="category, colour or pattern; may be repeated (default: all)",
        )
        parser.add_argument(
            "--minimum-confidence", type=float, default=MINIMUM_CONFIDENCE, help="below it nothing is suggested (0.5)"
        )

    def handle(self, *, field: list[str] | None, minimum_confidence: float, **_: Any) -> None:
        from catalog.suggestion_jobs import work_suggestion_run

        started = time.monotonic()
        try:
            with without_ringing():
                run = plan_suggestion_run(fields=field or SUGGESTED_FIELDS, minimum_confidence=minimum_confidence)
                with tqdm(total=run.total or None, initial=run.done, unit=" values", desc="suggest") as bar:

                    def show(current: SuggestionRun) -> None:
                        bar.total = current.total
                        bar.update(current.done - bar.n)

                    while not work_suggestion_run(str(run.pk), progress=show):
                        run.refresh_from_db()
                        if not run.is_open:
                            break
                        if not release_if_holder_died(run):
                            time.sleep(0.5)
        except AppError as error:
            raise CommandError(error.message) from error
        run.refresh_from_db()
        if run.state != SuggestionRun.State.DONE:
            raise CommandError(f"suggestions: {run.state}: {run.error or 'it was asked to stop'}")
        self._print_table(run)
        self.stdout.write(json.dumps(summary(run) | {"seconds": round(time.monotonic() - started, 1)}))

    def _print_table(self, run: SuggestionRun) -> None:
        for name in run.report["parameters"]["fields"]:
            found = run.report["fields"][name]
            if "skipped" in found:
                self.stderr.write(f"{name}: nothing suggested: {found['skipped']}")
                continue
            shares = ", ".join(f"{source} {share:.3f}" for source, share in found["accuracy"].items())
            self.stderr.write(f"{name}: right on {found['measured']} products that have it: {shares}")


def summary(run: SuggestionRun) -> dict[str, Any]:
    """The run's report without what only a later worker needs."""
    fields = {
        name: {key: value for key, value in found.items() if key not in ("model", "zero_shot_weights", "cursor")}
        for name, found in run.report["fields"].items()
    }
    return {"run": str(run.pk), "state": run.state, "fields": fields, "overtaken": run.report["overtaken"]}
