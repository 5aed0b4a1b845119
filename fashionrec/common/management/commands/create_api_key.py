from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from fashionrec.common.errors import AppError
from fashionrec.common.scopes import Scope
from fashionrec.common.services.api_keys import ALL_SCOPES, create_api_key


class Command(BaseCommand):
    help = "Make a key of the REST API and print it once: only a digest of it is stored."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("name", help="What the key is for, as shown in the admin.")
        parser.add_argument(
            "--scope",
            action="append",
            required=True,
            help=f"May be repeated, or a list with commas. {ALL_SCOPES}, or: "
            + "; ".join(f"{scope.value} ({scope.label})" for scope in Scope),
        )
        parser.add_argument(
            "--source", default="", help="Namespace of the visitors this key names. Default: made from the name."
        )

    def handle(self, *, name: str, scope: list[str], source: str, **options: Any) -> None:
        scopes = [part.strip() for value in scope for part in value.split(",") if part.strip()]
        try:
            key, token = create_api_key(name=name, scopes=scopes, source=source)
        except AppError as error:
            raise CommandError(str(error)) from error
        self.stderr.write(f"{key.name}: source {key.source}, scopes {', '.join(key.scopes)}. Shown once:")
        self.stdout.write(token)
