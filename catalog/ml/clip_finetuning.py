"""Fine-tunes a CLIP of open_clip on fashion captions: its text tower alone, or all of it."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from catalog.ml.clip_augmentation import augmented, without_colours
from catalog.ml.clip_batches import batch_captions
from catalog.ml.clip_examples import TrainingExamples
from catalog.ml.clip_sampler import HARD_NEGATIVES, batch_rows, batches_per_epoch
from catalog.ml.clip_towers import ClipTowers, clamp_logit_scale, unit
from catalog.ml.encoder_validation import ValidationSet, measured, validation_set
from catalog.ml.image_preprocessing import ImagePreprocessing
from catalog.ml.open_clip_encoder import OpenClipEncoder
from catalog.ml.training_loop import Checkpoint, EpochCallback, TrainingPlan, run_training
from catalog.ml.training_precision import PRECISIONS, mixed_precision
from catalog.ml.training_report import TrainingReport, reported
from catalog.ml.training_schedule import cosine_with_warmup, set_learning_rate
from catalog.ml.training_state import moving_average
from catalog.ml.tuned_folder import TuningBase, save_tuned, square_side
from catalog.ml.validation_split import validation_split

from open_clip.loss import ClipLoss, SigLipLoss  # isort: skip  (after torchvision_ops, which open_clip_encoder imports)

TUNED = ("text", "all")
LOSSES = ("clip", "siglip")
LEARNING_RATES = {"text": 5e-5, "all": 1e-5}
"""Far below those of a training from nothing: what the base knows shall survive, most of all what it sees."""
SIGLIP_BIAS = -10.0
"""Zhai et al. 2023, section 3.3: with a bias of zero the many wrong pairs would drown the right one at first."""


@dataclass(frozen=True)
class FineTuningConfig:
    """tune: text (the image tower is frozen, as in LiT, Zhai et al. 2022) or all
    loss: clip (softmax over the batch) or siglip (each pair by itself); both are open_clip's
    batch_size: pictures a step, and wrong answers to each
    learning_rate: peak of AdamW's; None: LEARNING_RATES of `tune`
    weight_decay: of matrices only
    warmup_steps: to the peak; the first tenth of all steps, if that is less
    ema_decay: of the moving average that is validated and kept; 0: the weights themselves
    hard_negatives: share of the pictures in batches of much the same category, colour or pattern
    grayscale, edges: share of the pictures shown without their colours; of no use while the image tower is frozen
    precision: auto, fp32 or bf16, see `mixed_precision`
    seed: of order, crops and captions
    """

    tune: str = "text"
    loss: str = "clip"
    batch_size: int = 128
    learning_rate: float | None = None
    weight_decay: float = 0.1
    warmup_steps: int = 100
    ema_decay: float = 0.0
    hard_negatives: float = HARD_NEGATIVES
    grayscale: float = 0.0
    edges: float = 0.0
    precision: str = "auto"
    seed: int = 0

    def __post_init__(self) -> None:
        for field, known in (("tune", TUNED), ("loss", LOSSES), ("precision", PRECISIONS)):
            if getattr(self, field) not in known:
                raise ValueError(f"{field}: received {getattr(self, field)!r}, must be one of {', '.join(known)}")
        if self.tune == "text" and (self.grayscale or self.edges):
            raise ValueError(
                f"grayscale and edges: received {self.grayscale} and {self.edges}, but the image tower is frozen and "
                "sees every picture once: need tune all"
            )

    @property
    def peak_rate(self) -> float:
        return LEARNING_RATES[self.tune] if self.learning_rate is None else self.learning_rate

    @property
    def room(self) -> float:
        """How much larger than the tower sees them pictures are kept, for random crops."""
        return 1.0 if self.tune == "text" else 4 / 3


def preprocessing_of(encoder: OpenClipEncoder) -> ImagePreprocessing:
    """What its image tower sees. Raises EncoderError when that is no square."""
    return ImagePreprocessing.from_config({**encoder.preprocess_config, "size": square_side(encoder)})


def fine_tune_clip(
    base: TuningBase,
    examples: TrainingExamples,
    config: FineTuningConfig,
    plan: TrainingPlan,
    *,
    name: str,
    directory: Path,
    on_epoch: EpochCallback,
    validation: float = 0.0,
    checkpoint: Checkpoint | None = None,
    cache: Path | None = None,
    provenance: Mapping[str, Any] | None = None,
) -> TrainingReport:
    """Trains the model of `base` on and writes the encoder `name` into `directory`.

    examples: collected with `preprocessing_of(base.encoder)` and `config.room`. base: is changed by the training.
    cache: folder that keeps the vectors of a frozen image tower for a resumed training. The rest, and the errors, as
    of `train_compact_clip`.
    """
    rows, kept = validation_split(examples, share=validation, seed=config.seed)
    fingerprint = {
        "base": base.encoder.digest,
        "config": asdict(config),
        "validation": validation,
        "examples": len(examples),
        "digest": examples.digest(),
    }
    size = square_side(base.encoder)
    asked = validation_set(examples.subset(kept), size=size) if len(kept) else None
    kept_features = _cached(cache, fingerprint)
    trainer = FineTuner(base.encoder, examples.subset(rows), config, asked=asked, cache=kept_features)
    progress = run_training(trainer, plan, fingerprint=fingerprint, on_epoch=on_epoch, checkpoint=checkpoint)
    report = reported(progress, trainer.towers, asked)
    refused = save_tuned(
        directory,
        name=name,
        base=base,
        model=trainer.average.module,
        training={
            "method": "fine-tuning",
            "base": base.encoder.name,
            "base_sha256": base.encoder.digest,
            **asdict(config),
            "learning_rate": config.peak_rate,
            **asdict(plan),
            "validation": validation,
            "examples": len(examples),
            **(provenance or {}),
            **report.as_config(),
        },
        hybrid=report.hybrid,
    )
    return replace(report, refused=refused)


class FineTuner:
    """The `Trainer` of a CLIP that has learned before."""

    def __init__(
        self,
        base: OpenClipEncoder,
        examples: TrainingExamples,
        config: FineTuningConfig,
        *,
        asked: ValidationSet | None = None,
        cache: Path | None = None,
    ) -> None:
        self.base, self.examples, self.config, self.asked = base, examples, config, asked
        self.model: Any = base.model
        self.device = base.device
        self.steps_per_epoch = batches_per_epoch(len(examples), config.batch_size)
        if config.loss == "siglip" and self.model.logit_bias is None:
            self.model.logit_bias = nn.Parameter(torch.full_like(self.model.logit_scale, SIGLIP_BIAS))
        self.loss: Any = SigLipLoss() if config.loss == "siglip" else ClipLoss()
        self.model.requires_grad_(True)
        self.size = square_side(base)
        self.mean, self.std = (torch.tensor(base.preprocess_config[key], device=self.device) for key in ("mean", "std"))
        self.image_features: NDArray[np.float32] | None = None
        self.frozen = "visual" if config.tune == "text" else ""
        if self.frozen:
            self.model.visual.requires_grad_(False)
            self.image_features = self._frozen_features(cache)
        self.optimizer = self._new_optimizer()
        self.average = moving_average(self.model, decay=config.ema_decay)
        self.towers = ClipTowers(self.average.module, base.tokenize, mean=self.mean, std=self.std)

    def _new_optimizer(self) -> torch.optim.Optimizer:
        trained = [weight for weight in self.model.parameters() if weight.requires_grad]
        decay = self.config.weight_decay
        return torch.optim.AdamW(
            [
                {"params": [weight for weight in trained if weight.ndim >= 2], "weight_decay": decay},
                {"params": [weight for weight in trained if weight.ndim < 2], "weight_decay": 0.0},
            ],
            lr=self.config.peak_rate,
            betas=(0.9, 0.98),
            eps=1e-6,
        )

    def _frozen_features(self, cache: Path | None) -> NDArray[np.float32]:
        """(N, D) of all training pictures, computed once."""
        if cache is not None and cache.exists():
            return np.load(cache, allow_pickle=False)
        towers = ClipTowers(self.model, self.base.tokenize, mean=self.mean, std=self.std)
        every = np.arange(len(self.examples))
        parts = [every[start : start + 1_000] for start in range(0, len(every), 1_000)]
        features = np.concatenate([towers.image_vectors(self.examples.pictures(part)) for part in parts])
        if cache is not None:
            cache.parent.mkdir(parents=True, exist_ok=True)
            temporary = cache.with_suffix(".partial")
            with temporary.open("wb") as file:
                np.save(file, features, allow_pickle=False)
            temporary.replace(cache)
        return features

    def validate(self) -> dict[str, Any] | None:
        """Figures of the averaged weights."""
        if self.asked is None:
            return None
        rows, score = measured(self.towers, self.asked)
        return {"rows": rows, "score": score}

    def steps(self, epoch: int, epochs: int) -> Iterator[float]:
        """Losses. All chance comes from (seed, epoch), so that a resumed training repeats it exactly."""
        config = self.config
        rng = np.random.default_rng((config.seed, epoch))
        generator = torch.Generator().manual_seed(int(rng.integers(2**62)))
        torch.manual_seed(int(rng.integers(2**62)))
        self.model.train()
        if self.frozen:
            self.model.visual.eval()
        steps = epochs * self.steps_per_epoch
        batches = batch_rows(self.examples, batch_size=config.batch_size, hard_negatives=config.hard_negatives, rng=rng)
        for index, rows in enumerate(batches):
            share = cosine_with_warmup(
                (epoch - 1) * self.steps_per_epoch + index,
                steps=steps,
                warmup_steps=min(config.warmup_steps, steps // 10),
            )
            set_learning_rate(self.optimizer, config.peak_rate * share)
            texts, _ = batch_captions(self.examples, rows, rng)
            yield self._step(rows, self.base.tokenize(texts).to(self.device), generator)

    def _step(self, rows: NDArray[np.int64], tokens: torch.Tensor, generator: torch.Generator) -> float:
        with mixed_precision(self.device, self.config.precision):
            texts = self.model.encode_text(tokens)
            if self.image_features is None:
                images = self.model.encode_image(self._pictures(rows, generator))
            else:
                images = torch.from_numpy(self.image_features[rows]).to(self.device)
        scale, bias = self.model.logit_scale.exp(), self.model.logit_bias
        loss = self.loss(unit(images), unit(texts), logit_scale=scale, logit_bias=bias)
        self.optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_([weight for weight in self.model.parameters() if weight.requires_grad], 1.0)
        self.optimizer.step()
        clamp_logit_scale(self.model)
        self.average.update_parameters(self.model)
        value = float(loss.detach())
        if not math.isfinite(value):
            raise ValueError(f"learning_rate: received {self.config.peak_rate}, and the loss became {value}")
        return value

    def _pictures(self, rows: NDArray[np.int64], generator: torch.Generator) -> torch.Tensor:
        pixels = torch.from_numpy(self.examples.pictures(rows)).to(self.device)
        images = augmented(pixels, size=self.size, mean=self.mean, std=self.std, generator=generator)
        if self.config.grayscale or self.config.edges:
            images, _ = without_colours(
                images, grayscale=self.config.grayscale, edges=self.config.edges, mean=self.mean, std=self.std,
                generator=generator,
            )  # fmt: skip
        return images


def _cached(cache: Path | None, fingerprint: Mapping[str, Any]) -> Path | None:
    """A file of its own for each base and selection of pictures."""
    if cache is None:
        return None
    digest = hashlib.sha256(json.dumps(fingerprint, sort_keys=True).encode()).hexdigest()
    return cache / f"image-features-{digest[:16]}.npy"
