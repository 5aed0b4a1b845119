"""Trains a compact CLIP from pictures, captions and attributes, on a processor, in minutes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from tokenizers import Tokenizer
from torch import nn

from catalog.ml.attribute_heads import ClipWithHeads, attribute_head_loss
from catalog.ml.attribute_posteriors import posterior_config, with_prompts
from catalog.ml.clip_augmentation import augmented, without_colours
from catalog.ml.clip_batches import Batch, epoch_batches
from catalog.ml.clip_examples import TrainingExamples
from catalog.ml.clip_losses import attribute_contrast_loss, attribute_prompt_loss, caption_loss, caption_relation
from catalog.ml.clip_sampler import HARD_NEGATIVES, batches_per_epoch
from catalog.ml.clip_towers import ClipTowers, clamp_logit_scale, unit
from catalog.ml.compact_clip import (
    PREPROCESS_CONFIG,
    build_model,
    encode_short_texts,
    model_config,
    save_encoder,
)
from catalog.ml.encoder_folder import finish_folder
from catalog.ml.encoder_validation import ValidationSet, measured, validation_set
from catalog.ml.tokenizer import token_ids, train_tokenizer
from catalog.ml.training_captions import CAPTION_ONLY, COLOURS, NOUNS, vocabulary_texts
from catalog.ml.training_loop import Checkpoint, EpochCallback, TrainingPlan, run_training
from catalog.ml.training_precision import mixed_precision, training_device
from catalog.ml.training_report import TrainingReport, reported
from catalog.ml.training_schedule import cosine_with_warmup, set_learning_rate
from catalog.ml.training_state import moving_average
from catalog.ml.validation_split import validation_split


@dataclass(frozen=True)
class ClipTrainingConfig:
    """batch_size: pictures a step
    learning_rate: peak of AdamW's, after `warmup_steps`, then falling along a cosine to zero
    weight_decay: of matrices only
    ema_decay: the shipped weights are the exponential moving average of those trained
    vocabulary_size: upper bound of tokens
    image_size: side in pixels that the image tower sees
    text_width, text_layers: size of the text tower, see `model_config`
    caption_weight, image_weight, text_weight, head_weight: of captions beside pictures, of the contrasts between
        pictures and between captions, and of the classifiers; attribute prompts have 1
    contrast_temperature: of the contrasts between pictures and between captions
    rare_prompts: values absent from a batch offered as wrong answers, per attribute
    prompts: about how many prompts a step, attributes taking turns
    hard_negatives: share of the pictures in batches of much the same category, colour or pattern
    grayscale, edges: share of the pictures shown without their colours, see `without_colours`
    precision: auto, fp32 or bf16, see `mixed_precision`
    seed: of weights, order, crops and captions
    """

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
    image_weight: float = 1.0
    text_weight: float = 0.5
    head_weight: float = 1.0
    contrast_temperature: float = 0.1
    rare_prompts: int = 6
    prompts: int = 80
    hard_negatives: float = HARD_NEGATIVES
    grayscale: float = 0.0
    edges: float = 0.0
    precision: str = "auto"
    seed: int = 0


def train_compact_clip(
    examples: TrainingExamples,
    config: ClipTrainingConfig,
    plan: TrainingPlan,
    *,
    name: str,
    directory: Path,
    on_epoch: EpochCallback,
    validation: float = 0.0,
    checkpoint: Checkpoint | None = None,
    provenance: Mapping[str, Any] | None = None,
) -> TrainingReport:
    """Trains and writes the encoder `name` into `directory`.

    Continues after the last epoch in `checkpoint`, with the result of a training that was never interrupted. Raises
    ValueError when that checkpoint belongs to another configuration or other examples, or `validation` fits no split.
    validation: share of the examples that is not trained on, see `validation_split`; 0 writes the last weights.
    provenance: JSON stored beside the configuration in config.json.
    """
    rows, kept = validation_split(examples, share=validation, seed=config.seed)
    tokenizer = train_tokenizer(_vocabulary(examples.subset(rows), config), vocabulary_size=config.vocabulary_size)
    clip_config = model_config(
        vocabulary_size=tokenizer.get_vocab_size(),
        image_size=config.image_size,
        text_width=config.text_width,
        text_layers=config.text_layers,
    )
    asked = validation_set(examples.subset(kept), size=config.image_size) if len(kept) else None
    trainer = CompactClipTrainer(examples.subset(rows), config, tokenizer, clip_config, asked=asked)
    progress = run_training(
        trainer,
        plan,
        fingerprint={
            "config": asdict(config),
            "validation": validation,
            "examples": len(examples),
            "digest": examples.digest(),
        },
        on_epoch=on_epoch,
        checkpoint=checkpoint,
    )
    kept_model, clip_config = trainer.finished_model(clip_config)
    report = reported(progress, trainer.towers_of(kept_model), asked)
    save_encoder(
        directory,
        name=name,
        model=kept_model.cpu(),
        config=clip_config,
        preprocess={**PREPROCESS_CONFIG, "size": config.image_size},
        tokenizer=tokenizer,
        training={
            "method": "compact",
            **asdict(config),
            **asdict(plan),
            "validation": validation,
            "examples": len(examples),
            **(provenance or {}),
            **report.as_config(),
        },
    )
    finish_folder(directory, hybrid=report.hybrid)
    return report


def _vocabulary(examples: TrainingExamples, config: ClipTrainingConfig) -> list[str]:
    return [*examples.captions, *vocabulary_texts(examples.attributes, seed=config.seed)]


class CompactClipTrainer:
    """The `Trainer` of a compact CLIP: model, its average, optimizer and data."""

    frozen = ""

    def __init__(
        self,
        examples: TrainingExamples,
        config: ClipTrainingConfig,
        tokenizer: Tokenizer,
        clip_config: Mapping[str, Any],
        *,
        asked: ValidationSet | None = None,
    ) -> None:
        self.examples, self.config, self.tokenizer, self.asked = examples, config, tokenizer, asked
        self.context_length: int = clip_config["text_cfg"]["context_length"]
        self.device = training_device()
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(config.seed)
            model: Any = ClipWithHeads(
                build_model(clip_config),
                dimensions=clip_config["embed_dim"],
                values=[len(values) for values in examples.values],
            )
        self.model: Any = model.to(self.device, memory_format=torch.channels_last)
        self.average = moving_average(self.model, decay=config.ema_decay)
        self.optimizer = self._new_optimizer()
        self.steps_per_epoch = batches_per_epoch(len(examples), config.batch_size)
        # What a thing is counts most between pictures (its type and its family together), then its colour.
        self.attribute_weights = torch.tensor([_attribute_weight(name) for name in examples.names], device=self.device)
        self.colour_columns = examples.columns(COLOURS)
        self.mean, self.std = (torch.tensor(PREPROCESS_CONFIG[name], device=self.device) for name in ("mean", "std"))
        self.towers = self.towers_of(self.average.module.clip)

    def _new_optimizer(self) -> torch.optim.Optimizer:
        matrices = [weight for weight in self.model.parameters() if weight.ndim >= 2]
        vectors = [weight for weight in self.model.parameters() if weight.ndim < 2]
        return torch.optim.AdamW(
            [
                {"params": matrices, "weight_decay": self.config.weight_decay},
                {"params": vectors, "weight_decay": 0.0},
            ],
            lr=self.config.learning_rate,
            betas=(0.9, 0.98),
        )

    def towers_of(self, model: Any) -> ClipTowers:
        return ClipTowers(model, self._tokens, mean=self.mean, std=self.std)

    def finished_model(self, clip_config: Mapping[str, Any]) -> tuple[nn.Module, dict[str, Any]]:
        """The averaged weights, with posteriors where there are attributes to tell apart, and their configuration."""
        clip: Any = self.average.module.clip
        posteriors = posterior_config(self.examples.names, self.examples.values)
        if posteriors is None:
            return clip, dict(clip_config)
        return with_prompts(clip, posteriors, self.towers.text_vectors), {**clip_config, "posteriors": posteriors}

    def validate(self) -> dict[str, Any] | None:
        """Figures of the averaged weights."""
        if self.asked is None:
            return None
        rows, score = measured(self.towers, self.asked)
        return {"rows": rows, "score": score}

    def steps(self, epoch: int, epochs: int) -> Iterator[float]:
        """Losses. All chance comes from (seed, epoch), so that a resumed training repeats it exactly."""
        rng = np.random.default_rng((self.config.seed, epoch))
        generator = torch.Generator().manual_seed(int(rng.integers(2**62)))
        torch.manual_seed(int(rng.integers(2**62)))  # dropout knows no generator of its own
        self.model.train()
        batches = epoch_batches(
            self.examples,
            self.tokenizer,
            batch_size=self.config.batch_size,
            context_length=self.context_length,
            rare_prompts=self.config.rare_prompts,
            prompts=self.config.prompts,
            rng=rng,
            hard_negatives=self.config.hard_negatives,
        )
        for index, batch in enumerate(batches):
            share = cosine_with_warmup(
                (epoch - 1) * self.steps_per_epoch + index,
                steps=epochs * self.steps_per_epoch,
                warmup_steps=self.config.warmup_steps,
            )
            set_learning_rate(self.optimizer, self.config.learning_rate * share)
            yield self._step(batch.to(self.device), generator)

    def _step(self, batch: Batch, generator: torch.Generator) -> float:
        images = augmented(batch.pixels, size=self.config.image_size, mean=self.mean, std=self.std, generator=generator)
        codes = batch.codes
        if self.config.grayscale or self.config.edges:
            images, lost = without_colours(
                images, grayscale=self.config.grayscale, edges=self.config.edges, mean=self.mean, std=self.std,
                generator=generator,
            )  # fmt: skip
            # Nobody can be asked for the colour of a grey picture.
            for column in self.colour_columns:
                codes[lost, column] = -1
        with mixed_precision(self.device, self.config.precision):
            image_features = self.model.clip.encode_image(images)
            caption_features = encode_short_texts(self.model.clip, batch.caption_tokens)
            prompt_features = encode_short_texts(self.model.clip, batch.prompt_tokens)
        loss = self._loss(unit(image_features), unit(caption_features), unit(prompt_features), batch)
        loss = loss + self.config.head_weight * attribute_head_loss(
            self.model.heads, image_features.float(), batch.codes, self.attribute_weights
        )
        self.optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(self.model.parameters(), 1.0)
        self.optimizer.step()
        clamp_logit_scale(self.model.clip)
        self.average.update_parameters(self.model)
        return float(loss.detach())

    def _loss(self, images: torch.Tensor, captions: torch.Tensor, prompts: torch.Tensor, batch: Batch) -> torch.Tensor:
        scale = self.model.clip.logit_scale.exp()
        true, unknown = caption_relation(batch.codes, batch.mentioned)
        return (
            attribute_prompt_loss(images, prompts, batch.prompt_attribute, batch.prompt_code, batch.codes, scale)
            + self.config.caption_weight * caption_loss(images, captions, true, unknown, scale)
            + self.config.image_weight * self._contrast(images, batch.codes)
            # A caption is like another in what it says; what it leaves out is unknown.
            + self.config.text_weight * self._contrast(captions, batch.codes.masked_fill(~batch.mentioned, -1))
        )

    def _contrast(self, features: torch.Tensor, codes: torch.Tensor) -> torch.Tensor:
        return attribute_contrast_loss(
            features, codes, self.attribute_weights, temperature=self.config.contrast_temperature
        )

    def _tokens(self, texts: Sequence[str]) -> torch.Tensor:
        return torch.from_numpy(token_ids(self.tokenizer, texts, context_length=self.context_length))


def _attribute_weight(name: str) -> float:
    if name in CAPTION_ONLY:
        return 0.0
    return 3.0 if name in NOUNS else 4.0 if name in COLOURS else 1.0
