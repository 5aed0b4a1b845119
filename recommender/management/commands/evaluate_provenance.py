"""manage.py evaluate_provenance: one kind of model on events alone, ratings alone and both, measured alike."""

import json
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from tqdm import tqdm


class Command(BaseCommand):
    help = (
        "Train one kind of model on shoppers' events alone, on personas' ratings alone and on both, and rank the same "
        "held-out events; the last line is JSON."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--kind", default="two_tower", help="kind of model (two_tower)")
        parser.add_argument("--config", type=json.loads, default={}, help='JSON, as in {"epochs": 10}')
        parser.add_argument("--seed", type=int, default=0, help="draws the intervals (0)")

    def handle(self, *, kind: str, config: dict[str, Any], seed: int, **_: Any) -> None:
        from recommender.provenance_report import provenance_report

        with tqdm(total=3, unit="model") as bar:
            try:
                report = provenance_report(kind=kind, parameters=config, seed=seed, on_model=lambda _: bar.update())
            except ValueError as error:
                raise CommandError(str(error)) from error
        self.stdout.write(f"{report['kind']}: {report['protocol']}, {report['users']} shoppers")
        for name, row in report["rows"].items():
            difference = row.get("ndcg@10_minus_events")
            beside = (
                f"  {difference['mean']:+.4f} [{difference['low']:+.4f}, {difference['high']:+.4f}]"
                if difference
                else ""
            )
            self.stdout.write(f"{name:<22} R@10 {row['recall@10']:.4f}  N@10 {row['ndcg@10']:.4f}{beside}")
        self.stdout.write(json.dumps(report))
