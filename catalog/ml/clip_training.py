"""Trains a compact CLIP from pictures, captions and attributes, on a processor, in minutes."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import torch
from tokenizers import Tokenizer
from torch import nn
from torch.nn import functional

from catalog.ml.clip_augmentation import augmented
from catalog.ml.clip_batches import Batch, epoch_batches
from catalog.ml.clip_examples import TrainingExamples
from catalog.ml.clip_losses import attribute_prompt_loss, caption_loss, caption_relation, image_contrast_loss
from catalog.ml.compact_clip import (
    PREPROCESS_CONFIG,
    build_model,
    encode_short_texts,
    model_config,
    save_encoder,
)
from catalog.ml.tokenizer import train_tokenizer
from catalog.ml.training_captions import COLOURS, NOUNS, vocabulary_texts
from catalog.ml.training_state import flatten_state, moving_average, restore_state

MAX_LOGIT_SCALE = float(np.log(100.0))


@dataclass(frozen=True)
class ClipTrainingConfig:
    """epochs: passes over all pictures
    batch_size: pictures a step
    learning_rate: peak of AdamW's, after `warmup_steps`, then falling along a cosine to zero
    weight_decay: of matrices only
    ema_decay: the shipped weights are the exponential moving average of those trained
    vocabulary_size: upper bound of tokens
    image_size: side in pixels that the image tower sees
    text_width, text_layers: size of the text tower, see `model_config`
    caption_weight, image_weight: of these losses beside the attribute prompts
    image_temperature: of the contrast between pictures
    rare_prompts: values absent from a batch offered as wrong answers, per attribute
    prompts: about how many prompts a step, attributes taking turns
    seed: of weights, order, crops and captions
    """

    epochs: int = 20
    batch_size: int = 64
    learning_rate: float = 2e-3
    weight_decay: float = 0.05
    warmup_steps: int = 100
    ema_decay: float = 0.995
    vocabulary_size: int = 4_000
    image_size: int = 96
    text_width: int = 128
    text_layers: int = 3
    caption_weight: float = 1.0
    image_weight: float = 0.5
    image_temperature: float = 0.1
    rare_prompts: int = 6
    prompts: int = 80
    seed: int = 0


class Checkpoint(Protocol):
    """Keeps the state after the last finished epoch."""

    def save(self, epoch: int, tensors: Mapping[str, torch.Tensor], meta: Mapping[str, Any]) -> None: ...

    def load(self) -> tuple[int, dict[str, torch.Tensor], dict[str, Any]] | None: ...


# (finished epochs, mean loss of the last one, its seconds); called after the checkpoint is saved, may raise to cancel.
EpochCallback = Callable[[int, float, float], None]


def train_compact_clip(
    examples: TrainingExamples,
    config: ClipTrainingConfig,
    *,
    name: str,
    directory: Path,
    on_epoch: EpochCallback,
    checkpoint: Checkpoint | None = None,
    provenance: Mapping[str, Any] | None = None,
) -> None:
    """Trains and writes the encoder `name` into `directory`.

    Continues after the last epoch in `checkpoint`, with the result of a training that was never interrupted. Raises
    ValueError when that checkpoint belongs to another configuration or other examples.
    provenance: JSON stored beside the configuration in config.json.
    """
    tokenizer = train_tokenizer(_vocabulary(examples, config), vocabulary_size=config.vocabulary_size)
    clip_config = model_config(
        vocabulary_size=tokenizer.get_vocab_size(),
        image_size=config.image_size,
        text_width=config.text_width,
        text_layers=config.text_layers,
    )
    run = _Run(examples, config, tokenizer, clip_config)
    fingerprint = {"config": asdict(config), "examples": len(examples), "names": list(examples.names)}
    finished = run.resume(checkpoint, fingerprint) if checkpoint else 0
    for epoch in range(finished + 1, config.epochs + 1):
        started = time.monotonic()
        with torch.random.fork_rng(devices=[]):
            loss = run.epoch(epoch)
        if checkpoint:
            checkpoint.save(epoch, flatten_state(run.model, run.average, run.optimizer), fingerprint)
        on_epoch(epoch, loss, time.monotonic() - started)
    save_encoder(
        directory,
        name=name,
        model=run.average.module,
        config=clip_config,
        preprocess={**PREPROCESS_CONFIG, "size": config.image_size},
        tokenizer=tokenizer,
        training={**asdict(config), "examples": len(examples), **(provenance or {})},
    )


def _vocabulary(examples: TrainingExamples, config: ClipTrainingConfig) -> list[str]:
    return [*examples.captions, *vocabulary_texts(examples.attributes, seed=config.seed)]


class _Run:
    """Model, its average, optimizer and the data of one training."""

    def __init__(
        self,
        examples: TrainingExamples,
        config: ClipTrainingConfig,
        tokenizer: Tokenizer,
        clip_config: Mapping[str, Any],
    ) -> None:
        self.examples, self.config, self.tokenizer = examples, config, tokenizer
        self.context_length: int = clip_config["text_cfg"]["context_length"]
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(config.seed)
            self.model = build_model(clip_config).to(memory_format=torch.channels_last)
        self.average = moving_average(self.model, decay=config.ema_decay)
        matrices = [weight for weight in self.model.parameters() if weight.ndim >= 2]
        vectors = [weight for weight in self.model.parameters() if weight.ndim < 2]
        self.optimizer = torch.optim.AdamW(
            [{"params": matrices, "weight_decay": config.weight_decay}, {"params": vectors, "weight_decay": 0.0}],
            lr=config.learning_rate,
            betas=(0.9, 0.98),
        )
        self.steps_per_epoch = max(len(examples) // config.batch_size, 1)
        # What a thing is counts most between pictures, then its colour.
        self.attribute_weights = torch.tensor(
            [3.0 if name in NOUNS else 2.0 if name in COLOURS else 1.0 for name in examples.names]
        )
        self.mean, self.std = torch.tensor(PREPROCESS_CONFIG["mean"]), torch.tensor(PREPROCESS_CONFIG["std"])

    def resume(self, checkpoint: Checkpoint, fingerprint: Mapping[str, Any]) -> int:
        """Finished epochs."""
        saved = checkpoint.load()
        if saved is None:
            return 0
        epoch, tensors, meta = saved
        if meta != fingerprint:
            raise ValueError(f"checkpoint: received one of {meta!r}, this training is {fingerprint!r}")
        restore_state(tensors, self.model, self.average, self.optimizer)
        return epoch

    def epoch(self, epoch: int) -> float:
        """Mean loss. All chance comes from (seed, epoch), so that a resumed training repeats it exactly."""
        rng = np.random.default_rng((self.config.seed, epoch))
        generator = torch.Generator().manual_seed(int(rng.integers(2**62)))
        torch.manual_seed(int(rng.integers(2**62)))  # dropout knows no generator of its own
        self.model.train()
        total, steps = 0.0, 0
        batches = epoch_batches(
            self.examples,
            self.tokenizer,
            batch_size=self.config.batch_size,
            context_length=self.context_length,
            rare_prompts=self.config.rare_prompts,
            prompts=self.config.prompts,
            rng=rng,
        )
        for batch in batches:
            self._set_learning_rate((epoch - 1) * self.steps_per_epoch + steps)
            total += self._step(batch, generator)
            steps += 1
        return total / steps

    def _set_learning_rate(self, step: int) -> None:
        warmup = min(1.0, (step + 1) / self.config.warmup_steps)
        progress = step / (self.config.epochs * self.steps_per_epoch)
        for group in self.optimizer.param_groups:
            group["lr"] = self.config.learning_rate * warmup * 0.5 * (1.0 + float(np.cos(np.pi * progress)))

    def _step(self, batch: Batch, generator: torch.Generator) -> float:
        images = augmented(batch.pixels, size=self.config.image_size, mean=self.mean, std=self.std, generator=generator)
        # bf16 halves the time where the processor has avx512_bf16, and costs some where it has not.
        with torch.autocast("cpu", dtype=torch.bfloat16):
            image_features = self.model.encode_image(images)
            caption_features = encode_short_texts(self.model, batch.caption_tokens)
            prompt_features = encode_short_texts(self.model, batch.prompt_tokens)
        loss = self._loss(_unit(image_features), _unit(caption_features), _unit(prompt_features), batch)
        self.optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(self.model.parameters(), 1.0)
        self.optimizer.step()
        with torch.no_grad():
            self.model.logit_scale.clamp_(0.0, MAX_LOGIT_SCALE)
        self.average.update_parameters(self.model)
        return float(loss.detach())

    def _loss(self, images: torch.Tensor, captions: torch.Tensor, prompts: torch.Tensor, batch: Batch) -> torch.Tensor:
        scale = self.model.logit_scale.exp()
        true, unknown = caption_relation(batch.codes, batch.mentioned)
        return (
            attribute_prompt_loss(images, prompts, batch.prompt_attribute, batch.prompt_code, batch.codes, scale)
            + self.config.caption_weight * caption_loss(images, captions, true, unknown, scale)
            + self.config.image_weight
            * image_contrast_loss(
                images, batch.codes, self.attribute_weights, temperature=self.config.image_temperature
            )
        )


def _unit(features: torch.Tensor) -> torch.Tensor:
    return functional.normalize(features.float(), dim=-1)
