"""Trains an encoder: a compact CLIP from nothing, or one of open_clip on what the shop sells."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser
from tqdm import tqdm

from fashionrec.management.encoder_training import COMPACT_EPOCHS, FINE_TUNING_EPOCHS, Method, Sources

if TYPE_CHECKING:
    from catalog.ml.training_loop import EpochReport

_SHOWN = 20


class Command(BaseCommand):
    help = (
        "Train an encoder of pictures and texts: a compact CLIP from nothing or, with --base, another one on. Stopped "
        "or killed, the same command carries on after the last finished epoch."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--name", required=True, help="what load_encoder() will find it by")
        parser.add_argument("--output", type=Path, help="folder to write (default: DATA_DIR/encoders/NAME)")
        parser.add_argument("--card", action="store_true", help="replace a MODEL_CARD.md that a person wrote")
        data = parser.add_argument_group("what it learns from")
        data.add_argument("--from-catalogue", action="store_true", help="the shop's products and their pictures")
        data.add_argument("--photos", type=Path, help="folder of photos, or of `images/`")
        data.add_argument("--labels", type=Path, help="CSV with a column for the file (file, id) and for attributes")
        data.add_argument("--from-drawings", action="store_true", help="products drawn as those of the demo shop")
        data.add_argument("--count", type=_positive, default=6_000, help="drawings (default 6,000)")
        data.add_argument("--drawing-seed", type=int, default=1, help="first seed of the drawn products (default 1)")
        base = parser.add_argument_group("where it starts")
        base.add_argument(
            "--base", help="open_clip:MODEL:PRETRAINED or the name of a trained encoder; default: nothing"
        )
        base.add_argument("--tune", choices=("text", "all"), help="towers of --base to train (default text)")
        base.add_argument("--loss", choices=("clip", "siglip"), help="with --base (default clip)")
        how = parser.add_argument_group("how")
        how.add_argument(
            "--epochs", type=_positive,
            help=f"passes over the pictures (default {COMPACT_EPOCHS}, with --base {FINE_TUNING_EPOCHS})",
        )  # fmt: skip
        how.add_argument("--minutes", type=_above_zero, help="train as many of --epochs as fit into this time")
        how.add_argument("--batch-size", type=_positive)
        how.add_argument("--learning-rate", type=_above_zero)
        how.add_argument("--hard-negatives", type=_share, help="share of batches of much the same things (default 0.5)")
        how.add_argument("--grayscale", type=_share, help="share of pictures shown in grey (default 0)")
        how.add_argument("--edges", type=_share, help="share of pictures shown as edge maps (default 0)")
        how.add_argument("--precision", choices=("auto", "fp32", "bf16"), help="default auto: bf16 where it is faster")
        how.add_argument("--seed", type=int, default=0, help="of weights, order, crops and captions (default 0)")
        how.add_argument("--threads", type=_positive, help="processor threads (default: all)")
        judged = parser.add_argument_group("how it is judged")
        judged.add_argument(
            "--validation", type=_share, default=0.05, help="share kept back; 0 trains on all (default 0.05)"
        )
        judged.add_argument("--validate-every", type=_positive, default=5, metavar="EPOCHS", help="default 5")
        judged.add_argument("--patience", type=_not_negative, default=0,
                            help="stop after so many validations without a better one (default 0: never)")  # fmt: skip

    def handle(self, *args: Any, **options: Any) -> None:
        _check(options)
        # torch takes seconds to import: only when there is something to do.
        import torch

        from catalog.ml.training_loop import CheckpointError
        from fashionrec.management.encoder_training import train

        if options["threads"]:
            torch.set_num_threads(options["threads"])
        data_dir = Path(settings.DATA_DIR)
        directory = options["output"] or data_dir / "encoders" / options["name"]
        sources = Sources(
            drawings=options["count"] if options["from_drawings"] else 0,
            drawing_seed=options["drawing_seed"],
            photos=options["photos"],
            labels=options["labels"],
            catalogue=options["from_catalogue"],
        )
        bar = tqdm(desc="epochs", unit="", disable=True)

        def watch(examples: Iterator[Any]) -> Iterator[Any]:
            return iter(tqdm(examples, desc="pictures", unit="", disable=options["verbosity"] == 0))

        def show(report: EpochReport) -> None:
            nonlocal bar
            if bar.disable and options["verbosity"] > 0:  # how many epochs there are is known only now
                bar = tqdm(total=report.epochs, desc="epochs", unit="", initial=report.epoch - 1)
            bar.update(report.epoch - bar.n)
            score = {} if report.score is None else {"score": f"{report.score:.3f}"}
            bar.set_postfix(loss=f"{report.loss:.3f}", seconds=f"{report.seconds:.0f}", **score)

        try:
            report, done = train(
                _method(options),
                sources,
                name=options["name"],
                directory=directory,
                validation=options["validation"],
                scratch=data_dir,
                watch=watch,
                on_epoch=show,
                replace_card=options["card"],
            )
        except CheckpointError as error:
            hint = f"remove {directory / 'checkpoint'} to begin anew" * ("another training" in str(error))
            raise CommandError("; ".join(filter(None, (str(error), hint)))) from error
        except ValueError as error:  # options, labels, encoders, examples: each names what it received
            raise CommandError(str(error)) from error
        except OSError as error:
            raise CommandError(f"{error.filename or directory}: cannot be read or written: {error}") from error
        except KeyboardInterrupt as error:
            raise CommandError("cancelled; the same command carries on after the last finished epoch") from error
        finally:
            bar.close()
        for reason in sources.left_out[:_SHOWN]:
            self.stderr.write(f"left out: {reason}")
        if len(sources.left_out) > _SHOWN:
            self.stderr.write(f"left out: {len(sources.left_out) - _SHOWN} more")
        self._tell(report, done["pictures"], len(sources.left_out), directory)
        if not done["card"]:
            self.stderr.write(f"{directory / 'MODEL_CARD.md'} was written by a person and stays; --card replaces it")
        if options["from_catalogue"] and not options["output"]:
            self.stdout.write(f"manage.py embed_catalog --encoder {options['name']} puts it to use")

    def _tell(self, report: Any, pictures: int, left_out: int, directory: Path) -> None:
        progress = report.progress
        if progress.stopped:
            self.stdout.write(f"stopped after epoch {progress.stopped}: no better since epoch {progress.best_epoch}")
        if report.rows:
            self.stdout.write(f"{report.pictures} pictures kept back; best after epoch {progress.best_epoch}")
            self.stdout.write(report.table())
        if progress.best_epoch == 0:
            self.stderr.write("no epoch was better than the weights before training: those are what was written")
        for file, reason in report.refused.items():
            self.stderr.write(f"{file} is not written, so that the web cannot encode queries: {reason}")
        if report.hybrid:
            self.stdout.write(f"hybrid vectors: {report.hybrid['image_weight']:g} of the picture")
        self.stdout.write(f"{pictures} pictures, {left_out} left out; written to {directory}")


def _method(options: dict[str, Any]) -> Method:
    from catalog.ml.clip_finetuning import FineTuningConfig
    from catalog.ml.clip_training import ClipTrainingConfig
    from catalog.ml.training_loop import TrainingPlan
    from fashionrec.management.encoder_training import compact_method, fine_tuning_method

    plan = TrainingPlan(
        epochs=options["epochs"] or (FINE_TUNING_EPOCHS if options["base"] else COMPACT_EPOCHS),
        minutes=options["minutes"],
        validate_every=options["validate_every"],
        patience=options["patience"],
    )
    names = ["batch_size", "learning_rate", "hard_negatives", "grayscale", "edges", "precision", "seed", "tune", "loss"]
    chosen = {name: options[name] for name in names if options[name] is not None}
    if options["base"]:
        search = [Path(settings.DATA_DIR) / "encoders"]
        return fine_tuning_method(options["base"], FineTuningConfig(**chosen), plan, search=search)
    return compact_method(ClipTrainingConfig(**chosen), plan)


def _check(options: dict[str, Any]) -> None:
    if (
        not options["from_drawings"]
        and not options["photos"]
        and not options["labels"]
        and not options["from_catalogue"]
    ):
        raise CommandError(
            "train_encoder: nothing to train on, give --from-catalogue, --photos and --labels, or --from-drawings"
        )
    if bool(options["photos"]) != bool(options["labels"]):
        raise CommandError(f"--photos and --labels: received {options['photos']} and {options['labels']}, need both")
    if "/" in options["name"] or ":" in options["name"] or not options["name"].strip("."):
        raise CommandError(f"--name: received {options['name']!r}, must be a plain folder name without / and :")
    if (options["grayscale"] or 0.0) + (options["edges"] or 0.0) > 1.0:
        raise CommandError(
            f"--grayscale and --edges: received {options['grayscale']} and {options['edges']}, together at most 1"
        )
    for option in ("tune", "loss"):
        if options[option] and not options["base"]:
            raise CommandError(f"--{option}: received {options[option]!r}, has no meaning without --base")


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"received {text!r}, must be at least 1")
    return number


def _not_negative(text: str) -> int:
    number = int(text)
    if number < 0:
        raise argparse.ArgumentTypeError(f"received {text!r}, must be at least 0")
    return number


def _above_zero(text: str) -> float:
    number = float(text)
    if not 0.0 < number < float("inf"):
        raise argparse.ArgumentTypeError(f"received {text!r}, must be above 0")
    return number


def _share(text: str) -> float:
    number = float(text)
    if not 0.0 <= number <= 1.0:
        raise argparse.ArgumentTypeError(f"received {text!r}, must be within 0..1")
    return number
