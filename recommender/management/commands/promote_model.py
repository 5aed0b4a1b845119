"""manage.py promote_model VERSION | --rollback: choose which model serves."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from fashionrec.common.errors import AppError
from recommender.models import ModelVersion
from recommender.selectors import find_version
from recommender.services.models import promote, rollback


class Command(BaseCommand):
    help = "Promote a model version, or roll back to the previous champion."

    def add_arguments(self, parser: CommandParser) -> None:
        choice = parser.add_mutually_exclusive_group(required=True)
        choice.add_argument("version", nargs="?", help="as in two_tower-12")
        choice.add_argument("--rollback", action="store_true")

    def handle(self, *, version: str | None, **options: Any) -> None:
        try:
            alias = rollback(actor="command line") if options["rollback"] else promote(
                version=self._find(version or ""), actor="command line"
            )  # fmt: skip
        except AppError as error:
            raise CommandError(error.message) from error
        self.stdout.write(f"champion: {alias.version.name}")

    def _find(self, name: str) -> ModelVersion:
        found = find_version(name)
        if found is None:
            raise CommandError(f"version: there is no model version {name!r}")
        return found
