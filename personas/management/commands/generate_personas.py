"""manage.py generate_personas: fill the quota grid with people, from templates or written by a language model."""

import json
import time
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db.models import Count
from tqdm import tqdm

from fashionrec.common.errors import AppError
from fashionrec.common.queue import without_ringing
from fashionrec.common.runs import release_leases_of_the_dead
from personas.models import Persona, PersonaRun
from personas.persona_report_text import report_lines
from personas.quotas import QUOTAS, Quotas, draw_cells
from personas.services.language_models import find_language_model
from personas.services.persona_runs import plan_persona_run, retry_failed, same_persona_run
from personas.services.personas import generate_personas

COUNT = 48
WAIT_SECONDS = 1.0
SHOWN_FAILURES = 20


class Command(BaseCommand):
    help = (
        "Make personas from the quota grid: templates, or with --model people that a language model imagines. "
        "The last line is JSON. The same parameters make nobody twice; an open run is carried on."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--count", type=int, help=f"people (default: --male and --female together, or {COUNT})")
        parser.add_argument("--seed", type=int, default=0)
        parser.add_argument("--male", type=int, help="number of men")
        parser.add_argument("--female", type=int, help="number of women")
        parser.add_argument(
            "--quota", action="append", default=[], metavar="ATTRIBUTE:VALUE=N", help="people, or a share such as 0.2"
        )
        for attribute in QUOTAS:
            if attribute != "gender":
                flag = f"--{attribute.replace('_', '-')}"
                parser.add_argument(flag, action="append", default=[], metavar="VALUE=N", help="people, or a share")
        parser.add_argument("--model", help="name of the language model that imagines them (default: templates)")
        parser.add_argument("--queue", action="store_true", help="with --model: let a worker do it")
        parser.add_argument("--retry-failed", action="store_true", help="with --model: ask again for those who failed")
        parser.add_argument("--report", action="store_true", help="only report on the personas stored")

    def handle(self, *, model: str | None, **options: Any) -> None:
        if options["report"]:
            self._report_stored()
            return
        for flag in ("queue", "retry_failed"):
            if options[flag] and not model:
                raise CommandError(f"--{flag.replace('_', '-')}: only with --model, templates are made at once")
        quotas, count = _quotas(options), options["count"]
        if count is None:
            both = options["male"] is not None and options["female"] is not None
            count = options["male"] + options["female"] if both else COUNT
        try:
            if model:
                self._imagine(model, count, options, quotas)
            else:
                self._from_templates(count, options["seed"], quotas)
        except AppError as error:
            raise CommandError(error.message) from error

    def _from_templates(self, count: int, seed: int, quotas: Quotas) -> None:
        from personas.persona_reports import template_report

        before = Persona.objects.count()
        personas = generate_personas(count=count, seed=seed, quotas=quotas)
        for persona in personas[:3]:
            self.stdout.write(f"{persona.name}: {persona.bio}")
        report = template_report(personas, cells=draw_cells(count=count, seed=seed, quotas=quotas))
        total = Persona.objects.count()
        self._finish(report, {"personas": len(personas), "created": total - before, "total": total})

    def _imagine(self, name: str, count: int, options: dict[str, Any], quotas: Quotas) -> None:
        try:
            language_model = find_language_model(name)
        except AppError as error:
            raise CommandError(error.message) from error
        asked = {"count": count, "language_model": language_model, "seed": options["seed"], "quotas": quotas}
        if options["queue"]:
            run = self._run(asked, retry=options["retry_failed"])
            self.stdout.write(json.dumps({"run": str(run.pk), "state": run.state}))
            return
        with without_ringing():
            run = self._run(asked, retry=options["retry_failed"])
        before = Persona.objects.filter(run=run).count()
        self._work(run)
        if run.report.get("asked") is None or run.report["unasked"]:
            raise CommandError(f"persona run {run.pk}: {run.state}: {run.error} (--retry-failed asks again)")
        for chunk in run.chunks.filter(state="failed")[:SHOWN_FAILURES]:
            self.stdout.write(f"failed: person {chunk.index}: {', '.join(chunk.cell[name] for name in QUOTAS)}")
            for entry in chunk.rejections:
                self.stdout.write(f"  {entry['kind']}: {entry['reason']}")
        made = {"run": str(run.pk), "state": run.state, "personas": run.report["valid"]}
        created = run.report["valid"] - before
        self._finish(run.report, {**made, "created": created, "total": Persona.objects.count()})

    def _run(self, asked: dict[str, Any], *, retry: bool) -> PersonaRun:
        run = same_persona_run(**asked)
        if run is None:
            return plan_persona_run(**asked)
        if retry and not run.is_open:
            retry_failed(run=run)
        return run

    def _work(self, run: PersonaRun) -> None:
        from personas.persona_jobs import work_persona_run

        with tqdm(total=run.total, initial=run.done, unit="person", disable=None) as bar:

            def show(seen: PersonaRun) -> None:
                bar.update(seen.done - bar.n)

            while True:
                release_leases_of_the_dead()  # a run killed here is carried on at once
                work_persona_run(str(run.pk), on_chunk=show)
                run.refresh_from_db()
                show(run)
                if not run.is_open:
                    return
                time.sleep(WAIT_SECONDS)  # a server asked for patience, or a worker has the rest in hand

    def _report_stored(self) -> None:
        from personas.persona_reports import report_by_provenance

        reports = report_by_provenance()
        for provenance, report in reports.items():
            self.stdout.write(f"== {provenance}: {report['people']} personas")
            self.stdout.write("\n".join(report_lines(report)))
        self.stdout.write(json.dumps({"by_provenance": _by_provenance(), "reports": reports}))

    def _finish(self, report: dict[str, Any], figures: dict[str, Any]) -> None:
        self.stdout.write("\n".join(report_lines(report)))
        judged = {
            "by_provenance": _by_provenance(),
            "valid": report["valid"],
            "failed": report["failed"],
            "retries": report["retries"],
            "max_cosine": report["nearest"]["maximum"],
            "distinct_2": report["distinct_2"],
            "stereotype_accuracy": report["stereotype"].get("accuracy"),
            "stereotype_auc": report["stereotype"].get("auc"),
            "quota_exact": report["quotas"]["exact"],
        }
        self.stdout.write(json.dumps({**figures, **judged}))


def _by_provenance() -> dict[str, int]:
    counted = Persona.objects.order_by("provenance").values("provenance").annotate(people=Count("pk"))
    return {row["provenance"]: row["people"] for row in counted}


def _quotas(options: dict[str, Any]) -> dict[str, dict[str, float]]:
    quotas: dict[str, dict[str, float]] = {}
    for gender, flag in (("man", "male"), ("woman", "female")):
        if options[flag] is not None:
            quotas.setdefault("gender", {})[gender] = options[flag]
    given = [(attribute, text) for attribute in QUOTAS for text in options.get(attribute) or []]
    for text in options["quota"]:
        attribute, colon, rest = text.partition(":")
        if not colon:
            raise CommandError(f"--quota: expected ATTRIBUTE:VALUE=N, received {text!r}")
        given.append((attribute.replace("-", "_"), rest))
    for attribute, text in given:
        value, _, number = text.rpartition("=")
        if not value or value in quotas.get(attribute, {}):
            reason = "is given twice" if value else "expected VALUE=N"
            raise CommandError(f"--quota {attribute}: {reason}, received {text!r}")
        try:
            quotas.setdefault(attribute, {})[value] = int(number) if number.isdigit() else float(number)
        except ValueError:
            raise CommandError(f"--quota {attribute}: expected a number, received {number!r} in {text!r}") from None
    return quotas
