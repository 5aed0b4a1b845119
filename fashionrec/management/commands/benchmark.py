"""manage.py benchmark NAME: run one benchmark, print its table, and its JSON on the last line."""

import json
import platform
import time
from importlib import import_module
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

BENCHMARKS = {
    "coldstart": "fashionrec.benchmarks.coldstart",
    "demo-quality": "fashionrec.benchmarks.demo_quality",
    "embedding": "fashionrec.benchmarks.embedding",
    "llm-calibration": "fashionrec.benchmarks.llm_calibration",
    "llm-scoring": "fashionrec.benchmarks.llm_scoring",
    "retrieval-graph": "fashionrec.benchmarks.retrieval_graph",
    "retrieval-seq": "fashionrec.benchmarks.retrieval_seq",
    "scale": "fashionrec.benchmarks.scale",
    "search": "fashionrec.benchmarks.search",
}


class Command(BaseCommand):
    help = "Measure the shop. Each benchmark prints a table, writes var/reports/NAME.json and ends with that JSON."

    def add_arguments(self, parser: CommandParser) -> None:
        names = parser.add_subparsers(dest="name", required=True, metavar="NAME")
        for name, module in BENCHMARKS.items():
            benchmark = import_module(module)
            benchmark.add_arguments(names.add_parser(name, help=benchmark.HELP))

    def handle(self, *, name: str, **options: Any) -> None:
        benchmark = import_module(BENCHMARKS[name])
        settings.DEBUG = False  # as where a shop is served: logging every statement doubled a search's time
        started = time.monotonic()
        try:
            results = benchmark.run(**options)
        except ValueError as error:
            raise CommandError(f"{name}: {error}") from error
        results |= {"name": name, "seconds": round(time.monotonic() - started, 1), "machine": platform.machine()}
        path = Path(settings.DATA_DIR) / "reports" / f"{name}.json"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(results, indent=1) + "\n")
        self.stdout.write(benchmark.table(results))
        self.stdout.write(json.dumps(results))
