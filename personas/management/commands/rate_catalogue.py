"""manage.py rate_catalogue: let the personas rate the catalogue, here or on the worker."""

import argparse
import json
from decimal import Decimal
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from tqdm import tqdm

from fashionrec.common.errors import AppError
from fashionrec.common.queue import without_ringing
from personas.models import LanguageModel, Persona, RatingRun
from personas.selectors import run_summary
from personas.services.language_models import default_language_model, find_language_model
from personas.services.rating_plans import change_budget, draw_plan, plan_rating_run, resume_with_budget
from personas.services.rating_quality import ensure_judged
from personas.services.ratings import publish


def _money(text: str) -> Decimal:
    try:
        amount = Decimal(text)
    except ArithmeticError:
        amount = Decimal("NaN")
    if not amount.is_finite():
        raise argparse.ArgumentTypeError(f"expected an amount such as 2.50, received {text!r}")
    return amount


class Command(BaseCommand):
    help = "Rate the catalogue by the personas; the last line is JSON. Carries on with an open or paused rating run."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--model", default=None, help="name of a language model (default: the shop's)")
        parser.add_argument("--raters", type=int, default=6, help="personas per product (6)")
        parser.add_argument("--products", type=int, default=None, help="rate so many products, drawn (default: all)")
        parser.add_argument("--seed", type=int, default=0, help="decides who rates what")
        parser.add_argument("--max-tokens", type=int, default=None, help="the run pauses before it asks for more")
        parser.add_argument("--max-cost", type=_money, default=None, help="the run pauses before it costs more")
        parser.add_argument("--plan-only", action="store_true", help="print calls, tokens and cost; ask nothing")
        parser.add_argument("--publish", action="store_true", help="let the ratings reach training if the gate passes")
        parser.add_argument("--queue", action="store_true", help="let a worker do it")

    def handle(self, *, publish: bool, queue: bool, plan_only: bool, **options: Any) -> None:
        if publish and queue:
            raise CommandError("--publish: a queued run is published in admin, once it is done")
        try:
            model = find_language_model(options["model"]) if options["model"] else default_language_model()
            if plan_only:
                self.stdout.write(json.dumps(self._draw(model, options)))
                return
            if queue:
                run = self._unfinished(model, options) or self._plan(model, options)
                self.stdout.write(json.dumps({"run": str(run.pk), "state": run.state, "plan": run.plan}))
                return
            with without_ringing():
                run = self._unfinished(model, options) or self._plan(model, options)
            self._work(run)
            run.refresh_from_db()
            if run.state != RatingRun.State.DONE:
                raise CommandError(f"rating run {run.pk}: {run.state}: {run.error or 'another process works on it'}")
            self._report(run, publish_it=publish)
        except AppError as error:
            raise CommandError(error.message) from error

    def _unfinished(self, model: LanguageModel, options: dict[str, Any]) -> RatingRun | None:
        """An open run of the model; under the budget given now, or its own where none is given."""
        states = [*RatingRun.OPEN_STATES, RatingRun.State.PAUSED]
        run = RatingRun.objects.filter(language_model=model, state__in=states).order_by("created_at").first()
        if run is not None:
            budget: dict[str, Any] = {
                name: getattr(run, name) if options[name] is None else options[name]
                for name in ("max_tokens", "max_cost")
            }
            change = resume_with_budget if run.state == RatingRun.State.PAUSED else change_budget
            change(run=run, **budget)
        return run

    def _arguments(self, model: LanguageModel, options: dict[str, Any]) -> dict[str, Any]:
        return {
            "personas": list(Persona.objects.order_by("key")),
            "language_model": model,
            "raters_per_product": options["raters"],
            "products": options["products"],
            "seed": options["seed"],
        }

    def _draw(self, model: LanguageModel, options: dict[str, Any]) -> dict[str, Any]:
        return draw_plan(**self._arguments(model, options)).figures

    def _plan(self, model: LanguageModel, options: dict[str, Any]) -> RatingRun:
        budget = {"max_tokens": options["max_tokens"], "max_cost": options["max_cost"]}
        run = plan_rating_run(**self._arguments(model, options), **budget)
        self.stdout.write(
            f"{model.name}: {run.plan['calls']} prompts, about {run.plan['estimated_tokens']} tokens, "
            f"cost about {run.plan['estimated_cost']}"
        )
        return run

    def _work(self, run: RatingRun) -> None:
        from personas.jobs import work_rating_run

        with tqdm(total=run.total, initial=run.done, unit="cell") as bar:
            work_rating_run(str(run.pk), on_chunk=lambda seen: bar.update(seen.done - bar.n))

    def _report(self, run: RatingRun, *, publish_it: bool) -> None:
        quality = ensure_judged(run=run)
        if publish_it and quality.passed:
            run = publish(run=run)
        model = run.language_model
        if model.is_demonstration:
            self.stdout.write(f"{model.name} is a small model for demonstration: its opinions are no evidence.")
        self.stdout.write("gate: " + ("passed" if quality.passed else "; ".join(quality.reasons)))
        self.stdout.write(
            json.dumps(
                {
                    "run": str(run.pk),
                    "state": run.state,
                    **run_summary(run),
                    "language_model": model.name,
                    "simulated": model.is_simulator,
                    "demonstration": model.is_demonstration,
                    "calls": run.calls_made,
                    "tokens": run.tokens_used,
                    "cost": float(run.cost_used),
                    "quality": {"passed": quality.passed, "reasons": quality.reasons, "figures": quality.figures},
                    "published": run.published_at is not None,
                }
            )
        )
        if publish_it and not quality.passed:
            raise CommandError(f"not published: {'; '.join(quality.reasons)}")
