"""From the options of train_encoder to a trained encoder: examples read, trained on, and what came of it."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from catalog.ml.clip_examples import Example, TrainingExamples
    from catalog.ml.clip_finetuning import FineTuningConfig
    from catalog.ml.clip_training import ClipTrainingConfig
    from catalog.ml.image_preprocessing import ImagePreprocessing
    from catalog.ml.training_loop import EpochReport, TrainingPlan
    from catalog.ml.training_report import TrainingReport
    from recommender.ml.checkpoint import Checkpoint

COMPACT_EPOCHS, FINE_TUNING_EPOCHS = 60, 10

Watch = Callable[["Iterator[Example]"], "Iterator[Example]"]


@dataclass
class Sources:
    """Where examples come from.

    left_out: why pictures could not be used
    described: what was read, for config.json; filled as it is read
    """

    drawings: int = 0
    drawing_seed: int = 1
    photos: Path | None = None
    labels: Path | None = None
    catalogue: bool = False
    left_out: list[str] = field(default_factory=list)
    described: list[dict[str, Any]] = field(default_factory=list)

    def examples(self) -> Iterator[Example]:
        if self.drawings:
            from fashionrec.demo.encoder_examples import drawn_examples

            drawn = drawn_examples(seed=self.drawing_seed, count=self.drawings)
            yield from self._counted(drawn, kind="drawings of this project", seed=self.drawing_seed)
        if self.photos and self.labels:
            from catalog.ml.photo_labels import read_labelled_photos

            photos = read_labelled_photos(self.photos, self.labels, on_skip=self.left_out)
            names = {"folder": self.photos.resolve().name, "labels": self.labels.name}
            yield from self._counted(photos, kind="labelled photos", **names)
        if self.catalogue:
            from catalog.training_examples import catalogue_examples

            yield from self._counted(catalogue_examples(on_skip=self.left_out), kind="products of the catalogue")

    def _counted(self, examples: Iterator[Example], **about: Any) -> Iterator[Example]:
        before, count = len(self.left_out), 0
        for example in examples:
            count += 1
            yield example
        self.described.append({**about, "pictures": count, "left_out": len(self.left_out) - before})


@dataclass(frozen=True)
class Method:
    """preprocessing, room: how pictures are kept for it; train: what is called with the examples"""

    preprocessing: ImagePreprocessing
    room: float
    train: Callable[..., TrainingReport]


def compact_method(config: ClipTrainingConfig, plan: TrainingPlan) -> Method:
    """A compact CLIP from nothing."""
    from catalog.ml.clip_training import train_compact_clip
    from catalog.ml.compact_clip import PREPROCESS_CONFIG
    from catalog.ml.image_preprocessing import ImagePreprocessing

    def train(examples: TrainingExamples, **options: Any) -> TrainingReport:
        return train_compact_clip(examples, config, plan, **options)

    preprocessing = ImagePreprocessing.from_config({**PREPROCESS_CONFIG, "size": config.image_size})
    return Method(preprocessing, room=4 / 3, train=train)


def fine_tuning_method(base_name: str, config: FineTuningConfig, plan: TrainingPlan, *, search: list[Path]) -> Method:
    """An encoder that exists, trained on. Raises EncoderError when it cannot be loaded."""
    from catalog.ml.clip_finetuning import fine_tune_clip, preprocessing_of
    from catalog.ml.tuned_folder import open_base

    base = open_base(base_name, search=search)

    def train(examples: TrainingExamples, *, checkpoint: Checkpoint, **options: Any) -> TrainingReport:
        return fine_tune_clip(
            base, examples, config, plan, checkpoint=checkpoint, cache=checkpoint.directory, **options
        )

    return Method(preprocessing_of(base.encoder), room=config.room, train=train)


def train(
    method: Method,
    sources: Sources,
    *,
    name: str,
    directory: Path,
    validation: float,
    scratch: Path,
    watch: Watch,
    on_epoch: Callable[[EpochReport], None],
    replace_card: bool,
) -> tuple[TrainingReport, Mapping[str, Any]]:
    """Reads all examples, trains, and writes the encoder and its card; returns the report and what was done.

    scratch: folder for the pictures while they are needed. Raises ValueError for options or data that cannot be used,
    OSError when something cannot be written; the checkpoint of the last finished epoch stays.
    """
    from catalog.ml.clip_examples import collect_examples
    from catalog.ml.model_card import write_card
    from recommender.ml.checkpoint import Checkpoint

    checkpoint = Checkpoint(directory / "checkpoint")
    with _pictures(scratch) as store:
        examples = collect_examples(
            watch(sources.examples()), preprocessing=method.preprocessing, room=method.room, store=store
        )
        report = method.train(
            examples,
            name=name,
            directory=directory,
            on_epoch=on_epoch,
            validation=validation,
            checkpoint=checkpoint,
            provenance={"data": sources.described},
        )
    for features in checkpoint.directory.glob("image-features-*"):
        features.unlink()
    checkpoint.clear()
    checkpoint.directory.rmdir()
    return report, {"pictures": len(examples), "card": write_card(directory, overwrite=replace_card)}


def _pictures(scratch: Path) -> AbstractContextManager[Any]:
    """A file without a name: it goes with the process, whatever ends that."""
    scratch.mkdir(parents=True, exist_ok=True)
    return tempfile.TemporaryFile(dir=scratch)
