"""manage.py promote_model VERSION [--challenger] | --rollback: choose which model serves, or may next."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from fashionrec.common.errors import AppError
from recommender.models import ModelAlias, ModelVersion
from recommender.selectors import find_version
from recommender.services.models import promote, set_challenger
from recommender.services.models import rollback as roll_back

ACTOR = "command line"


class Command(BaseCommand):
    help = "Promote a model version, let it challenge the champion, or roll back to the previous one."

    def add_arguments(self, parser: CommandParser) -> None:
        choice = parser.add_mutually_exclusive_group(required=True)
        choice.add_argument("version", nargs="?", help="as in two_tower-12")
        choice.add_argument("--rollback", action="store_true")
        parser.add_argument("--challenger", action="store_true", help="let the version challenge the champion instead")

    def handle(self, *, version: str | None, **options: Any) -> None:
        try:
            alias = self._change(version or "", **options)
        except AppError as error:
            raise CommandError(error.message) from error
        self.stdout.write(f"{alias.name}: {alias.version.name}")

    def _change(self, version: str, *, rollback: bool, challenger: bool, **_: Any) -> ModelAlias:
        if rollback:
            return roll_back(actor=ACTOR)
        if challenger:
            return set_challenger(version=self._find(version), actor=ACTOR)
        return promote(version=self._find(version), actor=ACTOR)

    def _find(self, name: str) -> ModelVersion:
        found = find_version(name)
        if found is None:
            raise CommandError(f"version: there is no model version {name!r}")
        return found
