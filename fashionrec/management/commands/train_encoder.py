"""Trains a compact CLIP from the project's own drawings, from labelled photos, or from both."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser
from tqdm import tqdm


class Command(BaseCommand):
    help = "Train a compact CLIP (safetensors + ONNX) from drawings and/or labelled photos."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--name", required=True, help="what load_encoder() will find it by")
        parser.add_argument("--from-drawings", action="store_true", help="draw products of the demo shop")
        parser.add_argument("--count", type=_positive, default=6_000, help="drawings (default 6,000)")
        parser.add_argument("--drawing-seed", type=int, default=1, help="first seed of the drawn products (default 1)")
        parser.add_argument("--photos", type=Path, help="folder of photos, or of `images/`")
        parser.add_argument("--labels", type=Path, help="CSV with a column for the file (file, id) and for attributes")
        parser.add_argument("--seed", type=int, default=0, help="of weights, order, crops and captions (default 0)")
        parser.add_argument("--epochs", type=_positive, default=20)
        parser.add_argument("--batch-size", type=_positive, default=64)
        parser.add_argument("--output", type=Path, help="folder to write (default: DATA_DIR/encoders/NAME)")
        parser.add_argument("--threads", type=_positive, help="processor threads (default: all)")

    def handle(self, *args: Any, **options: Any) -> None:
        if not options["from_drawings"] and not options["photos"]:
            raise CommandError("train_encoder: nothing to train on, give --from-drawings, or --photos and --labels")
        if bool(options["photos"]) != bool(options["labels"]):
            raise CommandError(
                f"--photos and --labels: received {options['photos']} and {options['labels']}, need both"
            )
        if "/" in options["name"] or not options["name"].strip("."):
            raise CommandError(f"--name: received {options['name']!r}, must be a plain folder name")
        # torch takes seconds to import: only when there is something to do.
        import torch

        from catalog.ml.clip_examples import collect_examples
        from catalog.ml.clip_training import ClipTrainingConfig, train_compact_clip
        from catalog.ml.compact_clip import PREPROCESS_CONFIG
        from catalog.ml.image_preprocessing import ImagePreprocessing
        from recommender.ml.checkpoint import Checkpoint

        if options["threads"]:
            torch.set_num_threads(options["threads"])
        directory = options["output"] or Path(settings.DATA_DIR) / "encoders" / options["name"]
        config = ClipTrainingConfig(epochs=options["epochs"], batch_size=options["batch_size"], seed=options["seed"])
        skipped: list[str] = []
        checkpoint = Checkpoint(directory / "checkpoint")
        try:
            examples = collect_examples(
                tqdm(_examples(options, skipped), desc="pictures", unit="", disable=options["verbosity"] == 0),
                preprocessing=ImagePreprocessing.from_config({**PREPROCESS_CONFIG, "size": config.image_size}),
            )
            with tqdm(total=config.epochs, desc="epochs", unit="", disable=options["verbosity"] == 0) as bar:

                def show(epoch: int, loss: float, seconds: float) -> None:
                    bar.update(epoch - bar.n)
                    bar.set_postfix(loss=f"{loss:.3f}", seconds=f"{seconds:.0f}")

                train_compact_clip(
                    examples,
                    config,
                    name=options["name"],
                    directory=directory,
                    on_epoch=show,
                    checkpoint=checkpoint,
                    provenance=_provenance(options),
                )
        except ValueError as error:  # labels, checkpoint, examples: each names what it received
            raise CommandError(str(error)) from error
        checkpoint.clear()
        checkpoint.directory.rmdir()
        for reason in skipped[:20]:
            self.stderr.write(f"left out: {reason}")
        self.stdout.write(f"{len(examples)} pictures, {len(skipped)} left out; written to {directory}")


def _examples(options: dict[str, Any], skipped: list[str]) -> Iterator[Any]:
    if options["from_drawings"]:
        from fashionrec.demo.encoder_examples import drawn_examples

        yield from drawn_examples(seed=options["drawing_seed"], count=options["count"])
    if options["photos"]:
        from catalog.ml.photo_labels import read_labelled_photos

        yield from read_labelled_photos(options["photos"], options["labels"], on_skip=skipped)


def _provenance(options: dict[str, Any]) -> dict[str, Any]:
    drawings = {"drawings": options["count"], "drawing_seed": options["drawing_seed"]}
    return {**(drawings if options["from_drawings"] else {}), "photos": bool(options["photos"])}


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"received {text!r}, must be at least 1")
    return number
