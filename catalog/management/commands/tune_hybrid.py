"""manage.py tune_hybrid: choose how much the picture counts in hybrid vectors, by how well neighbours agree."""

import json
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from catalog.hybrid_jobs import SAMPLE, measure_image_weight
from catalog.management.embedding_progress import work_with_bar
from catalog.models import Encoder
from catalog.services.embeddings import plan_embedding_run
from catalog.services.encoders import set_image_weight
from catalog.vectors import live_encoder
from fashionrec.common.errors import AppError
from fashionrec.common.queue import without_ringing


class Command(BaseCommand):
    help = (
        "Measure, for each share of the picture in hybrid vectors, how many of a product's nearest neighbours have its"
        " category, colour, gender and pattern. The last line is JSON."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--encoder", help="name of an encoder that has vectors (default: the live one)")
        parser.add_argument("--sample", type=int, default=SAMPLE, help="products measured on (default: %(default)s)")
        parser.add_argument("--seed", type=int, default=0, help="of the sample (default: %(default)s)")
        parser.add_argument(
            "--apply",
            action="store_true",
            help="store the best weight and mix the hybrid vectors anew from the stored ones of pictures and texts",
        )

    def handle(self, *, encoder: str | None, sample: int, seed: int, apply: bool, **_: Any) -> None:
        if sample < 1:
            raise CommandError(f"--sample: received {sample}, must be at least 1")
        row = Encoder.objects.filter(name=encoder).order_by("-created_at").first() if encoder else live_encoder()
        if row is None:
            known = ", ".join(Encoder.objects.order_by("name").values_list("name", flat=True).distinct()) or "none"
            asked = repr(encoder) if encoder else "none, and none is live"
            raise CommandError(f"--encoder: received {asked}; known are {known}")
        try:
            tuning = measure_image_weight(encoder=row, sample=sample, seed=seed)
        except AppError as error:
            raise CommandError(str(error)) from error
        for line in _table(tuning["measured"], best=tuning["image_weight"]):
            self.stdout.write(line)
        before, remixed = row.image_weight, 0
        if apply:
            set_image_weight(encoder=row, image_weight=tuning["image_weight"], tuning=tuning)
            # Not only when the weight changed: an earlier attempt may have been killed on the way.
            with without_ringing():
                run = plan_embedding_run(encoder=row)
                remixed = work_with_bar(run) if run is not None else 0
        weights = {"image_weight": tuning["image_weight"], "before": before}
        self.stdout.write(json.dumps({"encoder": row.name, **weights, "applied": apply, "remixed": remixed}))


def _table(measured: list[dict[str, float]], *, best: float) -> list[str]:
    names = list(measured[0])
    widths = [max(len(name), 6) for name in names]
    lines = ["  ".join(name.rjust(width) for name, width in zip(names, widths, strict=True))]
    for row in measured:
        cells = "  ".join(f"{row[name]:.3f}".rjust(width) for name, width in zip(names, widths, strict=True))
        lines.append(cells + ("  ←" if row["image_weight"] == best else ""))
    return lines
