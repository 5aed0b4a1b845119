"""Trains a rater: from nothing, on a teacher's ratings, or on preferences."""

from __future__ import annotations

import argparse
import json
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser
from tqdm import tqdm

from fashionrec.common.errors import AppError
from personas.ml.language_model import ModelUnusable

ADAPTER = "personas.ml.language_models.transformers_model.TransformersModel"


class Command(BaseCommand):
    help = "Train a small rater from nothing, or fine-tune a language model on ratings (sft) or preferences (dpo)."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--name", required=True, help="of the folder, and of the rater when registered")
        what = parser.add_mutually_exclusive_group(required=True)
        what.add_argument("--from-drawings", action="store_true", help="from nothing, on made-up personas and products")
        what.add_argument("--method", choices=("sft", "dpo"), help="fine-tune --model on ratings or on preferences")
        parser.add_argument("--model", help="sft, dpo: 'compact', a folder, or a hub name")
        parser.add_argument("--run", help="sft: id of the finished rating run that teaches")
        parser.add_argument("--provenance", help="dpo: only pairs of this origin (lab, clicks, simulated clicks)")
        parser.add_argument("--beta", type=_positive_float, help="dpo: how dear change is (default 0.1)")
        parser.add_argument("--lora", type=_positive, metavar="RANK", help="train low-rank adapters only, then merge")
        parser.add_argument("--steps", type=_positive, help="default: 2,100 from nothing, else 200")
        parser.add_argument("--batch-size", type=_positive, help="sft: prefixes, dpo: pairs, a step (default 4)")
        parser.add_argument("--learning-rate", type=_positive_float, help="default: 2e-3 from nothing, else 1e-4")
        parser.add_argument("--seed", type=int, default=0)
        parser.add_argument("--output", type=Path, help="folder to write (default: DATA_DIR/raters/NAME)")
        parser.add_argument("--threads", type=_positive, help="processor threads (default: all)")
        parser.add_argument("--register", action="store_true", help="make it a language model that can be asked")

    def handle(self, *args: Any, **options: Any) -> None:
        if "/" in options["name"] or not options["name"].strip("."):
            raise CommandError(f"--name: received {options['name']!r}, must be a plain folder name")
        directory = Path(options["output"] or Path(settings.DATA_DIR) / "raters" / options["name"]).resolve()
        # torch takes seconds to import: only when there is something to do.
        import torch

        if options["threads"]:
            torch.set_num_threads(options["threads"])
        try:
            figures = (
                self._from_nothing(directory, options) if options["from_drawings"] else self._tuned(directory, options)
            )
        except (ValueError, AppError, ModelUnusable) as error:  # each names what it received
            raise CommandError(str(error)) from error
        shutil.rmtree(directory / "checkpoint", ignore_errors=True)
        self.stdout.write(f"written to {directory}")
        if options["register"]:
            from personas.services.language_models import register_language_model

            register_language_model(name=options["name"], adapter=ADAPTER, options={"model": str(directory)})
            self.stdout.write(f"registered as {options['name']!r}; it is asked once it was probed")
        self.stdout.write(json.dumps({"name": options["name"], "directory": str(directory), **figures}, sort_keys=True))

    def _from_nothing(self, directory: Path, options: dict[str, Any]) -> dict[str, Any]:
        from fashionrec.demo.rater_recipe import train_compact_rater
        from personas.ml.rater_training import RaterTrainingConfig
        from recommender.ml.checkpoint import Checkpoint

        _refuse(options, ("model", "run", "provenance", "lora", "batch_size", "beta"), "--from-drawings")
        chosen = {name: options[name] for name in ("steps", "learning_rate") if options[name]}
        if options["steps"]:
            whole = RaterTrainingConfig()
            chosen["finish_steps"] = round(options["steps"] * whole.finish_steps / whole.all_steps)
            chosen["steps"] = options["steps"] - chosen["finish_steps"]
        config = RaterTrainingConfig(seed=options["seed"], **chosen)
        with self._bar(config.all_steps, options) as bar:
            figures = train_compact_rater(
                config,
                name=options["name"],
                directory=directory,
                on_step=_shown(bar),
                on_check=lambda step, found: self._say(bar, f"step {step}, unseen personas", found),
                checkpoint=Checkpoint(directory / "checkpoint"),
            )
        for about, found in figures.items():
            self._say(None, about, found)
        return figures

    def _tuned(self, directory: Path, options: dict[str, Any]) -> dict[str, Any]:
        if not options["model"]:
            raise ValueError("--model: needed to say what is to be fine-tuned, received nothing")
        if (options["method"] == "sft") != bool(options["run"]):
            raise ValueError(f"--run: received {options['run']!r}; sft needs the run that teaches, dpo takes none")
        if options["method"] == "sft":
            _refuse(options, ("provenance", "beta"), "--method sft")
        from fashionrec.management.rater_tuning import tune_on_preferences, tune_on_ratings
        from personas.ml.rater_tuning import TuningConfig
        from recommender.ml.checkpoint import Checkpoint

        chosen = {name: options[name] for name in ("steps", "learning_rate", "batch_size", "beta") if options[name]}
        config = TuningConfig(seed=options["seed"], **chosen)
        tuned = {
            "source": options["model"],
            "directory": directory,
            "name": options["name"],
            "lora": options["lora"],
            "checkpoint": Checkpoint(directory / "checkpoint"),
        }
        with self._bar(config.steps, options) as bar:

            def said(step: int, found: Mapping[str, float]) -> None:
                self._say(bar, f"step {step}, held out", found)

            if options["method"] == "sft":
                return tune_on_ratings(options["run"], config, on_step=_shown(bar), on_check=said, **tuned)
            return tune_on_preferences(options["provenance"] or "", config, on_step=_shown(bar), on_check=said, **tuned)

    def _bar(self, steps: int, options: dict[str, Any]) -> Any:
        return tqdm(total=steps, desc="steps", unit="", disable=options["verbosity"] == 0)

    def _say(self, bar: Any, about: str, found: Mapping[str, float]) -> None:
        line = f"{about}: " + ", ".join(f"{name} {value:.3f}" for name, value in found.items())
        if bar is not None:
            bar.clear()
        self.stdout.write(line)


def _shown(bar: Any) -> Any:
    def show(step: int, losses: Mapping[str, float]) -> None:
        bar.update(step - bar.n)
        bar.set_postfix({name: f"{loss:.3f}" for name, loss in losses.items()})

    return show


def _refuse(options: Mapping[str, Any], names: Sequence[str], way: str) -> None:
    """Raises ValueError for an option that would be taken and ignored."""
    for name in names:
        if options[name]:
            raise ValueError(f"--{name.replace('_', '-')}: received {options[name]!r}, has no meaning with {way}")


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"received {text!r}, must be at least 1")
    return number


def _positive_float(text: str) -> float:
    number = float(text)
    if not number > 0:
        raise argparse.ArgumentTypeError(f"received {text!r}, must be positive")
    return number
