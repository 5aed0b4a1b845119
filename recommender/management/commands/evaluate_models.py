"""manage.py evaluate_models: measure the newest version of every kind on the same held-out events."""

import json
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from tqdm import tqdm

from recommender.selectors import latest_versions


class Command(BaseCommand):
    help = "Measure models side by side in full ranking; the last line is JSON. A version must be measured to serve."

    def handle(self, **_: Any) -> None:
        from recommender.jobs import evaluate_versions

        versions = list(latest_versions().values())
        with tqdm(total=len(versions), unit="model") as bar:
            try:
                report = evaluate_versions(versions, on_model=lambda _: bar.update())
            except ValueError as error:
                raise CommandError(str(error)) from error
        self.stdout.write(json.dumps(report.results))
