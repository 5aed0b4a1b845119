"""manage.py calibrate_ratings RUN: fit a run's ratings to another target. The model is not asked again."""

import json
from collections import Counter
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from fashionrec.common.errors import AppError
from feedback.models import Event, Provenance
from personas.models import SCALE, RatingRun
from personas.services.rating_quality import DECLARED, judge_run

FEWEST_RATINGS = 500
"""Of people, before their shares are a target: each share is then known to ± .02 or better."""


class Command(BaseCommand):
    help = "Calibrate a finished rating run again, from its stored answers, and judge it; the last line is JSON."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("run", help="id of a rating run, or its beginning")
        parser.add_argument(
            "--target",
            default="declared",
            help="declared; people (what visitors rated in the shop); or a JSON file of 11 shares, −1 first",
        )

    def handle(self, *, run: str, target: str, **_: Any) -> None:
        found = _find_run(run)
        shares, source = _target(target)
        try:
            report = judge_run(run=found, target=shares, target_source=source)
        except AppError as error:
            raise CommandError(error.message) from error
        answer = {"run": str(found.pk), "target_source": source, "passed": report.passed, "reasons": report.reasons}
        self.stdout.write(json.dumps({**answer, "figures": report.figures}))


def _find_run(beginning: str) -> RatingRun:
    found = [run for run in RatingRun.objects.all() if str(run.pk).startswith(beginning.lower())]
    if len(found) != 1:
        raise CommandError(f"run: {len(found)} rating runs begin with {beginning!r}, expected one")
    return found[0]


def _target(target: str) -> tuple[list[float] | None, str]:
    if target == "declared":
        return None, DECLARED
    if target == "people":
        return _what_people_rated()
    try:
        shares = json.loads(Path(target).read_text())
    except (OSError, ValueError) as error:
        raise CommandError(
            f"--target: expected declared, people or a JSON file, received {target!r}: {error}"
        ) from error
    if not isinstance(shares, list) or not all(isinstance(share, (int, float)) for share in shares):
        raise CommandError(f"--target: expected a JSON list of 11 numbers in {target!r}")
    return [float(share) for share in shares], f"file {Path(target).name}"[:200]


def _what_people_rated() -> tuple[list[float], str]:
    """Shares of the points that consenting people gave, each to the nearest point; simulated shoppers never count."""
    values = Event.objects.filter(
        type=Event.Type.RATE,
        provenance=Provenance.HUMAN,
        visitor__consented=True,
        retracted_by__isnull=True,
        value__isnull=False,
    ).values_list("value", flat=True)
    counts = Counter(min(SCALE, key=lambda point: abs(point - float(value or 0))) for value in values.iterator())
    total = sum(counts.values())
    if total < FEWEST_RATINGS:
        raise CommandError(f"--target people: {total} ratings of people, at least {FEWEST_RATINGS} make a target")
    # One imagined rating a point: a point that nobody gave yet is rare, not impossible.
    return [(counts[point] + 1) / (total + len(SCALE)) for point in SCALE], f"{total} ratings of people"
