"""manage.py cluster_catalog: find the styles of the catalogue, now and here."""

import json
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from tqdm import tqdm

from catalog.models import ClusterRun, StyleCluster
from catalog.services.styles import plan_cluster_run
from fashionrec.common.errors import AppError
from fashionrec.common.queue import without_ringing
from fashionrec.common.runs import release_if_holder_died


class Command(BaseCommand):
    help = "Group the visible products into named styles, and draw the map. The last line is JSON."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--min-cluster-size", type=int, help="fewest products that make a style (default: by the catalogue's size)"
        )
        parser.add_argument("--seed", type=int, default=0)

    def handle(self, *, min_cluster_size: int | None, seed: int, **_: Any) -> None:
        from catalog.style_jobs import STEPS, work_cluster_run

        with without_ringing():
            try:
                run = plan_cluster_run(min_cluster_size=min_cluster_size, seed=seed)
            except AppError as error:
                raise CommandError(error.message) from error
            release_if_holder_died(run)  # a clustering that was killed begins again at once
            with tqdm(total=len(STEPS), initial=run.done, unit=" step", desc="styles") as bar:
                try:
                    work_cluster_run(str(run.pk), on_step=lambda current: bar.update(current.done - bar.n))
                except AppError as error:
                    raise CommandError(error.message) from error
        run.refresh_from_db()
        if run.state != ClusterRun.State.DONE:
            raise CommandError(f"clustering: {run.state}: {run.error or 'another process works on it'}")
        report = run.report
        self._print_table(report["comparison"])
        counts = {name: report[name] for name in ("clusters", "kept", "new", "removed", "products", "noise")}
        named = StyleCluster.objects.filter(merged_into=None, named_by_person=True).count()
        self.stdout.write(json.dumps({**counts, "named_by_people": named, "seconds": report["seconds"]}))

    def _print_table(self, comparison: dict[str, Any]) -> None:
        self.stdout.write(f"{'method':<19}{'styles':>7}{'noise':>8}{'NMI category':>14}{'silhouette':>12}")
        for method, row in comparison.items():
            silhouette = "–" if row["silhouette"] is None else f"{row['silhouette']:.3f}"
            self.stdout.write(
                f"{method:<19}{row['clusters']:>7}{row['noise']:>8.1%}{row['nmi']:>14.3f}{silhouette:>12}"
            )
