"""manage.py export_encoder: an encoder's towers as ONNX, so that the web can encode queries without torch."""

import json
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from catalog.ml.encoder import EncoderError, encoder_directory, folder_name


class Command(BaseCommand):
    help = (
        "Write text.onnx and image.onnx of an encoder. One made by train_encoder gets them in its own folder; one of"
        " open_clip in DATA_DIR/encoders, with its tokenizer. Each tower is compared with torch. The last line is JSON."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("name", help="as for embed_catalog --encoder")

    def handle(self, *, name: str, **_: Any) -> None:
        from catalog.embedding_jobs import open_encoder
        from catalog.ml.encoder_export import export_towers
        from catalog.ml.open_clip_encoder import OpenClipEncoder

        encoders = Path(settings.DATA_DIR) / "encoders"
        try:
            encoder = open_encoder(name)
            is_own = ":" not in encoder.name
            directory = encoder_directory(name, search=[encoders]) if is_own else encoders / folder_name(encoder.name)
        except EncoderError as error:
            raise CommandError(str(error)) from error
        if not isinstance(encoder, OpenClipEncoder):
            raise CommandError(
                f"encoder: received {name!r}: only encoders of open_clip can be exported; with others the shop"
                " searches by words alone"
            )
        report = export_towers(encoder, directory, is_own=is_own)
        for file, reason in report.refused.items():
            self.stderr.write(f"{file} is not written: {reason}")
        self.stdout.write(
            json.dumps(
                {"encoder": encoder.name, "folder": str(directory), "written": report.written}
                | {"differences": {file: round(value, 8) for file, value in report.differences.items()}}
            )
        )
        if report.refused:
            raise CommandError(f"export_encoder: {', '.join(sorted(report.refused))} of {name!r} could not be written")
