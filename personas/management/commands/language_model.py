"""manage.py language_model NAME: register a rater, and probe it."""

import json
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from fashionrec.common.errors import AppError
from personas.models import LanguageModel
from personas.services.language_models import ADAPTERS, find_language_model, register_language_model


class Command(BaseCommand):
    help = "Register a language model under NAME (or take the one there is) and probe it; the last line is JSON."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("name")
        parser.add_argument("--adapter", help=f"{', '.join(ADAPTERS)}, or the dotted path of a class")
        parser.add_argument("--options", default="{}", help='arguments of the adapter as JSON, such as {"model": "…"}')
        parser.add_argument("--prompt-price", type=float, default=None, help="price of a million prompt tokens")
        parser.add_argument("--completion-price", type=float, default=None, help="price of a million completion tokens")

    def handle(self, *, name: str, adapter: str | None, options: str, **prices: Any) -> None:
        from personas.jobs import probe_model

        try:
            arguments = json.loads(options)
        except ValueError as error:
            raise CommandError(f"--options: expected JSON, received {options!r}: {error}") from error
        if not isinstance(arguments, dict):
            raise CommandError(f"--options: expected a JSON object, received {options!r}")
        try:
            if adapter is None:
                model = find_language_model(name)
            else:
                model = register_language_model(
                    name=name,
                    adapter=ADAPTERS.get(adapter, adapter),
                    options=arguments,
                    prompt_price=prices["prompt_price"],
                    completion_price=prices["completion_price"],
                )
        except AppError as error:
            raise CommandError(error.message) from error
        probed = probe_model(model.pk)
        if probed is None:
            raise CommandError(f"{name}: was deleted while it was probed")
        answer = {"name": name, "state": probed.state, "scoring": probed.scoring, "digest": probed.digest}
        self.stdout.write(json.dumps({**answer, "probe": probed.probe}))
        if probed.state != LanguageModel.State.READY:
            what = "refused" if probed.state == LanguageModel.State.REFUSED else "could not be probed"
            raise CommandError(f"{name}: {what}: {probed.probe.get('reason')}")
