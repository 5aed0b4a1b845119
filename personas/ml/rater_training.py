"""Trains a small rater from nothing: to rate, and to write people."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any, Protocol, cast

import numpy as np
import torch
from tokenizers import Encoding, Tokenizer
from torch import Tensor, nn
from torch.nn import functional

from catalog.ml.training_state import flatten_state, moving_average, restore_state
from personas.ml.language_model import LABELS
from personas.ml.prompt_text import labels_by_point
from personas.ml.rater_examples import Document, Hints, RatedPack
from personas.ml.rater_losses import next_token_loss, soft_label_loss
from personas.ml.rater_model import RaterShape, build_rater
from personas.ml.rater_optimizer import Muon
from personas.ml.rater_scoring import Packed, next_log_probabilities, packed, padded, read_packed
from personas.ml.rater_tokenizer import END_ID, label_ids

if TYPE_CHECKING:
    from transformers import MistralForCausalLM, PreTrainedModel

TOLD_UNTIL = "\nRate each product with one letter. Most products are not for you: say so."
"""Where a prefix has told all of its persona."""

MARKED_WEIGHT = 5.0
"""Most words decide nothing; those that do count this much more."""


@dataclass(frozen=True)
class RaterTrainingConfig:
    """steps: of the optimizer
    personas, products: prefixes a step, and suffixes to each
    documents: texts to write a step
    learning_rate: peak of AdamW's, after `warmup_steps`, then falling along a cosine to zero; matrix_rate: Muon's
    weight_decay: of matrices only
    ema_decay: what is kept is the exponential moving average of the weights trained
    writing_weight, prefix_weight: of next-token losses on documents and on what prefixes tell of a persona, beside
        the ratings
    hint_weight: of the teacher's hints (which words of a product meet a like or dislike; the terms of its sum)
    late_from: share of the steps after which writing, slower to learn, gets its turn: from there on a step has
        `late_personas` and `late_documents`, and `late_writing_weight`
    finish_steps: after `steps`, on from the averaged weights with a new optimizer at half the rates, falling to zero
        once more, with `late_personas` and `finish_documents` and without hints
    shape: of the model
    seed: of the weights
    """

    steps: int = 1_500
    personas: int = 4
    products: int = 12
    documents: int = 2
    learning_rate: float = 2e-3
    matrix_rate: float = 0.01
    weight_decay: float = 0.01
    warmup_steps: int = 40
    ema_decay: float = 0.995
    writing_weight: float = 0.5
    prefix_weight: float = 0.1
    hint_weight: float = 1.0
    late_from: float = 2 / 3
    late_personas: int = 2
    late_documents: int = 8
    late_writing_weight: float = 1.0
    finish_steps: int = 500
    finish_documents: int = 12
    shape: RaterShape = field(default_factory=RaterShape)
    seed: int = 0

    @property
    def all_steps(self) -> int:
        return self.steps + self.finish_steps

    def rate(self, step: int) -> float:
        """Share of the peak learning rates at a step counted from 1."""
        if step > self.steps:
            part = (step - self.steps) / self.finish_steps
            return 0.5 * min(1.0, (step - self.steps) / self.warmup_steps) * 0.5 * (1.0 + math.cos(math.pi * part))
        return min(1.0, step / self.warmup_steps) * 0.5 * (1.0 + math.cos(math.pi * step / self.steps))

    def lots(self, step: int) -> tuple[int, int, float]:
        """(personas, documents, weight of writing) of a step."""
        if step > self.steps:
            return self.late_personas, self.finish_documents, self.late_writing_weight
        if step > int(self.steps * self.late_from):
            return self.late_personas, self.late_documents, self.late_writing_weight
        return self.personas, self.documents, self.writing_weight


MARK_SHARE = 4.0
"""Of the loss of marks beside that of the terms: averaged over many words that decide nothing, it is small."""


class Examples(Protocol):
    """Examples for each step; the same step gives the same ones."""

    def packs(self, step: int, *, count: int, size: int) -> list[RatedPack]: ...

    def documents(self, step: int, *, count: int) -> list[Document]: ...


class Checkpoint(Protocol):
    """Keeps the state after a step."""

    def save(self, epoch: int, tensors: Mapping[str, Tensor], meta: Mapping[str, Any]) -> None: ...

    def load(self) -> tuple[int, dict[str, Tensor], dict[str, Any]] | None: ...


# (finished steps, losses by name); may raise to cancel.
StepCallback = Callable[[int, Mapping[str, float]], None]


class _Student(nn.Module):
    """The model, and what reads the teacher's hints off its layers; only the model is kept."""

    def __init__(self, model: MistralForCausalLM, *, parts: int, marks: int) -> None:
        super().__init__()
        size, layers = model.config.hidden_size, model.config.num_hidden_layers
        self.model = model
        self.mark_layer, self.part_layer = max(layers // 2, 1), max(layers - 1, 1)
        self.marks = nn.Linear(size, marks)
        self.parts = nn.Linear(size, parts)


class RaterTraining:
    """Model, its average, optimizer and examples of one training; everything random comes from seeds and the step."""

    def __init__(
        self, tokenizer: Tokenizer, examples: Examples, config: RaterTrainingConfig, *, parts: int, marks: int
    ) -> None:
        self.tokenizer, self.examples, self.config = tokenizer, examples, config
        told_until = tokenizer.token_to_id(TOLD_UNTIL)
        if told_until is None:
            raise ValueError(f"tokenizer: expected one with the token {TOLD_UNTIL!r}, received one without")
        self._told_until = told_until
        ids = dict(zip(LABELS, label_ids(tokenizer), strict=True))
        self._label_ids = {
            order: [ids[label] for label in labels_by_point(order)] for order in ("ascending", "descending")
        }
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(config.seed)
            self.student = _Student(build_rater(tokenizer, config.shape, seed=config.seed), parts=parts, marks=marks)
        self._marked_weight = torch.tensor(MARKED_WEIGHT)
        self.average = moving_average(self.student, decay=config.ema_decay)
        self.optimizer = self._new_optimizer()

    @property
    def model(self) -> PreTrainedModel:
        """The averaged model, as it would be kept now."""
        return cast("PreTrainedModel", self.average.module.model)

    def run(self, *, on_step: StepCallback, checkpoint: Checkpoint | None = None, save_every: int = 100) -> None:
        """Trains to the last step, continuing after the one in `checkpoint`.

        Raises ValueError when that checkpoint belongs to another configuration.
        """
        fingerprint = asdict(self.config)
        finished = self._resume(checkpoint, fingerprint) if checkpoint else 0
        for step in range(finished + 1, self.config.all_steps + 1):
            if step == self.config.steps + 1:
                self._begin_finish()
            losses = self._step(step)
            if checkpoint and (step % save_every == 0 or step == self.config.all_steps):
                checkpoint.save(step, flatten_state(self.student, self.average, self.optimizer), fingerprint)
            on_step(step, losses)

    def _new_optimizer(self) -> Muon:
        inside = {id(weight) for weight in self.student.model.model.layers.parameters() if weight.ndim == 2}
        return Muon(
            [weight for weight in self.student.parameters() if id(weight) in inside],
            [weight for weight in self.student.parameters() if id(weight) not in inside],
            matrix_rate=self.config.matrix_rate,
            rate=self.config.learning_rate,
            weight_decay=self.config.weight_decay,
        )

    def _begin_finish(self) -> None:
        self.student.load_state_dict(self.average.module.state_dict())
        self.average = moving_average(self.student, decay=self.config.ema_decay)
        self.optimizer = self._new_optimizer()

    def _resume(self, checkpoint: Checkpoint, fingerprint: Mapping[str, Any]) -> int:
        saved = checkpoint.load()
        if saved is None:
            return 0
        step, tensors, meta = saved
        if meta != fingerprint:
            raise ValueError(f"checkpoint: received one of {meta!r}, this training is {fingerprint!r}")
        restore_state(tensors, self.student, self.average, self.optimizer)
        return step

    def _step(self, step: int) -> dict[str, float]:
        config = self.config
        personas, documents, writing_weight = config.lots(step)
        self.optimizer.set_rate(config.rate(step))
        self.student.train()
        losses = self.rating_losses(self.examples.packs(step, count=personas, size=config.products))
        weights = {
            "rating": 1.0,
            "hints": config.hint_weight if step <= config.steps else 0.0,
            "prefix": config.prefix_weight,
        }
        if documents:
            losses["writing"] = self.writing_loss(self.examples.documents(step, count=documents))
            weights["writing"] = writing_weight
        total = torch.stack([weights[name] * loss for name, loss in losses.items()]).sum()
        self.optimizer.zero_grad()
        total.backward()
        nn.utils.clip_grad_norm_(self.student.parameters(), 1.0)
        self.optimizer.step()
        self.average.update_parameters(self.student)
        return {name: float(loss.detach()) for name, loss in losses.items()}

    def rating_losses(self, packs: Sequence[RatedPack]) -> dict[str, Tensor]:
        """Losses "rating", "prefix" and "hints" of packs that share one pass per prefix."""
        model = self.student.model
        encodings = [self.tokenizer.encode_batch(list(pack.suffixes), add_special_tokens=False) for pack in packs]
        prefixes = self._encoded([pack.prefix for pack in packs])
        texts = packed(prefixes, [[found.ids for found in many] for many in encodings], pad_id=0)
        states = read_packed(model, texts)
        wanted = torch.from_numpy(np.concatenate([pack.probabilities for pack in packs]))
        labels = torch.tensor([self._label_ids[pack.order] for pack in packs for _ in pack.suffixes])
        losses = {
            "rating": soft_label_loss(next_log_probabilities(model, states[-1], texts), labels, wanted),
            "prefix": self._prefix_loss(texts, states[-1]),
        }
        hints = [pack.hints for pack in packs if pack.hints]
        if len(hints) == len(packs):
            inside = texts.part > 0
            told = self.student.marks(states[self.student.mark_layer])[inside]
            losses["hints"] = MARK_SHARE * functional.binary_cross_entropy_with_logits(
                told, _marked(encodings, hints, texts.part, told.shape[1])[inside], pos_weight=self._marked_weight
            )
            added = self.student.parts(states[self.student.part_layer][texts.row, texts.last])
            parts = torch.from_numpy(np.concatenate([hint.parts for hint in hints]))
            losses["hints"] = losses["hints"] + functional.mse_loss(added, parts)
        return losses

    def writing_loss(self, documents: Sequence[Document]) -> Tensor:
        """Next-token loss on the continuations and on the end after them."""
        prompts = self._encoded([document.prompt for document in documents])
        answers = self._encoded([document.continuation for document in documents])
        end = [END_ID]
        texts = padded([[*prompt, *answer, *end] for prompt, answer in zip(prompts, answers, strict=True)], pad_id=0)
        weights = texts.mask.clone()
        for row, prompt in zip(weights, prompts, strict=True):
            row[: len(prompt)] = 0
        logits = self.student.model(input_ids=texts.ids, attention_mask=texts.mask).logits
        return next_token_loss(logits, texts.ids, weights)

    def _prefix_loss(self, texts: Packed, final: Tensor) -> Tensor:
        """Next-token loss on what prefixes tell of their personas, which is the same language as the documents'."""
        told = (texts.part == 0) & (torch.eq(texts.ids, self._told_until).cumsum(dim=1) == 0)
        longest = int(told.sum(dim=1).max())
        logits = self.student.model.lm_head(final[:, :longest])
        return next_token_loss(logits, texts.ids[:, :longest], told[:, :longest])

    def _encoded(self, texts: Sequence[str]) -> list[list[int]]:
        return [encoding.ids for encoding in self.tokenizer.encode_batch(list(texts), add_special_tokens=False)]


def _marked(encodings: Sequence[Sequence[Encoding]], hints: Sequence[Hints], part: Tensor, kinds: int) -> Tensor:
    """1 where a token lies in a span of that kind: (N, L, kinds) float32."""
    marked = torch.zeros((*part.shape, kinds))
    for row, (many, hint) in enumerate(zip(encodings, hints, strict=True)):
        for number, (encoding, spans) in enumerate(zip(many, hint.marks, strict=True), start=1):
            first = int((part[row] == number).nonzero()[0])
            for index, (start, end) in enumerate(encoding.offsets):
                for begin, stop, kind in spans:
                    if begin < end and start < stop:
                        marked[row, first + index, kind] = 1.0
    return marked
