"""manage.py generate_personas: fill the quota grid with people."""

import json
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from fashionrec.common.errors import AppError
from personas.models import Persona
from personas.services.personas import generate_personas


class Command(BaseCommand):
    help = "Make personas from the quota grid; the last line is JSON. The same count and seed make nobody twice."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--count", type=int, default=48)
        parser.add_argument("--seed", type=int, default=0)

    def handle(self, *, count: int, seed: int, **_: Any) -> None:
        before = Persona.objects.count()
        try:
            personas = generate_personas(count=count, seed=seed)
        except AppError as error:
            raise CommandError(error.message) from error
        for persona in personas[:3]:
            self.stdout.write(f"{persona.name}: {persona.bio}")
        total = Persona.objects.count()
        self.stdout.write(json.dumps({"personas": len(personas), "created": total - before, "total": total}))
