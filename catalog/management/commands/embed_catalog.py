"""manage.py embed_catalog: content vectors for new and changed products, now and here."""

import json
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from catalog.management.embedding_progress import work_with_bar
from catalog.ml.encoder import EncoderError
from catalog.services.embeddings import plan_embedding_run
from fashionrec.common.errors import AppError
from fashionrec.common.queue import without_ringing


class Command(BaseCommand):
    help = (
        "Embed products whose vectors are missing or older than their content. Another encoder than the live one is"
        " embedded beside it and takes over when its last vector is there. The last line is JSON."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--encoder",
            default=settings.FASHIONREC["ENCODER"],
            help="a name under DATA_DIR/encoders, open_clip:MODEL:PRETRAINED, open_clip:hf-hub:ORGANISATION/MODEL,"
            " open_clip:local-dir:FOLDER or transformers:NAME (default: %(default)s)",
        )

    def handle(self, *, encoder: str, **_: Any) -> None:
        from catalog.embedding_jobs import registered_encoder

        try:
            row = registered_encoder(encoder)
        except (EncoderError, AppError) as error:
            raise CommandError(str(error)) from error
        with without_ringing():
            run = plan_embedding_run(encoder=row, goes_live=True)
            embedded = work_with_bar(run) if run is not None else 0
        row.refresh_from_db()
        if not row.is_live:
            raise CommandError(f"encoder: {row.name} is embedded but not live yet: another process is switching to it")
        self.stdout.write(json.dumps({"encoder": row.name, "embedded": embedded}))
