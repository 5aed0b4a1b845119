"""manage.py demo: from a catalogue to recommendations, then serve them."""

import json
import sys
import time
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError, CommandParser

from fashionrec import embedded
from fashionrec.common.errors import AppError
from fashionrec.processes import Supervisor, free_port, wait_until_serving, web_process, worker_process
from fashionrec.production import use_production_settings


class Command(BaseCommand):
    help = "Build a shop that learns, step by step, and serve it. Safe to repeat and to interrupt."
    requires_system_checks = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--no-serve", action="store_true", help="stop after the summary")
        parser.add_argument("--catalog", type=Path, help="a catalogue of your own instead of the drawn one")
        parser.add_argument("--format", default=None, help="format of --catalog: kaggle, myntra, csv or jsonl (kaggle)")
        parser.add_argument("--source", default=None, help="name of the catalogue's source (demo, or catalog)")
        parser.add_argument("--products", type=int, default=640, help="products to draw (640)")
        parser.add_argument("--personas", type=int, default=48, help="personas to imagine (48)")
        parser.add_argument("--shoppers", type=int, default=None, help="simulated shoppers (1500; 2500 with --catalog)")
        parser.add_argument("--seed", type=int, default=7)
        parser.add_argument("--port", type=int, default=8000)

    def handle(self, *, no_serve: bool, port: int, **options: Any) -> None:
        use_production_settings()
        started = time.monotonic()
        demo = self._demo(options)
        if settings.USES_EMBEDDED_DATABASE:
            with demo.step("database"):
                embedded.start(settings.DATA_DIR)
        with demo.step("migrate"):
            call_command("migrate", verbosity=0)
            call_command("collectstatic", interactive=False, verbosity=0)
        from fashionrec.demo import steps, styles_step

        with Supervisor(worker_process()) as supervisor:
            try:
                steps.import_products(demo)
                steps.embed_products(demo, supervisor)
                styles_step.cluster_products(demo, supervisor)
                personas = steps.make_personas(demo)
                steps.rate_products(demo, supervisor, personas)
                steps.simulate_shoppers(demo, personas)
                steps.train_models(demo, supervisor)
                report = steps.evaluate_models(demo, personas)
                champion = steps.promote_best(demo, report)
                access = steps.make_access(demo)
                demo.seconds["total"] = round(time.monotonic() - started, 1)
                line = {**steps.summary(demo, report.results, champion), "styles": styles_step.count_styles()}
                self._print_table(report.results, champion)
                if no_serve:
                    self.stdout.write(json.dumps(line))
                    return
                port = free_port(port)
                supervisor.add(web_process(port=port))
                url = f"http://127.0.0.1:{port}"
                wait_until_serving(f"{url}/health/live", supervisor)
                self.stdout.write(
                    f"\n  storefront  {url}/\n  API docs    {url}/api/docs/\n  admin       {url}/admin/\n"
                    f"              {access['username']} / {access['password']}\n"
                    f"  API key     {access['api_key']}\n\n  Ctrl-C stops the shop; `make demo` starts it again.\n"
                )
                self.stdout.write(json.dumps(line))
                self.stdout.flush()
                while True:
                    supervisor.check()
                    time.sleep(1)
            except KeyboardInterrupt:
                self.stderr.write("\nstopped; `make demo` carries on where it stands")
                if no_serve:
                    sys.exit(130)
            except (AppError, RuntimeError, ValueError) as error:
                raise CommandError(str(error)) from error

    def _demo(self, options: dict[str, Any]) -> Any:
        from fashionrec.demo.steps import DRAWN_SOURCE, LONGEST_SOURCE, Demo

        catalog = options["catalog"]
        if catalog is not None and not catalog.exists():
            raise CommandError(f"--catalog: there is nothing at {str(catalog)!r}")
        if catalog is None and options["format"] is not None:
            raise CommandError(f"--format: received {options['format']!r} without --catalog")
        source = options["source"] or (DRAWN_SOURCE if catalog is None else "catalog")
        if len(source) > LONGEST_SOURCE:
            raise CommandError(f"--source: expected at most {LONGEST_SOURCE} characters, received {source!r}")
        for name in ("products", "personas"):
            if options[name] < 2:
                raise CommandError(f"--{name}: expected at least 2, received {options[name]}")
        return Demo(
            catalog=catalog.resolve() if catalog else None,
            format="jsonl" if catalog is None else options["format"] or "kaggle",
            source=source,
            products=options["products"],
            personas=options["personas"],
            shoppers=options["shoppers"] or (1500 if catalog is None else 2500),
            seed=options["seed"],
        )

    def _print_table(self, results: dict[str, Any], champion: str) -> None:
        self.stdout.write(f"\n{results['protocol']}; {results['users']} shoppers")
        self.stdout.write(f"{'model':<16}{'recall@10':>10}{'ndcg@10':>10}   ndcg@10 − popularity (95%)")
        for name, figures in results["models"].items():
            gain = figures.get("ndcg@10_minus_popularity")
            interval = f"{gain['mean']:+.4f}  [{gain['low']:+.4f}, {gain['high']:+.4f}]" if gain else ""
            self.stdout.write(f"{name:<16}{figures['recall@10']:>10.4f}{figures['ndcg@10']:>10.4f}   {interval}")
        self.stdout.write(f"champion: {champion}\n")
