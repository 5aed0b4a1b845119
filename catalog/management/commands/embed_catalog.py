"""manage.py embed_catalog: content vectors for new and changed products, now and here."""

import json
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser
from tqdm import tqdm

from catalog.ml.encoder import EncoderError
from catalog.models import EmbeddingRun
from catalog.services.embeddings import plan_embedding_run, register_encoder
from fashionrec.common.queue import without_ringing


class Command(BaseCommand):
    help = "Embed products whose vectors are missing or older than their content. The last line is JSON."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--encoder", default=settings.FASHIONREC["ENCODER"], help="becomes the live one")

    def handle(self, *, encoder: str, **_: Any) -> None:
        from catalog.jobs import open_encoder, work_embedding_run

        try:
            model = open_encoder(encoder)
        except EncoderError as error:
            raise CommandError(str(error)) from error
        row = register_encoder(name=model.name, digest=model.digest, dimensions=model.dimensions, live=True)
        with without_ringing():
            run = plan_embedding_run(encoder=row)
            if run is not None:
                with tqdm(total=run.total, initial=run.done, unit=" products", desc="embed") as bar:
                    work_embedding_run(str(run.pk), on_chunk=lambda current: bar.update(current.done - bar.n))
                run.refresh_from_db()
                if run.state != EmbeddingRun.State.DONE:
                    raise CommandError(f"embedding: {run.state}: {run.error or 'another process works on the rest'}")
        self.stdout.write(json.dumps({"encoder": row.name, "embedded": run.done if run else 0}))
